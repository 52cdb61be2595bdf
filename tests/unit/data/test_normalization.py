import numpy as np
import pytest

from windrow.data.normalization import Normalization
from windrow.data.series import NO_DATA
from windrow.errors import DataError


def test_mean_and_deviation_are_numpys_over_the_valid(make_series):
    series = make_series(9)
    fitted = Normalization.fit(series.reflectance, series.valid)
    valid = series.reflectance[series.valid].astype(np.float64) / 1e4
    np.testing.assert_allclose(fitted.mean, valid.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(fitted.std, valid.std(axis=0), rtol=1e-9)
    standardised = fitted.apply(series.reflectance)[series.valid]
    np.testing.assert_allclose(standardised.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(standardised.std(axis=0), 1, atol=1e-5)


def test_order_of_the_series_does_not_count(make_series):
    series = make_series(9)
    first = Normalization.fit(series.reflectance, series.valid)
    second = Normalization.fit(series.reflectance[::-1], series.valid[::-1])
    assert first.to_dict() == second.to_dict()


def test_planetscope_bands_are_over_nine_pixels_without_no_data(make_series):
    series = make_series(4)
    fitted = Normalization.fit_planetscope(series.planetscope)
    for band in range(4):
        values = series.planetscope[:, :, 9 * band : 9 * band + 9]
        values = values[values != NO_DATA] / 1e4
        assert fitted.mean[band] == pytest.approx(values.mean(), rel=1e-12)
        assert fitted.std[band] == pytest.approx(values.std(), rel=1e-9)
    assert fitted.repeat(9).mean[9:18].tolist() == [fitted.mean[1]] * 9


def test_round_trip_is_exact(make_series):
    series = make_series(4)
    fitted = Normalization.fit(series.reflectance, series.valid)
    again = Normalization.from_dict(fitted.to_dict())
    assert np.array_equal(fitted.mean, again.mean)
    assert np.array_equal(fitted.select([3, 1]).std, fitted.std[[3, 1]])


def test_refusals():
    values = np.full((3, 2), 100, dtype=np.int16)
    with pytest.raises(DataError, match="no valid observation to take the normalisation from"):
        Normalization.fit(values, np.zeros(3, dtype=bool))
    with pytest.raises(DataError, match="band number 1 never varies"):
        Normalization.fit(values, np.ones(3, dtype=bool))
    with pytest.raises(DataError, match="one mean and one deviation per band"):
        Normalization(np.zeros(2), np.ones(3))
    with pytest.raises(DataError, match="a value that is no number"):
        Normalization(np.array([np.nan]), np.ones(1))
