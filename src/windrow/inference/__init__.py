"""Frozen encoders: series in, representations out."""
