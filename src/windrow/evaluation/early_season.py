"""Early-season classification from series cut off at a day of the year."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from windrow.data.day_of_year import MAX_DAYS
from windrow.data.series import Series
from windrow.errors import DataError, SettingsError


def known_until(series: Series, day: int) -> Series:
    """Removes all observations from a day of the year on.

    Dates on that day and later become invalid, and their values are set to zero, so that no later
    step can use them. PlanetScope is left out, because only pre-training uses it.

    Args:
        series: N series.
        day: 1..366; 120 keeps the days 0 to 119, 1 January to 30 April.

    Returns:
        The N series on the same date axis.

    Raises:
        SettingsError: the day is outside the year.
        DataError: a series has no valid date before that day.
    """
    if not 1 <= day <= MAX_DAYS:
        raise SettingsError("the day lies outside the year", found=day, expected=f"1 to {MAX_DAYS}")
    valid = series.valid & (series.day_of_year < day)
    without = np.flatnonzero(~valid.any(axis=1))
    if len(without):
        raise DataError(
            f"{len(without)} series have no valid date before day {day}",
            where=f"series {series.id[without[0]]}",
            hint="ask for a later day",
        )
    kept = np.flatnonzero(valid.any(axis=0))
    last = int(kept[-1]) + 1
    valid = valid[:, :last]
    cloud = series.cloud_probability
    return replace(
        series,
        valid=valid,
        reflectance=np.where(valid[..., None], series.reflectance[:, :last], 0).astype(np.int16),
        day_of_year=np.where(valid, series.day_of_year[:, :last], 0).astype(np.int16),
        cloud_probability=None if cloud is None else np.where(valid, cloud[:, :last], 0),
        planetscope=None,
        planetscope_day=None,
        truth={},
    )
