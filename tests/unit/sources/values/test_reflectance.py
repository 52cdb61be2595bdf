"""Reflectance out of range: invalid and counted, and refused where there is too much of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from windrow.errors import DataError
from windrow.sources.reader import ReadingSummary
from windrow.sources.tables.series import read_table
from windrow.sources.values.reflectance import COUNT, RangeTally, in_range, to_integers


def test_the_limits() -> None:
    values = np.array([-9999, -2001, -2000, 0, 32_767, 32_768, 65_535])
    assert in_range(values).tolist() == [False, False, True, True, True, False, False]


@pytest.mark.parametrize(("num_out", "refused"), [(1, False), (2, True)])
def test_one_per_cent_is_the_most(num_out: int, refused: bool) -> None:
    summary = ReadingSummary("x")
    tally = RangeTally(summary)
    values = np.full((100, 2), 300)
    values[:num_out, 1] = -9999
    valid = tally.add(values, np.ones(100, dtype=np.bool_))
    assert valid.sum() == 100 - num_out
    assert summary.counts == {COUNT: num_out}
    if not refused:
        tally.refuse(where="f")
        return
    with pytest.raises(DataError, match=r"in f; found 2\.0% of 100 .* most often -9999; expected"):
        tally.refuse(where="f")


def test_no_data_is_not_counted() -> None:
    tally = RangeTally()
    valid = tally.add(np.array([[-9999], [300]]), np.array([False, True]))
    assert valid.tolist() == [False, True]
    assert (tally.num_known, tally.num_out) == (1, 0)


def test_the_message_is_in_the_units_of_the_file() -> None:
    tally = RangeTally()
    tally.add(np.array([[50_000]]), np.array([True]))
    with pytest.raises(DataError, match=r"most often 5; expected -0\.2 to 3\.2767"):
        tally.refuse(where="f", factor=10_000.0)


def test_bright_values_are_invalid_and_not_clipped() -> None:
    found = to_integers(np.array([[40_000, 300], [500, 300], [0, 0]]), "dn", where="x")
    assert found.valid.tolist() == [False, True, False]
    assert found.out_of_range.tolist() == [True, False, False]
    assert found.values.tolist() == [[0, 0], [500, 300], [0, 0]]
    assert found.most_often_outside == 40_000


def test_a_table_with_one_bright_date_in_two_hundred(tmp_path: Path) -> None:
    days = pd.date_range("2018-01-01", periods=200)
    frame = pd.DataFrame({"id": 1, "date": days, "B02": 500, "B8A": 3000})
    frame.loc[7, "B8A"] = 40_000
    frame.to_csv(tmp_path / "t.csv", index=False)
    reading = read_table(tmp_path / "t.csv")
    assert reading.series.valid.sum() == 199
    assert not reading.series.valid[0, 7]
    assert reading.summary.counts[COUNT] == 1
