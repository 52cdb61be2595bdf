"""Seasons over New Year: dates, leap days, stores, and what encoders and months see of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import windrow
from series_factory import make_series
from weights_factory import make_weights
from windrow.data.batches.pretraining import PretrainingData
from windrow.data.day_of_year import days_of_year, month_of_day
from windrow.data.normalization import Normalization
from windrow.data.season import calendar_days, dates_of_days, days_of_season, start_within
from windrow.data.series import Series, concatenate
from windrow.data.store.store import Store
from windrow.data.store.zarr_store import write_store
from windrow.errors import DataError, SettingsError, StoreError
from windrow.sources.tables.series import read_table

starts = st.dates().map(lambda day: f"{day:%m-%d}").filter(lambda start: start != "02-29")
days = st.integers(0, 35_000).map(lambda n: np.datetime64("2000-01-01", "D") + n)


@given(starts, st.lists(days, min_size=1, max_size=8))
def test_every_date_has_one_day_of_one_season(start: str, dates: list[np.datetime64]) -> None:
    array = np.array(dates, "M8[D]")
    day, year = days_of_season(array, start)
    assert ((day >= 0) & (day <= 365)).all()
    assert (dates_of_days(day[:, None], year, start)[:, 0] == array).all()
    found = calendar_days(day[:, None], year, start)[:, 0]
    assert found.tolist() == days_of_year(array).tolist()


@given(days, st.integers(0, 365))
def test_a_season_is_found_where_dates_lie_within_it(first: np.datetime64, later: int) -> None:
    dates = np.array([first, first + later], "M8[D]")
    begin = first.astype("M8[M]")
    after = (begin + 12).astype("M8[D]")
    expected = str(begin.astype("M8[D]"))[5:] if first + later < after else None
    assert start_within(dates) == expected


@pytest.mark.parametrize("start", ["02-29", "13-01", "10-1", "soon", "2018-10-01"])
def test_a_start_that_is_no_day_of_every_year(start: str) -> None:
    with pytest.raises(SettingsError, match=r"MM-DD, such as 10-01"):
        replace(make_series(2), season_start=start)


def rotated(series: Series, start: str = "10-01") -> Series:
    """The same observations on the same calendar days, in the twelve months from a day on."""
    year = np.where(series.day_of_year >= 273, 2017, 2018)
    first = (year - 1970).astype("M8[Y]").astype("M8[D]")
    day, began = days_of_season(first + series.day_of_year, start)
    assert set(began[series.valid].tolist()) == {2017}
    order = np.argsort(np.where(series.valid, day, 999), axis=1, kind="stable")

    def move(values: np.ndarray) -> np.ndarray:
        index = order if values.ndim == 2 else order[..., None]
        return np.take_along_axis(values, index, axis=1)

    valid, days_ = move(series.valid), move(day)
    clouds = series.cloud_probability
    return replace(
        series,
        reflectance=move(series.reflectance),
        day_of_year=np.where(valid, days_, 0).astype(np.int16),
        valid=valid,
        year=np.full(len(series), 2017, dtype=np.int16),
        cloud_probability=None if clouds is None else move(clouds),
        season_start=start,
    )


def test_weights_of_calendar_years_read_seasons(tmp_path: Path) -> None:
    """The same observations on the same days give the same representation, months too."""
    series = make_series(6, planetscope=False)
    season = rotated(series)
    encoder = windrow.load(make_weights(tmp_path / "run", series))
    for pool in ("mean", "month"):
        np.testing.assert_allclose(
            encoder.embed(season, pool=pool), encoder.embed(series, pool=pool), atol=2e-5
        )


def test_dates_and_months_are_those_of_the_calendar() -> None:
    series = make_series(4)
    season = rotated(replace(series, planetscope=None, planetscope_day=None))
    months = season.dates.astype("M8[M]").astype(int) % 12
    assert (season.month == months)[season.valid].all()
    assert (series.month == month_of_day(series.day_of_year, series.year)).all()
    assert series.calendar_day is series.day_of_year
    assert "from 10-01" in repr(season)
    with pytest.raises(DataError, match="parts differ in season_start"):
        concatenate([replace(series, planetscope=None, planetscope_day=None), season])


def test_targets_of_a_season_are_of_the_same_days() -> None:
    """PlanetScope's days count from the season's first day, as Sentinel-2's do."""
    series = make_series(4, padding=False)
    assert series.planetscope is not None
    season = rotated(replace(series, planetscope=None, planetscope_day=None))
    moved = np.roll(series.planetscope, 365 - 273, axis=1)
    season = replace(season, planetscope=moved, planetscope_day=series.planetscope_day)
    batches = []
    for one in (series, season):
        target = Normalization(np.zeros(4, np.float32), np.ones(4, np.float32))
        data = PretrainingData(
            one,
            normalization=Normalization.fit(one.reflectance, one.valid),
            target="planetscope",
            target_normalization=target,
            target_offsets=(0,),
        )
        batches.append(data.batch(torch.arange(len(one))))
    first, second = batches
    for row in range(4):
        for name in ("day_of_year", "month"):
            pairs = [
                sorted(
                    zip(
                        getattr(batch, name)[row].tolist(),
                        batch.target[row].flatten(1).tolist(),
                        strict=True,
                    )
                )
                for batch in (first, second)
            ]
            assert pairs[0] == pairs[1]


def test_a_store_keeps_the_season_and_calendar_years_are_as_before(tmp_path: Path) -> None:
    series = make_series(4, planetscope=False)
    season = rotated(series)
    write_store(tmp_path / "season", season, provenance={})
    write_store(tmp_path / "year", series, provenance={})
    store = Store(tmp_path / "season")
    assert store.attributes["season_start"] == "10-01"
    again = store.series()
    assert again.season_start == "10-01"
    assert (again.dates == season.dates).all()
    assert "season_start" not in Store(tmp_path / "year").attributes
    frame = again.to_frame()
    assert str(frame["date"].min())[:4] == "2017"
    read = read_table(frame).series
    assert set(read.year.tolist()) == {2017}
    assert (read.dates[read.valid] == again.dates[again.valid]).all()
    place = tmp_path / "season" / "zarr.json"
    place.write_text(place.read_text().replace('"10-01"', '"09-01"'))
    with pytest.raises(StoreError):
        Store(tmp_path / "season")
