"""A fitted classifier on disk: the same probabilities, and no trust in files."""

import json

import numpy as np
import pytest

from place_factory import CROPS, make_encoder, make_place, series_of
from windrow.classifiers.mixed_classifier import MixedClassifier
from windrow.classifiers.saved_classifier import read_classifier, write_classifier
from windrow.errors import DataError, OutputError, WeightsError
from windrow.experiments.recipes.classifier import mix

PLACE = make_place(40)
SERIES = series_of(PLACE)
NAMES = np.array(CROPS)[PLACE.crop].tolist()
MIX = mix().model_copy(update={"num_trees": 10})


@pytest.fixture(name="classifier", scope="module")
def _classifier():
    labels = [name if i < 20 else None for i, name in enumerate(NAMES)]
    crops = {"hemp": ["hemp"], "rape": ["rape", "maize"]}
    return MixedClassifier(make_encoder(), MIX, seed=3).fit(SERIES, labels, crops=crops)


@pytest.fixture(name="folder")
def _folder(classifier, tmp_path):
    write_classifier(tmp_path / "classifier", classifier)
    return tmp_path / "classifier"


def test_it_comes_back_with_the_same_probabilities(classifier, folder):
    found = read_classifier(folder, make_encoder())
    np.testing.assert_array_equal(found.predict_proba(SERIES), classifier.predict_proba(SERIES))
    np.testing.assert_array_equal(found.unlikeness(SERIES), classifier.unlikeness(SERIES))
    assert found.classes == classifier.classes
    assert (found.num_labelled, found.seed, found.fitted.season_start) == (4.0, 3, "01-01")
    wider = found.with_context(SERIES.select(slice(0, 5)))
    np.testing.assert_allclose(wider.predict_proba(SERIES).sum(axis=1), 1.0)


def test_nothing_is_overwritten(classifier, folder):
    with pytest.raises(OutputError, match="exists already"):
        write_classifier(folder, classifier)


def test_other_weights_are_refused(folder):
    with pytest.raises(WeightsError, match="fitted with other weights"):
        read_classifier(folder, make_encoder(seed=1))


def test_what_is_no_classifier_is_refused(folder, tmp_path):
    with pytest.raises(DataError, match="no classifier can be read here"):
        read_classifier(tmp_path / "nothing", make_encoder())
    whole = (folder / "arrays.safetensors").read_bytes()
    (folder / "arrays.safetensors").write_bytes(whole[:-50])
    with pytest.raises(DataError, match="no classifier can be read here"):
        read_classifier(folder, make_encoder())
    (folder / "arrays.safetensors").write_bytes(whole)
    head = json.loads((folder / "head.json").read_text())
    (folder / "head.json").write_text(json.dumps({**head, "classes": ["a", "b"]}))
    with pytest.raises(DataError, match="do not fit together"):
        read_classifier(folder, make_encoder())
    features = {**head["num_features"], "embedding_trees": 1}
    (folder / "head.json").write_text(json.dumps({**head, "num_features": features}))
    with pytest.raises(DataError, match="the trees of embedding_trees do not fit"):
        read_classifier(folder, make_encoder())
