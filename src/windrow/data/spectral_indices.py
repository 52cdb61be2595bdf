"""Twelve normalised differences of two bands, strong simple features beside the bands.

None needs B01, B8A or B09, so every index exists in ten-band products.
"""

from __future__ import annotations

from windrow import sensors

TWELVE_INDICES: dict[str, tuple[str, str]] = {
    "NDVI": ("B08", "B04"),
    "NDMI": ("B08", "B11"),
    "red_edge": ("B05", "B04"),
    "SWIR": ("B11", "B12"),
    "GNDVI": ("B08", "B03"),
    "NDRE": ("B08", "B05"),
    "NBR": ("B08", "B12"),
    "red_edge_slope": ("B07", "B05"),
    "MNDWI": ("B03", "B11"),
    "green_red": ("B03", "B04"),
    "blue_red": ("B02", "B04"),
    "red_edge_shoulder": ("B06", "B05"),
}
"""Each index is (a - b) / (a + b). NDVI: Rouse et al. 1974; NDMI and NBR: normalised differences
of the near infrared with B11 and B12; GNDVI and NDRE: Gitelson and Merzlyak 1994, 1996; MNDWI: Xu
2006; SWIR is the tillage index of van Deventer et al. 1997. The others are ours."""

INDEX_POSITIONS: tuple[tuple[int, int], ...] = tuple(
    (sensors.SENTINEL2_BANDS.index(a), sensors.SENTINEL2_BANDS.index(b))
    for a, b in TWELVE_INDICES.values()
)
"""Positions of the two bands of each index among the twelve bands."""
