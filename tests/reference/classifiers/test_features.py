"""Raw features against a loop of ``numpy.interp``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.classifiers.features import (
    INDICES,
    FeatureSettings,
    band_features,
    grid_days,
    index_features,
)
from windrow.data.series import Series
from windrow.errors import BandError, DataError
from windrow.sensors import SENTINEL2_BANDS

CLEAR = FeatureSettings(clear_below=128, step_days=10)


def random_series(num_series: int, num_dates: int, seed: int) -> Series:
    generator = np.random.default_rng(seed)
    days = np.stack(
        [
            np.sort(generator.choice(366, num_dates, replace=False)).astype(np.int16)
            for _ in range(num_series)
        ]
    )
    valid = generator.random((num_series, num_dates)) < 0.8
    valid[:, 0] = True
    return Series(
        reflectance=generator.integers(1, 9000, (num_series, num_dates, 12)).astype(np.int16),
        day_of_year=np.where(valid, days, -99).astype(np.int16),
        valid=valid,
        bands=SENTINEL2_BANDS,
        processing_level="L2A",
        id=np.arange(num_series),
        field_id=np.arange(num_series),
        year=np.full(num_series, 2018, dtype=np.int16),
        cloud_probability=generator.integers(0, 256, (num_series, num_dates)).astype(np.uint8),
    )


def naive_grid(series: Series, clear_below: int | None) -> np.ndarray:
    days = grid_days(CLEAR)
    result = np.zeros((len(series), len(days), len(series.bands)))
    for n in range(len(series)):
        use = series.valid[n].copy()
        if clear_below is not None and series.cloud_probability is not None:
            clear = use & (series.cloud_probability[n] < clear_below)
            use = clear if clear.any() else use
        for b in range(len(series.bands)):
            result[n, :, b] = np.interp(
                days, series.day_of_year[n, use], series.reflectance[n, use, b] / 10_000
            )
    return result


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 30))
def test_bands_equal_a_loop(seed: int, num_dates: int) -> None:
    series = random_series(4, num_dates, seed)
    values = band_features(series, CLEAR).values
    assert values.shape == (4, 37 * 12)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, naive_grid(series, 128).reshape(4, -1), atol=2e-6)


def test_indices_equal_a_loop() -> None:
    series = random_series(5, 40, 0)
    grid = naive_grid(series, 128)
    at = {band: index for index, band in enumerate(SENTINEL2_BANDS)}
    expected = np.stack(
        [
            (grid[..., at[a]] - grid[..., at[b]]) / (grid[..., at[a]] + grid[..., at[b]])
            for a, b in INDICES.values()
        ],
        axis=-1,
    )
    np.testing.assert_allclose(
        index_features(series, CLEAR).values, expected.reshape(5, -1), atol=1e-5
    )


def test_a_series_without_a_clear_date_takes_all_and_is_counted() -> None:
    series = random_series(3, 20, 1)
    cloud = np.zeros_like(series.cloud_probability)
    cloud[1] = 255
    series = replace(series, cloud_probability=cloud)
    found = band_features(series, CLEAR)
    assert found.num_without_clear == 1
    np.testing.assert_allclose(found.values[1], naive_grid(series, None)[1].ravel(), atol=2e-6)


def test_black_fields_stay_finite() -> None:
    series = random_series(2, 5, 2)
    series = replace(series, reflectance=np.zeros_like(series.reflectance))
    assert (index_features(series, CLEAR).values == 0).all()


def test_two_dates_on_one_day_and_a_single_date() -> None:
    series = random_series(2, 2, 3)
    series = replace(
        series,
        day_of_year=np.array([[50, 50], [200, 210]], dtype=np.int16),
        valid=np.array([[True, True], [True, False]]),
    )
    values = band_features(series, FeatureSettings(clear_below=None, step_days=10)).values
    assert np.isfinite(values).all()
    expected = series.reflectance[1, 0] / 10_000
    np.testing.assert_allclose(values[1].reshape(37, 12), np.tile(expected, (37, 1)), atol=1e-6)


def test_refusals() -> None:
    series = random_series(2, 5, 4)
    with pytest.raises(BandError, match="the series lack band B11"):
        index_features(series.with_bands(["B04", "B05", "B08", "B12"]), CLEAR)
    valid = series.valid.copy()
    valid[1] = False
    with pytest.raises(DataError, match="a series has no valid date; in series 1"):
        band_features(replace(series, valid=valid), CLEAR)
