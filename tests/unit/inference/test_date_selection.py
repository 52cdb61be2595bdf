"""Which dates are read, against a plain loop."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from series_factory import make_series
from windrow.errors import SettingsError
from windrow.inference.date_selection import clearest_dates


def _reversed_bits(number, num_bits):
    return int(f"{number:0{num_bits}b}"[::-1], 2)


def _naive(series, max_dates):
    result = np.zeros(series.valid.shape, dtype=bool)
    num_bits = max(int(series.num_dates - 1).bit_length(), 1)
    for n in range(len(series)):
        dates = np.flatnonzero(series.valid[n])
        cloud = np.zeros(len(dates))
        if series.cloud_probability is not None:
            cloud = series.cloud_probability[n, dates]
        order = sorted(
            range(len(dates)), key=lambda rank: (cloud[rank], _reversed_bits(rank, num_bits))
        )
        result[n, dates[order[:max_dates]]] = True
    return result


@given(
    num_dates=st.integers(3, 40),
    max_dates=st.integers(1, 45),
    levels=st.sampled_from([None, 1, 3, 256]),
    seed=st.integers(0, 100),
)
def test_it_is_a_sort_by_cloud_and_then_by_reversed_bits(num_dates, max_dates, levels, seed):
    series = make_series(4, num_dates=num_dates, seed=seed, planetscope=False)
    cloud = None
    if levels is not None:
        draw = np.random.default_rng(seed)
        cloud = draw.integers(0, levels, series.valid.shape).astype(np.uint8)
    series = replace(series, cloud_probability=cloud)
    found = clearest_dates(series, max_dates)
    np.testing.assert_array_equal(found, _naive(series, max_dates))
    np.testing.assert_array_equal(
        found.sum(axis=1), np.minimum(series.valid.sum(axis=1), max_dates)
    )


def test_equally_clear_dates_are_spread_over_the_year():
    series = make_series(1, num_dates=144, padding=False, planetscope=False)
    series = replace(series, cloud_probability=np.zeros((1, 144), dtype=np.uint8))
    for max_dates in (12, 36, 72):
        kept = np.flatnonzero(clearest_dates(series, max_dates)[0])
        gaps = np.diff(np.concatenate([[0], kept, [143]]))
        # Twice the even distance, and what the next power of two (256) leaves at the end.
        assert gaps.max() <= 2 * 256 / max_dates


def test_no_dates_at_all_are_refused():
    with pytest.raises(SettingsError, match="max_dates must be at least 1; found 0"):
        clearest_dates(make_series(2), 0)
