"""Draws and pixels are functions of their place, whatever else is asked."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.simulation import SCENARIOS, ScenarioSettings, simulate_pixels
from windrow.simulation.keyed_random import keyed, noise, uniform

TINY = ScenarioSettings.from_dict(
    SCENARIOS["bavaria-2018"].to_dict() | {"landscape_m": 240, "field_m": 80.0}
)
whole = st.integers(-(2**62), 2**62)


@given(seed=whole, place=whole, day=st.integers(0, 364))
def test_uniform_draws_lie_in_range(seed, place, day):
    keys = keyed(seed, "property", place, day)
    assert 0 <= float(uniform(keys)) < 1
    assert abs(float(noise(keys))) < 3.47


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(6)), st.integers(1, 6))
def test_a_pixel_does_not_know_which_others_are_made(order, number):
    rows = np.array([0, 5, 11, 12, 20, 23])
    columns = np.array([23, 5, 12, 3, 14, 0])
    all_of_them = simulate_pixels(TINY, seed=3, landscape=1, rows=rows, columns=columns)
    chosen = np.array(order[:number])
    some = simulate_pixels(TINY, seed=3, landscape=1, rows=rows[chosen], columns=columns[chosen])
    for name in ("reflectance", "cloud_probability", "planetscope", "label", "id"):
        np.testing.assert_array_equal(getattr(some, name), getattr(all_of_them, name)[chosen])
