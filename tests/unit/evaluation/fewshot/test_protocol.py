"""The few-label protocol on made-up fields, with an encoder that knows the answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score

from windrow.classifiers.sequence import SequenceTraining
from windrow.classifiers.shallow import LogisticSettings, TreesSettings
from windrow.data.series import Series
from windrow.errors import DataError, SettingsError, SplitError, WeightsError
from windrow.evaluation.fewshot.inputs import inputs_of_head, sees_days
from windrow.evaluation.fewshot.protocol import fewshot
from windrow.evaluation.fewshot.result import write_fewshot
from windrow.evaluation.fewshot.settings import MethodHead
from windrow.experiments.recipes.heads import fewshot_settings, sequence_training
from windrow.models.heads.saved_head import load_head
from windrow.models.heads.transformer import TransformerSettings
from windrow.sensors import SENTINEL2_BANDS
from windrow.sources.labels.label_table import SeriesLabels

LOGISTIC = LogisticSettings(inverse_regularisation=1.0, max_iterations=500)
TREES = TreesSettings(kind="extra_trees", num_trees=10, min_rows_a_leaf=1)
TINY = SequenceTraining.from_dict(
    {
        **sequence_training("transformer").to_dict(),
        "model": TransformerSettings(width=8, num_heads=2, num_layers=1, dropout=0.0),
        "min_steps": 10,
        "epochs": 2,
    }
)
HEADS = (
    MethodHead(method="representation", head=LOGISTIC),
    MethodHead(method="representation", head=TINY),
    MethodHead(method="bands", head=TREES),
    MethodHead(method="indices", head=LOGISTIC),
)
CLASSES = ["corn"] * 16 + ["wheat"] * 14 + ["rye"] * 12 + ["oats"] * 3 + ["other"] * 11


def fields(num_pixels: int = 1) -> tuple[Series, SeriesLabels]:
    """Fields whose near infrared tells the class, faintly."""
    generator = np.random.default_rng(0)
    names = np.repeat(np.array(CLASSES), num_pixels)
    num = len(names)
    field = np.repeat(np.arange(len(CLASSES)) + 100, num_pixels)
    shift = np.array([sorted(set(CLASSES)).index(name) for name in names])
    reflectance = generator.integers(500, 4000, (num, 8, 12))
    reflectance[:, :, 7] += 300 * shift[:, None]
    series = Series(
        reflectance=reflectance.astype(np.int16),
        day_of_year=np.tile(np.arange(10, 330, 40, dtype=np.int16), (num, 1)),
        valid=np.ones((num, 8), dtype=np.bool_),
        bands=SENTINEL2_BANDS,
        processing_level="L2A",
        id=np.array([f"s{index}" for index in range(num)]),
        field_id=field,
        year=np.full(num, 2018, dtype=np.int16),
        cloud_probability=np.zeros((num, 8), dtype=np.uint8),
    )
    half = np.where((field - 100) % 2 == 0, "A", "B")
    labels = SeriesLabels(
        source="labels.csv",
        label=names,
        label_column="crop",
        columns={"crop": names, "half": half},
    )
    return series, labels


class Oracle:
    """An encoder whose vector is the mean near infrared without noise, and one constant."""

    bands = SENTINEL2_BANDS
    simulated = True
    smoke_test = False
    content_hash = "a" * 64

    def embed(self, series: Series, *, pool: str) -> np.ndarray:
        assert pool == "month"
        names = np.array(CLASSES)[series.field_id - 100]
        value = np.unique(names, return_inverse=True)[1]
        return np.stack([value == c for c in range(3)], axis=1).astype(np.float32)

    def read_dates(self, series: Series) -> np.ndarray:
        return series.valid

    def sequence(self, series: Series) -> np.ndarray:
        return np.repeat(self.embed(series, pool="month")[:, None], series.num_dates, axis=1)


def settings(**changes: Any) -> Any:
    values: dict[str, Any] = {
        "heads": HEADS,
        "k": (1, 4),
        "num_draws": 3,
        "pool": "month",
        "exclude": ("other",),
        "train_where": "half=A",
        "test_where": "half=B",
    }
    return fewshot_settings(**{**values, **changes})


def test_the_whole_protocol(tmp_path: Path) -> None:
    series, labels = fields()
    told: list[tuple[int, int, str]] = []
    result = fewshot(series, labels, Oracle(), settings(), lambda *news: told.append(news))
    assert told[-1][:2] == (24, 24)
    assert told[0] == (0, 24, "inputs")
    assert told[1][2] == "k=1 representation-logistic_regression"
    write_fewshot(tmp_path / "fewshot", result)
    record = json.loads((tmp_path / "fewshot" / "fewshot.json").read_text(encoding="utf-8"))
    assert record["legend"] == ["corn", "rye", "wheat"]
    assert (record["num_train_fields"], record["num_test_fields"]) == (21, 21)
    assert record["left_out"] == [
        {"class": "other", "num_fields": 11, "reason": "excluded by name"},
        {"class": "oats", "num_fields": 3, "reason": "fewer than 10 fields in the whole set"},
    ]
    assert "training and test fields share place, year and weather" in record["notes"][0]
    assert record["simulated_weights"] is True
    assert len(record["rows"]) == 8
    oracle = record["rows"][0]
    assert (oracle["k"], oracle["method"], oracle["head"]) == (1, "representation", LOGISTIC.kind)
    assert oracle["overall_accuracy"] == oracle["macro_f1"] == oracle["kappa"] == 1.0
    assert oracle["overall_accuracy_std"] == 0.0

    table = pd.read_parquet(tmp_path / "fewshot" / "predictions.parquet")
    assert list(table.columns) == ["k", "draw", "method", "head", "id", "true", "predicted"]
    for row in record["rows"]:
        chosen = table[(table["k"] == row["k"]) & (table["method"] == row["method"])]
        chosen = chosen[chosen["head"] == row["head"]]
        draws = [part for _, part in chosen.groupby("draw")]
        assert len(draws) == row["draws"] == 3
        for name, score in (
            ("overall_accuracy", accuracy_score),
            ("kappa", cohen_kappa_score),
            ("macro_f1", lambda t, p: f1_score(t, p, average="macro", zero_division=0)),
        ):
            values = [score(part["true"], part["predicted"]) for part in draws]
            assert row[name] == pytest.approx(np.mean(values))
            assert row[f"{name}_std"] == pytest.approx(np.std(values))
        assert np.sum(row["confusion_matrix"]) == len(chosen)
    pairs = record["paired"]
    assert len(pairs) == 2 * 2 * 2
    first = pairs[0]
    assert (first["method"], first["head"]) == ("representation", LOGISTIC.kind)
    assert (first["baseline_method"], first["baseline_head"]) == ("bands", "extra_trees")
    assert record["weights"] == {
        "representation": {"hash": "a" * 64, "simulated": True, "smoke_test": False}
    }
    assert (record["version"], record["grouped_by"], record["num_test_groups"]) == (
        2,
        "field_id",
        21,
    )
    assert first["overall_accuracy_difference"] == pytest.approx(
        1.0 - record["rows"][4]["overall_accuracy"]
    )
    assert first["overall_accuracy_low"] <= first["overall_accuracy_difference"]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    series, labels = fields()
    for name in ("one", "two"):
        write_fewshot(tmp_path / name, fewshot(series, labels, Oracle(), settings(k=(2,))))
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 2 + 2 * len(HEADS)
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_saved_heads_classify_again(tmp_path: Path) -> None:
    series, labels = fields(num_pixels=2)
    result = fewshot(series, labels, Oracle(), settings())
    write_fewshot(tmp_path / "fewshot", result)
    task = result.task
    assert len(task.test) == 42
    assert task.num_test_fields == 21
    test = task.series.select(task.test)
    for predictions in result.predictions:
        name = f"{predictions.method}-{predictions.head}"
        head = load_head(tmp_path / "fewshot" / "heads" / name)
        inputs = inputs_of_head(head, test, Oracle())
        found = head.predict_probability(inputs).argmax(axis=1)
        assert found.tolist() == predictions.predicted[4][0].tolist()
        if predictions.method == "representation":
            assert head.header.encoder_hash == "a" * 64
            with pytest.raises(WeightsError, match="representation of other weights"):
                inputs_of_head(head, test)


@pytest.mark.parametrize("start", ["01-01", "10-01"])
def test_a_head_on_days_refuses_series_of_another_season(tmp_path: Path, start: str) -> None:
    series, labels = fields(num_pixels=2)
    series = replace(series, season_start=start)
    result = fewshot(series, labels, Oracle(), settings())
    write_fewshot(tmp_path / "fewshot", result)
    other = replace(result.task.series, season_start="04-01")
    for predictions in result.predictions:
        name = f"{predictions.method}-{predictions.head}"
        head = load_head(tmp_path / "fewshot" / "heads" / name)
        assert head.header.season_start == start
        inputs_of_head(head, result.task.series, Oracle())
        if sees_days(predictions.method, head):
            with pytest.raises(DataError, match=f"season-start {start}"):
                inputs_of_head(head, other, Oracle())
        else:
            inputs_of_head(head, other, Oracle())


def test_random_halves_without_weights() -> None:
    series, labels = fields(num_pixels=2)
    result = fewshot(series, labels, None, settings(train_where=None, test_where=None, k=(1,)))
    assert "no weights were given: the representation is left out" in result.notes
    assert [(each.method, each.head) for each in result.predictions] == [
        ("bands", "extra_trees"),
        ("indices", "logistic_regression"),
    ]
    task = result.task
    train, test = task.series.field_id[task.train], task.series.field_id[task.test]
    assert not set(train.tolist()) & set(test.tolist())
    assert (task.num_train_fields, task.num_test_fields) == (21, 21)


def test_missing_bands_leave_the_indices_out() -> None:
    series, labels = fields()
    small = series.with_bands(["B02", "B04", "B08"])
    result = fewshot(small, labels, None, settings(k=(1,)))
    assert "band B05 B11 B12 is missing: the indices are left out" in result.notes
    assert [row["method"] for row in result.rows] == ["bands"]


def test_a_field_on_both_sides_is_an_error() -> None:
    series, labels = fields()
    with pytest.raises(SplitError, match="field 100 is in the training and in the test part"):
        fewshot(series, labels, None, settings(test_where="half=A"))


@pytest.mark.parametrize(
    ("changes", "kind", "text"),
    [
        ({"min_fields": 15}, DataError, "fewer than two classes are left; found corn"),
        ({"exclude": ("other", "corn", "wheat")}, DataError, "fewer than two classes are left"),
        ({"train_where": "half=C"}, DataError, "no row has half=C"),
        ({"train_where": None}, SettingsError, "train_where and test_where must be given together"),
        ({"k": (4, 1)}, SettingsError, "k must be positive and increase"),
        ({"heads": (HEADS[0],)}, DataError, "nothing is left to compare"),
    ],
)
def test_bad_requests(changes: dict[str, Any], kind: type[Exception], text: str) -> None:
    series, labels = fields()
    with pytest.raises(kind, match=text):
        fewshot(series, labels, None, settings(**changes))


def test_no_labels() -> None:
    with pytest.raises(
        DataError, match="the series carry no labels; expected labels, or a label table"
    ):
        fewshot(fields()[0], None, None, settings())
