"""The offset of baseline 04.00: from values, from metadata, or asked for."""

from __future__ import annotations

import numpy as np
import pytest

from windrow.errors import DataError, SettingsError
from windrow.sources.reader import ReadingSummary
from windrow.sources.values.baseline_offset import (
    given_offset,
    offset_from_values,
    offset_of_baseline,
)

DATES = np.array(["2022-01-20", "2022-02-01", "2022-06-01"], dtype="M8[D]")


def test_values_of_clear_land_tell() -> None:
    report = ReadingSummary("x")
    shifted = offset_from_values(np.array([300.0, 1250.0, 1300.0]), DATES, where="x", report=report)
    assert shifted.of_dates(DATES).tolist() == [0, -1000, -1000]
    assert shifted.how == "-1000, detected: the darkest values since 2022-01-25 are 1250"
    plain = offset_from_values(np.array([300.0, 250.0, 9000.0]), DATES, where="x", report=report)
    assert plain.of_dates(DATES).tolist() == [0, 0, 0]
    assert "already taken off" in plain.how
    assert report.facts == {}


def test_only_clouds_are_asked_about() -> None:
    with pytest.raises(DataError, match=r"not clear; in f\.csv; found 4000 .*--baseline-offset"):
        offset_from_values(
            np.array([300.0, 4000.0, 5000.0]), DATES, where="f.csv", report=ReadingSummary("x")
        )


def test_reprocessed_dates_before_2022_are_doubted() -> None:
    report = ReadingSummary("x")
    early = np.array(["2018-05-01", "2018-06-01"], dtype="M8[D]")
    offset = offset_from_values(np.array([1100.0, 1400.0]), early, where="x", report=report)
    assert offset.of_dates(early).tolist() == [0, 0]
    assert "--baseline-offset -1000" in report.facts["baseline_doubt"]


def test_a_given_offset() -> None:
    assert given_offset(-1000, DATES).of_dates(DATES).tolist() == [0, -1000, -1000]
    assert given_offset(-1000, DATES[:1]).of_dates(DATES[:1]).tolist() == [-1000]
    assert given_offset(0, DATES).of_dates(DATES).tolist() == [0, 0, 0]
    with pytest.raises(SettingsError, match="unknown --baseline-offset; found 1000"):
        given_offset(1000, DATES)


@pytest.mark.parametrize(
    ("baseline", "offset"),
    [("02.14", 0), ("03.01", 0), ("04.00", -1000), (5.09, -1000), ("N0301", 0), ("N0510", -1000)],
)
def test_baselines(baseline: str | float, offset: int) -> None:
    assert offset_of_baseline(baseline) == offset


def test_an_unknown_baseline() -> None:
    with pytest.raises(DataError, match="unknown processing baseline; found NEW"):
        offset_of_baseline("new")
