"""Metrics and bootstrap against scikit-learn and a naive loop."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.evaluation.field_bootstrap import (
    BootstrapSettings,
    paired_difference,
    resample_scores,
)
from windrow.evaluation.metrics import confusion_matrix, scores


@settings(deadline=None)  # other work on the machine must not fail it
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_scores_equal_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    true, predicted = np.array(pairs).T
    confusion = confusion_matrix(true, predicted, num_classes=5)
    expected = reference.confusion_matrix(true, predicted, labels=range(5))
    assert confusion.tolist() == expected.tolist()
    found = scores(confusion)
    present = np.union1d(true, predicted)
    assert found.overall_accuracy == pytest.approx(reference.accuracy_score(true, predicted))
    assert found.macro_f1 == pytest.approx(
        reference.f1_score(true, predicted, labels=present, average="macro", zero_division=0)
    )
    # Without labels scikit-learn takes the classes of truth and prediction by itself.
    assert found.macro_f1 == pytest.approx(
        reference.f1_score(true, predicted, average="macro", zero_division=0)
    )
    per_class = reference.f1_score(true, predicted, labels=range(5), average=None, zero_division=0)
    expected = np.where(np.isin(range(5), true), per_class, np.nan)
    assert found.per_class_f1 == pytest.approx(expected, nan_ok=True)
    if len(present) > 1:
        assert found.kappa == pytest.approx(reference.cohen_kappa_score(true, predicted))
    else:
        assert found.kappa == 0


def test_many_predictions_at_once() -> None:
    generator = np.random.default_rng(0)
    true, predicted = generator.integers(0, 3, 50), generator.integers(0, 3, (7, 50))
    together = scores(confusion_matrix(true, predicted, num_classes=3))
    for row in range(7):
        alone = scores(confusion_matrix(true, predicted[row], num_classes=3))
        assert together.macro_f1[row] == alone.macro_f1
        assert together.kappa[row] == alone.kappa


def test_bootstrap_equals_a_loop() -> None:
    generator = np.random.default_rng(1)
    field = generator.integers(0, 12, 60)
    true = (field % 3).astype(np.int64)
    settings = BootstrapSettings(num_resamples=300, level=0.9)
    predicted = [
        np.where(generator.random((4, 60)) < p, true, generator.integers(0, 3, (4, 60)))
        for p in (0.8, 0.5)
    ]
    found = [
        resample_scores(true, each, field, num_classes=3, settings=settings, seed=5)
        for each in predicted
    ]
    names = np.unique(field)
    draws = np.random.default_rng(5)
    start, differences = 0, []
    for size in (256, 44):
        picks = draws.integers(len(names), size=(size, len(names)))
        for row in range(size):
            rows = np.concatenate([np.flatnonzero(field == names[i]) for i in picks[row]])
            means = []
            for method in range(2):
                result = [
                    (
                        reference.accuracy_score(true[rows], each[rows]),
                        reference.f1_score(
                            true[rows],
                            each[rows],
                            labels=np.union1d(true[rows], each[rows]),
                            average="macro",
                            zero_division=0,
                        ),
                    )
                    for each in (predicted[method] if row < 12 else [])
                ]
                if result:
                    means.append(np.mean(result, axis=0))
                    np.testing.assert_allclose(found[method].resampled[start + row], means[-1])
            if means:
                differences.append(means[0] - means[1])
        start += size
    assert len(differences) == 24
    accuracy, macro_f1 = paired_difference(*found, settings=settings)
    every = found[0].resampled - found[1].resampled
    assert [accuracy.low, macro_f1.low] == pytest.approx(np.quantile(every, 0.05, axis=0))
    expected = np.mean([np.mean(p == true) for p in predicted[0]]) - np.mean(
        [np.mean(p == true) for p in predicted[1]]
    )
    assert accuracy.difference == pytest.approx(expected)
    assert accuracy.low <= accuracy.difference <= accuracy.high


def test_equal_methods_differ_by_nothing() -> None:
    true = np.array([0, 1, 0, 1])
    settings = BootstrapSettings(num_resamples=10, level=0.95)
    same = resample_scores(true, true[None], np.arange(4), num_classes=2, settings=settings, seed=0)
    accuracy, _ = paired_difference(same, same, settings=settings)
    assert (accuracy.low, accuracy.difference, accuracy.high) == (0, 0, 0)
