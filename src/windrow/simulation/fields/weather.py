"""The weather of one landscape in one year: season, drought, rain, snow and clouds by day."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from windrow.data.day_of_year import COMMON_YEAR_DAYS, month_of_day
from windrow.simulation.keyed_random import Floats, keyed, normal, spread, uniform
from windrow.simulation.settings import ScenarioSettings

NUM_DAYS = COMMON_YEAR_DAYS
DAYS = np.arange(NUM_DAYS)
_MEMORY_DAYS = 14
_CLOUD_MEMORY_DAYS = 0.6
"""Real fields two days apart are cloudy independently of each other (half A)."""


@dataclass(frozen=True, eq=False)
class Weather:
    """One landscape's weather.

    Attributes:
        season_shift: days by which spring is later than in the table of crops.
        harvest_shift: days by which ripening is later still.
        drought: 0 none to 1 severe.
        moisture: (365,) of the soil's surface, 0 dry to 1 wet.
        snow: (365,) share of flat ground under snow.
        cloudiness: (365,) the day's cloud state, standard normal, persistent from day to day.
        cloud_threshold: (365,) the state above which it is cloudy.
    """

    season_shift: float
    harvest_shift: float
    drought: float
    moisture: Floats
    snow: Floats
    cloudiness: Floats
    cloud_threshold: Floats


def persistent(
    seed: int, purpose: str, landscape: int, days: npt.ArrayLike, memory: float
) -> Floats:
    """Computes a standard normal series whose autocorrelation falls by 1/e in ``memory`` days.

    A moving sum of keyed draws: any day can be made alone.
    """
    lags = np.arange(_MEMORY_DAYS)
    weights = np.exp(-lags / memory)
    weights /= np.sqrt((weights**2).sum())
    day = np.asarray(days)[..., None] - lags
    return np.asarray((normal(keyed(seed, purpose, landscape, day)) * weights).sum(axis=-1))


def make_weather(settings: ScenarioSettings, seed: int, landscape: int) -> Weather:
    """Makes the weather of a landscape, drawn around the scenario's year."""

    def one(purpose: str, mean: float, deviation: float) -> float:
        return float(spread(keyed(seed, purpose, landscape), mean, deviation))

    drought = float(np.clip(one("drought", settings.drought, 0.2), 0, 1))
    state = persistent(seed, "cloudiness", landscape, DAYS, _CLOUD_MEMORY_DAYS)
    shift = one("cloud share", 0.0, 0.10)
    thresholds = np.array([NormalDist().inv_cdf(1 - share) for share in settings.cloud_share])
    return Weather(
        season_shift=one("season shift", settings.season_shift, settings.season_spread),
        harvest_shift=one("harvest shift", settings.harvest_shift, 2.5),
        drought=drought,
        moisture=_moisture(seed, landscape, drought, state),
        snow=_snow(settings, seed, landscape),
        cloudiness=state,
        # The shares are those of masks, which reach beyond the clouds.
        cloud_threshold=thresholds[month_of_day(DAYS, settings.year)]
        + shift
        + 0.6 * settings.mask_margin,
    )


def _moisture(seed: int, landscape: int, drought: float, cloudiness: Floats) -> Floats:
    """Rain falls on cloudy days and dries off, faster in summer."""
    amount = np.exp(normal(keyed(seed, "rain", landscape, DAYS))) * 0.22
    summer = np.exp(-(((DAYS - 170) / 75.0) ** 2))
    wet_day = (cloudiness > 0.35 + 0.5 * drought * summer).astype(np.float64)
    drying = 0.04 + 0.28 * summer * (0.7 + 0.6 * drought)
    level = np.zeros(NUM_DAYS)
    now = 0.6
    for day in range(NUM_DAYS):
        now = min(1.0, now * (1 - drying[day]) + wet_day[day] * amount[day])
        level[day] = now
    return level


def _snow(settings: ScenarioSettings, seed: int, landscape: int) -> Floats:
    """Spells of snow that fall in a day and thaw in three."""
    cover = np.zeros(NUM_DAYS)
    for number, spell in enumerate(settings.snow):
        keys = [keyed(seed, f"snow {what}", landscape, number) for what in ("is", "from", "to")]
        if float(uniform(keys[0])) >= spell.probability:
            continue
        first = spell.first + float(spread(keys[1], 0, 1.2))
        last = spell.last + float(spread(keys[2], 0, 1.2))
        shape = np.clip((DAYS - first) / 1.0, 0, 1) * np.clip((last - DAYS) / 3.0, 0, 1)
        cover = np.maximum(cover, shape)
    return cover
