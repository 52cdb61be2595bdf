"""Interpolation to days, against numpy's of one series at a time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from windrow.data.daily_interpolation import interpolate_days


@given(st.integers(0, 10_000))
def test_it_equals_numpy_of_one_series_at_a_time(seed):
    draw = np.random.default_rng(seed)
    num_series, num_dates, num_bands = 4, int(draw.integers(1, 9)), 2
    day = np.sort(draw.choice(60, num_dates, replace=False))
    values = draw.normal(size=(num_series, num_dates, num_bands))
    use = draw.random((num_series, num_dates)) < 0.5
    days = np.arange(-3, 66)
    found = interpolate_days(values, day, use, days)
    for row in range(num_series):
        if not use[row].any():
            assert np.isnan(found[row]).all()
            continue
        for band in range(num_bands):
            expected = np.interp(days, day[use[row]], values[row, use[row], band])
            assert np.allclose(found[row, :, band], expected, atol=1e-6)


def test_of_two_dates_on_one_day_the_last_counts():
    values = np.array([[[1.0], [2.0], [4.0]]])
    found = interpolate_days(values, np.array([5, 5, 7]), np.ones((1, 3), bool), np.arange(4, 8))
    assert found[0, :, 0].tolist() == [1.0, 2.0, 3.0, 4.0]
