"""Result of a few-label comparison: rows, paired differences, predictions and fitted heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.evaluation.fewshot.task import FewshotTask
from windrow.evaluation.field_bootstrap import (
    BootstrapSettings,
    ResampledScores,
    paired_difference,
    resample_scores,
)
from windrow.evaluation.metrics import confusion_matrix, json_numbers, scores
from windrow.files import atomic_folder, write_json
from windrow.models.heads.saved_head import FittedHead, save_head


@dataclass(frozen=True, eq=False)
class HeadPredictions:
    """Predictions of one method's head.

    Attributes:
        method: ``windrow``, ``bands`` or ``indices``.
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
        encoder_hash: hash of the weights; None without weights.
        simulated_weights: whether the weights were trained on simulated series; None without
            weights.
    """

    task: FewshotTask
    predictions: Sequence[HeadPredictions]
    heads: Mapping[str, FittedHead]
    settings: dict[str, Any]
    bootstrap: BootstrapSettings
    seed: int
    notes: list[str] = field(default_factory=list)
    encoder_hash: str | None = None
    simulated_weights: bool | None = None

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """One row per k and head: fractions 0..1, and population deviations over the draws."""
        return [
            self._row(k, each, predicted)
            for each in self.predictions
            for k, predicted in each.predicted.items()
        ]

    @cached_property
    def paired(self) -> list[dict[str, Any]]:
        """Differences ``windrow`` minus baseline at each k, with intervals over test fields."""
        result = []
        for k in self.settings["k"]:
            resampled = {(each.method, each.head): self._resample(each, k) for each in self._all()}
            for first, ours in resampled.items():
                if first[0] != "windrow":
                    continue
                for second, theirs in resampled.items():
                    if second[0] == "windrow":
                        continue
                    result.append(self._pair(k, first, second, ours, theirs))
        return result

    def to_dict(self) -> dict[str, Any]:
        """Gives the content of ``fewshot.json`` as JSON values."""
        return {
            "rows": self.rows,
            "paired": self.paired,
            "legend": list(self.task.legend.names),
            "num_train_fields": self.task.num_train_fields,
            "num_test_fields": self.task.num_test_fields,
            "num_test_series": len(self.task.test),
            "left_out": self.task.left_out,
            "notes": self.notes,
            "simulated_weights": self.simulated_weights,
            "simulated_data": self.task.series.simulated,
            "encoder_hash": self.encoder_hash,
            "settings": self.settings,
        }

    def _all(self) -> Sequence[HeadPredictions]:
        return self.predictions

    @property
    def _true(self) -> npt.NDArray[np.int16]:
        return self.task.label[self.task.test]

    def _row(
        self, k: int, each: HeadPredictions, predicted: npt.NDArray[np.int16]
    ) -> dict[str, Any]:
        num_classes = len(self.task.legend)
        confusion = confusion_matrix(self._true, predicted, num_classes=num_classes)
        result = scores(confusion)
        row: dict[str, Any] = {
            "k": k,
            "method": each.method,
            "head": each.head,
            "draws": len(predicted),
        }
        for name in ("overall_accuracy", "macro_f1", "kappa"):
            values = getattr(result, name)
            row[name] = float(values.mean())
            row[f"{name}_std"] = float(values.std())
        row["per_class_f1"] = json_numbers(result.per_class_f1.mean(axis=0))
        row["confusion_matrix"] = confusion.sum(axis=0).tolist()
        return row

    def _resample(self, each: HeadPredictions, k: int) -> ResampledScores:
        return resample_scores(
            self._true,
            each.predicted[k],
            self.task.series.field_id[self.task.test],
            num_classes=len(self.task.legend),
            settings=self.bootstrap,
            seed=self.seed,
        )

    def _pair(
        self,
        k: int,
        first: tuple[str, str],
        second: tuple[str, str],
        ours: ResampledScores,
        theirs: ResampledScores,
    ) -> dict[str, Any]:
        accuracy, macro_f1 = paired_difference(ours, theirs, settings=self.bootstrap)
        return {
            "k": k,
            "windrow_head": first[1],
            "method": second[0],
            "head": second[1],
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
