"""Encoders of Sentinel-2 series, and their construction from settings."""
