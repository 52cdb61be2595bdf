"""The cost of the methods of a study in time and operations, for every table of methods."""

from __future__ import annotations

import numpy as np

from windrow.reporting.study.reading import Study, present
from windrow.reporting.tables import DASH, Cell

COST_HEADER = tuple(Cell(name, number=True) for name in ("pre-training", "a head", "operations"))
"""Columns: time of pre-training, time of training a head on all labels, operations of both."""


def hours(seconds: float) -> str:
    """Formats a duration in seconds, minutes or hours.

    Example:
        >>> hours(0), hours(42.0), hours(600), hours(72_000)
        ('0', '42 s', '10.0 min', '20.0 h')
    """
    if seconds <= 0:
        return "0"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"


def operations(flops: float) -> str:
    """Formats a number of floating-point operations in powers of ten.

    Example:
        >>> operations(0), operations(2.5e15)
        ('0', '2.5e15')
    """
    return "0" if flops <= 0 else f"{flops:.1e}".replace("e+", "e")


def cost_cells(study: Study, arm: str, head: str | None = None) -> tuple[Cell, ...]:
    """Returns the cells under :data:`COST_HEADER` for an arm.

    The time of pre-training is the mean over seeds. The time of a head's training is the mean over
    the cells with all labels, for one head or, where none is named, for all heads. Operations are
    a dash where a cell does not record the operations of its head.
    """
    wanted = {"arm": arm} if head is None else {"arm": arm, "head": head}
    cells = study.rows(**wanted).drop_duplicates("name")
    if cells.empty:
        return tuple(Cell(DASH, number=True) for _ in COST_HEADER)
    seeds = cells.drop_duplicates("seed")
    flops = float(seeds["pretraining_flops"].mean()) + float(cells["fit_flops"].mean(skipna=False))
    texts = (
        hours(float(seeds["pretraining_seconds"].mean())),
        hours(float(cells["fit_seconds"].mean())),
        DASH if np.isnan(flops) else operations(flops),
    )
    return tuple(Cell(text, number=True) for text in texts)


def costs_note(study: Study) -> str:
    """Returns the caption's sentence on the machine that was timed."""
    rows = study.table
    threads = [f"{number:.0f}" for number in present(rows.dropna(subset="threads"), "threads")]
    where = " and ".join(name for name in present(rows, "device") if name) or "an unknown device"
    word = "thread" if threads == ["1"] else "threads"
    on = f" with {' or '.join(threads)} {word} a process" if threads else ""
    return (
        f" Times are of {where}{on}, whatever else it was doing; operations are counted from the"
        " shapes, a forest's comparisons not at all."
    )
