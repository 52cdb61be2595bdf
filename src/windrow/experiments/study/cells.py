"""One cell of a study: train a head, predict the test fields, keep figures and predictions.

A cell writes ``cells/NAME.parquet`` (one row per tested series and task: id, field, coordinates,
label, prediction, probabilities) and then ``cells/NAME.json`` (figures and costs), which marks it
as done. Each file appears complete or not at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, Protocol, TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import JsonValue

from windrow.data.series import Series
from windrow.data.splits import draw_few_labels
from windrow.errors import DataError
from windrow.evaluation.calibration import expected_calibration_error
from windrow.evaluation.metrics import (
    confusion_matrix,
    json_numbers,
    mean_of_batch_accuracies,
    scores,
)
from windrow.experiments.study.settings import Cell
from windrow.experiments.study.tasks import PartCounts, TaskPart
from windrow.files import atomic_file, write_json
from windrow.json_values import JsonObject
from windrow.models.heads.inputs import HeadInputs

VERSION = 1


class Classifier(Protocol):
    """The interface of a fitted head."""

    def predict_probability(self, inputs: HeadInputs) -> npt.NDArray[np.float64]:
        """Computes the probability of each class, (N, C)."""
        ...


Fit = Callable[[HeadInputs, npt.NDArray[np.int16], npt.NDArray[Any], int], Classifier]
"""Fits a head on the inputs, labels and fields of training series and the number of classes."""

CountFlops = Callable[[HeadInputs, npt.NDArray[np.int16], npt.NDArray[Any], int], float]
"""Counts the operations of such a fit."""


class HeadDescription(TypedDict):
    """What a cell's file says of its head, as JSON values."""

    settings: dict[str, JsonValue]
    trains_encoder: NotRequired[bool]
    precision: NotRequired[str]


class CellDescription(TypedDict, total=False):
    """What a cell's file says of how its numbers came about, as JSON values.

    Keys stand in the file in the order in which they are given.
    """

    notes: list[str]
    pretraining: dict[str, JsonValue]
    representation: dict[str, JsonValue]
    sources: dict[str, dict[str, JsonValue]]
    head: HeadDescription
    device: str
    threads: int


class TestFigures(PartCounts):
    """Every figure of a test, as JSON values.

    Attributes:
        overall_accuracy: the reported one; see :func:`figures_of`.
        overall_accuracy_of_all: share of correctly classified series.
        macro_f1: mean F1 over the classes.
        kappa: Cohen's kappa.
        per_class_f1: F1 by class; None for a class without series and predictions.
        calibration_error: expected calibration error.
        confusion_matrix: number of series by true class (row) and predicted class (column).
    """

    overall_accuracy: float
    overall_accuracy_of_all: float
    macro_f1: float
    kappa: float
    per_class_f1: dict[str, float | None]
    calibration_error: float
    confusion_matrix: list[list[int]]


class CellResult(CellDescription):
    """Content of a cell's file, as JSON values.

    Attributes:
        format: name of the format.
        version: version of the format.
        cell: settings of the cell.
        simulated: True where the series are simulated.
        legend: names of the classes.
        training: counts of the series that the head was trained on.
        scores: figures by tested task.
        fit_seconds: seconds that the fit took.
        fit_flops: operations of the fit.
        predict_seconds: seconds that all predictions took.
    """

    format: str
    version: int
    cell: JsonObject
    simulated: bool
    legend: list[str]
    training: PartCounts
    scores: dict[str, TestFigures]
    fit_seconds: float
    fit_flops: float
    predict_seconds: float


@dataclass(frozen=True, eq=False)
class PartInputs:
    """A part of a task with the inputs of a head.

    Attributes:
        part: its series and labels.
        inputs: the representation of its series.
    """

    part: TaskPart
    inputs: HeadInputs


def inputs_of(series: Series, values: npt.NDArray[Any]) -> HeadInputs:
    """Combines the sequences of a representation with the dates of their series."""
    return HeadInputs(values=values, day_of_year=series.day_of_year, valid=series.valid)


def cell_paths(folder: str | Path, cell: Cell) -> tuple[Path, Path]:
    """Returns the paths of the cell's figures and predictions."""
    cells = Path(folder) / "cells"
    return cells / f"{cell.name}.json", cells / f"{cell.name}.parquet"


def is_done(folder: str | Path, cell: Cell) -> bool:
    """Whether a cell is finished."""
    return cell_paths(folder, cell)[0].is_file()


def pending_of(folder: str | Path, cells: Sequence[Cell]) -> list[Cell]:
    """Returns the cells that are not finished; the folder is listed only once."""
    cells_path = Path(folder) / "cells"
    done = {path.name for path in cells_path.iterdir()} if cells_path.is_dir() else set()
    return [cell for cell in cells if f"{cell.name}.json" not in done]


def run_cell(
    folder: str | Path,
    cell: Cell,
    *,
    train: PartInputs,
    tests: Mapping[str, PartInputs],
    fit: Fit,
    flops_of_fit: CountFlops,
    about: CellDescription,
    accuracy_batch: int | None = None,
) -> CellResult:
    """Trains and tests one cell and writes its two files.

    Args:
        folder: folder of the study.
        cell: the cell.
        train: the training part of its task; the few labels are drawn from it.
        tests: the test part of its own task and of further tasks to which it transfers, by task.
        fit: the function that trains the head.
        flops_of_fit: the function that counts its operations.
        about: what its file says of pre-training, representation, sources and head.
        accuracy_batch: see :func:`figures_of`.

    Raises:
        DataError: fewer than two classes are labelled.
    """
    rows = _training_rows(cell, train.part)
    label = train.part.label[rows]
    field_id = train.part.series.field_id[rows]
    inputs = train.inputs if len(rows) == len(train.inputs) else train.inputs.select(rows)
    legend = train.part.series.legend
    assert legend is not None
    started = time.perf_counter()
    head = fit(inputs, label, field_id, len(legend))
    fit_seconds = time.perf_counter() - started
    started = time.perf_counter()
    tables = []
    figures: dict[str, TestFigures] = {}
    for name, test in tests.items():
        probability = head.predict_probability(test.inputs)
        tables.append(_predictions(name, test.part, probability))
        figures[name] = figures_of(test.part, probability, accuracy_batch=accuracy_batch)
    predict_seconds = time.perf_counter() - started
    training = TaskPart(train.part.series.select(rows), train.part.notes)
    record: CellResult = {
        "format": "windrow cell",
        "version": VERSION,
        "cell": cell.to_dict(),
        "simulated": train.part.series.simulated,
        "legend": list(legend.names),
        "training": training.counts(),
        "scores": figures,
        "fit_seconds": round(fit_seconds, 3),
        "fit_flops": flops_of_fit(inputs, label, field_id, len(legend)),
        "predict_seconds": round(predict_seconds, 3),
        **about,
        "notes": [*about.get("notes", ()), *_too_few(cell, training)],
    }
    figures_path, predictions_path = cell_paths(folder, cell)
    with atomic_file(predictions_path) as temporary:
        pd.concat(tables, ignore_index=True).to_parquet(temporary, index=False)
    write_json(figures_path, record)
    return record


def _training_rows(cell: Cell, part: TaskPart) -> npt.NDArray[np.intp]:
    if cell.num_fields is None:
        return np.arange(len(part.series), dtype=np.intp)
    return draw_few_labels(
        part.series.field_id, part.label, k=cell.num_fields, seed=cell.seed, draw=0
    )


def _too_few(cell: Cell, drawn: TaskPart) -> list[str]:
    """Returns a remark where classes have fewer labelled fields than the cell asks for."""
    wanted = cell.num_fields
    if wanted is None:
        return []
    fewer = {
        name: number
        for name, number in drawn.counts()["fields_by_class"].items()
        if number < wanted
    }
    found = ", ".join(f"{name} has {number}" for name, number in fewer.items())
    return [f"{wanted} labelled fields a class are not there: {found}"] if fewer else []


def figures_of(
    part: TaskPart, probability: npt.NDArray[np.float64], *, accuracy_batch: int | None = None
) -> TestFigures:
    """Returns every figure of a test, as JSON values.

    Args:
        part: the tested part.
        probability: (N, C) class probabilities of its series.
        accuracy_batch: series per batch, in their order, where the overall accuracy is the mean
            of batch accuracies, a fault of earlier code (``docs/corrections.md``); None weights
            all series equally.

    Returns:
        the figures; ``overall_accuracy_of_all`` always weights all series equally.

    Raises:
        DataError: the probabilities do not fit these series and classes.
    """
    legend = part.series.legend
    if legend is None or probability.shape != (len(part.series), len(legend)):
        raise DataError("probabilities do not fit the test series", found=probability.shape)
    predicted = probability.argmax(axis=1)
    confusion = confusion_matrix(part.label, predicted, num_classes=len(legend))
    result = scores(confusion)
    of_all = float(result.overall_accuracy)
    reported = of_all
    if accuracy_batch is not None:
        reported = mean_of_batch_accuracies(part.label, predicted, batch_size=accuracy_batch)
    return {
        "overall_accuracy": reported,
        "overall_accuracy_of_all": of_all,
        "macro_f1": float(result.macro_f1),
        "kappa": float(result.kappa),
        "per_class_f1": dict(zip(legend.names, json_numbers(result.per_class_f1), strict=True)),
        "calibration_error": expected_calibration_error(probability, part.label),
        "confusion_matrix": confusion.tolist(),
        **part.counts(),
    }


def _predictions(task: str, part: TaskPart, probability: npt.NDArray[np.float64]) -> pd.DataFrame:
    series = part.series
    assert series.legend is not None
    unknown = np.full(len(series), np.nan)
    table = pd.DataFrame(
        {
            "task": task,
            "id": series.id.astype(str),
            "field_id": series.field_id.astype(str),
            "longitude": unknown if series.longitude is None else series.longitude,
            "latitude": unknown if series.latitude is None else series.latitude,
            "label": part.label.astype(np.int16),
            "predicted": probability.argmax(axis=1).astype(np.int16),
        }
    )
    for index in range(probability.shape[1]):
        table[f"p{index}"] = probability[:, index].astype(np.float32)
    return table
