"""Reads a study's folder: its settings, the figures of its cells, and their predictions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field, ValidationError

from windrow.errors import DataError
from windrow.experiments.study import paper_results
from windrow.experiments.study.data_origin import DataOrigin
from windrow.experiments.study.settings import Cell, StudySettings
from windrow.json_values import JsonObject
from windrow.reporting.run.records import Record

CONFIG = "config.yaml"
SCORES = ("overall_accuracy", "macro_f1", "kappa", "calibration_error")
PREDICTIONS = ("task", "id", "field_id", "longitude", "latitude", "label", "predicted")


class PartCounts(Record):
    """Series and fields of a part of a task."""

    num_series: int
    num_fields: int
    fields_by_class: dict[str, int]
    effective_fields_by_class: dict[str, float]


class TestScores(PartCounts):
    """The figures of one test."""

    __test__ = False  # not a test of pytest's

    overall_accuracy: float
    macro_f1: float
    kappa: float
    calibration_error: float
    per_class_f1: dict[str, float | None]
    confusion_matrix: tuple[tuple[int, ...], ...]


class CellRecord(Record):
    """The content of a cell's file."""

    cell: Cell
    simulated: bool
    legend: tuple[str, ...]
    training: PartCounts
    scores: dict[str, TestScores]
    fit_seconds: float
    predict_seconds: float
    fit_flops: float | None = None
    threads: int | None = None
    notes: tuple[str, ...] = ()
    pretraining: JsonObject = Field(default_factory=dict)
    representation: JsonObject = Field(default_factory=dict)
    sources: dict[str, DataOrigin] = Field(default_factory=dict)
    head: JsonObject = Field(default_factory=dict)
    device: str = ""


@dataclass(frozen=True, eq=False)
class Study:
    """A study as read from its folder.

    Attributes:
        folder: folder of the study.
        settings: content of its ``config.yaml``.
        cells: finished cells.
        table: one row per cell and tested task; ``k`` is 0 for all labels and ``day`` is 0 for the
            whole year.
    """

    folder: Path
    settings: StudySettings
    cells: tuple[CellRecord, ...]
    table: pd.DataFrame

    @property
    def simulated(self) -> bool:
        """Whether its data are simulated, by the records of its cells and its settings."""
        return self.settings.simulated or any(cell.simulated for cell in self.cells)

    def beside_paper(self, task: str) -> bool:
        """Whether the paper's numbers may be shown beside the results of a task.

        The recorded stores of all cells must be the paper's; a cell without a record forbids it.
        """
        own = [cell.sources for cell in self.cells if cell.cell.task == task]
        return bool(own) and all(
            paper_results.beside(task, simulated=self.simulated, sources=sources) for sources in own
        )

    def title(self, arm: str) -> str:
        """Returns the title of an arm."""
        return self.settings.arm(arm).title

    def rows(self, **wanted: Any) -> pd.DataFrame:
        """Selects rows by values of columns; by default those of all labels and the whole year."""
        rows = self.table
        for name, value in {"k": 0, "day": 0, **wanted}.items():
            rows = rows[rows[name] == value]
        return rows

    def record(self, name: str) -> CellRecord:
        """Returns the cell of this name."""
        return self._records[name]

    @cached_property
    def _records(self) -> dict[str, CellRecord]:
        return {cell.cell.name: cell for cell in self.cells}

    def predictions(self, name: str, task: str) -> pd.DataFrame:
        """Reads the predicted classes of a cell on the test fields of a task.

        Raises:
            DataError: the table is missing or damaged.
        """
        path = self.folder / "cells" / f"{name}.parquet"
        try:
            table = pd.read_parquet(path, columns=list(PREDICTIONS))
            return pd.DataFrame(table[table["task"] == task].reset_index(drop=True))
        except (OSError, ValueError, KeyError) as error:
            raise DataError(
                "the predictions of a cell cannot be read",
                where=path,
                found=str(error)[:120],
                hint="remove the cell's two files; the study trains it again",
            ) from error


def is_study(folder: str | Path) -> bool:
    """Whether a folder holds a study."""
    path = Path(folder) / CONFIG
    try:
        return "format: windrow study" in path.read_text(encoding="utf-8")[:1_000]
    except (OSError, UnicodeDecodeError):
        return False


def read_study(folder: str | Path) -> Study:
    """Reads a study's folder; of an unfinished study, the finished cells are read.

    Args:
        folder: folder of the study.

    Raises:
        SettingsError: its settings cannot be read.
        DataError: a cell's file is damaged.
    """
    root = Path(folder)
    settings = StudySettings.from_yaml(root / CONFIG)
    cells = []
    for path in sorted((root / "cells").glob("*.json")):
        try:
            cells.append(CellRecord.model_validate(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, ValidationError) as error:
            raise DataError(
                "a cell of the study cannot be read",
                where=path,
                found=str(error).splitlines()[0][:120],
                hint="remove the file; the study trains the cell again",
            ) from error
    order = {
        "task": [task.name for task in settings.tasks],
        "arm": [arm.name for arm in settings.arms],
        "head": [*settings.heads, "forest"],
    }
    return Study(root, settings, tuple(cells), _table(cells, order))


def _table(cells: list[CellRecord], order: dict[str, list[str]]) -> pd.DataFrame:
    columns = [
        "name", "task", "tested", "arm", "head", "configuration", "seed", "k", "day",
        *SCORES, "num_series", "num_fields", "fit_seconds", "fit_flops", "predict_seconds",
        "device", "threads", "pretraining_seconds", "pretraining_flops", "flops_per_series",
    ]  # fmt: skip
    rows = []
    for record in cells:
        cell = record.cell
        for tested, scores in record.scores.items():
            rows.append(
                {
                    "name": cell.name,
                    "task": cell.task,
                    "tested": tested,
                    "arm": cell.arm,
                    "head": cell.head,
                    "configuration": cell.configuration,
                    "seed": cell.seed,
                    "k": cell.num_fields or 0,
                    "day": cell.until_day or 0,
                    **{name: getattr(scores, name) for name in SCORES},
                    "num_series": scores.num_series,
                    "num_fields": scores.num_fields,
                    "fit_seconds": record.fit_seconds,
                    "fit_flops": np.nan if record.fit_flops is None else record.fit_flops,
                    "device": record.device,
                    "threads": np.nan if record.threads is None else record.threads,
                    "predict_seconds": record.predict_seconds,
                    "pretraining_seconds": record.pretraining.get("seconds", 0.0),
                    "pretraining_flops": record.pretraining.get("flops", 0.0),
                    "flops_per_series": record.representation.get("flops_per_series", 0.0),
                }
            )
    table = pd.DataFrame(rows, columns=columns)
    for name, values in order.items():
        known = [value for value in values if value in set(table[name])]
        table[name] = pd.Categorical(table[name], categories=known, ordered=True)
    ordered = table.sort_values(["task", "arm", "head", "seed", "configuration", "k", "day"])
    for name in order:
        ordered[name] = ordered[name].astype(str)
    return ordered.reset_index(drop=True)


def present(rows: pd.DataFrame, column: str) -> list[str]:
    """Returns the distinct values of a column in order of appearance."""
    return list(dict.fromkeys(rows[column].tolist()))


def paired(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Joins rows of two arms by configuration and seed; unpaired rows are left out."""
    keys = ["configuration", "seed"]
    columns = [*keys, "name", *SCORES]
    return pd.DataFrame(
        first[columns].merge(second[columns], on=keys, suffixes=("_first", "_second"))
    )


def stacked_predictions(
    study: Study, names: list[str], task: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Stacks the predictions of D cells on the N test series of one task.

    Returns:
        labels (N,), predictions (D, N) and fields (N,).

    Raises:
        DataError: the cells were not tested on the same series.
    """
    first = study.predictions(names[0], task)
    rows = []
    for name in names:
        table = first if name == names[0] else study.predictions(name, task)
        if not np.array_equal(table["id"].to_numpy(), first["id"].to_numpy()):
            raise DataError("cells were tested on different series", where=f"{names[0]}, {name}")
        rows.append(table["predicted"].to_numpy(dtype=np.int64))
    label = first["label"].to_numpy(dtype=np.int64)
    return label, np.stack(rows), first["field_id"].to_numpy()
