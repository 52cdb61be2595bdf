"""Pretext tasks with their masking, draws and losses. A task computes losses from a batch."""
