"""Reading a run: resumed and damaged metrics, missing columns, weights without tensors."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from windrow.errors import DataError
from windrow.reporting.run.reading import (
    read_class_predictions,
    read_metrics,
    read_run,
    read_series_predictions,
    read_weights_header,
)


def metrics_of(folder: Path, *lines: object) -> Path:
    path = folder / "metrics.jsonl"
    path.write_text("".join(f"{n if isinstance(n, str) else json.dumps(n)}\n" for n in lines))
    return path


def test_resumed_metrics_keep_the_later_line(tmp_path: Path) -> None:
    path = metrics_of(
        tmp_path,
        {"kind": "train", "step": 1, "num_steps": 9, "loss": 5.0, "season": None},
        {"kind": "train", "step": 0, "num_steps": 9, "loss": 7.0},
        "",
        {"kind": "train", "step": 1, "num_steps": 9, "loss": 4.0},
        {"kind": "validation", "step": 1, "loss": 6.0},
        {"kind": "farewell", "step": 1},
    )
    metrics = read_metrics(path)
    assert metrics.train["step"].tolist() == [0, 1]
    assert metrics.train["loss"].tolist() == [7.0, 4.0]
    assert metrics.train["season"].isna().all()
    assert metrics.validation["loss"].tolist() == [6.0]
    assert metrics.num_steps == 9
    assert metrics.notes == (
        "1 steps stand twice, as after a resumption; the later counts.",
        "1 lines of an unknown kind are not shown.",
    )


def test_a_diverged_run_can_still_be_read(tmp_path: Path) -> None:
    path = metrics_of(
        tmp_path, {"kind": "train", "step": 0, "loss": 1.0}, '{"kind":"train","step":1,"loss":NaN}'
    )
    metrics = read_metrics(path)
    assert math.isnan(metrics.train["loss"][1])
    assert metrics.notes == ("1 training steps have a loss that is missing or not finite.",)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"kind": "train", "st', "a line of the metrics is damaged; in .*jsonl, line 2; found"),
        ("[1, 2]", "does not fit: .* in .*line 2"),
        ('{"kind": "train"}', "step does not fit: field required; in .*line 2"),
        ('{"kind": "train", "step": -1}', "step does not fit: .*greater than or equal to 0"),
        ('{"kind": "train", "step": 1, "loss": "low"}', "loss does not fit: .*found 'low'"),
        ("[" * 100_000, "a line of the metrics is damaged"),
    ],
)
def test_damaged_metrics_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = metrics_of(tmp_path, {"kind": "train", "step": 0, "loss": 1.0}, line)
    with pytest.raises(DataError, match=message):
        read_metrics(path)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"a file of the run cannot be read; in .*metrics"):
        read_metrics(path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("evaluation.json", "{", "a file of the run is not JSON; in .*evaluation.json"),
        ("evaluation.json", "[]", "the whole does not fit"),
        (
            "evaluation.json",
            '{"planetscope": [{"band": "red"}]}',
            r"planetscope\.0\.lag does not fit: field required",
        ),
        ("environment.json", "[1]", "does not hold named values; .*found list"),
        ("config.yaml", "a: [1", "a file of the run is not YAML; in .*config.yaml"),
        ("config.yaml", "- 1", "does not hold named values"),
        ("weights.safetensors", "short", "the header of the weights cannot be read"),
        ("predictions.parquet", "PAR1", "a table of the run cannot be read"),
    ],
)
def test_damaged_files_are_named(pretraining_run: Path, name: str, text: str, message: str) -> None:
    (pretraining_run / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_run(pretraining_run)


def test_missing_columns_are_named(tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    pd.DataFrame({"id": [1], "true": ["Wheat"]}).to_parquet(path)
    with pytest.raises(DataError, match=r"lacks column predicted; in .*; found id, true; expected"):
        read_class_predictions(path)
    with pytest.raises(DataError, match="lacks column series_id, day_of_year, valid"):
        read_series_predictions(path)


def test_columns_that_are_not_numeric(tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    table = {"id": [1], "true": ["Wheat"], "predicted": ["Rye"], "longitude": ["east"]}
    pd.DataFrame(table).to_parquet(path)
    with pytest.raises(DataError, match=r"column longitude is not numeric; .*expected degrees"):
        read_class_predictions(path)
    row: dict[str, Any] = {"series_id": 1, "day_of_year": "May", "valid": True, "band": "red"}
    pd.DataFrame([row | {"observed": 0.1, "predicted": 0.1}]).to_parquet(path)
    with pytest.raises(DataError, match="a column is not numeric"):
        read_series_predictions(path)


def test_only_the_same_day_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    pd.DataFrame(
        {
            "series_id": [1, 1],
            "day_of_year": [3, 3],
            "valid": [True, True],
            "band": ["red", "red"],
            "observed": [0.1, 0.2],
            "predicted": [0.1, 0.2],
            "lag": [0, -1],
        }
    ).to_parquet(path)
    table = read_series_predictions(path)
    assert table["observed"].tolist() == [0.1]
    assert table["cloud_probability"].isna().all()


def test_weights_header_without_tensors(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "weights.safetensors"
    inner = {"bands": ["B02"], "simulated": True}
    save_file({"w": np.zeros(3)}, path, metadata={"windrow": json.dumps(inner)})
    assert read_weights_header(path) == inner
    save_file({"w": np.zeros(3)}, path, metadata={"other": "1"})
    assert read_weights_header(path) == {"other": "1"}


def test_confusion_matrix_must_fit_its_legend(tmp_path: Path) -> None:
    row: dict[str, Any] = {"k": 5, "method": "bands", "head": "lstm", "draws": 2}
    row |= dict.fromkeys(("overall_accuracy", "overall_accuracy_std"), 0.5)
    row |= dict.fromkeys(("macro_f1", "macro_f1_std"), 0.5)
    row["confusion_matrix"] = [[1, 0], [0, 1]]
    text = json.dumps({"legend": ["Wheat", "Rye", "Corn"], "rows": [row]})
    (tmp_path / "fewshot.json").write_text(text)
    with pytest.raises(DataError, match=r"a confusion matrix does not fit the legend.*3 x 3"):
        read_run(tmp_path)


def test_pairs_of_few_label_results_become_one_difference_each(demo_run: Path) -> None:
    stored = json.loads((demo_run / "fewshot" / "fewshot.json").read_text())["paired"]
    (part,) = read_run(demo_run).fewshots
    found = part.results.paired
    assert len(found) == 2 * len(stored)
    for i, pair in enumerate(stored):
        for item, metric in zip(found[2 * i :], ("overall_accuracy", "macro_f1"), strict=False):
            for name in ("k", "method", "head", "baseline_method", "baseline_head"):
                assert getattr(item, name) == pair[name]
            assert (item.metric, item.difference) == (metric, pair[f"{metric}_difference"])
            assert (item.low, item.high) == (pair[f"{metric}_low"], pair[f"{metric}_high"])


def test_a_pair_without_its_baseline(tmp_path: Path) -> None:
    pair = {"method": "windrow", "head": "crop_classifier", "macro_f1_difference": 0.1}
    (tmp_path / "fewshot.json").write_text(json.dumps({"version": 2, "paired": [pair]}))
    with pytest.raises(DataError, match=r"paired\.0\.baseline_method does not fit"):
        read_run(tmp_path)


def test_results_without_a_version_called_the_representation_windrow(tmp_path: Path) -> None:
    row: dict[str, Any] = {"k": 5, "method": "windrow", "head": "lstm", "draws": 2}
    for name in ("overall_accuracy", "macro_f1"):
        row |= {name: 0.5, f"{name}_std": 0.1}
    pair = {"k": 5, "windrow_head": "lstm", "method": "bands", "head": "extra_trees"}
    pair["macro_f1_difference"] = 0.1
    old = {"rows": [row, row | {"method": "bands"}], "paired": [pair]}
    (tmp_path / "fewshot.json").write_text(json.dumps(old))
    pd.DataFrame(
        {"id": [1, 1], "method": ["windrow", "bands"], "true": "a", "predicted": "b"}
    ).to_parquet(tmp_path / "predictions.parquet")
    (part,) = read_run(tmp_path).fewshots
    assert [each.method for each in part.results.rows] == ["representation", "bands"]
    (found,) = part.results.paired
    assert (found.method, found.head, found.baseline_method, found.baseline_head) == (
        "representation",
        "lstm",
        "bands",
        "extra_trees",
    )
    assert part.predictions is not None
    assert part.predictions["method"].tolist() == ["representation", "bands"]
    (tmp_path / "fewshot.json").write_text(json.dumps({"version": 2, "rows": [row]}))
    assert read_run(tmp_path).fewshots[0].results.rows[0].method == "windrow"
