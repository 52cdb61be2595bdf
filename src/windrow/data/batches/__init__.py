"""Batches of series as tensors, for the pretext task and for the contrastive methods."""
