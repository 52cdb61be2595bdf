"""Joins a label table to series by the column that has the same name in both.

Equal ids prove nothing, because field 7 and pixel 7 are different things. So a column of the label
table is joined only to the series' column of the same name. If no name or more than one name is
shared, the user has to choose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.data.series import Series
from windrow.errors import DataError
from windrow.sources.formats.table_columns import plain_name

KEYS = "keys"
"""Name, in a store's provenance and among its tables, of the columns that identify its series."""

_SHOWN = 24


@dataclass(frozen=True, eq=False)
class SeriesKeys:
    """The columns that can identify series.

    Attributes:
        source: the file with the series.
        columns: (N,) whole numbers or text each, by the name of the column.
        others: the other columns of the file, for messages.

    Example:
        >>> keys = SeriesKeys("points.csv", {"sample_id": np.array([1]), "field_id": np.array([9])})
        >>> keys.find("Field ID")
        'field_id'
    """

    source: str
    columns: Mapping[str, npt.NDArray[Any]]
    others: tuple[str, ...] = ()

    @classmethod
    def of_series(
        cls, series: Series, source: str = "the series", names: Mapping[str, str] | None = None
    ) -> SeriesKeys:
        """Returns ids and fields of series under the given names, or ``id`` and ``field_id``."""
        names = names or {"id": "id", "field_id": "field_id"}
        return cls(source, {name: getattr(series, role) for role, name in names.items()})

    def find(self, name: str) -> str | None:
        """Finds the column of this name without regard to case, blanks and underscores."""
        if name in self.columns:
            return name
        return next((own for own in self.columns if plain_name(own) == plain_name(name)), None)


@dataclass(frozen=True)
class Join:
    """The column of a label table and the column of the series that are joined.

    Attributes:
        label_key: column of the label table.
        series_key: column of the series.
        given: whether the user named it.
    """

    label_key: str
    series_key: str
    given: bool

    def __str__(self) -> str:
        return f"{self.label_key!r} to {self.series_key!r} of the series"


def choose_key(columns: Sequence[str], keys: SeriesKeys, given: str | None, *, source: str) -> Join:
    """Chooses the columns that join a label table with series.

    Args:
        columns: the columns of the label table that may be its key.
        keys: the columns by which the series can be named.
        given: ``COLUMN``, or ``LABEL_COLUMN=SERIES_COLUMN``; None takes the one that both have.
        source: the label table, for messages.

    Raises:
        DataError: a column given is not there, or no column or more than one is named alike on
            both sides.

    Example:
        >>> keys = SeriesKeys("points.csv", {"sample_id": np.array([1]), "field_id": np.array([9])})
        >>> choose_key(["field_id", "crop"], keys, None, source="labels.csv").series_key
        'field_id'
    """
    if given is not None:
        return _given_key(columns, keys, given, source)
    shared = [(name, own) for name in columns if (own := keys.find(name)) is not None]
    if len(shared) == 1:
        return Join(*shared[0], given=False)
    what = "no column of the label table names the series"
    hint = "name the columns that belong together with --label-key LABEL_COLUMN=SERIES_COLUMN"
    if shared:
        what = "two columns of the label table could name the series"
        hint = f"say which with --label-key, such as --label-key {shared[0][0]}"
    raise DataError(what, where=source, found=both_sides(columns, keys), hint=hint)


def _given_key(columns: Sequence[str], keys: SeriesKeys, given: str, source: str) -> Join:
    left, equals, right = given.partition("=") if given not in columns else (given, "", "")
    label_key = left if left in columns else _of_plain_name(left, columns)
    if label_key is None:
        raise DataError(
            f"no column {left!r} to join by", where=source, found=both_sides(columns, keys)
        )
    wanted = right if equals else label_key
    series_key = keys.find(wanted)
    if series_key is None:
        raise DataError(
            f"the series have no column {wanted!r} to join by",
            where=f"{source} and {keys.source}",
            found=both_sides(columns, keys),
            hint=f"give --label-key {label_key}=SERIES_COLUMN",
        )
    return Join(label_key, series_key, given=True)


def _of_plain_name(name: str, columns: Sequence[str]) -> str | None:
    return next((own for own in columns if plain_name(own) == plain_name(name)), None)


def both_sides(columns: Iterable[str], keys: SeriesKeys) -> str:
    """Returns the columns of both sides, for messages."""
    others = ""
    if keys.others:
        others = f" (besides {_listed(keys.others)})"
    return f"columns {_listed(columns)} of labels, {_listed(keys.columns)} of series{others}"


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:_SHOWN]) + (", ..." if len(every) > _SHOWN else "")


def rows_of_keys(table: npt.NDArray[Any], series: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Returns the row of each series' key in a table of unique keys, -1 where it has none.

    ``7`` and ``"7"`` are one key, ``"007"`` is another.

    Example:
        >>> rows_of_keys(np.array([7, 8]), np.array(["8", "007"]))
        array([ 1, -1])
    """
    row = {str(key): index for index, key in enumerate(table.tolist())}
    return np.array([row.get(str(key), -1) for key in series.tolist()], dtype=np.intp)


def almost_alike(table: npt.NDArray[Any], series: npt.NDArray[Any]) -> str | None:
    """Returns two keys that differ in blanks, case or leading zeros only.

    This holds where the two sides have such.

    Example:
        >>> almost_alike(np.array(["007"]), np.array([7]))
        "'007' and '7' differ in blanks, case or leading zeros only"
    """
    bare = {_bare(str(key)): str(key) for key in table.tolist()}
    known = {str(key) for key in table.tolist()}
    for key in series.tolist():
        other = bare.get(_bare(str(key)))
        if other is not None and str(key) not in known:
            return f"{other!r} and {str(key)!r} differ in blanks, case or leading zeros only"
    return None


def _bare(key: str) -> str:
    return "".join(key.split()).casefold().lstrip("0") or "0"
