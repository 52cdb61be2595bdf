"""Balanced samples: equal inclusion probabilities, spread over the units."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.errors import SettingsError
from windrow.evaluation import balanced_sample as module
from windrow.evaluation.balanced_sample import balanced_sample


def test_every_unit_has_the_same_probability():
    features = np.random.default_rng(3).normal(size=(12, 2))
    features[:5] *= 0.01  # a dense cluster beside lonely units
    counts = np.zeros(12)
    num_draws = 1_200
    for seed in range(num_draws):
        counts[balanced_sample(features, 3, seed=seed)] += 1
    deviation = np.sqrt(0.25 * 0.75 / num_draws)
    np.testing.assert_allclose(counts / num_draws, 3 / 12, atol=4.5 * deviation)


def test_the_sample_is_spread_and_so_is_its_first_half():
    line = np.linspace(0, 1, 64)[:, None]
    drawn = [balanced_sample(line, 8, seed=seed) for seed in range(60)]
    for part, at_random in (
        (drawn, [np.random.default_rng(s).choice(64, 8, replace=False) for s in range(60)]),
        ([d[:4] for d in drawn],
         [np.random.default_rng(s).choice(64, 4, replace=False) for s in range(60)]),
    ):  # fmt: skip
        error = np.std([line[rows].mean() for rows in part])
        assert error < 0.5 * np.std([line[rows].mean() for rows in at_random])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(0, 2**31), st.data())
def test_units_are_drawn_once_and_equal_seeds_draw_alike(num_units, seed, data):
    num = data.draw(st.integers(1, num_units))
    features = np.random.default_rng(seed).integers(0, 3, size=(num_units, 2)).astype(float)
    drawn = balanced_sample(features, num, seed=seed)
    assert len(set(drawn.tolist())) == num
    assert set(drawn.tolist()) <= set(range(num_units))
    np.testing.assert_array_equal(drawn, balanced_sample(features, num, seed=seed))


def test_of_many_units_some_compete(monkeypatch):
    monkeypatch.setattr(module, "LARGEST_POOL", 20)
    features = np.arange(500.0)[:, None]
    drawn = [balanced_sample(features, 5, seed=seed) for seed in range(200)]
    assert all(len(set(rows.tolist())) == 5 for rows in drawn)
    assert abs(np.mean(np.concatenate(drawn)) - 249.5) < 20


@pytest.mark.parametrize("num", [0, 4, -1])
def test_a_size_out_of_range_is_refused(num):
    with pytest.raises(SettingsError, match="expected 1 to 3"):
        balanced_sample(np.zeros((3, 1)), num, seed=0)
