"""Clouds, their edges and shadows, thin cirrus, and what a cloud detector says of them.

Clouds persist: one state a day and landscape with a memory of half a day (the weather), and
a surface in space for what is broken. Their optical form is ours: an opacity between the pixel and
a cloud spectrum, white in the visible, darker in the short-wave infrared by ice and water (after
the shapes of Nakajima and King 1990). All levels are assumed and tuned on quantiles of real
observations; see docs/simulation.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.sensors import SENTINEL2, SENTINEL2_BANDS
from windrow.simulation.emulator import Float32
from windrow.simulation.fields.landscape import COARSE_M, Integers, Landscape
from windrow.simulation.fields.weather import Weather
from windrow.simulation.keyed_random import Floats, keyed, noise, normal, patches, spread, uniform
from windrow.simulation.sensing.atmosphere import Terms
from windrow.simulation.surface.geometry import Overpasses

_CENTRES = np.array([SENTINEL2[b].centre_nm for b in SENTINEL2_BANDS])
_WATER_CLOUD = np.array([1.12, 1.08, 1.05, 1.03, 1.02, 1.0, 1.0, 1.01, 0.99, 0.98, 0.67, 0.60])
_ICE_SHARE = np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -0.25, -0.25])
_EDGE = np.minimum((_CENTRES / 490.0) ** -1.6, 1.1)
_BROKEN = 0.33
_SIDE_LIGHT = 0.2
"""Share of the direct light that the sides of clouds send into a shadow."""


@dataclass(frozen=True, eq=False)
class Clouds:
    """The clouds over n pixels on T dates.

    Attributes:
        opacity: (n, T) of clouds and cirrus, 0..1.
        spectrum: (n, T, 12) reflectance of the cloud where it is opaque, at its top.
        shade: (n, T) share of the direct light that clouds keep from the ground.
        edge: (n, T) light scattered into the view near clouds, reflectance at 490 nm.
        probability: (n, T) uint8, as s2cloudless would give it, errors included.
    """

    opacity: Float32
    spectrum: Float32
    shade: Float32
    edge: Float32
    probability: npt.NDArray[np.uint8]


def make_clouds(
    landscape: Landscape,
    weather: Weather,
    overpasses: Overpasses,
    *,
    rows: Integers,
    columns: Integers,
    snow: Floats,
) -> Clouds:
    """Makes the clouds over these pixels; ``snow`` (n, T) misleads the detector."""
    seed, number, days = landscape.seed, landscape.number, overpasses.days
    x = ((columns + 0.5) * COARSE_M)[:, None]
    y = ((rows + 0.5) * COARSE_M)[:, None]
    excess = _excess(landscape, weather, x, y, days)
    cover = 1 - np.exp(-0.95 * np.maximum(excess, 0))
    cirrus = uniform(keyed(seed, "is cirrus", number, days)) < 0.2
    veil = patches(seed, "cirrus", (number, days[None, :]), x=x, y=y, scale=900.0)
    thin = cirrus * np.clip(0.03 + 0.05 * veil, 0, 0.4)
    opacity = 1 - (1 - cover) * (1 - thin)

    height = np.exp(spread(keyed(seed, "cloud height", number, days), 7.1, 0.6))
    length = height * np.tan(np.radians(np.minimum(overpasses.sun_zenith, 75)))
    away = _excess(landscape, weather, x + 0.55 * length, y + 0.83 * length, days)
    shade = (1 - np.exp(-1.5 * np.maximum(away, 0))) * (1 - cover)
    return Clouds(
        opacity=opacity.astype(np.float32),
        spectrum=_spectrum(landscape, excess, days).astype(np.float32),
        shade=shade.astype(np.float32),
        edge=(0.010 * np.exp(np.minimum(excess, 0) / 0.12)).astype(np.float32),
        probability=_probability(
            landscape,
            rows=rows,
            columns=columns,
            days=days,
            excess=excess,
            opacity=opacity,
            shade=shade,
            snow=snow,
        ),
    )


def clear_sky(num_pixels: int, num_dates: int) -> Clouds:
    """Returns a clear sky over n pixels on T dates."""
    shape = (num_pixels, num_dates)
    none = np.zeros(shape, dtype=np.float32)
    return Clouds(
        opacity=none,
        spectrum=np.zeros((*shape, len(SENTINEL2_BANDS)), dtype=np.float32),
        shade=none,
        edge=none,
        probability=np.zeros(shape, dtype=np.uint8),
    )


def lit(surface: Float32, clouds: Clouds, terms: Terms, sunlight: Floats) -> Float32:
    """Computes the surface (n, T, 12) as slopes and the clouds' shadows let it shine.

    Args:
        surface: what would be seen on flat ground without clouds.
        clouds: whose shadows leave the diffuse light, most of it blue.
        terms: of the air.
        sunlight: (n, T) direct light relative to flat ground.
    """
    direct = (terms.direct_down / terms.down).astype(np.float32)
    left = sunlight * (1 - (1 - _SIDE_LIGHT) * clouds.shade)
    return np.asarray(surface * (1 + (left[..., None].astype(np.float32) - 1) * direct))


def cloud_edges(clouds: Clouds) -> Float32:
    """Computes what is added to the clear top of the atmosphere near clouds, (n, T, 12), bluish.

    Molecules and swollen aerosol scatter the clouds' light (Marshak et al. 2008).
    """
    return np.asarray(clouds.edge[..., None] * _EDGE.astype(np.float32))


def _excess(
    landscape: Landscape, weather: Weather, x: npt.ArrayLike, y: npt.ArrayLike, days: Integers
) -> Floats:
    """Computes how far each pixel lies inside a cloud, in deviations; negative outside."""
    day_keys = (landscape.number, days[None, :])
    large = patches(landscape.seed, "cloud", day_keys, x=x, y=y, scale=1500.0)
    small = patches(landscape.seed, "cloudlet", day_keys, x=x, y=y, scale=450.0)
    broken = 0.85 * large + 0.53 * small
    state = np.sqrt(1 - _BROKEN**2) * weather.cloudiness[days] + _BROKEN * broken
    return np.asarray(state - weather.cloud_threshold[days])


def _spectrum(landscape: Landscape, excess: Floats, days: Integers) -> Floats:
    seed, number = landscape.seed, landscape.number
    bright = np.exp(spread(keyed(seed, "cloud brightness", number, days), -0.22, 0.3))
    thick = bright * (0.75 + 0.35 * np.clip(excess, 0, 1.5))
    ice = uniform(keyed(seed, "ice", number, days))[:, None]
    spectrum = _WATER_CLOUD + 0.9 * ice * _ICE_SHARE
    return np.asarray(np.clip(thick[..., None] * spectrum, 0.02, 1.3))


def _probability(
    landscape: Landscape,
    *,
    rows: Integers,
    columns: Integers,
    days: Integers,
    excess: Floats,
    opacity: Floats,
    shade: Floats,
    snow: Floats,
) -> npt.NDArray[np.uint8]:
    """Computes cloud probability 0..255.

    A steep function of opacity, with errors by day and by pixel.

    Masks are widened beyond the clouds' edges, and some of them hold shadows.
    """
    settings = landscape.settings
    near = np.clip(1 + excess / max(settings.mask_margin, 1e-6), 0, 1)
    seed, number = landscape.seed, landscape.number
    by_day: Any = normal(keyed(seed, "detector", number, days))[None, :]
    keys = keyed(seed, "detector pixel", number, rows[:, None], columns[:, None], days)
    logit = -3.2 + 38 * np.minimum(opacity, 0.4) + 0.7 * by_day + 0.7 * noise(keys) + 1.0 * snow
    logit = logit + 9.0 * near + 9.0 * settings.mask_shadow * np.clip(2 * shade, 0, 1)
    share = 1 / (1 + np.exp(-np.clip(logit, -8, 8)))
    return np.asarray(np.rint(255 * share), dtype=np.uint8)
