"""The files of a run as typed records: the fields of each file, and which of them may be absent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeGuard

import pandas as pd
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from windrow.json_values import JsonObject

LOSS_PARTS = ("loss", "reconstruction", "season", "cloud")
"""The total loss and its three parts, as the metrics name them."""


class Record(BaseModel):
    """A part of a file: fields that the report needs are typed, all others are accepted."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class MetricLine(Record):
    """One line of ``metrics.jsonl``; a loss is None where its task is switched off."""

    kind: str
    step: int = Field(ge=0)
    num_steps: int | None = None
    loss: float | None = None
    reconstruction: float | None = None
    season: float | None = None
    cloud: float | None = None
    learning_rate: float | None = None
    series_per_second: float | None = None


class LagScore(Record):
    """R2 and RMSE (reflectance 0..1) of a predicted band at one lag, and of the baselines."""

    band: str
    lag: int
    r2: float | None = None
    rmse: float | None = None
    baseline_day_mean_r2: float | None = None
    baseline_day_mean_rmse: float | None = None
    baseline_nearest_clear_r2: float | None = None
    baseline_nearest_clear_rmse: float | None = None


class MonthScore(Record):
    """Accuracy of the season task beside the rate of the commonest month."""

    accuracy: float | None = None
    accuracy_without_position: float | None = None
    majority_rate: float | None = None


class CloudScore(Record):
    """Accuracy and mean absolute error (levels 0..31) of the cloud task beside the majority's."""

    accuracy: float | None = None
    accuracy_without_position: float | None = None
    mean_absolute_error: float | None = None
    majority_rate: float | None = None
    majority_mean_absolute_error: float | None = None


class Evaluation(Record):
    """``evaluation.json``: figures of a run on held-out series, for the predicted sensor."""

    simulated: bool | None = None
    num_series: int | None = None
    planetscope: tuple[LagScore, ...] | None = None
    planetscope_growing_season: tuple[LagScore, ...] | None = None
    sentinel2: tuple[LagScore, ...] | None = None
    month: MonthScore | None = None
    cloud: CloudScore | None = None


class PairedDifference(Record):
    """A difference between two methods on the same fields, with its bootstrap interval."""

    method: str
    head: str
    baseline_method: str
    baseline_head: str
    metric: str
    difference: float
    low: float | None = None
    high: float | None = None
    k: int | None = None


_PAIRED_METRICS = ("overall_accuracy", "macro_f1")
_PAIR = ("method", "head", "baseline_method", "baseline_head")


def one_difference_each(pairs: object) -> object:
    """Splits pairs of two methods into one difference per metric.

    Few-label results hold ``method`` and ``head``, those of the baseline, and the difference, low
    and high of each metric.

    Example:
        >>> pair = {"method": "windrow", "head": "crop_classifier", "baseline_method": "bands",
        ...         "baseline_head": "extra_trees", "macro_f1_difference": 0.1}
        >>> (found,) = one_difference_each([pair])
        >>> found["method"], found["baseline_method"], found["metric"], found["difference"]
        ('windrow', 'bands', 'macro_f1', 0.1)
    """
    if not isinstance(pairs, list):
        return pairs
    found: list[object] = []
    for pair in pairs:
        if not isinstance(pair, dict):
            return pairs
        found.extend(
            {
                "k": pair.get("k"),
                **{name: pair.get(name) for name in _PAIR},
                "metric": metric,
                "difference": pair[f"{metric}_difference"],
                "low": pair.get(f"{metric}_low"),
                "high": pair.get(f"{metric}_high"),
            }
            for metric in _PAIRED_METRICS
            if f"{metric}_difference" in pair
        )
    return found


PairedDifferences = Annotated[tuple[PairedDifference, ...], BeforeValidator(one_difference_each)]


class FewShotRow(Record):
    """Mean and standard deviation over draws, for one method and head at k labels per class.

    The limits are those of the interval of the mean over resampled test groups.

    The confusion matrix holds counts summed over the draws; rows are the true class.
    """

    k: int
    method: str
    head: str
    draws: int
    overall_accuracy: float
    overall_accuracy_std: float
    overall_accuracy_low: float | None = None
    overall_accuracy_high: float | None = None
    macro_f1: float
    macro_f1_std: float
    macro_f1_low: float | None = None
    macro_f1_high: float | None = None
    confusion_matrix: tuple[tuple[float, ...], ...] | None = None


class LeftOut(Record):
    """A class that the comparison leaves out, and the reason."""

    class_name: str = Field(alias="class")
    num_fields: int | None = None
    reason: str = ""


class WeightsOfMethod(Record):
    """What is known of the weights of one method."""

    simulated: bool = False
    smoke_test: bool = False


class FewShot(Record):
    """``fewshot.json``: few-label figures of one field table.

    Files without a version come from the time when the representation was called ``windrow``; it
    is renamed as they are read.
    """

    version: int = 1
    simulated_data: bool | None = None
    simulated_weights: bool | None = None
    num_train_fields: int | None = None
    num_test_fields: int | None = None
    grouped_by: str | None = None
    num_test_groups: int | None = None
    weights: dict[str, WeightsOfMethod] = Field(default_factory=dict)
    rows: tuple[FewShotRow, ...] = ()
    paired: PairedDifferences = ()
    legend: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut | str, ...] = ()
    settings: JsonObject = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _rename(cls, values: object) -> object:
        return values if not is_unversioned(values) else _renamed(values)


def is_unversioned(values: object) -> TypeGuard[dict[str, object]]:
    """Whether the content of a ``fewshot.json`` calls the representation ``windrow``."""
    return isinstance(values, dict) and "version" not in values


def representation_renamed(method: object) -> object:
    """Returns today's name of a method of an unversioned ``fewshot.json``."""
    return "representation" if method == "windrow" else method


def _renamed(values: dict[str, object]) -> dict[str, object]:
    rows, pairs = values.get("rows"), values.get("paired")
    found = dict(values)
    if isinstance(rows, list):
        found["rows"] = [
            {**row, "method": representation_renamed(row.get("method"))}
            if isinstance(row, dict)
            else row
            for row in rows
        ]
    if isinstance(pairs, list):
        found["paired"] = [
            {
                **pair,
                "method": "representation",
                "head": pair["windrow_head"],
                "baseline_method": pair.get("method"),
                "baseline_head": pair.get("head"),
            }
            if isinstance(pair, dict) and "windrow_head" in pair
            else pair
            for pair in pairs
        ]
    return found


@dataclass(frozen=True)
class Metrics:
    """The metrics of a run as tables sorted by step, one row per step.

    Attributes:
        train: columns step, the losses of :data:`LOSS_PARTS`, learning_rate, series_per_second.
        validation: columns step and the losses.
        num_steps: planned number of steps; None where no line records it.
        notes: remarks on the file, such as steps written twice.
    """

    train: pd.DataFrame
    validation: pd.DataFrame
    num_steps: int | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class PretrainingPart:
    """A pre-training run; a field is None where its file is absent."""

    folder: Path
    config: JsonObject | None
    environment: JsonObject | None
    metrics: Metrics | None
    evaluation: Evaluation | None
    predictions: pd.DataFrame | None
    weights: JsonObject | None


@dataclass(frozen=True)
class FewShotPart:
    """One folder of few-label results."""

    name: str
    results: FewShot
    predictions: pd.DataFrame | None


@dataclass(frozen=True)
class Run:
    """The parts of a run or demo folder that were found, and the names of the absent parts."""

    path: Path
    pretraining: PretrainingPart | None
    fewshots: tuple[FewShotPart, ...]
    missing: tuple[str, ...]
