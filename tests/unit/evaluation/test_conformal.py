"""Prediction sets hold the true class as often as was asked for."""

import math

import numpy as np
import pytest

from windrow.errors import SettingsError
from windrow.evaluation.conformal import conformal_threshold, prediction_sets


def draw_fields(generator, num_fields, num_classes=4):
    probability = generator.dirichlet(np.full(num_classes, 0.7), num_fields)
    true = np.array([generator.choice(num_classes, p=row) for row in probability])
    return probability, true


def test_threshold_is_the_quantile_of_the_scores():
    probability, true = draw_fields(np.random.default_rng(0), 57)
    scores = sorted(1 - probability[i, c] for i, c in enumerate(true))
    expected = scores[math.ceil(58 * 0.9) - 1]
    assert conformal_threshold(probability, true, coverage=0.9) == pytest.approx(expected)


def test_coverage_over_five_hundred_draws():
    generator = np.random.default_rng(1)
    held = []
    for _ in range(500):
        threshold = conformal_threshold(*draw_fields(generator, 40), coverage=0.9)
        probability, true = draw_fields(generator, 40)
        held.append(prediction_sets(probability, threshold)[np.arange(40), true].mean())
    # Between the bound and bound + 1 / (n + 1), within three standard errors of the mean.
    error = np.std(held) / math.sqrt(500)
    assert 0.9 - 3 * error <= np.mean(held) <= 0.9 + 1 / 41 + 3 * error


@pytest.mark.parametrize("num_fields", range(9))
def test_fewer_than_nine_fields_give_all_classes(num_fields):
    probability, true = draw_fields(np.random.default_rng(2), num_fields)
    threshold = conformal_threshold(probability, true, coverage=0.9)
    assert prediction_sets(np.full((3, 4), 0.25), threshold).all()


def test_the_most_likely_class_is_always_in():
    assert prediction_sets(np.array([[0.4, 0.35, 0.25]]), 0.0).tolist() == [[True, False, False]]


def test_a_coverage_outside_is_refused():
    with pytest.raises(SettingsError, match="between 0 and 1"):
        conformal_threshold(np.ones((1, 1)), np.zeros(1, int), coverage=1.0)
