"""Moments of features against numpy's own over everything at once."""

import numpy as np
import pytest

from windrow.models.heads.standardization import SMALLEST_DEVIATION, feature_moments


def _values(seed=0):
    return np.random.default_rng(seed).normal(3.0, 2.0, (37, 5, 4)).astype(np.float32)


@pytest.mark.parametrize("rows_at_once", [None, 1, 10, 100])
def test_moments_are_those_of_the_valid_entries(rows_at_once):
    values = _values()
    valid = np.random.default_rng(1).random((37, 5)) < 0.6
    mean, deviation = feature_moments(values, valid, rows_at_once=rows_at_once)
    chosen = values[valid].astype(np.float64)
    np.testing.assert_allclose(mean, chosen.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(deviation, chosen.std(axis=0), rtol=1e-13)


def test_without_a_mask_all_entries_count_and_at_once_the_bits_are_numpys():
    values = _values()[:, 0]
    mean, deviation = feature_moments(values)
    assert np.array_equal(mean, values.astype(np.float64).mean(axis=0))
    assert np.array_equal(deviation, values.astype(np.float64).std(axis=0))


def test_a_feature_that_never_varies_is_divided_by_one():
    values = _values()
    values[..., 1] = 0.25
    values[..., 2] = 0.25 + np.float32(SMALLEST_DEVIATION / 10)
    _, deviation = feature_moments(values)
    assert deviation[1] == deviation[2] == 1.0
    assert deviation[0] > 1.5
