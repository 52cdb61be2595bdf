"""BreizhCrops (Rußwurm et al. 2020)."""
