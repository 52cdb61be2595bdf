from dataclasses import replace

import numpy as np
import pytest

from windrow.data.cloud_filter import without_cloudy
from windrow.errors import DataError


def test_cloudy_dates_are_invalid_and_lost_series_are_counted(make_series):
    series = make_series(6)
    probability = series.cloud_probability.copy()
    probability[2] = 200  # no clear date
    series = replace(series, cloud_probability=probability)
    clear, num_lost = without_cloudy(series, from_probability=128)
    assert num_lost == 1
    assert clear.id.tolist() == [0, 1, 3, 4, 5]
    kept = np.array([0, 1, 3, 4, 5])
    assert np.array_equal(clear.valid, (series.valid & (probability < 128))[kept])
    assert np.array_equal(clear.reflectance, series.reflectance[kept])
    assert without_cloudy(series, from_probability=None) == (series, 0)


def test_refusals(make_series):
    with pytest.raises(
        DataError, match="the series have no cloud probability, so cloudy dates cannot be found"
    ):
        without_cloudy(make_series(2, clouds=False), from_probability=128)
    series = make_series(2)
    series.cloud_probability[:] = 255
    with pytest.raises(DataError, match=r"every date of every series is cloudy.*2 series"):
        without_cloudy(series, from_probability=128)
