"""Cross-validation never shows a classifier the labels of the fold, nor parts a group."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from place_factory import CROPS, make_encoder, make_place, series_of
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.errors import DataError
from windrow.evaluation.cross_validation import (
    BAND_TREES,
    COMMONEST,
    assign_folds,
    cross_validate,
    expectation,
)
from windrow.experiments.recipes.classifier import mix, train_settings

PLACE = make_place(60)
SERIES = series_of(PLACE)
NAMES = np.array(CROPS)[PLACE.crop].tolist()


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=4, max_size=60),
    st.integers(0, 9),
)
def test_a_group_stands_in_one_fold_and_no_fold_is_empty(rows, seed):
    label, group = (np.array(column) for column in zip(*rows, strict=True))
    if len(np.unique(group)) < 2:
        with pytest.raises(DataError, match="one group"):
            assign_folds(label, group, seed=seed)
        return
    fold = assign_folds(label, group, seed=seed)
    assert all(len(np.unique(fold[group == each])) == 1 for each in np.unique(group))
    assert set(fold.tolist()) == set(range(int(fold.max()) + 1))
    assert 2 <= fold.max() + 1 <= 5


def run(labels, group):
    settings = train_settings(seed=1)
    few = mix().model_copy(update={"num_trees": 10})
    return cross_validate(
        lambda: MixedClassifier(make_encoder(), few, seed=1),
        SERIES,
        labels,
        crops={},
        group=group,
        features=settings.features,
        seed=1,
    )


def test_every_labelled_field_is_predicted_once_by_a_classifier_that_did_not_see_it():
    labels = [name if i < 50 else None for i, name in enumerate(NAMES)]
    found = run(labels, SERIES.field_id)
    assert found.probability.shape == (50, 5)
    np.testing.assert_allclose(found.probability.sum(axis=1), 1.0)
    figures = expectation(found, field=SERIES.field_id[:50], grouped_by="field_id")
    right = found.probability.argmax(axis=1) == found.true
    assert figures.windrow.overall_accuracy == pytest.approx(right.mean())
    assert figures.windrow.overall_accuracy > 0.8
    assert figures.baselines[COMMONEST].overall_accuracy <= 0.2
    assert figures.baselines[BAND_TREES].overall_accuracy > 0.8
    assert (figures.num_fields, figures.num_folds) == (50, 5)
    assert {name: score.num_fields for name, score in figures.classes.items()} == {
        name: NAMES[:50].count(name) for name in CROPS
    }
    f1 = f1_score(found.true, found.probability.argmax(axis=1), average=None)
    assert [figures.classes[name].f1 for name in found.classes] == pytest.approx(list(f1))


def test_labels_without_meaning_are_predicted_by_chance():
    shuffled = np.random.default_rng(3).permutation(NAMES).tolist()
    found = run(shuffled, SERIES.field_id)
    assert (found.probability.argmax(axis=1) == found.true).mean() < 0.45


def test_a_class_of_one_group_counts_as_wrong_and_stops_nothing():
    group = np.where(PLACE.crop == 4, 1_000, SERIES.field_id)
    found = run(NAMES, group)
    lonely = found.true == found.classes.index("hemp")
    assert not (found.probability.argmax(axis=1) == found.true)[lonely].any()
