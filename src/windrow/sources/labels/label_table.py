"""Label tables: one row an id, a column of classes, and columns to split by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.data.legend import UNLABELLED, Legend
from windrow.data.series import Series
from windrow.errors import DataError
from windrow.sources.formats.table_columns import ID_COLUMNS, find_column, identifiers, read_columns
from windrow.sources.reader import ReadingReport

LABEL_COLUMNS = ("label", "class", "crop", "crop_type", "crop_name", "crop_group")
"""Names by which the column of classes is recognised, the first found being taken."""


@dataclass(frozen=True)
class LabelTable:
    """Classes by id, with the other columns beside them.

    Attributes:
        source: the file.
        id: (M,) int64 or text, unique.
        label: (M,) text, empty where the class is not known.
        label_column: the column that the classes stood in.
        columns: every column but the ids, as (M,) text, empty where missing.
    """

    source: str
    id: npt.NDArray[Any]
    label: npt.NDArray[np.str_]
    label_column: str
    columns: Mapping[str, npt.NDArray[np.str_]]

    def positions(self, ids: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
        """The row of each id, -1 where it has none; ``7`` and ``"7"`` are one id."""
        row = {str(key): index for index, key in enumerate(self.id.tolist())}
        return np.array([row.get(str(key), -1) for key in ids.tolist()], dtype=np.intp)

    def where(self, condition: str, ids: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Which of the ids fulfil ``COLUMN=VALUE``, (N,); an id without a row does not.

        Raises:
            DataError: the condition has no ``=``, the column is not there, or no row has the
                value.
        """
        column, equals, value = condition.partition("=")
        if not equals:
            raise DataError("a condition is COLUMN=VALUE", found=condition)
        if column not in self.columns:
            raise DataError(
                f"no column {column!r} to choose by",
                where=self.source,
                found="columns " + ", ".join(self.columns),
            )
        fulfilled = self.columns[column] == value
        if not fulfilled.any():
            raise DataError(
                f"no row has {condition}",
                where=self.source,
                found=", ".join(sorted(set(self.columns[column].tolist()))[:10]),
            )
        position = self.positions(ids)
        return np.asarray(np.append(fulfilled, False)[position])


def default_label_column(columns: Sequence[str], *, id_column: str, where: object = None) -> str:
    """The column of classes: the first of ``LABEL_COLUMNS``, else the only one beside the ids.

    Raises:
        DataError: there is no such column, or more than one; lists them.

    Example:
        >>> default_label_column(["field_id", "crop_group", "crop"], id_column="field_id")
        'crop'
    """
    by_name = {column.strip().lower(): column for column in columns if column != id_column}
    known = next((by_name[name] for name in LABEL_COLUMNS if name in by_name), None)
    if known is not None:
        return known
    if len(by_name) == 1:
        return next(iter(by_name.values()))
    raise DataError(
        "which column holds the labels is not clear",
        where=where,
        found="columns " + ", ".join(columns),
        hint="name it with --label-column",
    )


def read_labels(
    path: str | Path, label_column: str | None = None, *, id_column: str | None = None
) -> LabelTable:
    """Reads a CSV or Parquet table of labels, keeping every column as text.

    Rows that repeat an id with the same label count once, the first of them.

    Args:
        path: ``.csv``, ``.csv.gz``, ``.parquet`` or ``.pq``.
        label_column: the column of classes; None looks for the usual names (``LABEL_COLUMNS``).
        id_column: the column of ids; None looks for the usual names.

    Returns:
        classes by id, and every other column to choose by.

    Raises:
        DataError: the table is empty or unreadable, a column is missing, an id has two labels,
            or no row has one.

    Example:
        >>> labels = read_labels("fields.csv", "crop")  # doctest: +SKIP
        >>> labels.label[labels.positions(series.field_id)]  # doctest: +SKIP
        array(['Corn', 'Wheat'], dtype='<U5')
    """
    place = Path(path)
    given = [id_column] if id_column is not None else []
    frame = read_columns(place, text_columns=(*given, *ID_COLUMNS))
    found = find_column(frame, id_column, ID_COLUMNS, "id", place)
    if found is None:
        raise DataError(
            "no id column",
            where=place,
            found="columns " + ", ".join(map(str, frame.columns)),
            hint="name the id column with --id-column",
        )
    names = [str(column) for column in frame.columns]
    label_column = find_column(frame, label_column, (), "label", place) or default_label_column(
        names, id_column=found, where=place
    )
    keys = identifiers(frame[found], found, place)
    columns = {
        name: np.asarray(frame[name].astype(object).where(frame[name].notna(), "").astype(str))
        for name in names
        if name != found
    }
    texts = {name: np.asarray(values, dtype=np.str_) for name, values in columns.items()}
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    label = texts[label_column]
    differs = np.flatnonzero(label != label[first][inverse])
    if len(differs):
        raise DataError(
            "an id has two labels",
            where=f"{place}, {found} {keys[differs[0]]}",
            found=f"{label[first][inverse][differs[0]]} and {label[differs[0]]}",
        )
    if not (label != "").any():
        raise DataError("no row has a label", where=f"{place}, column {label_column}")
    rows = np.sort(first)
    return LabelTable(
        source=str(place),
        id=keys[rows],
        label=label[rows],
        label_column=label_column,
        columns={name: values[rows] for name, values in texts.items()},
    )


def attach_labels(series: Series, labels: LabelTable) -> tuple[Series, ReadingReport]:
    """The same series with ``label`` and ``legend``; the legend is all labels that occur, sorted.

    Labels belong to series ids; where no id matches, to the fields that the series lie in.

    Raises:
        DataError: no label belongs to any series.
    """
    report = ReadingReport(source=labels.source)
    keys = label_keys(series, labels)
    position = labels.positions(keys)
    text = np.append(labels.label, "")[position]
    legend = Legend.of_values([value for value in text.tolist() if value])
    label = np.where(text == "", UNLABELLED, legend.encode(text.tolist())).astype(np.int16)
    report.say("label_column", labels.label_column)
    report.say("classes", ", ".join(legend.names))
    report.count("series_labelled", int((label >= 0).sum()))
    report.count("series_without_a_label", int((label < 0).sum()))
    report.count(
        "labels_without_a_series", len(labels.id) - len(np.unique(position[position >= 0]))
    )
    return replace(series, label=label, legend=legend), report


def label_keys(series: Series, labels: LabelTable) -> npt.NDArray[Any]:
    """What the labels name: the ids of the series, or else their fields.

    Raises:
        DataError: no label belongs to any series or field.
    """
    for keys in (series.id, series.field_id):
        position = labels.positions(keys)
        if (np.append(labels.label, "")[position] != "").any():
            return np.asarray(keys)
    raise DataError(
        "labels without series: no label belongs to any series",
        where=labels.source,
        found=f"labels of {_some(labels.id)} and series {_some(series.id)}",
        hint="give the id column of both tables with --id-column",
    )


def _some(values: npt.NDArray[Any]) -> str:
    texts = [str(value) for value in values[:3].tolist()]
    return ", ".join(texts) + (", ..." if len(values) > 3 else "")
