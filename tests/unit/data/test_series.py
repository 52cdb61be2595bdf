"""Series: what is refused at the door, and what selecting, padding and joining keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from windrow.data.legend import Legend
from windrow.data.series import PER_SERIES, Series, concatenate, pad_dates
from windrow.errors import BandError, DataError

Make = Callable[..., Series]

OPTIONAL = {
    "cloud_probability": None,
    "longitude": None,
    "latitude": None,
    "planetscope": None,
    "planetscope_day": None,
    "label": None,
    "legend": None,
    "truth": {},
}


def assert_same(first: Series, second: Series) -> None:
    for item in fields(Series):
        a, b = getattr(first, item.name), getattr(second, item.name)
        if isinstance(a, np.ndarray):
            assert a.dtype.kind == b.dtype.kind, item.name
            np.testing.assert_array_equal(a, b, err_msg=item.name)
        elif item.name == "truth":
            assert a.keys() == b.keys()
            for name in a:
                np.testing.assert_array_equal(a[name], b[name], err_msg=name)
        else:
            assert a == b, item.name


def test_the_least_that_a_series_needs(build_series: Make) -> None:
    series = build_series(**OPTIONAL)
    assert len(series) == 5
    assert series.num_dates == 6


def test_no_series_and_no_dates_are_allowed(build_series: Make) -> None:
    assert len(build_series().select(slice(0, 0))) == 0
    assert build_series(num_dates=0).num_dates == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reflectance": np.zeros((5, 6, 3))}, "reflectance has the wrong type; found float64"),
        (
            {"reflectance": np.zeros((5, 6, 4), np.int16)},
            r"reflectance has the wrong shape; found \(5, 6, 4\); expected \(any, any, 3\)",
        ),
        ({"valid": np.ones((5, 6), np.int8)}, "valid has the wrong type; found int8"),
        ({"day_of_year": np.zeros((5, 7), np.int16)}, "day_of_year has the wrong shape"),
        ({"cloud_probability": np.zeros((5, 6))}, "cloud_probability has the wrong type"),
        ({"processing_level": "L3"}, "unknown processing level; found L3; expected L1C or L2A"),
        ({"id": np.arange(5.0)}, "id must be one whole number or text per series; found float64"),
        ({"id": np.array([1, 2, 3, 3, 4])}, "a series id occurs twice; found 3"),
        ({"id": np.array(list("abcda"))}, "a series id occurs twice; found a"),
        ({"field_id": np.arange(4)}, r"field_id must be .*; found int64 \(4,\)"),
        ({"year": np.full(5, 2018)}, "year has the wrong type; found int64; expected int16"),
        ({"longitude": np.zeros(5, np.float32)}, "longitude has the wrong type"),
        ({"planetscope_day": None}, "planetscope and planetscope_day must be given together"),
        ({"planetscope": np.zeros((5, 4, 4), np.int16)}, "planetscope has the wrong shape"),
        (
            {"planetscope_day": np.array([0, 5, 5, 6], np.int16)},
            r"planetscope_day must increase within 0\.\.365",
        ),
        ({"planetscope_day": np.array([0, 1, 2, 366], np.int16)}, "must increase within"),
        ({"legend": None}, "label and legend must be given together"),
        (
            {"label": np.array([0, 1, 2, 0, 0], np.int16)},
            r"a label is not in the legend; found 2; expected -1 \(unlabelled\) to 1",
        ),
        ({"label": np.array([0, -2, 1, 0, 0], np.int16)}, "found -2"),
        ({"truth": {"crop": np.zeros(4)}}, "truth 'crop' has 4 rows; expected 5, one per series"),
    ],
)
def test_refused(build_series: Make, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        build_series(**changes)


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        (("B02", "B02", "B03"), "band B02 is given twice"),
        (("B02", "B03", "X"), "unknown Sentinel-2 band 'X'"),
        (("B02", "B03", "B10"), "cirrus band B10"),
        (("B2", "B03", "B8A"), "band names are not canonical; found B2 B03 B8A"),
    ],
)
def test_bad_bands(build_series: Make, bands: tuple[str, ...], message: str) -> None:
    with pytest.raises(BandError, match=message):
        build_series(bands=bands)


@pytest.mark.parametrize("day", [-1, 366, 20000])
def test_days_out_of_range(build_series: Make, day: int) -> None:
    days = np.tile(np.arange(6, dtype=np.int16), (5, 1))
    days[3, 0 if day < 0 else 5] = day
    valid = np.ones((5, 6), dtype=bool)
    expected = rf"a day of year is out of range; in series 13; found {day}; expected 0"
    with pytest.raises(DataError, match=expected):
        build_series(day_of_year=days, valid=valid)
    valid[3, [0, 5]] = False  # what is invalid means nothing
    assert build_series(day_of_year=days, valid=valid).day_of_year[3].tolist() == days[3].tolist()


def test_unsorted_dates(build_series: Make) -> None:
    days = np.tile(np.array([1, 5, 5, 9, 12, 20], dtype=np.int16), (5, 1))
    valid = np.ones((5, 6), dtype=bool)
    build_series(day_of_year=days, valid=valid)  # two overpasses of one day
    days[2, 4] = 4
    with pytest.raises(DataError, match="dates are not sorted; in series 12; to mend it: sort"):
        build_series(day_of_year=days, valid=valid)
    valid[2, 4] = False  # padding may stand anywhere
    build_series(day_of_year=days, valid=valid)
    valid[2, 3] = False
    days[2, 5] = 4  # 1 5 5 . . 4: unsorted across the gap
    with pytest.raises(DataError, match="dates are not sorted"):
        build_series(day_of_year=days, valid=valid)


def test_select_takes_every_array_along(build_series: Make) -> None:
    series = build_series()
    for index in (np.array([3, 0]), np.array([False, True, True, False, False]), slice(1, 4)):
        part = series.select(index)
        for name in PER_SERIES:
            np.testing.assert_array_equal(getattr(part, name), getattr(series, name)[index])
        for name, values in series.truth.items():
            np.testing.assert_array_equal(part.truth[name], values[index])
        assert part.planetscope_day is series.planetscope_day
        assert (part.legend, part.simulated) == (series.legend, True)


def test_with_bands_keeps_the_meaning(build_series: Make) -> None:
    series = build_series()
    part = series.with_bands(["B8A", "b2"])
    assert part.bands == ("B8A", "B02")
    np.testing.assert_array_equal(part.reflectance[..., 0], series.reflectance[..., 2])
    np.testing.assert_array_equal(part.reflectance[..., 1], series.reflectance[..., 0])
    assert series.with_bands(["B02", "B03", "B8A"]) is series
    with pytest.raises(BandError, match=r"the series lack band B11 B12; found B02 B03 B8A;"):
        series.with_bands(["B02", "B11", "B12"])
    with pytest.raises(BandError, match="given twice"):
        series.with_bands(["B02", "B2"])


def test_padding_is_invalid_not_zero_reflectance(build_series: Make) -> None:
    series = build_series()
    longer = pad_dates(series, 9)
    assert longer.num_dates == 9
    assert not longer.valid[:, 6:].any()
    np.testing.assert_array_equal(longer.reflectance[:, :6], series.reflectance)
    assert pad_dates(series, 6) is series
    with pytest.raises(DataError, match="6 dates do not fit into 5"):
        pad_dates(series, 5)


def test_concatenate_is_the_inverse_of_select(build_series: Make) -> None:
    series = build_series(num_series=7)
    parts = [series.select(slice(0, 3)), series.select(slice(3, 3)), series.select(slice(3, 7))]
    assert_same(concatenate(parts), series)
    assert_same(concatenate([series]), series)


def test_concatenate_pads_the_shorter(build_series: Make) -> None:
    first = build_series(num_dates=3)
    second = build_series(num_dates=6, id=np.arange(100, 105))
    both = concatenate([first, second])
    assert both.valid.shape == (10, 6)
    assert not both.valid[:5, 3:].any()
    np.testing.assert_array_equal(both.valid[5:], second.valid)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bands": ("B02", "B03", "B04")}, "parts differ in bands"),
        ({"processing_level": "L1C"}, "parts differ in processing_level; found L1C and L2A"),
        ({"simulated": False}, "parts differ in simulated"),
        ({"legend": Legend(("a", "b"), ("1", "2"))}, "parts differ in legend"),
        ({"cloud_probability": None}, "parts differ in which arrays they have"),
        ({"planetscope_day": np.array([0, 5, 100, 364], np.int16)}, "in their PlanetScope days"),
        ({"truth": {}}, "parts differ in their truth"),
        (
            {"id": np.array(list("abcde"))},
            "parts differ in the type of id; found text and whole numbers",
        ),
        ({"field_id": np.arange(5)}, "parts differ in the type of field_id"),
        ({"id": np.array([14, 100, 101, 102, 103])}, "a series id occurs twice; found 14"),
    ],
)
def test_parts_that_do_not_go_together(
    build_series: Make, changes: dict[str, Any], message: str
) -> None:
    other = {"id": np.arange(100, 105)} | changes
    with pytest.raises(DataError, match=message):
        concatenate([build_series(), build_series(**other)])


def test_nothing_to_concatenate() -> None:
    with pytest.raises(DataError, match="nothing to concatenate; expected at least one part"):
        concatenate([])


def test_text_ids_of_any_length_go_together(build_series: Make) -> None:
    first = build_series(id=np.array(list("abcde")))
    second = build_series(id=np.array([f"a longer name {i}" for i in range(5)]))
    both = concatenate([first, second])
    assert both.id.tolist() == first.id.tolist() + second.id.tolist()
