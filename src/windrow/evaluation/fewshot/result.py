"""Result of a few-label comparison: rows, paired differences, predictions and fitted heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from windrow.evaluation.fewshot.task import FewshotTask, LeftOutClass
from windrow.evaluation.field_bootstrap import (
    BootstrapSettings,
    ResampledScores,
    paired_difference,
    resample_scores,
    score_intervals,
)
from windrow.evaluation.metrics import confusion_matrix, json_numbers, scores
from windrow.files import atomic_folder, write_json
from windrow.json_values import JsonObject
from windrow.models.heads.saved_head import FittedHead, save_head

VERSION = 2
"""Version of ``fewshot.json``."""

_RANK = {"windrow": 0, "representation": 1}
"""Order in which methods are subtracted from each other; raw features come last."""


class FewshotRow(TypedDict):
    """Scores of one method's head at one k, as fractions 0..1.

    Attributes:
        k: number of labelled fields per class.
        method: a :data:`~windrow.evaluation.fewshot.settings.Method`.
        head: name of the head.
        draws: number of draws of training fields.
        overall_accuracy: mean over the draws.
        overall_accuracy_std: population standard deviation over the draws.
        overall_accuracy_low: lower end of the interval of the mean over resampled test groups.
        overall_accuracy_high: upper end of that interval.
        macro_f1: mean over the draws.
        macro_f1_std: population standard deviation over the draws.
        macro_f1_low: lower end of the interval of the mean over resampled test groups.
        macro_f1_high: upper end of that interval.
        kappa: Cohen's kappa, mean over the draws.
        kappa_std: population standard deviation over the draws.
        per_class_f1: mean over the draws, by class; None for a class without a test series.
        confusion_matrix: test series by true class and predicted class, summed over the draws.
    """

    k: int
    method: str
    head: str
    draws: int
    overall_accuracy: float
    overall_accuracy_std: float
    overall_accuracy_low: float
    overall_accuracy_high: float
    macro_f1: float
    macro_f1_std: float
    macro_f1_low: float
    macro_f1_high: float
    kappa: float
    kappa_std: float
    per_class_f1: list[float | None]
    confusion_matrix: list[list[int]]


class FewshotDifference(TypedDict):
    """One method minus another at one k, with intervals over test groups.

    Attributes:
        k: number of labelled fields per class.
        method: ``windrow`` or ``representation``.
        head: name of its head.
        baseline_method: method that is subtracted.
        baseline_head: name of its head.
        overall_accuracy_difference: difference, as a fraction.
        overall_accuracy_low: lower end of its interval.
        overall_accuracy_high: upper end of its interval.
        macro_f1_difference: difference, as a fraction.
        macro_f1_low: lower end of its interval.
        macro_f1_high: upper end of its interval.
    """

    k: int
    method: str
    head: str
    baseline_method: str
    baseline_head: str
    overall_accuracy_difference: float
    overall_accuracy_low: float
    overall_accuracy_high: float
    macro_f1_difference: float
    macro_f1_low: float
    macro_f1_high: float


class UsedWeights(TypedDict):
    """Weights of a method.

    Attributes:
        hash: hash of everything that determines their output.
        simulated: whether they were trained on simulated series.
        smoke_test: whether their recipe only tests that training runs.
    """

    hash: str
    simulated: bool
    smoke_test: bool


class FewshotFigures(TypedDict):
    """The content of ``fewshot.json``.

    Attributes:
        version: version of the format. Up to version 1, which has no such key, ``windrow`` was the
            name of the representation.
        rows: scores by k, method and head.
        paired: ``windrow`` minus every other method, and the representation minus raw features.
        legend: names of the classes.
        num_train_fields: number of fields from which training fields are drawn.
        num_test_fields: number of test fields.
        num_test_series: number of test series.
        grouped_by: column of the groups that are in one part alone; ``field_id`` for fields.
        num_test_groups: number of groups of the test fields, which the intervals resample.
        left_out: the classes left out.
        notes: remarks to be shown with the figures.
        simulated_weights: whether any weights were trained on simulated series; None without
            weights.
        simulated_data: whether the series are simulated.
        weights: the weights of ``windrow`` and of the representation, as far as they were compared.
        settings: settings of the protocol.
    """

    version: int
    rows: list[FewshotRow]
    paired: list[FewshotDifference]
    legend: list[str]
    num_train_fields: int
    num_test_fields: int
    num_test_series: int
    grouped_by: str
    num_test_groups: int
    left_out: list[LeftOutClass]
    notes: list[str]
    simulated_weights: bool | None
    simulated_data: bool
    weights: dict[str, UsedWeights]
    settings: JsonObject


@dataclass(frozen=True, eq=False)
class HeadPredictions:
    """Predictions of one method's head.

    Attributes:
        method: a :data:`~windrow.evaluation.fewshot.settings.Method`.
        head: name of the head.
        predicted: predicted class of each draw and test series, (D, N), by k.
    """

    method: str
    head: str
    predicted: Mapping[int, npt.NDArray[np.int16]]


@dataclass(frozen=True, eq=False)
class FewshotResult:
    """A finished comparison.

    Attributes:
        task: fields and classes, with the classes left out.
        predictions: one entry per method and head.
        heads: fitted heads of the largest k, by name.
        settings: settings of the protocol as JSON values.
        bootstrap: settings of the intervals.
        seed: seed of the protocol.
        notes: remarks to be shown with the figures.
        weights: the weights of ``windrow`` and of the representation, as far as they were compared.
    """

    task: FewshotTask
    predictions: Sequence[HeadPredictions]
    heads: Mapping[str, FittedHead]
    settings: JsonObject
    bootstrap: BootstrapSettings
    seed: int
    notes: list[str] = field(default_factory=list)
    weights: Mapping[str, UsedWeights] = field(default_factory=dict)

    @cached_property
    def rows(self) -> list[FewshotRow]:
        """One row per k and head: fractions 0..1, and population deviations over the draws."""
        return [
            self._row(k, each, predicted)
            for each in self.predictions
            for k, predicted in each.predicted.items()
        ]

    @cached_property
    def paired(self) -> list[FewshotDifference]:
        """Differences at each k, with intervals over test groups.

        ``windrow`` is compared with every other method, and the representation with raw features.
        """
        ranks = [_RANK.get(each.method, len(_RANK)) for each in self.predictions]
        return [
            self._pair(k, first, second)
            for k in self.predictions[0].predicted
            for first, rank in zip(self.predictions, ranks, strict=True)
            for second, other in zip(self.predictions, ranks, strict=True)
            if rank < other
        ]

    @property
    def simulated_weights(self) -> bool | None:
        """Whether any weights were trained on simulated series; None without weights."""
        return any(each["simulated"] for each in self.weights.values()) if self.weights else None

    def to_dict(self) -> FewshotFigures:
        """Gives the content of ``fewshot.json`` as JSON values."""
        return {
            "version": VERSION,
            "rows": self.rows,
            "paired": self.paired,
            "legend": list(self.task.legend.names),
            "num_train_fields": self.task.num_train_fields,
            "num_test_fields": self.task.num_test_fields,
            "num_test_series": len(self.task.test),
            "grouped_by": self.task.grouped_by,
            "num_test_groups": self.task.num_test_groups,
            "left_out": self.task.left_out,
            "notes": self.notes,
            "simulated_weights": self.simulated_weights,
            "simulated_data": self.task.series.simulated,
            "weights": dict(self.weights),
            "settings": self.settings,
        }

    @property
    def _true(self) -> npt.NDArray[np.int16]:
        return self.task.label[self.task.test]

    def _row(self, k: int, each: HeadPredictions, predicted: npt.NDArray[np.int16]) -> FewshotRow:
        num_classes = len(self.task.legend)
        confusion = confusion_matrix(self._true, predicted, num_classes=num_classes)
        result = scores(confusion)
        accuracy, macro_f1 = score_intervals(self._resampled(each, k), settings=self.bootstrap)
        return {
            "k": k,
            "method": each.method,
            "head": each.head,
            "draws": len(predicted),
            "overall_accuracy": float(result.overall_accuracy.mean()),
            "overall_accuracy_std": float(result.overall_accuracy.std()),
            "overall_accuracy_low": accuracy.low,
            "overall_accuracy_high": accuracy.high,
            "macro_f1": float(result.macro_f1.mean()),
            "macro_f1_std": float(result.macro_f1.std()),
            "macro_f1_low": macro_f1.low,
            "macro_f1_high": macro_f1.high,
            "kappa": float(result.kappa.mean()),
            "kappa_std": float(result.kappa.std()),
            "per_class_f1": json_numbers(result.per_class_f1.mean(axis=0)),
            "confusion_matrix": confusion.sum(axis=0).tolist(),
        }

    @cached_property
    def _kept(self) -> dict[tuple[str, str, int], ResampledScores]:
        return {}

    def _resampled(self, each: HeadPredictions, k: int) -> ResampledScores:
        key = (each.method, each.head, k)
        if key not in self._kept:
            self._kept[key] = resample_scores(
                self._true,
                each.predicted[k],
                self.task.group[self.task.test],
                num_classes=len(self.task.legend),
                settings=self.bootstrap,
                seed=self.seed,
            )
        return self._kept[key]

    def _pair(self, k: int, first: HeadPredictions, second: HeadPredictions) -> FewshotDifference:
        accuracy, macro_f1 = paired_difference(
            self._resampled(first, k), self._resampled(second, k), settings=self.bootstrap
        )
        return {
            "k": k,
            "method": first.method,
            "head": first.head,
            "baseline_method": second.method,
            "baseline_head": second.head,
            "overall_accuracy_difference": accuracy.difference,
            "overall_accuracy_low": accuracy.low,
            "overall_accuracy_high": accuracy.high,
            "macro_f1_difference": macro_f1.difference,
            "macro_f1_low": macro_f1.low,
            "macro_f1_high": macro_f1.high,
        }


def write_fewshot(folder: str | Path, result: FewshotResult) -> None:
    """Writes ``fewshot.json``, ``predictions.parquet`` and ``heads/NAME/``.

    A failed write leaves no folder.

    Raises:
        OutputError: the folder exists and is not empty, or cannot be written.
    """
    with atomic_folder(folder) as temporary:
        write_json(temporary / "fewshot.json", result.to_dict())
        _write_predictions(temporary / "predictions.parquet", result)
        for name, head in result.heads.items():
            save_head(temporary / "heads" / name, head)


def _write_predictions(path: Path, result: FewshotResult) -> None:
    """Writes a long table of k, draw, method, head, id, true, predicted and known coordinates."""
    import pyarrow as pa
    from pyarrow import parquet

    task = result.task
    identity = task.series.id[task.test]
    names = np.asarray(task.legend.names)
    true = task.label[task.test]
    coordinates = {
        name: values[task.test]
        for name in ("longitude", "latitude")
        if (values := getattr(task.series, name)) is not None
    }
    parts = []
    for each in result.predictions:
        for k, predicted in each.predicted.items():
            num_draws, num_series = predicted.shape
            num_rows = num_draws * num_series
            parts.append(
                pa.table(
                    {
                        "k": np.full(num_rows, k, dtype=np.int32),
                        "draw": np.repeat(np.arange(num_draws, dtype=np.int32), num_series),
                        "method": pa.array([each.method] * num_rows),
                        "head": pa.array([each.head] * num_rows),
                        "id": pa.array(np.tile(identity, num_draws).tolist()),
                        "true": pa.array(names[np.tile(true, num_draws)].tolist()),
                        "predicted": pa.array(names[predicted.ravel()].tolist()),
                        **{
                            name: np.tile(values, num_draws) for name, values in coordinates.items()
                        },
                    }
                )
            )
    parquet.write_table(pa.concat_tables(parts), path, compression="zstd")
