"""What the ground reflects: soil, canopy and the geometry of sun and view."""
