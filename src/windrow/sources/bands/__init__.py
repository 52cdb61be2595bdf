"""Which name stands for which band of Sentinel-2: dialects, and how one is recognised."""
