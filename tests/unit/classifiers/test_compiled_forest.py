"""Compiled forests give what the plain arrays give, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.classifiers.compiled_forest import CompiledForest
from windrow.classifiers.shallow import TreesSettings, fit_light_head
from windrow.models.heads.inputs import HeadInputs
from windrow.models.heads.trees import TreeHead


def forest(seed: int, *, num_classes: int, num_trees: int) -> TreeHead:
    random = np.random.default_rng(seed)
    values = random.normal(size=(40, 6)).astype(np.float32)
    label = random.integers(0, num_classes - 1, 40)  # the last class never occurs
    label[:2] = [0, 1]
    fit = fit_light_head(
        values,
        label,
        num_classes=num_classes,
        settings=TreesSettings(kind="extra_trees", num_trees=num_trees, min_rows_a_leaf=1),
        seed=seed,
    )
    model = fit.to_model()
    assert isinstance(model, TreeHead)
    return model


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), num_classes=st.integers(3, 9), num_trees=st.integers(1, 20))
def test_same_bits_as_the_plain_arrays(seed: int, num_classes: int, num_trees: int) -> None:
    head = forest(seed, num_classes=num_classes, num_trees=num_trees)
    values = np.random.default_rng(seed + 1).normal(size=(500, 6)).astype(np.float32)
    values[0] = head.threshold[:6].astype(np.float32)  # on a threshold the left child is next
    plain = head.predict_probability(HeadInputs(values))
    compiled = CompiledForest(head).predict_probability(values)
    assert np.array_equal(plain, compiled)


def test_no_rows_and_a_single_leaf() -> None:
    head = TreeHead(
        root=np.array([0]), feature=np.array([0]), threshold=np.array([0.0]),
        left=np.array([-1]), right=np.array([-1]), value=np.array([[0.25, 0.75]]),
        classes=np.array([0, 2]), num_classes=3, num_features=4,
    )  # fmt: skip
    compiled = CompiledForest(head)
    assert compiled.predict_probability(np.zeros((0, 4), dtype=np.float32)).shape == (0, 3)
    assert compiled.predict_probability(np.ones((1, 4), dtype=np.float32))[0] == pytest.approx(
        [0.25, 0.0, 0.75]
    )
