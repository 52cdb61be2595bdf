"""Pretext tasks: what pre-training can be asked to learn."""
