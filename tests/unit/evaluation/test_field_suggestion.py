"""Suggested fields: half typical, half sampled, and for how many fields each stands."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.errors import SettingsError
from windrow.evaluation.field_suggestion import suggest_fields


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 25), st.integers(0, 2**31 - 1), st.data())
def test_fields_differ_and_all_others_are_counted(num_fields, seed, data):
    num = data.draw(st.integers(1, num_fields))
    embedding = np.random.default_rng(seed).normal(size=(num_fields, 3))
    found = suggest_fields(embedding, num, seed=seed)
    assert len(set(found.rows.tolist())) == num
    assert found.num_alike.sum() == num_fields
    assert found.typical.sum() == num // 2
    nearest = [
        min(range(num), key=lambda k: ((embedding[f] - embedding[found.rows[k]]) ** 2).sum())
        for f in range(num_fields)
    ]
    np.testing.assert_array_equal(found.num_alike, np.bincount(nearest, minlength=num))
    num_others = num_fields - num // 2
    assert found.inclusion_probability == (num - num // 2) / num_others
    again = suggest_fields(embedding, num, seed=seed)
    np.testing.assert_array_equal(found.rows, again.rows)


def test_a_rare_kind_is_found():
    generator = np.random.default_rng(1)
    centres = np.repeat(np.arange(5), [60, 50, 40, 6, 4]) * 20.0
    embedding = centres[:, None] + generator.normal(size=(160, 2))
    found = suggest_fields(embedding, 10, seed=0)
    assert set(centres[found.rows[found.typical]]) == {0.0, 20.0, 40.0, 60.0, 80.0}


def test_fields_that_are_all_alike_are_drawn_at_random():
    found = suggest_fields(np.zeros((9, 2)), 6, seed=0)
    assert len(set(found.rows.tolist())) == 6
    assert found.typical.sum() == 1


@pytest.mark.parametrize("num", [0, 6])
def test_a_number_out_of_range_is_refused(num):
    with pytest.raises(SettingsError, match="expected 1 to 5, the fields without a label"):
        suggest_fields(np.zeros((5, 2)), num, seed=0)
