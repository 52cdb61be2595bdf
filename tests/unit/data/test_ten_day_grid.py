"""Series on the ten-day calendar: means, interpolation around the year, seasons and bands."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from place_factory import make_place, series_of
from windrow.data.season import days_of_season
from windrow.data.series import Series
from windrow.data.ten_day_grid import (
    grid_of_pixels,
    grid_of_series,
    join_grids,
    season_days,
    to_calendar,
)
from windrow.errors import BandError, DataError


def naive(values, day, use):
    """The same, step by step in Python."""
    steps = {}
    for value, one, used in zip(values, day, use, strict=True):
        if used:
            steps.setdefault(min(one, 364) * 36 // 365, []).append(value)
    means = {step: np.mean(found, axis=0) for step, found in steps.items()}
    filled, gaps = [], []
    for step in range(36):
        back = min(k for k in range(37) if (step - k) % 36 in means)
        ahead = min(k for k in range(37) if (step + k) % 36 in means)
        start, end = means[(step - back) % 36], means[(step + ahead) % 36]
        filled.append(start if back == 0 else start + back / (back + ahead) * (end - start))
        gaps.append(min(back, ahead))
    return np.array(filled), np.array(gaps)


@given(
    days=st.lists(st.integers(0, 365), min_size=1, max_size=12),
    seed=st.integers(0, 99),
)
def test_steps_are_means_and_gaps_are_interpolated_around_the_year(days, seed):
    draw = np.random.default_rng(seed)
    values = draw.random((1, len(days), 2)).astype(np.float32)
    use = draw.random((1, len(days))) < 0.7
    use[0, 0] = True
    found, gap = to_calendar(values, np.array([days]), use)
    expected, expected_gap = naive(values[0], days, use[0])
    np.testing.assert_allclose(found[0], expected, atol=1e-5)
    np.testing.assert_array_equal(gap[0], expected_gap)


def test_a_year_rolled_by_a_fifth_is_the_same_year_later():
    draw = np.random.default_rng(3)
    day = np.arange(5, 365, 5)[None]  # a date in every step
    values = draw.random((1, day.shape[1], 1)).astype(np.float32)
    use = np.ones(day.shape, dtype=bool)
    still, _ = to_calendar(values, day, use)
    turned, gap = to_calendar(values, (day + 365) % 365, use)
    np.testing.assert_allclose(still, turned)
    later, _ = to_calendar(np.roll(values, 1, axis=1), np.roll((day + 73) % 365, 1, axis=1), use)
    assert gap.max() == 0
    assert later.mean() == pytest.approx(still.mean(), abs=0.02)
    assert np.abs(later - still).max() > 0.1


def test_the_southern_summer_lies_on_the_northern_one():
    assert season_days(np.array([15]), season_start=0, latitude=-35.0).tolist() == [198]
    assert season_days(np.array([15]), season_start=0, latitude=35.0).tolist() == [15]
    assert season_days(np.array([0]), season_start=304, latitude=None).tolist() == [304]


def test_missing_bands_are_zero_and_named():
    series = series_of(make_place(5)).with_bands(("B02", "B03", "B04", "B08"))
    grid = grid_of_series(series, clear_below=102)
    assert grid.has_band.tolist() == [b in (1, 2, 3, 7) for b in range(12)]
    assert not grid.reflectance[:, :, ~grid.has_band].any()
    assert grid.reflectance[:, :, grid.has_band].min() > 0
    with pytest.raises(BandError, match="other bands"):
        join_grids(grid, grid_of_series(series_of(make_place(2)), clear_below=102))


def test_cloudy_dates_are_left_out_unless_there_is_no_other():
    series = series_of(make_place(3))
    cloud = np.zeros(series.valid.shape, dtype=np.uint8)
    cloud[0] = 255
    cloud[1, ::2] = 255
    bright = np.where((cloud == 255)[..., None], 9_000, series.reflectance).astype(np.int16)
    cloudy = replace(series, cloud_probability=cloud, reflectance=bright)
    grid = grid_of_series(cloudy, clear_below=102)
    assert grid.num_without_clear == 1
    assert grid.reflectance[0].min() == pytest.approx(0.9)
    assert grid.reflectance[1].max() < 0.6
    nothing = replace(series, valid=np.zeros_like(series.valid))
    with pytest.raises(DataError, match="no valid date"):
        grid_of_series(nothing, clear_below=102)


@given(
    seed=st.integers(0, 999),
    num_dates=st.integers(1, 20),
    latitude=st.sampled_from([None, 48.0, -20.0]),
    start=st.sampled_from(["01-01", "10-01"]),
)
def test_pixels_that_share_their_dates_are_resampled_as_series_are(
    seed, num_dates, latitude, start
):
    draw = np.random.default_rng(seed)
    first = np.datetime64(f"2019-{start}")
    dates = np.sort(first + draw.choice(365, num_dates, replace=False))
    bands = ("B02", "B08", "B11")
    values = draw.integers(1, 9_000, (num_dates, 3, 4)).astype(np.int16)
    use = draw.random((num_dates, 4)) < 0.6
    use[draw.integers(0, num_dates, 4), np.arange(4)] = True
    days, years = days_of_season(dates, start)
    series = Series(
        reflectance=values.transpose(2, 0, 1).copy(),
        day_of_year=np.tile(days, (4, 1)),
        valid=use.T.copy(),
        bands=bands,
        processing_level="L2A",
        id=np.arange(4),
        field_id=np.arange(4),
        year=np.full(4, years[0], dtype=np.int16),
        season_start=start,
    )
    expected = grid_of_series(series, clear_below=None, latitude=latitude)
    calendar = (dates - dates.astype("M8[Y]")).astype("m8[D]").astype(np.int64)
    found = grid_of_pixels(values, bands=bands, use=use, calendar_day=calendar, latitude=latitude)
    np.testing.assert_allclose(found.reflectance, expected.reflectance, atol=1e-6)
    np.testing.assert_array_equal(found.gap, expected.gap)
    np.testing.assert_array_equal(found.has_band, expected.has_band)
