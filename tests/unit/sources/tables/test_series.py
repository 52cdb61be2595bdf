"""Field tables: what is recognised, what is counted, and the text of what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from windrow.errors import BandError, DataError
from windrow.sources.reader import TableOptions
from windrow.sources.tables.series import read_table


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "field_id": [7, 7, 7, 3, 3],
            "date": ["2018-01-01", "2018-06-30", "2018-12-31", "2018-02-01", "2018-02-11"],
            "B02": [500, 600, 700, 800, 900],
            "B8A": [3000, 3100, 3200, 3300, 3400],
            "cloud_fraction": [0.0, 0.5, 1.0, 0.25, 0.0],
        }
    )


Write = Callable[..., Path]


@pytest.fixture(params=["csv", "parquet"])
def write(tmp_path: Path, request: pytest.FixtureRequest) -> Write:
    def _write(frame: pd.DataFrame) -> Path:
        path = tmp_path / f"fields.{request.param}"
        if request.param == "csv":
            frame.to_csv(path, index=False)
        else:
            frame.to_parquet(path, index=False)
        return path

    return _write


def test_reads_every_value(frame: pd.DataFrame, write: Write) -> None:
    reading = read_table(write(frame))
    series = reading.series
    assert series.id.tolist() == [7, 3]
    assert series.id.dtype == np.int64
    assert series.field_id.tolist() == [7, 3]
    assert series.bands == ("B02", "B8A")
    assert series.processing_level == "L2A"
    assert series.year.tolist() == [2018, 2018]
    assert series.valid.tolist() == [[True, True, True], [True, True, False]]
    assert series.day_of_year[series.valid].tolist() == [0, 180, 364, 31, 41]
    assert series.reflectance[0].tolist() == [[500, 3000], [600, 3100], [700, 3200]]
    assert series.reflectance[1, :2].tolist() == [[800, 3300], [900, 3400]]
    assert series.cloud_probability is not None
    assert series.cloud_probability[series.valid].tolist() == [0, 128, 255, 64, 0]
    assert reading.summary.facts["scale"] == "dn (reflectance x 10,000, detected)"
    assert reading.summary.counts["observations"] == 5


@pytest.mark.parametrize("names", [("B2", "B8A"), ("b02", "b8a"), (" B02", "b8a ")])
def test_band_names_in_any_form(frame: pd.DataFrame, write: Write, names: tuple[str, str]) -> None:
    renamed = frame.rename(columns=dict(zip(("B02", "B8A"), names, strict=True)))
    assert read_table(write(renamed)).series.bands == ("B02", "B8A")


def test_reflectance_is_scaled(frame: pd.DataFrame, write: Write) -> None:
    frame[["B02", "B8A"]] = frame[["B02", "B8A"]] / 10_000
    reading = read_table(write(frame))
    assert reading.series.reflectance[0].tolist() == [[500, 3000], [600, 3100], [700, 3200]]
    assert reading.summary.facts["scale"] == "reflectance (0..1, detected)"


def test_text_ids_stay_text(frame: pd.DataFrame, write: Write) -> None:
    frame["field_id"] = ["007", "007", "007", "03", "03"]
    assert read_table(write(frame)).series.id.tolist() == ["007", "03"]


def test_pixels_of_fields(frame: pd.DataFrame, write: Write) -> None:
    frame["pixel_id"] = ["a", "a", "a", "b", "b"]
    series = read_table(write(frame)).series
    assert series.id.tolist() == ["a", "b"]
    assert series.field_id.tolist() == [7, 3]
    frame.loc[1, "field_id"] = 9
    with pytest.raises(DataError, match=r"a series lies in two fields; in .*pixel_id a"):
        read_table(write(frame))


def test_b10_is_dropped_and_said(frame: pd.DataFrame, write: Write) -> None:
    frame["B10"] = 12
    reading = read_table(write(frame))
    assert reading.series.bands == ("B02", "B8A")
    assert reading.series.processing_level == "L1C"
    assert "dropped bands: B10 (cirrus), which is no input" in reading.summary.lines()


def test_empty_band_makes_the_date_invalid(frame: pd.DataFrame, write: Write) -> None:
    frame["B02"] = [500.0, np.nan, 700, 800, 900]
    frame.loc[4, ["B02", "B8A"]] = 0
    reading = read_table(write(frame))
    assert reading.series.valid.tolist() == [[True, False, True], [True, False, False]]
    assert reading.summary.counts["dates_with_an_empty_band_made_invalid"] == 1
    assert reading.summary.counts["dates_with_0_in_every_band_made_invalid"] == 1
    assert "1 dates with an empty band made invalid" in reading.summary.lines()


def test_interleaved_series_keep_their_order(frame: pd.DataFrame, write: Write) -> None:
    mixed = frame.iloc[[3, 0, 1, 4, 2]]
    series = read_table(write(mixed)).series
    assert series.id.tolist() == [3, 7]
    assert series.day_of_year[1].tolist() == [0, 180, 364]


def test_sorting_on_demand(frame: pd.DataFrame, write: Write) -> None:
    path = write(frame.iloc[[1, 0, 2, 3, 4]])
    with pytest.raises(DataError, match=r"dates are not sorted; in .*field_id 7; .*--sort-dates"):
        read_table(path)
    reading = read_table(path, TableOptions(sort_dates=True))
    assert reading.series.reflectance[0, :, 0].tolist() == [500, 600, 700]
    assert reading.summary.counts["series_sorted"] == 1


def test_coordinates(frame: pd.DataFrame, write: Write) -> None:
    frame["lon"], frame["Latitude"] = 11.5, 48.1
    series = read_table(write(frame)).series
    assert series.longitude is not None
    assert series.latitude is not None
    assert series.longitude.tolist() == [11.5, 11.5]
    assert series.latitude.tolist() == [48.1, 48.1]
    frame["lon"] = 4_468_000.0
    with pytest.raises(DataError, match="a coordinate is out of range"):
        read_table(write(frame))


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("clp", [0, 1, 255, 128, 0], [0, 1, 255, 128, 0]),
        ("cloud_probability", [0, 1, 255, 128, 0], [0, 1, 255, 128, 0]),
        ("cloud_probability", [0, 0.5, 1, 0.25, 0], [0, 128, 255, 64, 0]),
        ("cloud_fraction", [0, None, 1, 0.25, 0], [0, 255, 255, 64, 0]),
    ],
)
def test_cloud_columns(
    frame: pd.DataFrame, write: Write, name: str, values: list[Any], expected: list[int]
) -> None:
    frame = frame.drop(columns="cloud_fraction")
    frame[name] = values
    series = read_table(write(frame)).series
    assert series.cloud_probability is not None
    assert series.cloud_probability[series.valid].tolist() == expected


@pytest.mark.parametrize(
    ("date", "day"),
    [
        ("2020-12-31", 365),
        ("20200101", 0),
        ("2020-03-01T10:20:30", 60),
        ("2020-01-01T00:30:00+00:00", 0),
    ],
)
def test_forms_of_dates(frame: pd.DataFrame, write: Write, date: str, day: int) -> None:
    one = frame.iloc[:1].assign(date=date)
    assert read_table(write(one)).series.day_of_year[0, 0] == day


def _set(column: str, value: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.assign(**{column: value})


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        (lambda f: f.iloc[:0], DataError, "the table is empty"),
        (lambda f: f.drop(columns="date"), DataError, r"no dates; .*--date-column"),
        (_set("date", None), DataError, "no dates; in .*only empty cells"),
        (lambda f: f.drop(columns="field_id"), DataError, r"no id column; .*--id-column"),
        (lambda f: f.drop(columns=["B02", "B8A"]), DataError, "the table has no band"),
        (_set("B13", 1), BandError, "B13 is no name of Sentinel-2; .*--bands B02=B02"),
        (_set("B2", 1), BandError, "band B02 stands twice; .*found B02 and B2"),
        (_set("date", "soon"), DataError, r"a date cannot be read; .*id 7; found 'soon'"),
        (_set("date", "1970-01-01"), DataError, "a date is out of range; .*id 7"),
        (
            _set("date", ["2018-01-01", "2019-01-02", "2019-01-03", "2018-02-01", "2018-02-02"]),
            DataError,
            "span more than one calendar year; .*field_id 7; found 2018 and 2019",
        ),
        (_set("B02", np.nan), DataError, "every date has an empty band"),
        (
            _set("B02", [1.0, 2.0, 3.0, np.nan, np.nan]),
            DataError,
            "1 of 2 series have no usable date; .*id 3",
        ),
        (_set("B02", "bright"), DataError, "column 'B02' is not numeric; .*row 1; found 'bright'"),
        (_set("B02", [500, 600, 700, 800, 40_000]), DataError, "out of range, .*40000"),
        (_set("B02", -9999), DataError, "out of range, so the scale is wrong; .*most often -9999"),
        (_set("B02", np.inf), DataError, "every reflectance is infinite"),
        (
            lambda f: f.assign(B02=[0.05, 600, 700, 800, 900], B8A=[0.3, 1000, 1, 1, 1]),
            DataError,
            "the scale of reflectance is mixed; .*ids 7 and 7; found 1 dates in 0..1 and 4",
        ),
        (
            lambda f: f.assign(B02=[4.0, 5, 6, 7, 8], B8A=[30.0, 31, 32, 33, 34]),
            DataError,
            "the scale of reflectance is impossible; .*found 30 as",
        ),
        (_set("cloud_fraction", 7.0), DataError, "a cloud value is out of range; .*found 7 to 7"),
    ],
)
def test_bad_tables(
    frame: pd.DataFrame,
    write: Write,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    kind: type[Exception],
    text: str,
) -> None:
    with pytest.raises(kind, match=text):
        read_table(write(change(frame)))


def test_wrong_scale_given(frame: pd.DataFrame, write: Write) -> None:
    with pytest.raises(DataError, match="the values do not fit the scale 'reflectance'"):
        read_table(write(frame), TableOptions(scale="reflectance"))


def test_column_that_stands_twice(tmp_path: Path) -> None:
    path = tmp_path / "fields.csv"
    path.write_text("id,date,B02,B02\n1,2018-01-01,500,600\n")
    with pytest.raises(BandError, match="column 'b02' stands twice"):
        read_table(path)


def test_semicolons(tmp_path: Path) -> None:
    path = tmp_path / "fields.csv"
    path.write_text("id;date;B02\n1;2018-01-01;500\n")
    assert read_table(path).series.reflectance.tolist() == [[[500]]]


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("fields.csv", b"", "the table is empty"),
        ("fields.csv", b"\xff\xfe\x00", "the table cannot be read"),
        ("fields.parquet", b"PAR1 no more", "the table cannot be read"),
        ("fields.xlsx", b"", "unknown kind of table"),
    ],
)
def test_broken_files(tmp_path: Path, name: str, content: bytes, text: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=text):
        read_table(tmp_path / name)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such table"):
        read_table(tmp_path / "nothing.csv")
