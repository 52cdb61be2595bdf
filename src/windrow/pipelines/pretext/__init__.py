"""Pretext tasks: the objectives of pre-training."""
