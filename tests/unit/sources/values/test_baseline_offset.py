"""The offset of baseline 04.00: from values, from metadata, as given, or asked for."""

from __future__ import annotations

import numpy as np
import pytest

from windrow.errors import DataError, SettingsError
from windrow.sources.reader import BaselineOffset, ReadingSummary
from windrow.sources.values.baseline_offset import (
    Dates,
    decide_offsets,
    nearest_offsets,
    offset_of_baseline,
)
from windrow.sources.values.offset_in_values import Observations

LATE = np.array(["2022-02-01", "2022-06-01", "2022-09-01"], dtype="M8[D]")
EARLY = np.array(["2018-05-01", "2018-06-01", "2018-09-01"], dtype="M8[D]")
BANDS = ("B02", "B04", "B08", "B11")
GREEN = np.array([350.0, 400.0, 3500.0, 1800.0])
BRIGHT_SOIL = np.array([1100.0, 1500.0, 2100.0, 3300.0])
OVERCAST = np.array([5000.0, 5200.0, 5600.0, 4000.0])


def observed(*of_dates: np.ndarray, clear: bool = True) -> Observations:
    """Six fields that differ by a few digital numbers, at each date; clouds known or not."""
    values = np.concatenate([row + 7.0 * np.arange(6)[:, None] for row in of_dates])
    date, series = np.divmod(np.arange(len(values)), 6)
    known = values.min(axis=1) < 3000 if clear else None
    return Observations(values, date, series, BANDS, known)


def decide(
    observations: Observations,
    days: np.ndarray,
    declared: list[float] | None = None,
    given: BaselineOffset | None = None,
) -> tuple[list[int], dict[str, str]]:
    summary = ReadingSummary("x")
    dates = Dates.without_metadata(days)
    if declared is not None:
        dates = Dates(days, np.array(declared))
    found = decide_offsets(observations, dates, given=given, where="f", summary=summary)
    return found.tolist(), summary.facts


@pytest.mark.parametrize("days", [LATE, EARLY])
def test_green_land_without_dark_values_holds_the_offset(days: np.ndarray) -> None:
    added, facts = decide(observed(GREEN + 1000, GREEN + 1000, GREEN + 1000), days)
    assert added == [-1000, -1000, -1000]
    assert facts["baseline_offset"] == (
        "-1000 on all 3 dates, detected: the darkest values there are 1350"
    )


@pytest.mark.parametrize("days", [LATE, EARLY])
def test_dark_values_do_not(days: np.ndarray) -> None:
    added, facts = decide(observed(GREEN, OVERCAST, GREEN), days)
    assert added == [0, 0, 0]
    assert facts["baseline_offset"].startswith("none, ")


def test_bright_soil_alone_is_no_offset() -> None:
    soil = observed(BRIGHT_SOIL, BRIGHT_SOIL, BRIGHT_SOIL)
    added, facts = decide(soil, EARLY)
    assert added == [0, 0, 0]
    assert "which bright soil or clouds explain" in facts["baseline_doubt"]
    with pytest.raises(DataError, match=r"not clear; in f; found 1100 .*--baseline-offset"):
        decide(soil, LATE)


def test_only_clouds_are_asked_about() -> None:
    with pytest.raises(DataError, match=r"not clear; in f; found 4000 .*--baseline-offset"):
        decide(observed(OVERCAST, OVERCAST, OVERCAST), LATE)


def test_dates_are_decided_one_by_one() -> None:
    added, facts = decide(observed(GREEN, GREEN + 1000, GREEN + 50), LATE)
    assert added == [0, -1000, 0]
    assert facts["baseline_offset"].startswith(
        "-1000 on 1 date (2022-06-01), 0 on 2 dates (2022-02-01 to 2022-09-01), detected"
    )


def test_haze_brightens_the_visible_bands_alone() -> None:
    haze = GREEN + np.array([1200.0, 900.0, 50.0, 150.0])
    assert decide(observed(GREEN, haze, GREEN, clear=False), LATE)[0] == [0, 0, 0]


def test_metadata_decide_where_the_values_agree() -> None:
    added, facts = decide(observed(GREEN + 1000, GREEN, OVERCAST), LATE, [-1000, 0, -1000])
    assert added == [-1000, 0, -1000]
    assert facts["baseline_offset"] == (
        "-1000 on 2 dates (2022-02-01 to 2022-09-01), 0 on 1 date (2022-06-01), from metadata"
    )


def test_metadata_and_values_that_contradict_each_other_are_asked_about() -> None:
    taken_off = observed(GREEN, GREEN, OVERCAST)
    with pytest.raises(
        DataError,
        match=r"contradict .*found 2 dates .*350 as darkest .*taken off already.*--baseline-offset",
    ):
        decide(taken_off, LATE, [-1000, -1000, -1000])
    assert decide(taken_off, LATE, [-1000] * 3, "values")[0] == [0, 0, 0]
    assert decide(taken_off, LATE, [-1000] * 3, "metadata")[0] == [-1000] * 3
    assert decide(taken_off, LATE, [-1000] * 3, 0)[0] == [0, 0, 0]
    held = observed(GREEN + 1000, GREEN + 1000, GREEN + 1000)
    with pytest.raises(DataError, match=r"contradict .*found 3 dates .*but the values hold it"):
        decide(held, LATE, [0, 0, 0])


def test_metadata_of_some_dates() -> None:
    added, _ = decide(observed(GREEN, GREEN + 1000, GREEN), LATE, [np.nan, -1000, np.nan])
    assert added == [0, -1000, 0]
    with pytest.raises(DataError, match=r"metadata do not say .*found nothing on 2 dates|on 2 of"):
        decide(observed(GREEN, GREEN, GREEN), LATE, [np.nan, 0, np.nan], "metadata")


def test_a_given_offset_is_of_every_date() -> None:
    days = np.array(["2021-06-01", "2022-06-01", "2023-06-01"], dtype="M8[D]")
    added, facts = decide(observed(GREEN + 1000, GREEN + 1000, GREEN + 1000), days, given=-1000)
    assert added == [-1000, -1000, -1000]
    assert facts == {"baseline_offset": "-1000 on all 3 dates, as given"}
    _, facts = decide(observed(GREEN, GREEN + 1000, GREEN), days, given=-1000)
    assert facts["baseline_doubt"].startswith("2 dates (2021-06-01 to 2023-06-01) look as if")
    with pytest.raises(SettingsError, match="unknown --baseline-offset; found 1000"):
        decide(observed(GREEN, GREEN, GREEN), days, given=1000)


def test_days_outside_a_sample_take_the_nearest() -> None:
    wanted = np.array(["2022-01-01", "2022-05-01", "2023-01-01"], dtype="M8[D]")
    assert nearest_offsets(LATE, np.array([0, -1000, 0]), wanted).tolist() == [0, -1000, 0]


@pytest.mark.parametrize(
    ("baseline", "offset"),
    [("02.14", 0), ("03.01", 0), ("04.00", -1000), (5.09, -1000), ("N0301", 0), ("N0510", -1000)],
)
def test_baselines(baseline: str | float, offset: int) -> None:
    assert offset_of_baseline(baseline) == offset


def test_an_unknown_baseline() -> None:
    with pytest.raises(DataError, match="unknown processing baseline; found 'new'"):
        offset_of_baseline("new")
