"""The forest's calendar against a loop, and that it learns."""

import numpy as np
import pytest

from windrow.classifiers.flattened_forest import fit_forest, flattened
from windrow.classifiers.shallow import TreesSettings
from windrow.errors import DataError
from windrow.models.heads.inputs import HeadInputs


def _inputs(num_series: int = 20, seed: int = 0) -> HeadInputs:
    draw = np.random.default_rng(seed)
    valid = draw.random((num_series, 15)) < 0.7
    valid[:, 3] = True
    day = np.sort(draw.integers(0, 366, (num_series, 15)), axis=1)
    return HeadInputs(
        values=draw.normal(size=(num_series, 15, 2)).astype(np.float32),
        day_of_year=day.astype(np.int16),
        valid=valid,
    )


def test_a_step_is_the_mean_of_its_dates_or_the_nearest_step() -> None:
    inputs = _inputs()
    found = flattened(inputs).reshape(20, 37, 2)
    for row in range(20):
        means = {}
        for step in range(37):
            dates = [
                t
                for t in range(15)
                if inputs.valid[row, t] and inputs.day_of_year[row, t] // 10 == step
            ]
            if dates:
                means[step] = inputs.values[row, dates].mean(axis=0)
        for step in range(37):
            nearest = min(means, key=lambda other, s=step: (abs(other - s), other))
            np.testing.assert_allclose(found[row, step], means[nearest], atol=1e-6)


def test_a_forest_learns_what_can_be_told() -> None:
    inputs = _inputs(200)
    label = (inputs.day_of_year[:, 0] > np.median(inputs.day_of_year[:, 0])).astype(np.int16)
    values = inputs.values + label[:, None, None]
    told = HeadInputs(values=values, day_of_year=inputs.day_of_year, valid=inputs.valid)
    settings = TreesSettings(kind="random_forest", num_trees=30, min_rows_a_leaf=1)
    train, test = np.arange(100), np.arange(100, 200)
    forest = fit_forest(told.select(train), label[train], num_classes=3, settings=settings, seed=0)
    probability = forest.predict_probability(told.select(test))
    assert probability.shape == (100, 3)
    assert (probability.argmax(axis=1) == label[test]).mean() > 0.85


def test_vectors_are_refused() -> None:
    with pytest.raises(DataError, match="needs sequences"):
        flattened(HeadInputs(values=np.zeros((2, 3), dtype=np.float32)))
