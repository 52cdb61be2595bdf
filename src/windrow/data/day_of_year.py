"""Days of year and months, the calendar of all series.

Day of year is 0 on 1 January. A series lies within one calendar year, so a day of year and the
year give a date.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

MAX_DAYS = 366
"""Days of a leap year. A day of year runs from 0 (1 January) to 365 (31 December)."""

COMMON_YEAR_DAYS = 365
"""Days of a common year."""

NUM_MONTHS = 12

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
"""Names of the months."""

MONTH_INITIALS = "JFMAMJJASOND"
"""One letter per month, for the axes of figures."""

_MONTH_LENGTHS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])

MONTH_STARTS: tuple[int, ...] = (0, *np.cumsum(_MONTH_LENGTHS)[:-1].tolist())
"""Day of year on which each month of a common year begins."""


def _month_table() -> npt.NDArray[np.int64]:
    leap = _MONTH_LENGTHS + (np.arange(NUM_MONTHS) == 1)
    common = np.append(np.repeat(np.arange(NUM_MONTHS), _MONTH_LENGTHS), NUM_MONTHS - 1)
    return np.stack([common, np.repeat(np.arange(NUM_MONTHS), leap)])


MONTH_OF_DAY = _month_table()
"""Month 0..11 of each day of year, (2, 366). Row 0 is for common years, row 1 for leap years."""


def is_leap(year: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Checks whether years of the Gregorian calendar have 366 days.

    Args:
        year: calendar years of any shape.

    Returns:
        bool, in the shape of ``year``.

    Example:
        >>> is_leap([1900, 2000, 2018, 2020]).tolist()
        [False, True, False, True]
    """
    years = np.asarray(year, dtype=np.int64)
    return np.asarray((years % 4 == 0) & ((years % 100 != 0) | (years % 400 == 0)))


def month_of_day(
    day_of_year: npt.NDArray[np.integer[Any]], year: npt.ArrayLike
) -> npt.NDArray[np.int64]:
    """Finds the month of each date.

    Args:
        day_of_year: (..., T), 0 = 1 January; padding may hold anything within 0..365.
        year: (...) calendar years, one per series, or one for all.

    Returns:
        Month 0..11, (..., T) int64.

    Example:
        >>> month_of_day(np.array([[0, 59], [59, 60]]), np.array([2018, 2020])).tolist()
        [[0, 2], [1, 2]]
        >>> month_of_day(np.array([0, 30, 31, 364]), 2018).tolist()
        [0, 0, 1, 11]
    """
    days = np.clip(day_of_year, 0, MAX_DAYS - 1)
    return np.asarray(MONTH_OF_DAY[is_leap(year).astype(np.int64)[..., None], days])


def days_of_year(
    dates: npt.NDArray[np.datetime64] | Sequence[datetime],
) -> npt.NDArray[np.int16]:
    """Finds the day of year of dates, 0 = 1 January.

    Args:
        dates: (n,) datetime64 of any unit, or Python datetimes without a time zone.

    Returns:
        (n,) int16, 0..365.

    Example:
        >>> days_of_year(np.array(["2017-01-01", "2017-12-31", "2020-12-31"], "M8[D]")).tolist()
        [0, 364, 365]
    """
    days = np.asarray(dates, dtype="datetime64[D]")
    return np.asarray((days - days.astype("datetime64[Y]")).astype(np.int16))
