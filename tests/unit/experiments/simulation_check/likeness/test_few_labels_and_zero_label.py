"""Few-label scores over places, and zero-label figures, against recomputations."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score

from series_factory import make_series
from windrow.classifiers.features import FeatureSettings
from windrow.classifiers.shallow import TreesSettings
from windrow.data.legend import Legend
from windrow.errors import DataError
from windrow.evaluation.fewshot.protocol import fewshot
from windrow.evaluation.fewshot.settings import FewshotSettings, MethodHead
from windrow.evaluation.field_bootstrap import BootstrapSettings
from windrow.experiments.simulation_check.likeness.few_label_accuracy import few_label_scores
from windrow.experiments.simulation_check.likeness.simulated_to_real import (
    ZeroLabelClassifier,
    zero_label_scores,
)

LEGEND = Legend(names=("early", "late"), codes=("1", "2"))
FEATURES = FeatureSettings(clear_below=128, step_days=10)
TREES = TreesSettings(kind="extra_trees", num_trees=8, min_rows_a_leaf=1)
BOOTSTRAP = BootstrapSettings(num_resamples=200, level=0.9)


def labelled(seed, num=24):
    series = make_series(num, seed=seed, series_per_field=1, planetscope=False, num_dates=40)
    clear = series.valid & (series.cloud_probability < 128)
    nir = series.reflectance[..., 7] * clear
    late = (nir * (series.day_of_year > 170)).sum(axis=1) > (nir * (series.day_of_year <= 170)).sum(
        axis=1
    )
    label = late.astype(np.int16)
    return replace(series, label=label, legend=LEGEND)


def places():
    settings = FewshotSettings(
        k=(1, 3), num_draws=4, seed=0, pool="month", features=FEATURES,
        heads=(MethodHead(method="indices", head=TREES),), bootstrap=BOOTSTRAP, min_fields=1,
        exclude=(), train_where=None, test_where=None,
    )  # fmt: skip
    return [fewshot(labelled(seed), None, None, settings) for seed in (1, 2, 3)]


def test_scores_over_places_are_means_over_all_tested_fields():
    found = places()
    rows = few_label_scores(found, bootstrap=BOOTSTRAP, seed=0)
    assert [row.k for row in rows] == [1, 3]
    for row in rows:
        true = np.concatenate([p.task.label[p.task.test] for p in found])
        predicted = np.concatenate([p.predictions[0].predicted[row.k] for p in found], axis=1)
        right = np.mean([(draw == true).mean() for draw in predicted])
        f1 = np.mean([f1_score(true, draw, average="macro") for draw in predicted])
        assert row.overall_accuracy == pytest.approx(right)
        assert row.macro_f1 == pytest.approx(f1)
        assert row.overall_accuracy_low <= right <= row.overall_accuracy_high
        assert (row.draws, row.places) == (12, 3)
        by_place = [
            np.mean(p.predictions[0].predicted[row.k] == p.task.label[p.task.test]) for p in found
        ]
        assert row.places_std == pytest.approx(np.std(by_place))
    assert few_label_scores(found[:1], bootstrap=BOOTSTRAP, seed=0)[0].places_std is None


def test_places_of_other_classes_are_not_taken_together():
    found = places()
    other = replace(
        found[1], task=replace(found[1].task, legend=Legend(names=("a", "b"), codes=("a", "b")))
    )
    with pytest.raises(DataError, match="different classes or k"):
        few_label_scores([found[0], other], bootstrap=BOOTSTRAP, seed=0)
    with pytest.raises(DataError, match="no place to measure"):
        few_label_scores([], bootstrap=BOOTSTRAP, seed=0)


def test_zero_label_figures_are_those_of_a_loop():
    draw = np.random.default_rng(0)
    true, predicted = draw.integers(0, 4, 50), draw.integers(0, 4, 50)
    names = ("Meadows", "Wheat", "Forage Crops", "Corn")
    found = zero_label_scores(true, predicted, names, merged=("Meadows", "Forage Crops", "Clover"))
    assert found.overall_accuracy == pytest.approx(np.mean(true == predicted))
    assert found.macro_f1 == pytest.approx(f1_score(true, predicted, average="macro"))
    grass = {0, 2}
    right = [t == p or {t, p} <= grass for t, p in zip(true, predicted, strict=True)]
    assert found.merged_accuracy == pytest.approx(np.mean(right))
    assert zero_label_scores(true, predicted, names, merged=("Meadows",)).merged_accuracy is None


def test_a_classifier_learns_from_one_set_and_knows_another():
    head = TREES
    classifier = ZeroLabelClassifier(labelled(1, 90), features=FEATURES, head=head, seed=0)
    other = labelled(7, 60)  # 31 early and 29 late fields
    assert classifier.score(other, merged=()).overall_accuracy > 0.65
    with pytest.raises(DataError, match="legend of the simulated ones"):
        classifier.score(replace(other, legend=Legend(("x", "y"), ("x", "y"))), merged=())
    with pytest.raises(DataError, match="needs a label for every simulated field"):
        ZeroLabelClassifier(
            replace(other, label=np.full(60, -1, dtype=np.int16)),
            features=FEATURES, head=head, seed=0,
        )  # fmt: skip
