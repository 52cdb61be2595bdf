"""Label tables: one row a field or series, a column of classes, and columns to split by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from windrow.data.legend import UNLABELLED, Legend
from windrow.data.series import Series
from windrow.errors import DataError
from windrow.sources.formats.identifiers import identifiers
from windrow.sources.formats.nested import refuse_nested
from windrow.sources.formats.table_columns import (
    FIELD_COLUMNS,
    ID_COLUMNS,
    find_column,
    plain_name,
    read_columns,
)
from windrow.sources.labels.class_names import settle_classes
from windrow.sources.labels.keys import (
    Join,
    SeriesKeys,
    almost_alike,
    both_sides,
    choose_key,
    rows_of_keys,
)
from windrow.sources.reader import LabelOptions, ReadingSummary

LABEL_COLUMNS = ("label", "class", "crop", "crop_type", "crop_name", "crop_group")
"""Names by which the column of classes is recognised, the first found being taken."""

LEAST_JOINED = 0.5
"""A join that matches less of either side is taken only where the user named the key."""

LEAST_LABELS_JOINED = 0.9
"""Share of the labels that must belong to a series where most series have none."""


@dataclass(frozen=True, eq=False)
class SeriesLabels:
    """The row of a label table that belongs to each of N series.

    Attributes:
        source: the label table.
        label: (N,) text, empty where the class is not known.
        label_column: the column in which the classes stood.
        columns: every other column, as (N,) text, empty where missing.
        has_row: (N,) which series have a row; None where all have.
        contradictions: columns of which one key has several values, with an example each.
        summary: what was taken and left out.

    Example:
        >>> half = {"half": np.array(["A", "B"])}
        >>> labels = SeriesLabels("labels.csv", np.array(["Corn", "Rye"]), "crop", half)
        >>> labels.where("half=B").tolist()
        [False, True]
    """

    source: str
    label: npt.NDArray[np.str_]
    label_column: str
    columns: Mapping[str, npt.NDArray[np.str_]]
    has_row: npt.NDArray[np.bool_] | None = None
    contradictions: Mapping[str, str] = field(default_factory=dict)
    summary: ReadingSummary | None = None

    def where(self, condition: str) -> npt.NDArray[np.bool_]:
        """Returns which of the series fulfil ``COLUMN=VALUE``, (N,); one without a row does not.

        Raises:
            DataError: the condition has no ``=``, the column is not there, no row has the
                value, or one field has several values.
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
        if column in self.contradictions:
            raise DataError(
                f"one field has two values of {column!r}, by which fields are chosen",
                where=self.source,
                found=self.contradictions[column],
            )
        fulfilled = self.columns[column] == value
        if self.has_row is not None:
            fulfilled &= self.has_row
        if not fulfilled.any():
            raise DataError(
                f"no row has {condition}",
                where=self.source,
                found=", ".join(sorted(set(self.columns[column].tolist()) - {""})[:10]),
            )
        return np.asarray(fulfilled)

    def groups(self, column: str) -> npt.NDArray[np.str_]:
        """Returns the group of each series, (N,), such as its farm or block.

        Args:
            column: the column of groups; empty where a series has no label.

        Raises:
            DataError: there is no such column, one field has several values, or a labelled series
                has none.
        """
        if column not in self.columns:
            raise DataError(
                f"no column {column!r} to group by",
                where=self.source,
                expected="one of " + ", ".join(self.columns),
                hint="group by a column of the label table",
            )
        if column in self.contradictions:
            raise DataError(
                f"one field has two values of {column!r}, by which fields are grouped",
                where=self.source,
                found=self.contradictions[column],
            )
        found = self.columns[column]
        empty = (found == "") & (self.label != "")
        if empty.any():
            raise DataError(
                f"the column {column!r} has no value for some labelled series",
                where=self.source,
                found=f"{int(empty.sum())} empty",
            )
        return found

    def select(self, index: npt.NDArray[np.intp]) -> SeriesLabels:
        """Selects the labels of some of the series."""
        return replace(
            self,
            label=self.label[index],
            columns={name: values[index] for name, values in self.columns.items()},
            has_row=None if self.has_row is None else self.has_row[index],
        )


def default_label_column(columns: Sequence[str], *, where: object = None) -> str:
    """Returns the column of classes.

    The first of ``LABEL_COLUMNS``, else the only one that is no key.

    Raises:
        DataError: there is no such column, or more than one; lists them.

    Example:
        >>> default_label_column(["field_id", "crop_group", "crop"])
        'crop'
    """
    keys = {plain_name(name) for name in (*ID_COLUMNS, *FIELD_COLUMNS)}
    by_name = {plain_name(name): name for name in columns if plain_name(name) not in keys}
    known = next((by_name[plain_name(n)] for n in LABEL_COLUMNS if plain_name(n) in by_name), None)
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
    path: str | Path,
    label_column: str | None = None,
    *,
    series: Series | SeriesKeys,
    options: LabelOptions | None = None,
) -> SeriesLabels:
    """Reads a CSV or Parquet table of labels and joins it to series by the column both name.

    Rows that repeat a key with the same label count once, the first of them.

    Args:
        path: the label table.
        label_column: the column of classes; None looks for the usual names.
        series: what is labelled; series in memory are named by ``id`` and ``field_id``, those of a
            file by its columns (:attr:`windrow.sources.open_any.Opened.keys`).
        options: the key, and which classes mean 'no label'; None asks where it is not clear.

    Returns:
        the row that belongs to each series.

    Raises:
        DataError: the table is empty or unreadable, a column is missing, no column or more than
            one names the series, less than half of either side belongs together and the key is
            not given, a key has two labels, a class may mean 'no label', or no row has a label.

    Example:
        >>> labels = read_labels("fields.csv", "crop", series=series)  # doctest: +SKIP
        >>> labels.label  # doctest: +SKIP
        array(['Corn', 'Wheat', 'Corn'], dtype='<U5')
    """
    table_path = Path(path)
    keys = SeriesKeys.of_series(series) if isinstance(series, Series) else series
    options = options or LabelOptions()
    summary, file = ReadingSummary(source=str(table_path)), ReadingSummary(source=str(table_path))
    frame = read_columns(table_path, text_columns=None, summary=file)
    for name, text in file.facts.items():
        summary.say(f"{name}_of_labels", text)
    frame = _without_empty_rows(frame, summary)
    names = [str(column) for column in frame.columns]
    found = find_column(frame, label_column, (), "label", table_path) or default_label_column(
        [name for name in names if keys.find(name) is None], where=table_path
    )
    join = choose_key(
        [name for name in names if name != found], keys, options.label_key, source=str(table_path)
    )
    summary.say("label_column", found)
    summary.say("label_key", str(join))
    refuse_nested(frame[found], f"{table_path}, column {found}")
    texts = {name: _as_text(frame[name]) for name in names if name != join.label_key}
    label = settle_classes(
        texts[found].tolist(), options, where=f"{table_path}, column {found}", summary=summary
    )
    texts[found] = np.asarray(label, dtype=np.str_)
    if not any(label):
        raise DataError("no row has a label", where=f"{table_path}, column {found}")
    ids = identifiers(frame[join.label_key], join.label_key, table_path)
    rows, contradictions = _unique_rows(ids, texts, found, f"{table_path}, {join.label_key}")
    ids, texts = ids[rows], {name: values[rows] for name, values in texts.items()}
    row = rows_of_keys(ids, keys.columns[join.series_key])
    _refuse_misfit(row, ids, keys, join, names=names, source=str(table_path))
    joined = {name: np.append(values, "")[row] for name, values in texts.items()}
    _count_joined(row, ids, keys.columns[join.series_key], summary)
    return SeriesLabels(
        source=str(table_path),
        label=joined[found],
        label_column=found,
        columns=joined,
        has_row=row >= 0,
        contradictions=contradictions,
        summary=summary,
    )


def attach_labels(series: Series, labels: SeriesLabels) -> tuple[Series, ReadingSummary]:
    """Returns the same series with ``label`` and ``legend``.

    The legend is all labels that occur, sorted.

    Raises:
        DataError: no series has a label, or the series of one field have two.
    """
    summary = labels.summary or ReadingSummary(source=labels.source)
    known = labels.label != ""
    if not known.any():
        raise DataError("no series has a label", where=labels.source)
    legend = Legend.of_values(labels.label[known].tolist())
    label = np.where(known, legend.encode(labels.label.tolist()), UNLABELLED).astype(np.int16)
    _refuse_two_labels(series, labels, known)
    summary.say("classes", ", ".join(legend.names))
    summary.count("series_labelled", int(known.sum()))
    summary.count("series_without_a_label", int((~known).sum()))
    return replace(series, label=label, legend=legend), summary


def _refuse_two_labels(series: Series, labels: SeriesLabels, known: npt.NDArray[np.bool_]) -> None:
    fields, first, inverse = np.unique(
        series.field_id[known], return_index=True, return_inverse=True
    )
    label = labels.label[known]
    mixed = np.flatnonzero(label != label[first][inverse])
    if len(mixed):
        at = inverse[mixed[0]]
        raise DataError(
            f"field {fields[at]} has two labels",
            where=labels.source,
            found=f"{label[first][at]} and {label[mixed[0]]}",
            hint="give the field one label, or name the column of fields with --field-column",
        )


def _without_empty_rows(frame: pd.DataFrame, summary: ReadingSummary) -> pd.DataFrame:
    """A spreadsheet may end in rows of separators alone."""
    empty = frame.isna().all(axis=1)
    summary.count("empty_rows_left_out", int(empty.sum()))
    return frame[~empty].reset_index(drop=True)


def _as_text(column: pd.Series[Any]) -> npt.NDArray[np.str_]:
    """Returns a column as text, empty where missing; whole numbers never end in ``.0``."""
    values = column
    if pd.api.types.is_float_dtype(column):
        known = column.dropna()
        if (known == known.round()).all() and (known.abs() < 2**53).all():
            values = column.astype("Int64")
    texts = values.astype(object).where(column.notna(), "")
    return np.array([str(value) for value in texts], dtype=np.str_)


def _unique_rows(
    ids: npt.NDArray[Any], texts: Mapping[str, npt.NDArray[np.str_]], label: str, where: str
) -> tuple[npt.NDArray[np.intp], dict[str, str]]:
    """Returns the first row of each key, and columns in which rows of one key differ."""
    _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    contradictions: dict[str, str] = {}
    for name, values in texts.items():
        differs = np.flatnonzero(values != values[first][inverse])
        if not len(differs):
            continue
        at = differs[0]
        both = f"{values[first][inverse][at] or 'none'} and {values[at] or 'none'}"
        if name == label:
            raise DataError("an id has two labels", where=f"{where} {ids[at]}", found=both)
        contradictions[name] = f"{both}, of id {ids[at]}"
    return np.sort(first), contradictions


def _refuse_misfit(
    row: npt.NDArray[np.intp],
    ids: npt.NDArray[Any],
    keys: SeriesKeys,
    join: Join,
    *,
    names: Sequence[str],
    source: str,
) -> None:
    """Refuses a join of nothing, and one of little that nobody asked for."""
    matched, used = int((row >= 0).sum()), len(np.unique(row[row >= 0]))
    own = keys.columns[join.series_key]
    both = matched >= LEAST_JOINED * len(row) and used >= LEAST_JOINED * len(ids)
    few_labels = used >= LEAST_LABELS_JOINED * len(ids)  # of many fields some have a label
    if matched and (both or few_labels or join.given):
        return
    what = "labels without series: no label belongs to any series"
    hint = "name the columns that belong together with --label-key LABEL_COLUMN=SERIES_COLUMN"
    if matched:
        what = "labels and series hardly fit: more than half of one side is left out"
        hint = (
            f"where that is meant, give --label-key {join.label_key}; else name the columns that "
            "belong together with --label-key LABEL_COLUMN=SERIES_COLUMN"
        )
    alike = almost_alike(ids, own)
    raise DataError(
        what,
        where=f"{source}, column {join.label_key}",
        found=f"{matched:,} of {len(row):,} series and {used:,} of {len(ids):,} labels joined by "
        f"{join.series_key}, labels of {_some(ids)} and series {_some(own)}"
        + (f" ({alike})" if alike else "")
        + f", {both_sides(names, keys)}",
        hint=hint,
    )


def _count_joined(
    row: npt.NDArray[np.intp],
    ids: npt.NDArray[Any],
    own: npt.NDArray[Any],
    summary: ReadingSummary,
) -> None:
    without = np.setdiff1d(np.arange(len(ids)), row)
    summary.count("series_without_a_row_of_labels", int((row < 0).sum()))
    summary.count("labels_without_a_series", len(without))
    alike = almost_alike(ids[without], own[row < 0])
    if alike:
        summary.say("ids_nearly_alike", f"{alike}; not joined")


def _some(values: npt.NDArray[Any]) -> str:
    texts = [str(value) for value in values[:3].tolist()]
    return ", ".join(texts) + (", ..." if len(values) > 3 else "")
