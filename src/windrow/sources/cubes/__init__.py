"""Image cubes: netCDF, Zarr, folders of GeoTIFFs and STAC items."""
