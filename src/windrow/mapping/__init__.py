"""Crop maps: a cube is read block by block, classified, and written as GeoTIFFs."""
