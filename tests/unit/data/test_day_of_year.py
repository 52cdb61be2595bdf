"""Days of year and months against Python's own calendar."""

import subprocess
import sys
from calendar import isleap
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from windrow.data.day_of_year import (
    COMMON_YEAR_DAYS,
    MAX_DAYS,
    MONTH_STARTS,
    days_of_year,
    is_leap,
    month_of_day,
)


def _days(year):
    """All days of a year, as Python counts them."""
    length = (date(year + 1, 1, 1) - date(year, 1, 1)).days
    return [date(year, 1, 1) + timedelta(days=day) for day in range(length)]


@pytest.mark.parametrize("year", [1900, 2000, 2018, 2020])
def test_months_are_the_calendars(year):
    days = _days(year)
    expected = [day.month - 1 for day in days]
    assert month_of_day(np.arange(len(days))[None], np.array([year])).tolist() == [expected]
    assert month_of_day(np.arange(len(days)), year).tolist() == expected


def test_padding_beyond_the_year_counts_as_its_last_or_first_month():
    assert month_of_day(np.array([-1, 365, 4000]), 2018).tolist() == [0, 11, 11]


def test_leap_years_are_the_gregorian_ones():
    years = np.arange(1890, 2110)
    assert is_leap(years).tolist() == [isleap(year) for year in years.tolist()]


def test_month_starts_are_the_first_days_of_a_common_year():
    first = [date(2018, month, 1).timetuple().tm_yday - 1 for month in range(1, 13)]
    assert list(MONTH_STARTS) == first
    assert (len(_days(2018)), len(_days(2020))) == (COMMON_YEAR_DAYS, MAX_DAYS)


@pytest.mark.parametrize("unit", ["D", "s", "ns"])
@pytest.mark.parametrize("year", [2018, 2020])
def test_days_of_year_of_whole_years_whatever_the_unit(year, unit):
    days = np.array(_days(year), dtype="datetime64[D]") + np.timedelta64(23, "h")
    assert days_of_year(days.astype(f"datetime64[{unit}]")).tolist() == list(range(len(days)))


def test_days_of_year_of_pythons_dates():
    dates = [datetime(2018, 1, 1, 23, 59), datetime(2019, 12, 31, 10, 30)]
    assert days_of_year(dates).tolist() == [0, 364]
    assert days_of_year(dates).dtype == np.int16


def test_the_calendar_needs_numpy_alone():
    code = "import sys, windrow.data.day_of_year; "
    code += "assert not {'torch', 'pandas', 'zarr'} & set(sys.modules), sorted(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
