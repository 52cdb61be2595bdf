"""The usual year of a place by northern day: warmth, water, and whether winters are mild.

A coarse climate of our own, for what no calendar says: when grass grows, when trees leaf out, how
dry a season is. Temperature is a cosine whose mean and swing follow from latitude and height,
roughly those of weather stations (assumed); water is a shape of three kinds of rain, after the
groups of Koeppen: even, dry summers (Cs), wet growing seasons (A, Cw).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from windrow.simulation.curves import logistic
from windrow.simulation.keyed_random import Floats
from windrow.simulation.places.calendars import YEAR, Calendar, GrowingSeason

Rain = Literal["even", "dry summer", "wet season"]

_DAYS = np.arange(YEAR)
_WARMEST = 205.0

# West, east, least and largest distance from the equator, southern or not: where summers are dry.
_DRY_SUMMERS = (
    (-12.0, 75.0, 29.0, 45.0, False),
    (-126.0, -112.0, 31.0, 46.0, False),
    (-76.0, -69.0, 28.0, 39.0, True),
    (16.0, 21.0, 31.0, 35.0, True),
    (113.0, 142.0, 29.0, 39.0, True),
)


@dataclass(frozen=True, eq=False)
class Climate:
    """The usual year of a place.

    Attributes:
        latitude: distance from the equator, degrees.
        calendar: its growing seasons.
        temperature: (365,) mean of each northern day, degrees.
        warmth: (365,) how fast grass could grow, 0 to 1.
        water: (365,) how well rain supplies it, 0 to 1.
    """

    latitude: float
    calendar: Calendar
    temperature: Floats
    warmth: Floats
    water: Floats

    @property
    def mild(self) -> bool:
        """Whether winters let crops grow through."""
        return float(self.temperature.min()) > 5.0

    @property
    def tropical(self) -> bool:
        """Whether seasons are those of rain, not of warmth."""
        return self.latitude < 20 and float(self.temperature.min()) > 12


def rain_of(longitude: float, latitude: float) -> Rain:
    """Computes the kind of rain of a place.

    Example:
        >>> rain_of(-5.0, 37.5), rain_of(34.6, 0.4), rain_of(11.6, 48.2)
        ('dry summer', 'wet season', 'even')
    """
    away = abs(latitude)
    for west, east, least, largest, southern in _DRY_SUMMERS:
        if west <= longitude <= east and least <= away < largest and southern == (latitude < 0):
            return "dry summer"
    return "wet season" if away < 30 else "even"


# West, east, south, north, and how far the year swings relative to the latitude's usual.
_SWINGS = (
    (-12.0, 5.0, 35.0, 62.0, 0.7),
    (20.0, 55.0, 42.0, 70.0, 1.3),
    (55.0, 135.0, 34.0, 70.0, 1.6),
    (-116.0, -70.0, 36.0, 60.0, 1.4),
    (-126.0, -116.0, 32.0, 62.0, 0.8),
    (-180.0, 180.0, -60.0, 0.0, 0.85),
)


def continentality_of(longitude: float, latitude: float) -> float:
    """Estimates the yearly swing of temperature relative to that at Central Europe's latitude.

    Example:
        >>> continentality_of(-2.8, 48.2), continentality_of(70.0, 52.0)
        (0.7, 1.6)
    """
    for west, east, south, north, swing in _SWINGS:
        if west <= longitude <= east and south <= latitude < north:
            return swing
    return 1.0


def make_climate(
    calendar: Calendar,
    *,
    latitude: float,
    altitude_m: float,
    continentality: float,
    rain: Rain,
    drought: float,
) -> Climate:
    """Makes the usual year of a place.

    Args:
        calendar: its growing seasons.
        latitude: distance from the equator, degrees.
        altitude_m: above the sea.
        continentality: swing of temperature relative to the latitude's usual one.
        rain: kind of rain.
        drought: 0 none to 1 severe, of the dry part of the year.
    """
    mean = 27.5 - 0.351 * max(latitude - 10, 0) ** 1.075 - 0.006 * altitude_m
    swing = (0.5 + 0.2 * latitude) * continentality
    temperature = mean + swing * np.cos(2 * np.pi * (_DAYS - _WARMEST) / YEAR)
    warmth = logistic(temperature - 6.5, 1.5)
    summer = np.exp(-(((_DAYS - 205) / 32.0) ** 2))
    water = 1 - np.minimum(drought * summer, 0.97)
    if rain == "dry summer":
        dry = logistic(_DAYS - 150.0, 14.0) * logistic(282.0 - _DAYS, 12.0)
        water = 1 - min(0.55 + 0.45 * drought, 0.97) * dry
    elif rain == "wet season":
        second = 0.9 if latitude < 8 else 0.25
        wet = np.maximum(
            _inside(calendar.warm, 0.0, 0.0), second * _inside(calendar.cold, 0.0, 0.0)
        )
        water = 1 - min(0.5 + 0.5 * drought, 0.95) * (1 - wet)
    return Climate(
        latitude=latitude,
        calendar=calendar,
        temperature=temperature,
        warmth=warmth,
        water=np.asarray(water, dtype=np.float64),
    )


def _inside(season: GrowingSeason, before: float, after: float) -> Floats:
    """Computes nearly one within a season that is widened by some days, (365,)."""
    length = min(season.length + before + after, YEAR - 60.0)
    since = (_DAYS - season.start + before + YEAR / 2 - length / 2) % YEAR - YEAR / 2 + length / 2
    return logistic(since, 9.0) * logistic(length - since, 9.0)
