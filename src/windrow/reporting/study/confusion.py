"""Confusion matrices of a study per method and head, with all labels and the whole year."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from windrow.reporting.study.reading import Study, present
from windrow.reporting.study.tables import head_words, right_cell, task_words
from windrow.reporting.tables import Cell, Matrix, NamedTable, Table, confusion_matrix
from windrow.reporting.theme import plain


def confusions(study: Study, task: str) -> Iterator[tuple[str, str, npt.NDArray[np.int64]]]:
    """Yields the confusion matrix of each arm and head.

    Yields:
        arm, head, and (C, C) counts summed over configurations and seeds; rows are the true class.
    """
    own = study.rows(task=task, tested=task)
    for arm in present(own, "arm"):
        of_arm = own[own["arm"] == arm]
        for head in present(of_arm, "head"):
            names = of_arm[of_arm["head"] == head]["name"].tolist()
            counts = [study.record(str(name)).scores[task].confusion_matrix for name in names]
            yield arm, head, np.asarray(counts, dtype=np.int64).sum(axis=0)


def legend_of(study: Study, task: str) -> tuple[str, ...]:
    """Returns the names of the classes of a task."""
    own = study.rows(task=task, tested=task)
    return study.record(str(own["name"].iloc[0])).legend


def confusion_matrices(study: Study, task: str) -> list[Matrix]:
    """Returns one matrix per method and head, for the page."""
    legend = legend_of(study, task)
    return [
        confusion_matrix(f"{study.title(arm)}, {head_words(head)}", legend, counts)
        for arm, head, counts in confusions(study, task)
    ]


def confusion_table(study: Study, task: str) -> NamedTable:
    """Tabulates the counts of all matrices of a task for files, one row per true class."""
    legend = legend_of(study, task)
    rows = [
        (
            Cell(study.title(arm)),
            Cell(head_words(head)),
            Cell(plain(name)),
            *(right_cell(str(count)) for count in line),
        )
        for arm, head, counts in confusions(study, task)
        for name, line in zip(legend, counts.tolist(), strict=True)
    ]
    header = (Cell("Method"), Cell("Head"), Cell("True class"))
    return NamedTable(
        f"confusion-{task}",
        Table(
            f"{task_words(task)}: test series by true class (rows) and predicted class (columns),"
            " summed over configurations and seeds.",
            (*header, *(Cell(plain(name), number=True) for name in legend)),
            tuple(rows),
        ),
    )
