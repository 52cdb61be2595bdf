"""Series as tables and datasets, and how they are written in short and cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from series_factory import make_series
from windrow.data.legend import Legend
from windrow.data.series import NO_DATA, Series
from windrow.errors import DataError
from windrow.sources.open_any import open_series
from windrow.sources.reader import TableOptions
from windrow.sources.tables.series import read_table

Make = Callable[..., Series]


def test_the_repr_is_one_line() -> None:
    series = make_series(12)
    assert repr(series) == (
        "Series(12 series, 6 fields, 24 dates, 12 bands, L2A, 2018, with PlanetScope, simulated)"
    )
    years = np.where(np.arange(12) < 5, 2019, 2021).astype(np.int16)
    real = replace(series, year=years, planetscope=None, planetscope_day=None, simulated=False)
    assert repr(real) == "Series(12 series, 6 fields, 24 dates, 12 bands, L2A, 2019-2021)"
    assert repr(real[:0]) == "Series(0 series, 0 fields, 24 dates, 12 bands, L2A)"


def test_indexing_chooses_series_in_order(build_series: Make) -> None:
    series = build_series(8)
    assert series[3:6].id.tolist() == series.id[3:6].tolist()
    assert series[2].id.tolist() == [series.id[2]]
    assert series[-1].id.tolist() == [series.id[7]]
    assert series[np.int64(2)].reflectance.shape == (1, 6, 3)
    assert series[[5, 1, -1]].id.tolist() == series.id[[5, 1, 7]].tolist()
    mask = series.label == 0
    assert series[mask].id.tolist() == series.id[mask].tolist()
    assert series[mask.tolist()].id.tolist() == series.id[mask].tolist()
    assert len(series[[]]) == 0
    assert len(series[np.zeros(8, dtype=bool)]) == 0
    assert [part.id[0] for part in series] == series.id.tolist()
    np.testing.assert_array_equal(series[4:].truth["crop"], series.truth["crop"][4:])


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (
            np.ones(7, dtype=bool),
            r"this index selects no series; found ndarray of bool, shape \(7,\)",
        ),
        ([0.5], r"this index selects no series; found list of float64"),
        ("3", r"expected a position, a slice, positions, or a mask of shape \(8,\)"),
        (True, "this index selects no series; found bool"),
        (None, "this index selects no series"),
        ([[1, 2]], "this index selects no series"),
        ([8], "a position is out of range; found 8; expected 0 to 7"),
        ([-9, 2], "a position is out of range; found -9; expected 0 to 7"),
        ([1, 1], "a series id occurs twice"),
    ],
)
def test_what_chooses_no_series_is_refused(build_series: Make, index: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        build_series(8)[index]  # type: ignore[index]


def test_a_single_position_beyond_the_end_is_an_index_error(build_series: Make) -> None:
    with pytest.raises(IndexError, match="no series 8, there are 8"):
        build_series(8)[8]


def test_the_table_has_a_row_a_valid_date() -> None:
    legend = Legend(names=("Wheat", "Rye"), codes=("1", "2"))
    series = replace(
        make_series(4, planetscope=False),
        label=np.array([1, -1, 0, 0], dtype=np.int16),
        legend=legend,
        longitude=np.array([1.0, 2.0, 3.0, 4.0]),
        latitude=np.full(4, 50.0),
    )
    table = series.to_frame()
    names = ["id", "field_id", "date", *series.bands, "clp", "longitude", "latitude", "label"]
    assert list(table.columns) == names
    assert len(table) == series.valid.sum()
    row, step = (each[5] for each in np.nonzero(series.valid))
    first = table.iloc[5]
    assert first["date"] == pd.Timestamp(2018, 1, 1) + pd.Timedelta(
        days=int(series.day_of_year[row, step])
    )
    assert first["B04"] == series.reflectance[row, step, 3] / 10_000
    assert table.groupby("id")["label"].first().tolist() == ["Rye", "", "Wheat", "Wheat"]


@pytest.mark.parametrize("written", ["frame", "parquet", "csv"])
def test_the_table_reader_reads_back_what_was_written(tmp_path, written: str) -> None:
    series = make_series(9, planetscope=False, bands=("B02", "B04", "B08", "B8A", "B11"))
    places = np.linspace(10.0, 12.0, 9)
    series = replace(series, longitude=places, latitude=places + 40, simulated=False)
    table = series.to_frame()
    if written == "frame":
        found = open_series(table)
    elif written == "parquet":
        table.to_parquet(tmp_path / "t.parquet")
        found = open_series(tmp_path / "t.parquet")
    else:
        table.to_csv(tmp_path / "t.csv", index=False)
        found = open_series(tmp_path / "t.csv")
    for name in ("id", "field_id", "year", "bands", "processing_level", "longitude", "latitude"):
        np.testing.assert_array_equal(getattr(found, name), getattr(series, name), err_msg=name)
    np.testing.assert_array_equal(found.valid.sum(axis=1), series.valid.sum(axis=1))
    for name in ("reflectance", "day_of_year", "cloud_probability"):
        # Padding stands elsewhere; the valid dates come in the same order.
        np.testing.assert_array_equal(
            getattr(found, name)[found.valid], getattr(series, name)[series.valid], err_msg=name
        )


def test_a_table_in_memory_is_left_as_it_was() -> None:
    table = make_series(3, planetscope=False).to_frame().set_index(["id", "date"])
    before = table.copy()
    reading = read_table(table, TableOptions(sort_dates=True))
    assert len(reading.series) == 3
    assert reading.summary.source == "the table"
    pd.testing.assert_frame_equal(table, before)


def test_the_dataset_is_labelled(build_series: Make) -> None:
    pytest.importorskip("xarray", reason="xarray is not installed")
    series = build_series(5)
    data = series.to_xarray()
    assert dict(data.sizes) == {
        "series": 5,
        "date": 6,
        "band": 3,
        "planetscope_day": 4,
        "planetscope_band": 4,
        "pixel": 9,
    }
    assert data.attrs == {"processing_level": "L2A", "simulated": 1}
    values = data["reflectance"].sel(band="B8A").to_numpy()
    assert np.isnan(values[~series.valid]).all()
    np.testing.assert_array_equal(
        values[series.valid], series.reflectance[..., 2][series.valid] / 10_000
    )
    days = data["time"].dt.dayofyear.to_numpy()[series.valid] - 1
    np.testing.assert_array_equal(days, series.day_of_year[series.valid])
    assert data["label"].to_numpy().tolist() == [
        series.legend.names[each] if each >= 0 else "" for each in series.label
    ]
    blue = series.planetscope[:, :, 9:18] / 10_000
    np.testing.assert_array_equal(data["planetscope"].sel(planetscope_band="green"), blue)
    assert data["id"].to_numpy().tolist() == series.id.tolist()


def test_a_missing_planetscope_value_is_nan(build_series: Make) -> None:
    pytest.importorskip("xarray", reason="xarray is not installed")
    series = build_series(5)
    values = series.planetscope.copy()
    values[1, 2, 20] = NO_DATA
    data = replace(series, planetscope=values).to_xarray()["planetscope"].to_numpy()
    assert np.isnan(data).sum() == 1
    assert np.isnan(data[1, 2, 2, 2])
