"""Twelve months that begin anywhere in the year: seasons over New Year.

A series lies within twelve months from the first day of a season on, 1 January unless said
otherwise. Its ``day_of_year`` counts from that day (0 is the season's first day), so that dates
never decrease, and its ``year`` is the one in which the season begins. What knows the sun and the
weather by the calendar, the encoder's day of year and the months, is given calendar days.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.errors import SettingsError

CALENDAR_YEAR = "01-01"
"""The first day of seasons that are calendar years, as month and day."""

_START = re.compile(r"\d\d-\d\d")


def checked_start(start: str) -> str:
    """Returns the first day of a season, as ``MM-DD``.

    Raises:
        SettingsError: it is no day of every year, such as 29 February.

    Example:
        >>> checked_start("10-01")
        '10-01'
    """
    try:
        if _START.fullmatch(start) is None:
            raise ValueError
        np.datetime64(f"2019-{start}", "D")  # a year without 29 February
    except ValueError:
        raise SettingsError(
            "the first day of a season is a month and a day of every year",
            found=start,
            expected="MM-DD, such as 10-01",
        ) from None
    return start


def first_days(year: npt.ArrayLike, start: str) -> npt.NDArray[np.datetime64]:
    """Returns the first day of the seasons that begin in these years, datetime64[D].

    Example:
        >>> first_days([2019, 2020], "10-01").tolist()
        [datetime.date(2019, 10, 1), datetime.date(2020, 10, 1)]
    """
    month, day = (int(part) for part in start.split("-"))
    months = (np.asarray(year, dtype=np.int64) - 1970) * 12 + month - 1
    return np.asarray(months.astype("M8[M]").astype("M8[D]") + np.timedelta64(day - 1, "D"))


def days_of_season(
    dates: npt.NDArray[np.datetime64], start: str
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int64]]:
    """Returns day of the season of dates, 0 its first, and the year in which that season begins.

    Example:
        >>> dates = np.array(["2017-10-01", "2018-01-01", "2018-09-30", "2020-09-30"], "M8[D]")
        >>> [values.tolist() for values in days_of_season(dates, "10-01")]
        [[0, 92, 364, 365], [2017, 2017, 2017, 2019]]
    """
    days = np.asarray(dates, dtype="M8[D]")
    year = days.astype("M8[Y]").astype(np.int64) + 1970
    year = np.where(days < first_days(year, start), year - 1, year)
    return (days - first_days(year, start)).astype(np.int16), year


def dates_of_days(
    day: npt.NDArray[np.integer[Any]], year: npt.NDArray[np.integer[Any]], start: str
) -> npt.NDArray[np.datetime64]:
    """Returns (N, T) dates of days of the season (N, T) that begin in these years (N,)."""
    return np.asarray(first_days(year, start)[:, None] + day.astype("m8[D]"))


def calendar_days(
    day: npt.NDArray[np.int16], year: npt.NDArray[np.integer[Any]], start: str
) -> npt.NDArray[np.int16]:
    """Returns (N, T) days of the calendar year, 0 = 1 January.

    Those of calendar years are returned as is.

    Example:
        >>> days = np.array([[0, 92, 365]], np.int16)
        >>> calendar_days(days, np.array([2019]), "10-01").tolist()
        [[273, 0, 273]]
    """
    if start == CALENDAR_YEAR:
        return day
    dates = dates_of_days(day, year, start)
    return np.asarray((dates - dates.astype("M8[Y]")).astype("m8[D]").astype(np.int16))


def start_within(dates: npt.NDArray[np.datetime64]) -> str | None:
    """Returns the first of the month of the earliest date.

    This holds where all dates lie within a year from it on.

    Example:
        >>> start_within(np.array(["2017-11-17", "2018-05-11"], "M8[D]"))
        '11-01'
        >>> start_within(np.array(["2017-11-17", "2018-11-18"], "M8[D]")) is None
        True
    """
    start = str(dates.min().astype("M8[M]").astype("M8[D]"))[5:]
    return start if len(set(days_of_season(dates, start)[1].tolist())) == 1 else None
