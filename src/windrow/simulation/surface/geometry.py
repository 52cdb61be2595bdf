"""Angles of sun and view, the two orbits, and what the direction of view does to a surface.

Sentinel-2 sees a place in the overlap of two swaths from both sides: from one the sun is behind
the sensor and shadows are hidden, from the other they are seen. The ratio between directions is
that of the kernels of Ross and Li with the fixed parameters of Roy et al. (2016, 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from windrow.simulation.emulator import emulator
from windrow.simulation.fields.landscape import COARSE_M, Integers, Landscape
from windrow.simulation.fields.weather import NUM_DAYS
from windrow.simulation.keyed_random import Floats, keyed, patches, uniform

NUM_DATES = 146
"""Most Sentinel-2 dates of a year: two orbits of five days."""

_HOUR_ANGLE = np.radians(-22.5)
_TRACK = 106.0
"""Azimuth across the track to the east of a descending orbit near 50 degrees north."""
_WIDEST = 10.3
_LOWEST_SUN = 75.0
_HILL_M = 350.0

# Roy et al. (2016) for the bands of Landsat, (2017) for the red edge: isotropic, geometric,
# volumetric; B01 as blue, B08, B8A and B09 as near infrared.
_KERNELS = np.array(
    [
        (0.0774, 0.0079, 0.0372),
        (0.0774, 0.0079, 0.0372),
        (0.1306, 0.0178, 0.0580),
        (0.1690, 0.0227, 0.0574),
        (0.2085, 0.0256, 0.0845),
        (0.2316, 0.0273, 0.1003),
        (0.2599, 0.0294, 0.1197),
        (0.3093, 0.0330, 0.1535),
        (0.3093, 0.0330, 0.1535),
        (0.3093, 0.0330, 0.1535),
        (0.3430, 0.0453, 0.1154),
        (0.2658, 0.0387, 0.0639),
    ]
)


def illumination(
    landscape: Landscape, rows: Integers, columns: Integers, days: npt.ArrayLike
) -> Floats:
    """Computes direct sunlight on the sloping ground relative to flat ground, (n, T).

    The cosine of the angle to the ground's normal over that to the zenith (Teillet et al. 1982);
    slopes are smooth over some hundred metres.
    """
    settings = landscape.settings
    x, y = (columns + 0.5) * COARSE_M, (rows + 0.5) * COARSE_M
    east, north = (
        settings.relief * patches(landscape.seed, f"slope {way}", (landscape.number,), x=x, y=y,
                                  scale=_HILL_M)
        for way in ("east", "north")
    )  # fmt: skip
    zenith = np.radians(np.minimum(sun_zenith(settings.latitude, days), _LOWEST_SUN))
    azimuth = np.radians(sun_azimuth(settings.latitude, days))
    # The ground falls towards the sun where its height falls along the sun's azimuth.
    towards = -(east[:, None] * np.sin(azimuth) + north[:, None] * np.cos(azimuth))
    steep = np.sqrt(1 + east**2 + north**2)[:, None]
    return np.asarray(np.clip((1 + np.tan(zenith) * towards) / steep, 0.1, 2.0))


def _declination(day_of_year: npt.ArrayLike) -> Floats:
    day = np.asarray(day_of_year, dtype=np.float64)
    return np.asarray(np.radians(23.45) * np.sin(2 * np.pi * (284 + day + 1) / 365))


def sun_zenith(latitude: float, day_of_year: npt.ArrayLike) -> Floats:
    """Computes the solar zenith angle in degrees at 10:30 local solar time.

    Both sensors pass at about that time.

    Declination after Cooper (1969).

    Example:
        >>> [round(float(a)) for a in sun_zenith(52.5, [171, 354])]
        [34, 78]
    """
    declination = _declination(day_of_year)
    phi = np.radians(latitude)
    cosine = np.sin(phi) * np.sin(declination)
    cosine = cosine + np.cos(phi) * np.cos(declination) * np.cos(_HOUR_ANGLE)
    return np.asarray(np.degrees(np.arccos(cosine)))


def sun_azimuth(latitude: float, day_of_year: npt.ArrayLike) -> Floats:
    """Computes azimuth of the sun in degrees from north over east at the same time.

    Example:
        >>> 140 < float(sun_azimuth(48.0, 100)) < 160
        True
    """
    declination, phi = _declination(day_of_year), np.radians(latitude)
    east = -np.cos(declination) * np.sin(_HOUR_ANGLE)
    north = np.cos(phi) * np.sin(declination)
    north = north - np.sin(phi) * np.cos(declination) * np.cos(_HOUR_ANGLE)
    return np.asarray(np.degrees(np.arctan2(east, north)) % 360)


@dataclass(frozen=True, eq=False)
class Overpasses:
    """The dates on which Sentinel-2 saw a landscape, and from where.

    Attributes:
        days: (T,) days of year.
        orbit: (T,) 0 or 1.
        sun_zenith: (T,) degrees.
        view_zenith: (T,) degrees from the zenith, up to about ten.
        relative_azimuth: (T,) degrees between view and sun; 0 is the sun behind the sensor.
    """

    days: Integers
    orbit: Integers
    sun_zenith: Floats
    view_zenith: Floats
    relative_azimuth: Floats


def make_overpasses(landscape: Landscape, on_days: Integers | None = None) -> Overpasses:
    """Makes the overpasses of a landscape: one orbit or two that overlap, every five days each.

    A few dates are lost. A place that two orbits see lies near the edge of both swaths, so they
    look at it from opposite sides; a place of one orbit lies anywhere in its swath.

    Args:
        landscape: where.
        on_days: (T,) days on which it is seen in place of those; dates of one remainder of five
            are taken for one orbit, all others for the second.
    """
    seed, number, settings = landscape.seed, landscape.number, landscape.settings
    first = int(uniform(keyed(seed, "orbit", number)) * 5)
    gap = 2 + int(uniform(keyed(seed, "second orbit", number)) < 0.5)
    both = bool(uniform(keyed(seed, "two orbits", number)) < settings.two_orbits)
    days = np.arange(NUM_DAYS)
    orbit = np.where(days % 5 == first, 0, np.where(days % 5 == (first + gap) % 5, 1, -1))
    kept = uniform(keyed(seed, "lost date", number, days)) >= 0.015
    kept &= (orbit == 0) | ((orbit == 1) & both)
    days, orbit = days[kept], orbit[kept]
    if on_days is not None:
        days = on_days
        remainders = np.bincount(on_days % 5, minlength=5)
        orbit = np.where(on_days % 5 == remainders.argmax(), 0, 1)
        both = bool(np.count_nonzero(remainders) > 1)
    side = 1 if uniform(keyed(seed, "side of the swath", number)) < 0.5 else -1
    where = float(uniform(keyed(seed, "place in the swath", number)))
    tilt = np.array([0.55 + 0.45 * where, 1.0 - 0.45 * where]) if both else np.array([where] * 2)
    eastward = side * np.array([1, -1])[orbit]
    azimuth = np.where(eastward > 0, _TRACK, _TRACK + 180.0)
    return Overpasses(
        days=days.astype(np.int64),
        orbit=orbit.astype(np.int64),
        sun_zenith=sun_zenith(settings.latitude, days),
        view_zenith=np.maximum(_WIDEST * tilt[orbit], 0.5),
        relative_azimuth=np.abs((azimuth - sun_azimuth(settings.latitude, days) + 180) % 360 - 180),
    )


def directional_reflectance(
    sun_zenith: npt.ArrayLike, view_zenith: npt.ArrayLike, relative_azimuth: npt.ArrayLike
) -> Floats:
    """Computes reflectance of an average land surface in a direction, (..., 12).

    Ross-thick and Li-sparse-reciprocal kernels (Wanner et al. 1995; Lucht et al. 2000, b/r = 1,
    h/b = 2) with the parameters of Roy et al. (2016, 2017); only ratios of it mean something.

    Args:
        sun_zenith: degrees; beyond 75, where the kernels no longer hold, it is taken for 75.
        view_zenith: degrees.
        relative_azimuth: degrees; 0 is the sun behind the sensor.
    """
    sun, view, phi = np.broadcast_arrays(
        *(
            np.radians(a)
            for a in (np.minimum(sun_zenith, _LOWEST_SUN), view_zenith, relative_azimuth)
        )
    )
    cosine = np.cos(sun) * np.cos(view) + np.sin(sun) * np.sin(view) * np.cos(phi)
    phase = np.arccos(np.clip(cosine, -1, 1))
    volume = ((np.pi / 2 - phase) * cosine + np.sin(phase)) / (np.cos(sun) + np.cos(view))
    volume = volume - np.pi / 4
    slopes = 1 / np.cos(sun) + 1 / np.cos(view)
    square = np.tan(sun) ** 2 + np.tan(view) ** 2 - 2 * np.tan(sun) * np.tan(view) * np.cos(phi)
    across = (np.tan(sun) * np.tan(view) * np.sin(phi)) ** 2
    shadow = np.arccos(np.clip(2 * np.sqrt(np.maximum(square, 0) + across) / slopes, -1, 1))
    overlap = (shadow - np.sin(shadow) * np.cos(shadow)) * slopes / np.pi
    seen = 0.5 * (1 + cosine) / (np.cos(sun) * np.cos(view))
    geometry = overlap - slopes + seen
    isotropic, geometric, volumetric = _KERNELS.T
    return np.asarray(isotropic + geometric * geometry[..., None] + volumetric * volume[..., None])


@cache
def _nominal() -> tuple[float, float]:
    return tuple(float(emulator().metadata[k]) for k in ("view_zenith", "relative_azimuth"))  # type: ignore[return-value]


def direction_factor(overpasses: Overpasses) -> Floats:
    """Computes the ratio of brightness at each overpass to that in the emulator's view, (T, 12)."""
    seen = directional_reflectance(
        overpasses.sun_zenith, overpasses.view_zenith, overpasses.relative_azimuth
    )
    return np.asarray(seen / directional_reflectance(overpasses.sun_zenith, *_nominal()))
