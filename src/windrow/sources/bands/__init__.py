"""Names of the bands of Sentinel-2: the dialects and their recognition."""
