"""Saved light heads predict what scikit-learn predicts, without scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from windrow.classifiers.shallow import LogisticSettings, TreesSettings, fit_light_head
from windrow.errors import DataError
from windrow.models.heads.inputs import HeadInputs
from windrow.models.heads.saved_head import (
    Calibration,
    FittedHead,
    HeadHeader,
    load_head,
    save_head,
)

HEADS = [
    LogisticSettings(inverse_regularisation=0.5, max_iterations=500),
    TreesSettings(kind="extra_trees", num_trees=13, min_rows_a_leaf=1),
    TreesSettings(kind="random_forest", num_trees=9, min_rows_a_leaf=3),
]


@pytest.mark.parametrize("settings", HEADS, ids=lambda s: s.kind)
@pytest.mark.parametrize("classes", [(0, 1, 2, 3), (0, 2), (1, 2, 3)])
def test_round_trip_equals_scikit_learn(
    tmp_path: Path, settings: LogisticSettings | TreesSettings, classes: tuple[int, ...]
) -> None:
    generator = np.random.default_rng(0)
    label = generator.choice(classes, 80)
    features = (generator.normal(size=(80, 6)) + label[:, None]).astype(np.float32)
    features[:, 5] = 0.25  # never varies
    fit = fit_light_head(features, label, num_classes=4, settings=settings, seed=3)
    assert fit.converged
    header = HeadHeader.from_dict(
        {
            "kind": settings.kind,
            "settings": settings.to_dict(),
            "legend": {"names": list("abcd"), "codes": list("abcd")},
            "input": "bands",
            "pooling": None,
            "calibration": None,
            "encoder_hash": None,
            "bands": ["B02"],
            "processing_level": "L2A",
            "features": {"clear_below": 128, "step_days": 10},
            "num_inputs": 6,
            "provenance": {},
        }
    )
    save_head(tmp_path / "head", FittedHead(header, fit.to_model()))
    save_head(tmp_path / "again", FittedHead(header, fit.to_model()))
    for name in ("head.json", "head.safetensors"):
        first, second = (tmp_path / folder / name for folder in ("head", "again"))
        assert first.read_bytes() == second.read_bytes()
    loaded = load_head(tmp_path / "head")
    assert loaded.header == header
    new = generator.normal(size=(50, 6)).astype(np.float32) * 2
    new[:10] = features[:10]
    found = loaded.predict_probability(HeadInputs(values=new))
    np.testing.assert_allclose(found, fit.predict_probability(new), rtol=0, atol=1e-12)
    absent = [c for c in range(4) if c not in classes]
    assert (found[:, absent] == 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_temperature(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    features = generator.normal(size=(40, 2)).astype(np.float32)
    label = (features[:, 0] > 0).astype(np.int64)
    fit = fit_light_head(features, label, num_classes=2, settings=HEADS[0], seed=0)
    header = HeadHeader.from_dict(
        {
            "kind": "logistic_regression",
            "settings": {},
            "legend": {"names": ["a", "b"], "codes": ["a", "b"]},
            "input": "representation",
            "pooling": "mean",
            "calibration": Calibration(temperature=2.0),
            "encoder_hash": "f" * 64,
            "bands": ["B02"],
            "processing_level": "L1C",
            "features": None,
            "num_inputs": 2,
            "provenance": {},
        }
    )
    save_head(tmp_path / "head", FittedHead(header, fit.to_model()))
    found = load_head(tmp_path / "head").predict_probability(HeadInputs(values=features))
    odds = np.log(fit.predict_probability(features))
    expected = np.exp(odds / 2) / np.exp(odds / 2).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_one_class_is_no_head() -> None:
    with pytest.raises(DataError, match="at least two classes; found 1"):
        fit_light_head(
            np.zeros((3, 1), dtype=np.float32),
            np.zeros(3, dtype=np.int64),
            num_classes=2,
            settings=HEADS[0],
            seed=0,
        )
