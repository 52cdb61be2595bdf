"""Suspicious labels, against a naive computation and planted errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from windrow.errors import DataError
from windrow.evaluation.label_screening import relative_confidence, suspects


@given(st.integers(1, 40), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_confidence_is_relative_to_the_class(num, num_classes, seed):
    draw = np.random.default_rng(seed)
    probability = draw.dirichlet(np.ones(num_classes), size=num)
    label = draw.integers(0, num_classes, num)
    found = relative_confidence(probability, label)
    for row in range(num):
        same = [probability[k, label[row]] for k in range(num) if label[k] == label[row]]
        assert found[row] == pytest.approx(probability[row, label[row]] / np.mean(same))
    for each in set(label.tolist()):
        assert found[label == each].mean() == pytest.approx(1.0)


@given(st.integers(1, 60), st.floats(0.01, 1.0), st.integers(0, 2**32 - 1))
def test_marked_are_the_least_confident_that_are_contradicted(num, share, seed):
    draw = np.random.default_rng(seed)
    confidence, label = draw.random(num), draw.integers(0, 3, num)
    predicted = draw.integers(0, 3, num)
    marked = suspects(confidence, label, predicted, share=share)
    assert marked.sum() == min(int(np.ceil(share * num)), int((label != predicted).sum()))
    assert not (marked & (label == predicted)).any()
    rest = (label != predicted) & ~marked
    if marked.any() and rest.any():
        assert confidence[marked].max() <= confidence[rest].min()


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match="different fields"):
        relative_confidence(np.ones((3, 2)) / 2, np.zeros(2, dtype=int))
    with pytest.raises(DataError, match="no class"):
        relative_confidence(np.ones((2, 2)) / 2, np.array([0, 2]))
    with pytest.raises(DataError, match="share is out of range"):
        suspects(np.ones(2), np.array([0, 1]), np.array([0, 1]), share=0.0)
