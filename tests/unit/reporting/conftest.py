"""A small run folder in exactly the form that the commands write, with invented numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from study_factory import make_study
from windrow.reporting.run.page import write_report
from windrow.reporting.study.page import write_study_report

CLASSES = ["Wheat", "Rye", "Barley", "Corn", "Oil Seeds", "Meadows"]
BANDS = ("blue", "green", "red", "nir")


def _write_json(path: Path, values: Any) -> None:
    path.write_text(json.dumps(values))


def write_metrics(folder: Path, *, num_steps: int = 400) -> None:
    random = np.random.default_rng(5)
    lines = []
    for step in range(num_steps):
        parts = {
            "reconstruction": 0.15 + 1.1 * np.exp(-step / 90) + 0.03 * random.standard_normal(),
            "season": 0.05 + 2.4 * np.exp(-step / 60) + 0.02 * random.standard_normal(),
            "cloud": 1.4 + 2.0 * np.exp(-step / 200) + 0.1 * random.standard_normal(),
        }
        rate = 1e-3 * min(step / 35, 0.5 + 0.5 * np.cos(np.pi * step / num_steps))
        line = {"kind": "train", "step": step, "num_steps": num_steps, "loss": sum(parts.values())}
        line |= parts | {"learning_rate": rate, "gradient_norm": 0.7, "series_per_second": 640.0}
        lines.append(line)
        if step % 100 == 99:
            held_out = {name: value * 1.05 for name, value in parts.items()}
            held_out = {"loss": sum(held_out.values())} | held_out
            lines.append({"kind": "validation", "step": step} | held_out)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def series_predictions(num_pixels: int = 2) -> pd.DataFrame:
    random = np.random.default_rng(7)
    rows = []
    for pixel in range(num_pixels):
        days = np.sort(random.choice(365, 70, replace=False))
        cloud = np.where(random.random(70) < 0.45, random.integers(140, 256, 70), 10)
        season = np.exp(-(((days - 150 - 15 * pixel) / 45) ** 2))
        for band, low, high in zip(
            BANDS, (0.06, 0.09, 0.12, 0.18), (0.03, 0.08, 0.04, 0.45), strict=True
        ):
            observed = low + (high - low) * season + 0.004 * random.standard_normal(70)
            wide = np.where(cloud > 127, 0.035, 0.012)
            predicted = observed + wide * random.standard_normal(70) * (0.4 + high)
            rows.append(
                pd.DataFrame(
                    {
                        "series_id": 1000 + pixel,
                        "day_of_year": days,
                        "valid": True,
                        "cloud_probability": cloud,
                        "band": band,
                        "observed": observed,
                        "predicted": predicted,
                        "lag": 0,
                    }
                )
            )
    return pd.concat(rows, ignore_index=True)


def write_pretraining(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_metrics(folder)
    (folder / "config.yaml").write_text(
        "recipe: small\nseed: 1\nencoder:\n  num_layers: 4\n  width: 128\nbands: [B02, B03, B04]\n"
    )
    _write_json(folder / "environment.json", {"windrow": "0.1.0", "torch": "2.13.0", "threads": 2})
    scores = [
        {
            "band": band,
            "lag": lag,
            "r2": 0.9 - 0.03 * i + 0.01 * lag,
            "rmse": 0.011 + 0.004 * i,
            "baseline_day_mean_r2": 0.41,
            "baseline_day_mean_rmse": 0.031 + 0.004 * i,
            "baseline_nearest_clear_r2": 0.82 - 0.01 * i,
            "baseline_nearest_clear_rmse": 0.016 + 0.004 * i,
        }
        for i, band in enumerate(BANDS)
        for lag in (-2, -1, 0)
    ]
    _write_json(
        folder / "evaluation.json",
        {
            "simulated": True,
            "num_series": 600,
            "planetscope": scores,
            "month": {
                "accuracy": 0.991,
                "accuracy_without_position": 0.612,
                "majority_rate": 0.0833,
            },
            "cloud": {
                "accuracy": 0.472,
                "accuracy_without_position": 0.455,
                "mean_absolute_error": 3.1,
                "majority_rate": 0.31,
                "majority_mean_absolute_error": 9.4,
            },
        },
    )
    series_predictions().to_parquet(folder / "predictions.parquet")


def class_predictions(
    accuracy: dict[tuple[str, str], float], *, num_fields: int = 60
) -> pd.DataFrame:
    random = np.random.default_rng(11)
    parts = []
    places = random.random((num_fields, 2))
    true = random.integers(0, len(CLASSES), num_fields)
    for (method, head), level in accuracy.items():
        for seed in (0, 1, 2):
            wrong = random.random(num_fields) > level
            predicted = np.where(wrong, random.integers(0, len(CLASSES), num_fields), true)
            parts.append(
                pd.DataFrame(
                    {
                        "method": method,
                        "head": head,
                        "seed": seed,
                        "id": np.arange(num_fields),
                        "field_id": np.arange(num_fields),
                        "true": [CLASSES[i] for i in true],
                        "predicted": [CLASSES[i] for i in predicted],
                        "longitude": 13.4 + 0.3 * places[:, 0],
                        "latitude": 52.2 + 0.2 * places[:, 1],
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


ACCURACY = {
    ("representation", "logistic_regression"): 0.82,
    ("bands", "logistic_regression"): 0.66,
    ("representation", "transformer"): 0.85,
    ("scratch", "transformer"): 0.71,
    ("indices", "extra_trees"): 0.74,
}


def write_fewshot(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    curves = {
        ("windrow", "crop_classifier"): (0.62, 0.84, 0.89, 0.93),
        ("representation", "logistic_regression"): (0.60, 0.80, 0.87, 0.91),
        ("representation", "extra_trees"): (0.55, 0.78, 0.86, 0.90),
        ("bands", "logistic_regression"): (0.50, 0.72, 0.82, 0.87),
        ("bands", "extra_trees"): (0.52, 0.79, 0.89, 0.93),
        ("indices", "extra_trees"): (0.56, 0.82, 0.89, 0.91),
    }
    rows = [
        {
            "k": k,
            "method": method,
            "head": head,
            "draws": 20,
            "overall_accuracy": value,
            "overall_accuracy_std": 0.10 / (i + 1),
            "overall_accuracy_low": value - 0.03,
            "overall_accuracy_high": value + 0.02,
            "macro_f1": value - 0.07,
            "macro_f1_std": 0.12 / (i + 1),
            "macro_f1_low": value - 0.12,
            "macro_f1_high": value - 0.02,
        }
        for (method, head), values in curves.items()
        for i, (k, value) in enumerate(zip((1, 5, 10, 20), values, strict=True))
    ]
    matrix = np.full((6, 6), 1) + np.diag([40, 12, 18, 30, 9, 60])
    for row in rows:
        row["kappa"] = row["kappa_std"] = 0.1
        row["confusion_matrix"] = matrix.tolist()
    pairs = [
        {
            "k": k,
            "method": first,
            "head": first_head,
            "baseline_method": method,
            "baseline_head": head,
            "overall_accuracy_difference": value,
            "overall_accuracy_low": value - 0.04,
            "overall_accuracy_high": value + 0.04,
            "macro_f1_difference": value + 0.01,
            "macro_f1_low": value - 0.05,
            "macro_f1_high": value + 0.05,
        }
        for k, value in ((1, 0.08), (5, -0.01), (10, -0.02), (20, -0.06))
        for first, first_head in list(curves)[:3]
        for method, head in list(curves)[3:]
    ]
    _write_json(
        folder / "fewshot.json",
        {
            "version": 2,
            "rows": rows,
            "paired": pairs,
            "legend": CLASSES,
            "num_train_fields": 132,
            "num_test_fields": 131,
            "notes": ["Half B is not independent of half A: same place and weather."],
            "left_out": [
                {"class": "Rye", "num_fields": 4, "reason": "fewer than 10 fields"},
                {"class": "Other", "num_fields": 30, "reason": "excluded"},
            ],
            "settings": {"k": [1, 5, 10, 20], "bootstrap": {"level": 0.95, "num_resamples": 2000}},
        },
    )
    class_predictions(ACCURACY).to_parquet(folder / "predictions.parquet")


@pytest.fixture(scope="session")
def kept_demo_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo folder with every part and its report, which no test changes."""
    folder = tmp_path_factory.mktemp("kept") / "demo"
    write_demo(folder)
    write_report(folder)
    return folder


@pytest.fixture
def demo_run(tmp_path: Path) -> Path:
    """A demo folder with every part, for one test to change."""
    folder = tmp_path / "demo"
    write_demo(folder)
    return folder


def write_demo(folder: Path) -> None:
    write_pretraining(folder / "pretraining")
    write_fewshot(folder / "fewshot")


@pytest.fixture
def pretraining_run(tmp_path: Path) -> Path:
    """A pre-training run alone."""
    folder = tmp_path / "run"
    write_pretraining(folder)
    return folder


@pytest.fixture
def fewshot_run(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Writes a few-label folder, with changes to its results."""

    def make(changes: dict[str, Any]) -> Path:
        folder = tmp_path / "labels"
        write_fewshot(folder)
        path = folder / "fewshot.json"
        _write_json(path, json.loads(path.read_text()) | changes)
        return folder

    return make


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated") / "study"
    make_study(folder, tasks=("task2",))
    write_study_report(folder)
    return folder


@pytest.fixture(scope="session")
def real(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real") / "study"
    make_study(folder, tasks=("task2",), simulated=False, seeds=(0,))
    write_study_report(folder)
    return folder
