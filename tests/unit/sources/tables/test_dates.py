"""Dates of tables and cubes: forms, units since 1970, time zones, and seasons over New Year."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cube_factory
from windrow.data.series import Series, concatenate
from windrow.errors import DataError, SettingsError
from windrow.sources.reader import IngestOptions, ReadingSummary, TableOptions
from windrow.sources.registry import recognise
from windrow.sources.tables.dates import FORMS, SINCE_1970, read_dates
from windrow.sources.tables.series import read_table

CASES = Path(__file__).resolve().parents[5] / "shared/cases"
ROOT = Path(__file__).resolve().parents[4]


def read(values: object, **options: object) -> tuple[list[str], str]:
    column = pd.Series(values, name="when")
    summary = ReadingSummary("table")
    found = read_dates(column, np.arange(len(column)), Path("t.csv"), summary=summary, **options)
    return [str(day) for day in found], summary.facts["date_format"]


moments = st.lists(
    st.datetimes(pd.Timestamp("2016-01-02"), pd.Timestamp("2090-12-30")).map(
        lambda moment: moment.replace(microsecond=0)
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None)
@given(moments, st.sampled_from(sorted(SINCE_1970)), st.booleans())
def test_numbers_since_1970(times: list[pd.Timestamp], unit: str, text: bool) -> None:
    """Seconds to nanoseconds are told apart by size; the time of day is cut off."""
    seconds = [int(pd.Timestamp(time).timestamp()) for time in times]
    values = [number * SINCE_1970[unit] for number in seconds]
    found, how = read([str(value) for value in values] if text else values)
    if "midnights" not in how:
        assert found == [f"{time:%Y-%m-%d}" for time in times]
    assert how.startswith(f"{unit} since 1970 (detected)")
    assert read(values, date_format="%s")[0] == found


ZONES = ("Europe/Berlin", "Africa/Nairobi", "Asia/Kolkata", "America/Chicago", "Asia/Tokyo")


@settings(deadline=None)
@given(
    st.lists(
        st.dates(date(2016, 1, 2), date(2030, 12, 30)),
        min_size=2,
        max_size=6,
        unique=True,
    ),
    st.sampled_from(ZONES),
    st.sampled_from(["zone", "text", "milliseconds"]),
)
def test_local_midnights_are_local_days(days: list[pd.Timestamp], zone: str, form: str) -> None:
    local = pd.DatetimeIndex(days).tz_localize(ZoneInfo(zone))
    values: object = local
    if form == "text":
        values = [moment.isoformat() for moment in local]
    elif form == "milliseconds":
        values = [int(moment.timestamp() * 1000) for moment in local]
    assert read(values)[0] == [str(day) for day in days]


def test_times_of_day_are_cut_off_in_utc() -> None:
    assert read(["2018-06-30T23:30:00-02:00", "2018-07-02T10:20:31-02:00"])[0] == [
        "2018-07-01",
        "2018-07-02",
    ]


def test_scenes_and_months() -> None:
    scenes = ["20180102T102031_20180102T102430_T32UQU_0001", "1_20180114T102031_x_T32UQU_0001"]
    assert read(scenes) == (["2018-01-02", "2018-01-14"], "scene (detected)")
    assert read([201805, 201806])[0] == ["2018-05-01", "2018-06-01"]
    assert read(["2018-05", "2018-06"])[0] == ["2018-05-01", "2018-06-01"]
    assert read([20180511.0, 20180521.0])[0] == ["2018-05-11", "2018-05-21"]


@pytest.mark.parametrize("date_format", ["%Q", "%", "%s%s%Q"])
def test_a_format_that_is_none_is_refused(date_format: str) -> None:
    with pytest.raises(SettingsError, match=r"--date-format is no format of dates"):
        read(["2018-05-01"], date_format=date_format)


def test_a_format_that_does_not_fit_names_the_value() -> None:
    with pytest.raises(DataError, match=r"found '2018-05-01'; expected %d.%m.%Y; .*--date-format"):
        read(["2018-05-01"], date_format="%d.%m.%Y")
    with pytest.raises(DataError, match="numbers that do not count from 1970"):
        read([20180501, 20180502], date_format="%s")
    with pytest.raises(DataError, match="a date cannot be read"):
        read(["2018-05-01", None])


def test_the_document_lists_the_forms() -> None:
    document = (ROOT / "docs" / "recognised.md").read_text(encoding="utf-8")
    assert "\n".join(f"| {name} | {text} |" for name, text in FORMS) in document


def table(first: str, number: int = 36, step: int = 10) -> pd.DataFrame:
    dates = pd.date_range(first, periods=number, freq=f"{step}D")
    values = np.linspace(400, 900, number).round()
    return pd.DataFrame({"field_id": 7, "date": dates, "B04": values, "B08": values * 3})


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1500))
def test_twelve_months_from_any_day_are_one_series(shift: int) -> None:
    frame = table(str(np.datetime64("2016-01-01") + shift))
    first, last = frame["date"].iloc[[0, -1]]
    crosses = pd.Timestamp(year=first.year + 1, month=first.month, day=1)
    if last >= crosses:  # from the first of the month on it is more than a year
        return
    series = read_table(frame).series
    assert len(series) == 1
    assert (series.dates[0] == frame["date"].to_numpy().astype("M8[D]")).all()
    assert (series.season_start == "01-01") == (first.year == last.year)
    given_ = read_table(frame, TableOptions(season_start=f"{first:%m}-01")).series
    assert (given_.dates == series.dates).all()


def test_several_seasons_of_one_field_are_chosen_by_year() -> None:
    frame = table("2016-10-05", number=73)
    with pytest.raises(DataError, match=r"--year.*--season-start MM-DD"):
        read_table(frame)
    options = TableOptions(season_start="10-01", year=2017)
    reading = read_table(frame, options)
    assert reading.series.year.tolist() == [2017]
    assert (reading.series.dates[reading.series.valid] >= np.datetime64("2017-10-01")).all()
    assert reading.summary.counts["dates_of_other_years_left_out"] == int(
        (frame["date"] < "2017-10-01").sum()
    )
    with pytest.raises(DataError, match="more than one season"):
        read_table(frame, TableOptions(season_start="10-01"))
    with pytest.raises(DataError, match="no date in the year"):
        read_table(frame, TableOptions(season_start="10-01", year=2030))


def cube(path: Path, days: tuple[str, ...], **options: object) -> Series:
    cube_factory.dataset(days=days).to_netcdf(path, engine="h5netcdf")
    reading = recognise(path).read(path, IngestOptions.model_validate(options))
    return concatenate(list(reading.parts))


def test_cubes_over_new_year(tmp_path: Path) -> None:
    pytest.importorskip("h5netcdf")
    days = ("2019-10-05", "2019-12-31", "2020-02-29", "2020-09-30")
    series = cube(tmp_path / "a.nc", days)
    assert series.season_start == "10-01"
    assert [str(day) for day in series.dates[0]] == list(days)
    assert series.day_of_year[0].tolist() == [4, 91, 151, 365]
    assert series.calendar_day[0].tolist() == [277, 364, 59, 273]
    chosen = cube(tmp_path / "b.nc", ("2018-05-01", *days[:3]), season_start="10-01", year=2019)
    assert [str(day) for day in chosen.dates[0]] == list(days[:3])
    with pytest.raises(DataError, match=r"--year, a season over New Year with --season-start"):
        cube(tmp_path / "c.nc", ("2018-05-01", *days[:3]))
    midnights = ("2018-04-30T22:00", "2018-05-10T22:00", "2018-12-01T23:00")
    local = cube(tmp_path / "d.nc", midnights)
    assert [str(day) for day in local.dates[0]] == ["2018-05-01", "2018-05-11", "2018-12-02"]


@pytest.mark.skipif(not CASES.is_dir(), reason="shared/cases is absent")
def test_cases_of_dates() -> None:
    case = CASES / "22-season-over-new-year"
    reading = read_table(case / "t_season.csv")
    assert reading.series.season_start == "09-01"
    assert reading.series.valid.any(axis=1).sum() == 12
    case = CASES / "23-earth-engine-time"
    by_date = [
        read_table(case / name, TableOptions(date_column=column)).series.dates
        for name, column in (
            ("t_gee_timestamp.csv", None),
            ("t_gee_millis.csv", None),
            ("t_gee_index.csv", "system:index"),
        )
    ]
    assert str(by_date[0].min()) == "2018-01-02"
    assert (by_date[0] == by_date[1]).all()
    assert (by_date[0] == by_date[2]).all()
