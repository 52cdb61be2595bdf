"""Planted mistakes of scale, offset and clouds: mended or refused, never taken in silence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.errors import DataError
from windrow.sources.reader import CloudMeasure, TableOptions
from windrow.sources.tables.series import read_table

BANDS = ["B02", "B03", "B04", "B08", "B8A", "B11"]
SOIL = np.array([700.0, 900.0, 1200.0, 1900.0, 2000.0, 2800.0])
GREEN = np.array([300.0, 600.0, 350.0, 3800.0, 4000.0, 1700.0])
CLOUD = np.array([6000.0, 6000.0, 6100.0, 6800.0, 6900.0, 4000.0])
NUM_FIELDS, NUM_DATES = 5, 20


def table(seed: int, first_day: str = "2023-01-05") -> tuple[pd.DataFrame, np.ndarray]:
    """Fields that green and ripen, a third of the dates under cloud; and which dates are cloudy."""
    random = np.random.default_rng(seed)
    days = np.datetime64(first_day) + 17 * np.arange(NUM_DATES)
    greenness = np.exp(-(((np.arange(NUM_DATES) - 9) / 4.0) ** 2))
    cloudy = random.permutation(np.arange(NUM_DATES) % 3 == 0)
    rows = []
    for field in range(NUM_FIELDS):
        g = np.clip(greenness * random.uniform(0.85, 1.0), 0, 1)[:, None]
        values = SOIL * (1 - g) + GREEN * g + random.normal(0, 15, (NUM_DATES, len(BANDS)))
        values = np.where(cloudy[:, None], CLOUD + random.normal(0, 200, values.shape), values)
        frame = pd.DataFrame(np.round(values).astype(int), columns=BANDS)
        frame.insert(0, "date", days.astype(str))
        frame.insert(0, "field_id", field)
        rows.append(frame)
    return pd.concat(rows, ignore_index=True), cloudy


def truth(frame: pd.DataFrame) -> np.ndarray:
    return np.asarray(frame[BANDS].to_numpy().reshape(NUM_FIELDS, NUM_DATES, len(BANDS)))


@given(
    seed=st.integers(0, 10_000), first=st.integers(0, NUM_DATES), year=st.sampled_from([2021, 2023])
)
@settings(max_examples=25, deadline=None)
def test_an_offset_from_some_date_on_is_taken_off(seed: int, first: int, year: int) -> None:
    frame, cloudy = table(seed, f"{year}-01-05")
    frame["cloud_fraction"] = np.tile(cloudy.astype(float), NUM_FIELDS)
    mixed = frame.copy()
    shifted = np.tile(np.arange(NUM_DATES) >= first, NUM_FIELDS)
    mixed.loc[shifted, BANDS] += 1000
    found = read_table(mixed).series.reflectance
    assert np.array_equal(found[:, ~cloudy], truth(frame)[:, ~cloudy])


@given(seed=st.integers(0, 10_000), wrong=st.sets(st.integers(0, NUM_DATES - 1), min_size=1))
@settings(max_examples=25, deadline=None)
def test_a_column_of_baselines_against_the_values_is_refused(seed: int, wrong: set[int]) -> None:
    frame, cloudy = table(seed)
    frame["cloud_fraction"] = np.tile(cloudy.astype(float), NUM_FIELDS)
    dates = np.tile(np.arange(NUM_DATES), NUM_FIELDS)
    frame["processing_baseline"] = np.where(np.isin(dates, list(wrong)), "05.09", "03.01")
    # Bright bare soil does not show the offset, nor do clouds: there metadata are believed.
    shows = ~cloudy & (truth(frame).min(axis=2).max(axis=0) < 650)
    if not shows[list(wrong)].any():
        return
    with pytest.raises(DataError, match="metadata and values contradict each other"):
        read_table(frame)
    options = TableOptions(baseline_offset="values")
    assert np.array_equal(read_table(frame, options).series.reflectance, truth(frame))


SCALES: dict[CloudMeasure, float] = {
    "cloud-fraction": 1.0,
    "cloud-percent": 100.0,
    "cloud-255": 255.0,
}


@given(
    seed=st.integers(0, 10_000),
    scale=st.sampled_from(sorted(SCALES)),
    thick=st.floats(0.55, 1.0),
    name=st.sampled_from(["clp", "cloud_probability", "cloud"]),
)
@settings(max_examples=40, deadline=None)
def test_clouds_in_any_scale_are_read_right_or_asked_about(
    seed: int, scale: CloudMeasure, thick: float, name: str
) -> None:
    frame, cloudy = table(seed, "2018-01-05")
    values = np.where(cloudy, thick, 0.05) * SCALES[scale]
    frame[name] = np.tile(values if scale == "cloud-fraction" else np.round(values), NUM_FIELDS)
    series = read_table(frame).series
    assert series.cloud_probability is not None
    assert np.array_equal(series.cloud_probability[0] >= 128, cloudy)


@given(seed=st.integers(0, 10_000), name=st.sampled_from(["cloud_mask", "is_cloud", "clear", "qc"]))
@settings(max_examples=25, deadline=None)
def test_a_mask_in_the_wrong_sense_is_never_taken(seed: int, name: str) -> None:
    frame, cloudy = table(seed, "2018-01-05")
    clear_is_one = name in ("clear", "qc")
    right = ~cloudy if clear_is_one else cloudy
    options = TableOptions(cloud_column=name)
    series = read_table(frame.assign(**{name: np.tile(right, NUM_FIELDS)}), options).series
    assert series.cloud_probability is not None
    assert np.array_equal(series.cloud_probability[0] >= 128, cloudy)
    wrong = frame.assign(**{name: np.tile(~right, NUM_FIELDS)})
    if name == "qc":
        series = read_table(wrong, options).series
        assert series.cloud_probability is not None
        assert np.array_equal(series.cloud_probability[0] >= 128, cloudy)
        return
    with pytest.raises(DataError, match="what the cloud values mean is not clear"):
        read_table(wrong, options)


@given(seed=st.integers(0, 10_000), number=st.integers(1, NUM_FIELDS * NUM_DATES))
@settings(max_examples=25, deadline=None)
def test_values_out_of_range_are_counted_or_refused(seed: int, number: int) -> None:
    frame, _ = table(seed, "2018-01-05")
    rows = np.random.default_rng(seed).permutation(len(frame))[:number]
    frame.loc[rows, "B11"] = -9999
    if number > 0.01 * len(frame):
        with pytest.raises(DataError, match="out of range, so the scale is wrong"):
            read_table(frame)
        found = read_table(frame, TableOptions(no_data=-9999)) if number < NUM_DATES else None
        assert found is None or found.series.valid.sum() == len(frame) - number
        return
    reading = read_table(frame)
    assert reading.series.valid.sum() == len(frame) - number
    assert reading.summary.counts["observations_out_of_range_made_invalid"] == number
