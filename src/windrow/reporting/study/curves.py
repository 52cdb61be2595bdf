"""The data and the table of a study's two curves, over labelled fields and over the season.

All points of a curve use the same configurations, the last point (all labels or the whole year)
included, so that they differ in nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from windrow.reporting.study.costs import COST_HEADER, cost_cells, costs_note
from windrow.reporting.study.reading import Study
from windrow.reporting.study.statistics import Selection, StudyStatistics
from windrow.reporting.study.tables import (
    batches_note,
    head_words,
    intervals_note,
    score_cell,
    task_words,
)
from windrow.reporting.tables import Cell, NamedTable, Table

EVERYTHING = 0
"""Position on the axis of all labels, or of the whole year."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One arm under one head.

    Attributes:
        task, head, arm: names of the task, the head and the arm.
        rows: rows of the study's table by position on the axis; a position may be missing.
        selections: the cells of each position, for its interval.
    """

    task: str
    head: str
    arm: str
    rows: Mapping[int, pd.DataFrame]
    selections: Mapping[int, Selection]


def curves_of(study: Study, axis: str) -> tuple[list[int], list[Curve]]:
    """Collects the curves of a study along an axis.

    Args:
        study: the study as read.
        axis: ``k`` for labelled fields per class, or ``day`` for day of the year.

    Returns:
        the positions on the axis, :data:`EVERYTHING` last, and all curves.
    """
    other = "day" if axis == "k" else "k"
    table = study.table
    own = table[(table[other] == 0) & (table["tested"] == table["task"])]
    found = []
    for (task, head, arm), group in own.groupby(["task", "head", "arm"], sort=False):
        curved = group[group[axis] != EVERYTHING]
        if curved.empty:
            continue
        configurations = tuple(sorted(set(curved["configuration"].tolist())))
        kept = group[group["configuration"].isin(configurations)]
        rows = {int(str(position)): rows for position, rows in kept.groupby(axis, sort=True)}
        selections = {
            position: Selection(
                str(task),
                str(task),
                str(head),
                configurations=configurations,
                **{axis: position},
            )
            for position in rows
        }
        found.append(Curve(str(task), str(head), str(arm), rows, selections))
    positions = {position for curve in found for position in curve.rows} - {EVERYTHING}
    return [*sorted(positions), EVERYTHING], found


def curve_table(study: Study, statistics: StudyStatistics, axis: str) -> NamedTable | None:
    """Tabulates accuracy by labelled fields (axis ``k``) or by day of the year (axis ``day``).

    Args:
        study: the study as read.
        statistics: statistics that give the intervals.
        axis: see :func:`curves_of`.
    """
    positions, curves = curves_of(study, axis)
    if not curves:
        return None
    rows = []
    for curve in curves:
        cells = []
        for position in positions:
            own = curve.rows.get(position)
            found = None
            if own is not None:
                found = statistics.interval(curve.arm, curve.selections[position])
            cells.append(score_cell(own, "overall_accuracy", found and found[0]))
        rows.append(
            (
                Cell(task_words(curve.task)),
                Cell(head_words(curve.head)),
                Cell(study.title(curve.arm)),
                *cells,
                *cost_cells(study, curve.arm, curve.head),
            )
        )
    names = [str(position) for position in positions[:-1]] + [
        "all" if axis == "k" else "whole year"
    ]
    what = (
        "labelled fields a class" if axis == "k" else "the day of the year before which it is known"
    )
    header = (Cell("Task"), Cell("Head"), Cell("Method"), *(Cell(n, number=True) for n in names))
    return NamedTable(
        "labels" if axis == "k" else "season",
        Table(
            f"Overall accuracy in per cent by {what}, mean ± standard deviation over the"
            " configurations of the curve and the seeds."
            + intervals_note(study)
            + costs_note(study)
            + batches_note(study),
            (*header, *COST_HEADER),
            tuple(rows),
        ),
    )
