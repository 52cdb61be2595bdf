"""Labels: tables, legends and polygons of parcels."""
