"""Tables that a command writes for people: one row an id, as Parquet or CSV by the suffix."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from windrow.errors import OutputError
from windrow.files import atomic_file

TABLE_SUFFIXES = (".parquet", ".pq", ".csv")
"""Endings of a table's name that say how it is written."""


def write_table(path: str | Path, table: pa.Table) -> None:
    r"""Writes a table whole, or not at all.

    Args:
        path: ends in one of :data:`TABLE_SUFFIXES`.
        table: columns of numbers and text.

    Raises:
        OutputError: the suffix is another, or the file cannot be written.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "fields.csv"
        >>> write_table(target, pa.table({"id": ["007"], "area": [1.5]}))
        >>> target.read_text()
        '"id","area"\n"007",1.5\n'
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        raise OutputError(
            "unknown format of the output", where=target, expected=" or ".join(TABLE_SUFFIXES)
        )
    with atomic_file(target) as temporary:
        if suffix == ".csv":
            pyarrow.csv.write_csv(table, temporary)
        else:
            pyarrow.parquet.write_table(table, temporary)
