"""Both sensors by radiative transfer: landscapes in, simulated series out."""
