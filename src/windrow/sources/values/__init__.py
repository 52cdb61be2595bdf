"""What raw values mean: reflectance, cloud measures, the baseline offset, means of parcels."""
