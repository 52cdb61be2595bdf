"""The bands of Sentinel-2 and PlanetScope, with wavelengths, resolution and stored scale.

Centres and widths are those of Sentinel-2A's MSI and of the PlanetScope Dove units 0c/0d, the
generation of 2018 and 2019. Only centre and width are published in that form, so the spectral
response is *assumed* Gaussian with the width as full width at half maximum.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.errors import BandError

SCALE = 10_000
"""Factor of the stored integers: an integer is reflectance times this."""

PLANETSCOPE_WINDOW = 3
"""Side of the window of PlanetScope pixels around a Sentinel-2 pixel, in pixels."""

NUM_CLOUD_LEVELS = 32
"""Number of levels of a cloud probability 0..255: ``level = clp * 32 // 256``."""


@dataclass(frozen=True)
class Band:
    """One spectral band.

    Attributes:
        name: the name used in stores and weights, such as ``B8A`` or ``blue``.
        centre_nm: centre wavelength in nanometres.
        width_nm: full width at half maximum in nanometres.
        metres: ground sampling distance of the product.
    """

    name: str
    centre_nm: float
    width_nm: float
    metres: float

    def response(self, wavelength_nm: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Computes the assumed Gaussian spectral response at each wavelength.

        Args:
            wavelength_nm: wavelengths in nanometres.

        Returns:
            The responses, which sum to one, in the same shape.

        Example:
            >>> weights = SENTINEL2["B04"].response(np.arange(400.0, 2501.0))
            >>> round(float(weights @ np.arange(400.0, 2501.0)), 1)
            664.6
        """
        sigma = self.width_nm / 2.354820045
        distance = (np.asarray(wavelength_nm, dtype=np.float64) - self.centre_nm) / sigma
        weights = np.exp(-0.5 * distance**2)
        return np.asarray(weights / weights.sum())


def _bands(*rows: tuple[str, float, float, float]) -> dict[str, Band]:
    return {name: Band(name, centre, width, metres) for name, centre, width, metres in rows}


SENTINEL2_L1C: dict[str, Band] = _bands(
    ("B01", 442.7, 20.0, 60.0),
    ("B02", 492.4, 65.0, 10.0),
    ("B03", 559.8, 35.0, 10.0),
    ("B04", 664.6, 30.0, 10.0),
    ("B05", 704.1, 14.0, 20.0),
    ("B06", 740.5, 14.0, 20.0),
    ("B07", 782.8, 19.0, 20.0),
    ("B08", 832.8, 105.0, 10.0),
    ("B8A", 864.7, 20.0, 20.0),
    ("B09", 945.1, 19.0, 60.0),
    ("B10", 1373.5, 30.0, 60.0),
    ("B11", 1613.7, 90.0, 20.0),
    ("B12", 2202.4, 174.0, 20.0),
)
"""All thirteen bands of the instrument, in order."""

SENTINEL2: dict[str, Band] = {name: b for name, b in SENTINEL2_L1C.items() if name != "B10"}
"""The twelve bands that windrow works on: all but the cirrus band B10."""

PLANETSCOPE: dict[str, Band] = _bands(
    ("blue", 492.0, 50.0, 3.0),
    ("green", 542.0, 90.0, 3.0),
    ("red", 621.0, 90.0, 3.0),
    ("nir", 812.0, 80.0, 3.0),
)
"""The four bands of PlanetScope Dove, units 0c/0d."""

SENTINEL2_BANDS: tuple[str, ...] = tuple(SENTINEL2)
PLANETSCOPE_BANDS: tuple[str, ...] = tuple(PLANETSCOPE)
NUM_PLANETSCOPE_VALUES = len(PLANETSCOPE_BANDS) * PLANETSCOPE_WINDOW**2
"""Values of one PlanetScope day: 4 bands x 9 pixels, band-major (all nine blues first)."""


def canonical_band(name: str) -> str:
    """Gives the canonical name of a Sentinel-2 band, such as ``B01`` for ``B1`` and ``b01``.

    Raises:
        BandError: the name is not one of the thirteen bands.

    Example:
        >>> canonical_band("b8a"), canonical_band("B1")
        ('B8A', 'B01')
    """
    text = name.strip().upper()
    if re.fullmatch(r"B[0-9]", text):
        text = f"B0{text[1]}"
    if text not in SENTINEL2_L1C:
        raise BandError(
            f"unknown Sentinel-2 band {name[:40]!r}",
            expected="one of " + " ".join(SENTINEL2_L1C),
            hint="rename the column or leave it out",
        )
    return text


def check_bands(names: Sequence[str]) -> tuple[str, ...]:
    """Gives the canonical names of Sentinel-2 bands and refuses invalid sets.

    Raises:
        BandError: a name is unknown, is B10 or is repeated, or there is no name.

    Example:
        >>> check_bands(["B2", "B03"])
        ('B02', 'B03')
    """
    bands = tuple(canonical_band(name) for name in names)
    if not bands:
        raise BandError("no Sentinel-2 band", expected="at least one of " + " ".join(SENTINEL2))
    repeated = sorted({band for band in bands if bands.count(band) > 1})
    if repeated:
        raise BandError(
            f"band {repeated[0]} is given twice",
            found=" ".join(names),
            hint="keep one column a band",
        )
    if "B10" in bands:
        raise BandError(
            "the cirrus band B10 is no input",
            found=" ".join(names),
            hint="drop B10: windrow works on the other twelve bands",
        )
    return bands


def cloud_level(cloud_probability: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Converts cloud probability 0..255 to cloud level 0..31 (section 4 of the paper).

    Example:
        >>> cloud_level(np.array([0, 7, 8, 255], dtype=np.uint8)).tolist()
        [0, 0, 1, 31]
    """
    return np.asarray(cloud_probability).astype(np.int64) * NUM_CLOUD_LEVELS // 256


def cloud_probability_of_fraction(fraction: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Converts cloud fraction c in 0..1 to cloud probability, ``min(255, floor(256 c))``.

    Example:
        >>> cloud_probability_of_fraction([0.0, 0.5, 1.0]).tolist()
        [0, 128, 255]
    """
    scaled = np.floor(np.asarray(fraction, dtype=np.float64) * 256)
    return np.clip(scaled, 0, 255).astype(np.uint8)
