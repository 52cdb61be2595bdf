"""The scikit-learn estimators against windrow's own classifier and scikit-learn's checks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from place_factory import CROPS, make_place, series_of
from windrow import CropClassifier, SeriesEmbedder
from windrow.classifiers.array_inputs import EstimatorInputError
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.place_classifier import load_place_encoder
from windrow.experiments.recipes.classifier import mix
from windrow.sensors import SENTINEL2_BANDS

SERIES = series_of(make_place(60))
Y = np.array(CROPS)[make_place(60).crop]
FEW = {"num_trees": 15}
BANDS = ("B03", "B04", "B08", "B11")


def columns(series, bands=BANDS):
    """The series as an array, date by date, NaN without an observation, and its dates."""
    own = series.with_bands(bands)
    values = np.where(own.valid[..., None], own.reflectance / 1e4, np.nan)
    return values.reshape(len(own), -1), (own.day_of_year[0] + 1).tolist()


EXPECTED_TO_FAIL: dict[str, dict[str, str]] = {"CropClassifier": {}, "SeriesEmbedder": {}}
"""Checks that an estimator fails, with the reason: none."""


@parametrize_with_checks(
    [
        CropClassifier(check_range=False, num_trees=10, use_prior=False),
        SeriesEmbedder(check_range=False),
    ],
    expected_failed_checks=lambda estimator: EXPECTED_TO_FAIL[type(estimator).__name__],
)
def test_scikit_learn_accepts_the_estimators(estimator, check):
    check(estimator)


def test_series_give_what_the_own_classifier_gives():
    labelled = [name if i < 25 else None for i, name in enumerate(Y)]
    model = CropClassifier(**FEW).fit(SERIES, np.array(labelled, dtype=object))
    own = MixedClassifier(load_place_encoder(), mix().model_copy(update={"num_trees": 15})).fit(
        SERIES,
        labelled,
        crops={"hemp": [], **{n: list(model.classifier_.fitted.crops.get(n, ())) for n in CROPS}},
    )
    np.testing.assert_allclose(model.predict_proba(SERIES), own.predict_proba(SERIES), atol=1e-7)
    assert model.classes_.tolist() == sorted(CROPS)
    assert (model.predict(SERIES) == Y).mean() > 0.9


def test_arrays_and_xarray_give_what_series_give():
    own = SERIES.with_bands(BANDS)
    X, dates = columns(SERIES)
    from_series = CropClassifier(**FEW).fit(own, Y)
    from_array = CropClassifier(**FEW, bands=BANDS, dates=dates, latitude=48.0).fit(X, Y)
    expected = from_series.predict_proba(own)
    np.testing.assert_allclose(from_array.predict_proba(X), expected, atol=0.02)
    in_dn = CropClassifier(**FEW, bands=BANDS, dates=dates, latitude=48.0, scale="dn")
    np.testing.assert_allclose(in_dn.fit(X * 1e4, Y).predict_proba(X * 1e4), expected, atol=0.02)
    dataset = own.to_xarray()
    from_xarray = CropClassifier(**FEW, latitude=48.0).fit(dataset, Y)
    np.testing.assert_allclose(from_xarray.predict_proba(dataset), expected, atol=0.02)
    assert from_array.n_features_in_ == X.shape[1]
    assert from_xarray.n_features_in_ == len(BANDS)


def test_unlabelled_series_show_the_place():
    some = np.array([name if i < 20 else None for i, name in enumerate(Y)], dtype=object)
    model = CropClassifier(**FEW).fit(SERIES, some)
    assert len(model.classifier_.fitted.label) == 60
    assert (model.classifier_.fitted.label >= 0).sum() == 20


def test_cross_validation_by_groups_and_grid_search_and_pipelines():
    X, dates = columns(SERIES)
    how = {"bands": BANDS, "dates": dates}
    groups = np.arange(60) // 10
    scores = cross_val_score(CropClassifier(**FEW, **how), X, Y, groups=groups, cv=GroupKFold(3))
    assert scores.shape == (3,)
    assert scores.mean() > 0.8
    pipeline = make_pipeline(SeriesEmbedder(**how), LogisticRegression(max_iter=500))
    search = GridSearchCV(pipeline, {"logisticregression__C": [0.1, 10.0]}, cv=3)
    search.fit(X, Y)
    assert search.best_score_ > 0.8
    few = GridSearchCV(CropClassifier(**how), {"num_trees": [5, 10]}, cv=2, n_jobs=1).fit(X, Y)
    assert few.best_params_["num_trees"] in (5, 10)
    named = SeriesEmbedder(**how).set_output(transform="pandas").fit(X)
    assert list(named.transform(X).columns[:2]) == ["embedding0", "embedding1"]


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99))
def test_embeddings_do_not_depend_on_the_others(seed):
    embedder = SeriesEmbedder().fit(SERIES)
    order = np.random.default_rng(seed).permutation(60)[:7]
    whole = embedder.transform(SERIES)
    np.testing.assert_array_equal(embedder.transform(SERIES.select(order)), whole[order])


def test_what_cannot_be_read_is_a_value_error_that_says_why():
    X, dates = columns(SERIES)
    cases = [
        (CropClassifier(bands=BANDS, dates=dates), X * 1e4, Y, "no reflectance"),
        (CropClassifier(bands=BANDS, dates=dates[1:]), X, Y, "another number of dates"),
        (CropClassifier(bands=("B02", "B03", "B04", "B05", "B06")), X, Y, "dates times bands"),
        (CropClassifier(bands=BANDS, dates=["yes"] * len(dates)), X, Y, "cannot be read"),
        (CropClassifier(bands=BANDS, dates=[400] * len(dates)), X, Y, "out of range"),
        (CropClassifier(bands=BANDS), X, ["wheat"] * 60, "fewer than two classes"),
        (CropClassifier(bands=BANDS), np.where(np.arange(60)[:, None] == 3, np.nan, X), Y, "row 3"),
    ]  # fmt: skip
    for model, values, labels, message in cases:
        with pytest.raises(ValueError, match=message):
            model.fit(values, labels)
    model = CropClassifier(**FEW).fit(SERIES, Y)
    with pytest.raises(EstimatorInputError, match="other bands"):
        model.predict(SERIES.with_bands(SENTINEL2_BANDS[:6]))


def test_the_examples_of_the_documentation_run():
    text = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    code = "\n".join(blocks).replace("num_series=300", "num_series=80")
    code = code.replace("CropClassifier(", "CropClassifier(num_trees=5, ")
    namespace: dict[str, object] = {}
    exec(code, namespace)  # noqa: S102 (our own text)
    assert len(namespace["blocks"]) == 80
    assert namespace["pipeline"].predict(namespace["series"]).shape == (80,)
