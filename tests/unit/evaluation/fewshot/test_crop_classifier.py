"""The crop classifier as a method, groups that stay whole, and bands with twelve indices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from place_factory import CROPS, make_encoder, make_place, series_of
from windrow.classifiers.features import FeatureSettings
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.shallow import TreesSettings
from windrow.data.series import Series
from windrow.data.spectral_indices import TWELVE_INDICES
from windrow.data.ten_day_grid import grid_of_series
from windrow.errors import DataError, SettingsError, SplitError
from windrow.evaluation.fewshot.inputs import band_and_index_features
from windrow.evaluation.fewshot.protocol import fewshot
from windrow.evaluation.fewshot.result import FewshotResult
from windrow.evaluation.fewshot.runs import drawn_rows, seed_of_draw
from windrow.evaluation.fewshot.settings import CropClassifierSettings, FewshotSettings, MethodHead
from windrow.evaluation.field_bootstrap import resample_scores
from windrow.experiments.recipes.classifier import mix
from windrow.experiments.recipes.heads import fewshot_settings
from windrow.sensors import SENTINEL2_BANDS
from windrow.sources.labels.label_table import SeriesLabels

MIX = mix().model_copy(update={"num_trees": 12})
TREES = TreesSettings(kind="extra_trees", num_trees=10, min_rows_a_leaf=1)
SHAPES = (0, 0, 1, 1, 2, 3, 4, 4)
"""Farms of a made-up place; the last crop is labelled nowhere."""


def place(num_fields: int = 40) -> tuple[Series, SeriesLabels]:
    made = make_place(num_fields)
    names = np.array([*CROPS[:4], ""])[made.crop]
    farm = np.array([f"farm {SHAPES[(n // 5) % len(SHAPES)]}" for n in range(num_fields)])
    half = np.where(np.arange(num_fields) // 5 % 2 == 0, "A", "B")
    labels = SeriesLabels("labels.csv", names, "crop", {"farm": farm, "half": half})
    return series_of(made), labels


def settings(*, context: str = "place", **changes: Any) -> FewshotSettings:
    head = CropClassifierSettings.from_dict({"mix": MIX, "use_prior": True, "context": context})
    heads = (
        MethodHead(method="windrow", head=head),
        MethodHead(method="bands_and_indices", head=TREES),
    )
    values: dict[str, Any] = {"heads": heads, "k": (1, 3), "num_draws": 2, "min_fields": 2}
    return fewshot_settings(**{**values, **changes})


def run(chosen: FewshotSettings, series: Series | None = None) -> FewshotResult:
    own, labels = place()
    return fewshot(series or own, labels, None, chosen, place_encoder=make_encoder())


@pytest.mark.parametrize("context", ["place", "training"])
def test_windrow_is_the_crop_classifier_on_the_same_draws(context: str) -> None:
    chosen = settings(context=context)
    result = run(chosen)
    task, (windrow, _) = result.task, result.predictions
    assert (windrow.method, windrow.head) == ("windrow", "crop_classifier")
    assert len(task.place) == 40
    assert len(task.series) == 32
    for k in chosen.k:
        for draw in range(chosen.num_draws):
            rows = drawn_rows(task, chosen, k, draw)
            drawn = set(task.series.id[rows].tolist())
            seen = task.place
            if context == "training":
                seen = task.series.select(task.train)
            # The order of fields decides the order of rows in the trees, so labels come first.
            first = np.array([each in drawn for each in seen.id.tolist()])
            seen = seen.select(np.concatenate([np.flatnonzero(first), np.flatnonzero(~first)]))
            name = dict(
                zip(task.series.id.tolist(), np.array(task.legend.names)[task.label], strict=True)
            )
            classifier = MixedClassifier(make_encoder(), MIX, seed=seed_of_draw(chosen, draw)).fit(
                seen,
                [str(name[each]) if each in drawn else None for each in seen.id.tolist()],
                crops={crop: (crop,) for crop in ("wheat", "maize", "meadow", "rape")},
            )
            expected = classifier.predict(task.series.select(task.test))
            found = np.array(task.legend.names)[windrow.predicted[k][draw]]
            assert found.tolist() == expected.tolist()


def test_test_fields_stay_hidden_where_the_context_is_training() -> None:
    series, _ = place()
    task = run(settings()).task
    changed = task.used[task.test][0]
    reflectance = series.reflectance.copy()
    reflectance[changed] = 9_000 - reflectance[changed]
    other = replace(series, reflectance=reflectance)
    for context, hidden in (("training", True), ("place", False)):
        chosen = settings(context=context)
        notes = " ".join(run(chosen).notes)
        assert ("the test fields too" in notes) is not hidden
        if hidden:
            before, after = (
                run(chosen, each).predictions[0].predicted[3] for each in (series, other)
            )
            assert before[:, 1:].tolist() == after[:, 1:].tolist()


def test_intervals_resample_whole_groups_and_no_group_is_on_both_sides() -> None:
    chosen = settings(group_column="farm")
    result = run(chosen)
    task = result.task
    train, test = set(task.group[task.train].tolist()), set(task.group[task.test].tolist())
    assert train
    assert test
    assert not train & test
    assert task.num_test_groups == len(test)
    record = result.to_dict()
    assert (record["grouped_by"], record["num_test_groups"]) == ("farm", len(test))
    for row in record["rows"]:
        (each,) = [p for p in result.predictions if p.method == row["method"]]
        resampled = resample_scores(
            task.label[task.test],
            each.predicted[row["k"]],
            task.group[task.test],
            num_classes=len(task.legend),
            settings=chosen.bootstrap,
            seed=chosen.seed,
        )
        low, high = np.quantile(resampled.resampled, [0.025, 0.975], axis=0)
        assert (row["overall_accuracy_low"], row["overall_accuracy_high"]) == (low[0], high[0])
        assert (row["macro_f1_low"], row["macro_f1_high"]) == (low[1], high[1])
    pairs = [(p["method"], p["baseline_method"]) for p in record["paired"]]
    assert pairs == [("windrow", "bands_and_indices")] * 2


def test_groups_that_cannot_be_used_are_refused() -> None:
    halves = {"train_where": "half=A", "test_where": "half=B"}
    with pytest.raises(SplitError, match="farm farm 0 is in the training and in the test part"):
        run(settings(group_column="farm", **halves))
    with pytest.raises(DataError, match="no column 'block' to group by"):
        run(settings(group_column="block"))
    series, labels = place()
    nowhere = replace(labels, columns={"farm": np.full(40, "")})
    with pytest.raises(DataError, match="'farm' has no value for some labelled series"):
        fewshot(series, nowhere, None, settings(group_column="farm"))
    one = replace(labels, columns={"farm": np.full(40, "a")})
    with pytest.raises(SplitError, match="all labelled fields are of one group"):
        fewshot(series, one, None, settings(group_column="farm"))


def test_without_weights_of_the_classifier_it_is_left_out_with_a_note() -> None:
    series, labels = place()
    result = fewshot(series, labels, None, settings())
    assert [each.method for each in result.predictions] == ["bands_and_indices"]
    assert "no weights of the crop classifier were given: windrow is left out" in result.notes
    assert result.weights == {}
    assert result.simulated_weights is None


def test_weights_are_named_with_their_marks() -> None:
    encoder = make_encoder()
    marked = replace(encoder, header=encoder.header.model_copy(update={"smoke_test": True}))
    series, labels = place()
    result = fewshot(series, labels, None, settings(), place_encoder=marked)
    assert result.to_dict()["weights"] == {
        "windrow": {"hash": encoder.content_hash, "simulated": True, "smoke_test": True}
    }
    assert result.notes[0].startswith("SMOKE TEST: these weights")
    assert not any("SMOKE TEST" in note for note in run(settings()).notes)


def test_the_crop_classifier_is_the_head_of_windrow_alone() -> None:
    head = CropClassifierSettings(mix=MIX, use_prior=True, context="place")
    for method, wrong in (("bands", head), ("windrow", TREES)):
        with pytest.raises(SettingsError, match="the crop classifier is the head of windrow"):
            MethodHead.from_dict({"method": method, "head": wrong.to_dict()})


@pytest.mark.parametrize("bands", [None, ("B02", "B03", "B04", "B08")])
def test_bands_with_twelve_indices(bands: tuple[str, ...] | None) -> None:
    series = series_of(make_place(6))
    series = series if bands is None else series.with_bands(bands)
    grid = grid_of_series(series, clear_below=None)
    value = dict(zip(SENTINEL2_BANDS, np.moveaxis(grid.reflectance, -1, 0), strict=True))
    columns = [np.stack([value[band] for band in series.bands], axis=-1).reshape(6, -1)]
    for first, second in TWELVE_INDICES.values():
        if {first, second} <= set(series.bands):
            a, b = value[first].astype(np.float64), value[second].astype(np.float64)
            columns.append((a - b) / (a + b))
    found = band_and_index_features(series, FeatureSettings(clear_below=None, step_days=10))
    expected = np.concatenate(columns, axis=1)
    assert found.values.shape == expected.shape == (6, 36 * (12 + 12 if bands is None else 4 + 4))
    np.testing.assert_allclose(found.values, expected, atol=1e-5)
