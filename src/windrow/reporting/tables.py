"""Tables of the report: what is compared, aggregated and worded for a reader.

A table holds text only; the page escapes it. Shares are printed in per cent, differences of
shares in points, reflectance as a number from 0 to 1. A dash stands where nothing was measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from windrow.reporting.records import (
    Evaluation,
    FewShotRow,
    LagScore,
    PairedDifference,
)
from windrow.reporting.result_figures import METRIC_NAMES
from windrow.reporting.style import plain, wording

DASH = "\N{EN DASH}"
_NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Cell:
    """One cell: its text, whether it leads its group, and whether it is a number.

    ``below`` is a second, smaller line, such as the limits of the number above it; in files it
    stands behind the text in brackets.
    """

    text: str
    strong: bool = False
    number: bool = False
    below: str = ""

    @property
    def whole(self) -> str:
        """Both in one line.

        Example:
            >>> Cell("55.7", below="50.1 to 60.2").whole
            '55.7 [50.1 to 60.2]'
        """
        return f"{self.text} [{self.below}]" if self.below else self.text


@dataclass(frozen=True)
class Table:
    """A table with a caption that says what is seen and in what units.

    Attributes:
        caption: see above.
        header: names of the columns.
        rows: as many cells each as the header.
        names: True where the first column holds names of settings.
    """

    caption: str
    header: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    names: bool = False


@dataclass(frozen=True)
class MatrixCell:
    """One cell of a confusion matrix: a count and its share of the true class, 0..1."""

    count: str
    share: float
    percent: str
    diagonal: bool


@dataclass(frozen=True)
class MatrixRow:
    """One true class: its name, cells, number of samples and F1."""

    name: str
    cells: tuple[MatrixCell, ...]
    support: str
    f1: str


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix, ready for the page."""

    title: str
    legend: tuple[str, ...]
    rows: tuple[MatrixRow, ...]


def share(value: float | None) -> str:
    """A share 0..1 in per cent with one decimal.

    Example:
        >>> share(0.5574), share(None) == DASH
        ('55.7', True)
    """
    return number(None if value is None else 100 * value, 1)


def number(value: float | None, decimals: int) -> str:
    """A number with fixed decimals and a true minus sign; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", "\N{MINUS SIGN}")


def points(value: float | None) -> str:
    """A difference of shares in points, with its sign.

    Example:
        >>> points(0.0123), points(0.0)
        ('+1.2', '0.0')
    """
    text = share(value)
    return f"+{text}" if value is not None and value > 0 and text not in (DASH, "0.0") else text


def _plus_minus(mean: str, deviation: str) -> str:
    return mean if deviation == DASH else f"{mean}{_NO_BREAK}±{_NO_BREAK}{deviation}"


def _header(*names: str, text_columns: int = 1) -> tuple[Cell, ...]:
    return tuple(Cell(name, number=i >= text_columns) for i, name in enumerate(names))


def _best(values: Sequence[float | None], *, lowest: bool = False) -> set[int]:
    """Positions of the best value, all of them where several are equal; none of a lone value."""
    known = [v for v in values if v is not None and math.isfinite(v)]
    if len(known) < 2:
        return set()
    best = min(known) if lowest else max(known)
    return {i for i, v in enumerate(values) if v is not None and math.isclose(v, best)}


def reflectance_table(scores: Sequence[LagScore], sensor: str, *, when: str = "") -> Table:
    """R2 and RMSE by band and lag beside the two trivial baselines; the best is strong.

    Args:
        scores: rows of ``evaluation.json``.
        sensor: what was predicted.
        when: the part of the year, for the caption; empty for all of it.
    """
    rows = []
    band = None
    for score in scores:
        r2 = (score.r2, score.baseline_day_mean_r2, score.baseline_nearest_clear_r2)
        rmse = (score.rmse, score.baseline_day_mean_rmse, score.baseline_nearest_clear_rmse)
        best_r2, best_rmse = _best(r2), _best(rmse, lowest=True)
        rows.append(
            (
                Cell(wording(score.band) if score.band != band else ""),
                Cell(number(score.lag, 0), number=True),
                *(Cell(number(v, 3), i in best_r2, number=True) for i, v in enumerate(r2)),
                *(Cell(number(v, 4), i in best_rmse, number=True) for i, v in enumerate(rmse)),
            )
        )
        band = score.band
    return Table(
        f"{sensor} reflectance predicted at held-out series{when}, by band and lag (days from the"
        " Sentinel-2 date), the dates masked as in training. R² is without unit, RMSE in"
        " reflectance (0 to 1). Bold: best of three.",
        _header(
            "Band",
            "Lag (days)",
            "R² windrow",
            "R² mean of the day",
            "R² nearest clear S2",
            "RMSE windrow",
            "RMSE mean of the day",
            "RMSE nearest clear S2",
        ),
        tuple(rows),
    )


def auxiliary_table(evaluation: Evaluation) -> Table | None:
    """Month and cloud accuracy, with and without position, beside the majority class."""
    rows = []
    month, cloud = evaluation.month, evaluation.cloud
    dashes = (Cell(DASH, number=True), Cell(DASH, number=True))
    if month is not None:
        values = (month.accuracy, month.accuracy_without_position, month.majority_rate)
        texts = [Cell(share(v), number=True) for v in values]
        rows.append((Cell("Month, 12 classes"), *texts, *dashes))
    if cloud is not None:
        values = (cloud.accuracy, cloud.accuracy_without_position, cloud.majority_rate)
        texts = [Cell(share(v), number=True) for v in values]
        errors = (cloud.mean_absolute_error, cloud.majority_mean_absolute_error)
        best = _best(errors, lowest=True)
        rows.append(
            (
                Cell("Cloud level, 32 classes"),
                *texts,
                *(Cell(number(v, 2), i in best, number=True) for i, v in enumerate(errors)),
            )
        )
    if not rows:
        return None
    return Table(
        "Auxiliary tasks on held-out series. Accuracy in per cent; mean absolute error in cloud"
        " levels (0 to 31). With the position encoding on, the month can be read off the dates"
        " alone: the column without position says what the spectra hold.",
        _header(
            "Task",
            "Accuracy",
            "without position",
            "majority class",
            "Mean abs. error",
            "majority class",
        ),
        tuple(rows),
    )


def label_count_table(rows: Sequence[FewShotRow]) -> Table:
    """Few-label results, one row a method and head within each k."""
    body = []
    for k in sorted({row.k for row in rows}):
        own = [row for row in rows if row.k == k]
        best_accuracy = _best([row.overall_accuracy for row in own])
        best_f1 = _best([row.macro_f1 for row in own])
        for place, row in enumerate(own):
            accuracy = _plus_minus(share(row.overall_accuracy), share(row.overall_accuracy_std))
            f1 = _plus_minus(share(row.macro_f1), share(row.macro_f1_std))
            body.append(
                (
                    Cell(str(k) if place == 0 else ""),
                    Cell(wording(row.method)),
                    Cell(wording(row.head)),
                    Cell(str(row.draws), number=True),
                    Cell(accuracy, place in best_accuracy, number=True),
                    Cell(f1, place in best_f1, number=True),
                )
            )
    return Table(
        "Accuracy by labelled fields a class (k), in per cent: mean ± standard deviation over the"
        " draws of training fields. Bold: best mean of its k, which need not be a difference that"
        " would show again; see the intervals.",
        _header("k", "Input", "Head", "Draws", "Overall accuracy", "Macro F1", text_columns=3),
        tuple(body),
    )


def paired_table(differences: Sequence[PairedDifference]) -> Table:
    """Paired differences in points; strong where the interval leaves out zero."""
    rows = []
    with_k = any(item.k is not None for item in differences)
    names = ["First", "minus", "Metric", "Difference", "Interval"]
    for item in differences:
        clear = item.low is not None and item.high is not None and item.low * item.high > 0
        interval = f"{points(item.low)} to {points(item.high)}"
        rows.append(
            (
                *([Cell(DASH if item.k is None else str(item.k))] if with_k else []),
                Cell(f"{wording(item.method)}, {wording(item.head)}"),
                Cell(f"{wording(item.baseline_method)}, {wording(item.baseline_head)}"),
                Cell(METRIC_NAMES.get(item.metric, plain(item.metric))),
                Cell(points(item.difference), clear, number=True),
                Cell(interval, number=True),
            )
        )
    return Table(
        "Paired differences on the same test fields, in points, with bootstrap intervals over"
        " fields. Bold: the interval leaves out zero.",
        _header(*(["k"] if with_k else []), *names, text_columns=3 + with_k),
        tuple(rows),
    )


def confusion_counts(
    true: Sequence[str], predicted: Sequence[str], legend: Sequence[str]
) -> npt.NDArray[np.int64]:
    """Counts by true (row) and predicted (column) class.

    Example:
        >>> confusion_counts(["a", "a", "b"], ["a", "b", "b"], ["a", "b"]).tolist()
        [[1, 1], [0, 1]]
    """
    position = {name: index for index, name in enumerate(legend)}
    counts = np.zeros((len(legend), len(legend)), dtype=np.int64)
    np.add.at(counts, ([position[n] for n in true], [position[n] for n in predicted]), 1)
    return counts


def matrix_of_predictions(title: str, predictions: pd.DataFrame) -> Matrix:
    """The confusion matrix of a table of true and predicted classes, all rows counted."""
    true, predicted = predictions["true"].tolist(), predictions["predicted"].tolist()
    legend = sorted({*true, *predicted})
    return confusion_matrix(title, legend, confusion_counts(true, predicted, legend))


def confusion_matrix(title: str, legend: Sequence[str], counts: npt.ArrayLike) -> Matrix:
    """A confusion matrix normalised by row, with the F1 of each class.

    Args:
        title: what was classified by what.
        legend: C class names.
        counts: (C, C), rows the true class, columns the predicted one.
    """
    matrix = np.asarray(counts, dtype=np.float64).reshape(len(legend), len(legend))
    support, claimed = matrix.sum(axis=1), matrix.sum(axis=0)
    rows = []
    for i, name in enumerate(legend):
        both = support[i] + claimed[i]
        rows.append(
            MatrixRow(
                name=plain(name),
                cells=tuple(
                    _matrix_cell(matrix[i, j], support[i], diagonal=i == j)
                    for j in range(len(legend))
                ),
                support=_count(support[i]),
                f1=share(2 * matrix[i, i] / both if support[i] else None),
            )
        )
    return Matrix(title, tuple(plain(name, 24) for name in legend), tuple(rows))


def _count(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def _matrix_cell(count: float, support: float, *, diagonal: bool) -> MatrixCell:
    part = float(count / support) if support else 0.0
    return MatrixCell(_count(count), round(part, 3), f"{100 * part:.0f}", diagonal)


def flat_settings(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as dotted names and short texts, in their own order.

    Example:
        >>> flat_settings({"model": {"width": 128}, "bands": ["B02", "B03"]})
        [('model.width', '128'), ('bands', 'B02, B03')]
    """
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            rows.extend(flat_settings(value, f"{key}."))
        elif isinstance(value, list | tuple) and any(isinstance(v, Mapping) for v in value):
            rows.extend(flat_settings(dict(enumerate(value)), f"{key}."))  # type: ignore[arg-type]
        elif isinstance(value, list | tuple):
            rows.append((plain(key, 60), plain(", ".join(str(item) for item in value), 160)))
        else:
            rows.append((plain(key, 60), plain(DASH if value is None else value, 160)))
    return rows


def settings_table(caption: str, values: Mapping[str, Any]) -> Table:
    """Settings by dotted name."""
    rows = tuple((Cell(name), Cell(value)) for name, value in flat_settings(values))
    return Table(caption, (Cell("Name"), Cell("Value")), rows, names=True)
