"""DENETHOR (Kondmann et al. 2021) in the layouts in which it is distributed."""
