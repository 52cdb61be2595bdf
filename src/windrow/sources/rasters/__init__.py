"""Grids and GeoTIFFs: where a pixel lies, and how its block is read."""
