"""The tables of a report and the format of their numbers.

A table holds text only; the page escapes it. Shares are printed in per cent, differences of
shares in points, reflectance as a number from 0 to 1. A dash marks a value that was not measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.json_values import JsonObject
from windrow.reporting.theme import plain

DASH = "\N{EN DASH}"
_NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Cell:
    """One cell: its text, whether it is bold, and whether it is a number.

    ``below`` is a second, smaller line, such as the limits of the number above it. Files put it
    in brackets after the text.
    """

    text: str
    strong: bool = False
    number: bool = False
    below: str = ""

    @property
    def whole(self) -> str:
        """Text and lower line in one line.

        Example:
            >>> Cell("55.7", below="50.1 to 60.2").whole
            '55.7 [50.1 to 60.2]'
        """
        return f"{self.text} [{self.below}]" if self.below else self.text


@dataclass(frozen=True)
class Table:
    """A table with a caption.

    Attributes:
        caption: describes the values and their units.
        header: names of the columns.
        rows: rows, each with as many cells as the header.
        names: True where the first column holds names of settings.
    """

    caption: str
    header: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    names: bool = False


@dataclass(frozen=True)
class NamedTable:
    """A table and the name of its files."""

    name: str
    table: Table


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
    """Formats a share 0..1 in per cent with one decimal; None becomes a dash.

    Example:
        >>> share(0.5574), share(None) == DASH
        ('55.7', True)
    """
    return number(None if value is None else 100 * value, 1)


def number(value: float | None, decimals: int) -> str:
    """Formats a number with fixed decimals and a true minus sign; None becomes a dash."""
    if value is None or not math.isfinite(value):
        return DASH
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", "\N{MINUS SIGN}")


def points(value: float | None) -> str:
    """Formats a difference of shares in points, with its sign.

    Example:
        >>> points(0.0123), points(0.0)
        ('+1.2', '0.0')
    """
    text = share(value)
    return f"+{text}" if value is not None and value > 0 and text not in (DASH, "0.0") else text


def confusion_counts(
    true: Sequence[str], predicted: Sequence[str], legend: Sequence[str]
) -> npt.NDArray[np.int64]:
    """Counts samples by true (row) and predicted (column) class.

    Returns:
        (C, C) counts in the order of the legend.

    Example:
        >>> confusion_counts(["a", "a", "b"], ["a", "b", "b"], ["a", "b"]).tolist()
        [[1, 1], [0, 1]]
    """
    position = {name: index for index, name in enumerate(legend)}
    counts = np.zeros((len(legend), len(legend)), dtype=np.int64)
    np.add.at(counts, ([position[n] for n in true], [position[n] for n in predicted]), 1)
    return counts


def confusion_matrix(title: str, legend: Sequence[str], counts: npt.ArrayLike) -> Matrix:
    """Builds a confusion matrix normalised by row, with the F1 of each class.

    Args:
        title: title of the matrix.
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


def flat_settings(values: JsonObject, prefix: str = "") -> list[tuple[str, str]]:
    """Flattens nested settings into dotted names and short texts, in their own order.

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
            numbered = {str(number): item for number, item in enumerate(value)}
            rows.extend(flat_settings(numbered, f"{key}."))
        elif isinstance(value, list | tuple):
            rows.append((plain(key, 60), plain(", ".join(str(item) for item in value), 160)))
        else:
            rows.append((plain(key, 60), plain(DASH if value is None else value, 160)))
    return rows


def settings_table(caption: str, values: JsonObject) -> Table:
    """Tabulates settings by dotted name."""
    rows = tuple((Cell(name), Cell(value)) for name, value in flat_settings(values))
    return Table(caption, (Cell("Name"), Cell("Value")), rows, names=True)
