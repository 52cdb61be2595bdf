"""The ground under the canopy: soil, its moisture, straw and snow.

The spectra are simple curves of our own through a few levels, no measured library: a soil is a
level at 665 nm, a shape and a power law in wavelength; water darkens it, most in the short-wave
infrared (Lobell and Asner 2002 describe the effect; the coefficients are assumed). Straw and snow
are assumed levels by wavelength, shaped after published field spectra (Daughtry 2001; Wiscombe and
Warren 1980).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from windrow.simulation.emulator import CENTRES_NM
from windrow.simulation.keyed_random import Floats

_STRAW_NM = (400, 443, 492, 560, 665, 704, 740, 783, 833, 865, 945, 1375, 1614, 2202, 2500)
_STRAW = (
    0.07,
    0.085,
    0.11,
    0.155,
    0.21,
    0.235,
    0.26,
    0.28,
    0.295,
    0.31,
    0.32,
    0.35,
    0.45,
    0.37,
    0.30,
)
_SNOW_NM = (400, 443, 492, 560, 665, 704, 740, 783, 833, 865, 945, 1050, 1375, 1614, 2202, 2500)
_SNOW = (0.78, 0.81, 0.84, 0.83, 0.85, 0.86, 0.87, 0.875, 0.877, 0.865, 0.82, 0.70, 0.22, 0.122,
         0.118, 0.05)  # fmt: skip
_PETAL_NM = (400, 443, 492, 542, 560, 665, 740, 865, 945, 1614, 2202, 2500)
_PETAL = (0.05, 0.06, 0.09, 0.36, 0.40, 0.42, 0.50, 0.52, 0.50, 0.30, 0.14, 0.1)

_WATER_NM = (400, 443, 492, 560, 665, 704, 740, 783, 865, 945, 1614, 2500)
_WATER = (0.045, 0.05, 0.058, 0.07, 0.055, 0.045, 0.028, 0.025, 0.018, 0.01, 0.003, 0.001)


def _at_bands(
    wavelengths_nm: tuple[int, ...], levels: tuple[float, ...]
) -> npt.NDArray[np.float32]:
    return np.interp(CENTRES_NM, wavelengths_nm, levels).astype(np.float32)


STRAW = _at_bands(_STRAW_NM, _STRAW)
"""Reflectance of dry straw in the simulated bands; shape (16,)."""
SNOW = _at_bands(_SNOW_NM, _SNOW)
"""Reflectance of fresh snow; shape (16,)."""
PETALS = _at_bands(_PETAL_NM, _PETAL)
"""Reflectance of a closed layer of rapeseed petals; shape (16,)."""
WATER = _at_bands(_WATER_NM, _WATER)
"""Reflectance of shallow, somewhat turbid water (paddies), assumed; shape (16,)."""

# Relative to 665 nm: steep in the visible, flattening in the near infrared, as the soils of
# moderate organic matter of Stoner and Baumgardner (1981); levels read off figures, assumed.
_SOIL_NM = (400, 492, 560, 665, 704, 740, 783, 833, 865, 945, 1614, 2202, 2500)
_SOIL = np.interp(
    CENTRES_NM,
    _SOIL_NM,
    (0.37, 0.60, 0.825, 1.0, 1.086, 1.166, 1.251, 1.331, 1.371, 1.41, 1.90, 1.56, 1.36),
)
MOIST_DARKENING = np.interp(CENTRES_NM, (400, 900, 1600, 2500), (0.34, 0.38, 0.52, 0.62))
"""Share of its light that wet soil loses, by band, (16,)."""


def soil(brightness: npt.ArrayLike, slope: npt.ArrayLike, moisture: npt.ArrayLike) -> Floats:
    """Computes reflectance of bare soil in the simulated bands.

    Args:
        brightness: reflectance of the dry soil at 665 nm, about 0.08 to 0.3.
        slope: exponent of a power law in wavelength on top of the usual shape, about -0.3 (grey)
            to 0.3 (brown).
        moisture: of the surface, 0 dry to 1 wet.

    Returns:
        Reflectance of shape S + (16,), S the shape the arguments broadcast to.

    Example:
        >>> dry, wet = soil(0.18, 0.1, [0.0, 1.0])
        >>> round(float(dry[3]), 3), bool((wet < dry).all())
        (0.18, True)
    """
    level, steep, wet = np.broadcast_arrays(brightness, slope, moisture)
    dry = level[..., None] * _SOIL * (CENTRES_NM / 664.6) ** steep[..., None]
    return np.asarray(np.clip(dry * (1 - MOIST_DARKENING * wet[..., None]), 0.005, 0.7))
