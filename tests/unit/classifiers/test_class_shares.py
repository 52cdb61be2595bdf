"""Class shares by expectation maximisation, against known shares and a naive computation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.classifiers.class_shares import estimate_shares, expected_shares, shift_shares
from windrow.errors import DataError


def posteriors(true_shares, expected, num_fields, *, separation=2.0, seed=0):
    """Exact probabilities of a Gaussian per class, under the expected shares."""
    generator = np.random.default_rng(seed)
    num_classes = len(true_shares)
    label = generator.choice(num_classes, size=num_fields, p=true_shares)
    values = generator.normal(separation * label, 1.0)
    density = np.exp(-0.5 * (values[:, None] - separation * np.arange(num_classes)) ** 2)
    joint = density * expected
    return joint / joint.sum(axis=1, keepdims=True), label


def test_the_shares_of_the_place_are_found():
    expected = np.full(3, 1 / 3)
    found, label = posteriors(np.array([0.7, 0.2, 0.1]), expected, 20_000)
    shares = estimate_shares(found, expected)
    np.testing.assert_allclose(shares, np.bincount(label) / len(label), atol=0.015)


def test_shifted_probabilities_are_those_of_the_true_shares():
    expected, true = np.full(3, 1 / 3), np.array([0.7, 0.2, 0.1])
    found, label = posteriors(true, expected, 20_000)
    exact, _ = posteriors(true, true, 20_000)
    np.testing.assert_allclose(shift_shares(found, expected, true), exact, rtol=1e-9)
    shifted = shift_shares(found, expected, estimate_shares(found, expected))
    right_before = (found.argmax(axis=1) == label).mean()
    assert (shifted.argmax(axis=1) == label).mean() > right_before + 0.02


@given(st.integers(2, 6), st.integers(1, 40), st.floats(0.0, 1.0), st.integers(0, 2**32 - 1))
def test_the_estimate_is_a_fixed_point(num_classes, num_fields, trust, seed):
    """The source's equation 2.9, averaged with the expected shares, recomputed field by field."""
    generator = np.random.default_rng(seed)
    found = generator.dirichlet(np.ones(num_classes), size=num_fields)
    expected = generator.dirichlet(10 * np.ones(num_classes))
    shares = estimate_shares(found, expected, trust=trust)
    assert shares.sum() == pytest.approx(1.0)
    assert (shares >= 0).all()
    again = np.zeros(num_classes)
    for field in found:
        weights = [p * s / e for p, s, e in zip(field, shares, expected, strict=True)]
        again += np.array(weights) / sum(weights) / num_fields
    moved = trust * again + (1 - trust) * expected
    # The last of a hundred rounds moves the shares little; slowly where trust is full.
    np.testing.assert_allclose(moved, shares, atol=0.02 if trust > 0.95 else 2e-3)


@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_no_trust_and_no_field_leave_the_expected_shares(num_classes, seed):
    generator = np.random.default_rng(seed)
    expected = generator.dirichlet(10 * np.ones(num_classes))
    found = generator.dirichlet(np.ones(num_classes), size=9)
    np.testing.assert_allclose(estimate_shares(found, expected, trust=0.0), expected)
    np.testing.assert_array_equal(estimate_shares(found[:0], expected), expected)
    np.testing.assert_allclose(shift_shares(found, expected, expected), found)


def test_expected_shares_lie_between_equal_ones_and_those_of_the_labels():
    label = np.repeat([0, 1, 2], [100, 30, 4])
    shares = expected_shares(label, num_classes=3)
    counts = np.array([100.5, 30.5, 4.5])
    np.testing.assert_allclose(shares, np.sqrt(counts) / np.sqrt(counts).sum())
    np.testing.assert_allclose(expected_shares(np.array([-1]), num_classes=2), [0.5, 0.5])


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="different classes"):
        estimate_shares(np.ones((3, 2)) / 2, np.ones(3) / 3)
    with pytest.raises(DataError, match="not positive"):
        shift_shares(np.ones((3, 2)) / 2, np.array([1.0, 0.0]), np.array([0.5, 0.5]))
