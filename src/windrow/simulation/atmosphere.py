"""What the air does: clouds, their shadows, cirrus, the haze that correction leaves behind.

Clouds persist: one state a day and landscape with a memory of a day and a half (the weather), and
a surface in space for what is broken. Their optical form is ours: an opacity between the pixel and
a cloud spectrum, bright and white in the visible, darker in the short-wave infrared by ice and
water. All levels are assumed and tuned on quantiles of real observations; see
docs/simulation.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.sensors import SENTINEL2, SENTINEL2_BANDS
from windrow.simulation.canopy import Float32
from windrow.simulation.ground import sun_zenith
from windrow.simulation.landscape import COARSE_M, Integers, Landscape
from windrow.simulation.random import Floats, keyed, noise, normal, patches, spread, uniform
from windrow.simulation.weather import Weather

_CENTRES = np.array([SENTINEL2[b].centre_nm for b in SENTINEL2_BANDS])
_WATER_CLOUD = np.array([1.08, 1.02, 0.98, 0.98, 1.0, 1.0, 0.99, 1.0, 0.97, 1.15, 0.60, 0.56])
_ICE_SHARE = np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0.2, -0.25, -0.25])
_HAZE = np.minimum((_CENTRES / 490.0) ** -1.6, 0.95)
_HAZE[SENTINEL2_BANDS.index("B01")] = 0.3
_BROKEN = 0.33


@dataclass(frozen=True, eq=False)
class Air:
    """What lies between n pixels and the sensor on T dates.

    Attributes:
        opacity: (n, T) of clouds and cirrus, 0..1.
        cloud: (n, T, 12) reflectance of the cloud where it is opaque.
        light: (n, T) share of the light that shadows leave.
        haze: (n, T, 12) reflectance added.
        gain: (T, 12) of the sensor and the correction.
        probability: (n, T) uint8, as s2cloudless would give it, errors included.
    """

    opacity: Float32
    cloud: Float32
    light: Float32
    haze: Float32
    gain: Float32
    probability: npt.NDArray[np.uint8]


def make_air(
    landscape: Landscape,
    weather: Weather,
    *,
    rows: Integers,
    columns: Integers,
    days: Integers,
    snow: Floats,
) -> Air:
    """The air over these pixels on these days; ``snow`` (n, T) misleads the cloud detector."""
    seed, number, settings = landscape.seed, landscape.number, landscape.settings
    x = ((columns + 0.5) * COARSE_M)[:, None]
    y = ((rows + 0.5) * COARSE_M)[:, None]
    excess = _excess(landscape, weather, x, y, days)
    cover = 1 - np.exp(-0.95 * np.maximum(excess, 0))
    cirrus = uniform(keyed(seed, "is cirrus", number, days)) < 0.12
    veil = patches(seed, "cirrus", (number, days[None, :]), x=x, y=y, scale=900.0)
    thin = cirrus * np.clip(0.07 + 0.07 * veil, 0, 0.4)
    opacity = 1 - (1 - cover) * (1 - thin)

    height = np.exp(spread(keyed(seed, "cloud height", number, days), 7.1, 0.6))
    length = height * np.tan(np.radians(np.minimum(sun_zenith(settings.latitude, days), 75)))
    away = _excess(landscape, weather, x + 0.55 * length, y + 0.83 * length, days)
    shade = (1 - np.exp(-1.5 * np.maximum(away, 0))) * (1 - cover)
    haze = settings.haze * np.exp(spread(keyed(seed, "haze", number, days), 0, 0.55))
    near = 0.010 * np.exp(np.minimum(excess, 0) / 0.12)
    colour = _HAZE * np.exp(0.2 * normal(keyed(seed, "haze colour", number, days))[:, None])
    error = 0.0035 * normal(keyed(seed, "correction", number, days))[:, None] * _HAZE
    return Air(
        opacity=opacity.astype(np.float32),
        cloud=_cloud_spectrum(landscape, excess, days).astype(np.float32),
        light=(1 - 0.62 * shade).astype(np.float32),
        haze=((haze + near)[..., None] * colour + error).astype(np.float32),
        gain=_gain(landscape, days).astype(np.float32),
        probability=_probability(
            landscape, rows=rows, columns=columns, days=days, opacity=opacity, snow=snow
        ),
    )


def apply_air(surface: Float32, air: Air) -> Float32:
    """Reflectance (n, T, 12) as the corrected product has it."""
    lit = surface * air.light[..., None] * air.gain
    seen = lit + air.haze * (1 - 1.2 * lit)
    opacity = air.opacity[..., None]
    return np.asarray(seen * (1 - opacity) + opacity * air.cloud)


def _excess(
    landscape: Landscape, weather: Weather, x: npt.ArrayLike, y: npt.ArrayLike, days: Integers
) -> Floats:
    """How far each pixel lies inside a cloud, in deviations; negative outside."""
    places = (landscape.number, days[None, :])
    large = patches(landscape.seed, "cloud", places, x=x, y=y, scale=1500.0)
    small = patches(landscape.seed, "cloudlet", places, x=x, y=y, scale=260.0)
    broken = 0.85 * large + 0.53 * small
    state = np.sqrt(1 - _BROKEN**2) * weather.cloudiness[days] + _BROKEN * broken
    return np.asarray(state - weather.cloud_threshold[days])


def _cloud_spectrum(landscape: Landscape, excess: Floats, days: Integers) -> Floats:
    seed, number = landscape.seed, landscape.number
    bright = np.exp(spread(keyed(seed, "cloud brightness", number, days), -0.22, 0.3))
    thick = bright * (0.75 + 0.35 * np.clip(excess, 0, 1.5))
    ice = uniform(keyed(seed, "ice", number, days))[:, None]
    vapour = np.ones(12) + 0.12 * normal(keyed(seed, "vapour", number, days))[:, None] * (
        np.array(SENTINEL2_BANDS) == "B09"
    )
    spectrum = (_WATER_CLOUD + 0.9 * ice * _ICE_SHARE) * vapour
    return np.asarray(np.clip(thick[..., None] * spectrum, 0.02, 1.6))


def _gain(landscape: Landscape, days: Integers) -> Floats:
    seed, number, deviation = landscape.seed, landscape.number, landscape.settings.gain_noise
    common = normal(keyed(seed, "gain", number, days))[:, None]
    band = normal(keyed(seed, "band gain", number, days[:, None], np.arange(12)))
    orbit = 0.8 * normal(keyed(seed, "orbit gain", number, days % 5))[:, None]
    vapour = 1.5 * normal(keyed(seed, "vapour gain", number, days))[:, None]
    vapour = vapour * (np.array(SENTINEL2_BANDS) == "B09")
    total = 0.8 * np.clip(common, -2.5, 2.5) + 0.4 * band + 0.6 * orbit + vapour
    vapour_bias = np.where(np.array(SENTINEL2_BANDS) == "B09", 0.98, 1.0)
    return np.asarray(np.exp(deviation * total) * vapour_bias)


def _probability(
    landscape: Landscape,
    *,
    rows: Integers,
    columns: Integers,
    days: Integers,
    opacity: Floats,
    snow: Floats,
) -> npt.NDArray[np.uint8]:
    """Cloud probability 0..255: a steep function of opacity, with errors by day and by pixel."""
    seed, number = landscape.seed, landscape.number
    by_day: Any = normal(keyed(seed, "detector", number, days))[None, :]
    keys = keyed(seed, "detector pixel", number, rows[:, None], columns[:, None], days)
    logit = -3.2 + 38 * np.minimum(opacity, 0.4) + 0.7 * by_day + 0.7 * noise(keys) + 1.0 * snow
    share = 1 / (1 + np.exp(-np.clip(logit, -8, 8)))
    return np.asarray(np.rint(255 * share), dtype=np.uint8)
