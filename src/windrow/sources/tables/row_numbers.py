"""Columns that count the rows of a table and are no identifiers."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from windrow.errors import DataError
from windrow.sources.formats.table_columns import (
    FIELD_COLUMNS,
    ID_COLUMNS,
    find_column,
    plain_name,
)

ROW_NUMBERS = ("id", "fid")
"""Names of columns that often count the rows of a table instead of naming series."""


def row_number(frame: pd.DataFrame, date: str, table_path: Path) -> str | None:
    """Returns the column called ``id`` or ``fid`` that is another in every row, where dates differ.

    Raises:
        DataError: it counts the rows, and no other column names the series.

    Example:
        >>> dates = ["2018-01-01", "2018-01-06"]
        >>> frame = pd.DataFrame({"id": [0, 1], "field_id": [7, 7], "date": dates})
        >>> row_number(frame, "date", Path("fields.csv"))
        'id'
    """
    name = find_column(frame, None, ROW_NUMBERS, "id", table_path)
    if name is None or frame[name].duplicated().any() or frame[date].nunique() < 2:
        return None
    others = [other for other in (*ID_COLUMNS, *FIELD_COLUMNS) if other != plain_name(name)]
    other = find_column(frame, None, others, "id", table_path)
    if other is not None:
        return name if frame[other].duplicated().any() else None
    numbers_of_rows = pd.to_numeric(frame[name], errors="coerce")
    if numbers_of_rows.isna().any() or not (numbers_of_rows.diff().dropna() == 1).all():
        return None
    raise DataError(
        f"column {name!r} counts the rows, so that every series would have one date",
        where=table_path,
        found="columns " + ", ".join(map(str, frame.columns)),
        hint="name the column of the field or pixel with --id-column, or give "
        f"--id-column {name} where every row is a field of its own",
    )
