"""Crop maps from few labels: Sentinel-2 time series pre-trained against PlanetScope."""

__version__ = "0.1.0"
