"""Encoders of Sentinel-2 series, and how one is built from its settings."""
