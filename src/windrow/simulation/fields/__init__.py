"""What grows on the fields: landscape, weather, phenology and stands."""
