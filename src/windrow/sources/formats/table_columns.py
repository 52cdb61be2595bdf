"""Columns of CSV and Parquet files: read, recognised by name, and refused where they mean nothing.

Tables are read whole; ids are kept as they were written: whole numbers stay whole numbers, and
text such as ``007`` stays text.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from windrow.errors import BandError, DataError
from windrow.sources.reader import ReadingSummary

ID_COLUMNS = (
    "id",
    "series_id",
    "pixel_id",
    "point_id",
    "sample_id",
    "field_id",
    "parcel_id",
    "plot_id",
    "fid",
)
"""Names by which the column of ids is recognised, the first found being taken."""

FIELD_COLUMNS = ("field_id", "parcel_id", "plot_id", "field", "parcel", "fid")
"""Names by which the column of fields is recognised, where it is not the column of ids."""

ENCODINGS = ("utf-8", "utf-16", "cp1252")
"""Encodings of a CSV that are recognised: by their mark, or the first in which it can be read."""

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
"""Separators of columns that are recognised, and their names."""

EMPTY_NUMBERS = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "<NA>", "#N/A", "-nan"]
"""What stands for an empty cell in a column of numbers or dates."""


_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d*,\d+(?:[eE][-+]?\d+)?\s*")
_DECIMAL_POINT = re.compile(r"\s*[-+]?\d*\.\d+(?:[eE][-+]?\d+)?\s*")


def plain_name(name: str) -> str:
    """Returns a column's name without case, blanks, underscores and the like.

    Example:
        >>> plain_name(" Field ID") == plain_name("field_id")
        True
    """
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def read_columns(
    path: Path,
    *,
    text_columns: Sequence[str] | None = (),
    separator: str | None = None,
    summary: ReadingSummary | None = None,
) -> pd.DataFrame:
    """Reads a CSV or Parquet file whole.

    Args:
        path: ``.csv``, ``.csv.gz``, ``.parquet`` or ``.pq``.
        text_columns: columns of a CSV, by :func:`plain_name`, kept as the text that stands there,
            so that ``NA`` is no empty cell; None keeps all of them.
        separator: of the CSV's columns; None takes the most frequent of comma, semicolon, tab
            and bar in its header.
        summary: where encoding, separator and decimal sign are said.

    Text in UTF-8, UTF-16 and cp1252 (what Excel writes as CSV) is read. Numbers with a decimal
    comma are read where the separator is none.

    Raises:
        DataError: the file is missing, of another kind, unreadable or empty, or mixes decimal
            commas with decimal points.
        BandError: a column stands twice.
    """
    name = path.name.lower()
    if not path.is_file():
        raise DataError("no such table", where=path, hint="check the path")
    if not name.endswith((".csv", ".csv.gz", ".parquet", ".pq")):
        raise DataError("unknown kind of table", where=path, expected="a .csv or .parquet file")
    try:
        if name.endswith((".parquet", ".pq")):
            frame = _read_parquet(path)
        else:
            frame = _read_csv(path, text_columns, separator, summary or ReadingSummary(str(path)))
    except (DataError, MemoryError):
        raise
    except UnicodeError as error:
        raise DataError(
            "the table cannot be read", where=path, found=str(error)[:120], hint="save it as UTF-8"
        ) from error
    except Exception as error:  # parsers raise many kinds on damaged files
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise DataError("the table cannot be read", where=path, found=reason) from error
    if frame.empty:
        raise DataError("the table is empty", where=path, expected="at least one row")
    return frame


def columns_of_frame(frame: pd.DataFrame, table_path: Path) -> pd.DataFrame:
    """Returns a copy of a table in memory, as if it had been read; a named index becomes a column.

    Args:
        frame: the table.
        table_path: what messages call it.

    Raises:
        DataError: the table is empty.
        BandError: a column stands twice.
    """
    named = [name for name in frame.index.names if name is not None]
    frame = frame.reset_index(names=named) if named else frame.reset_index(drop=True)
    _refuse_repeated([str(column) for column in frame.columns], table_path)
    if frame.empty:
        raise DataError("the table is empty", where=table_path, expected="at least one row")
    return frame.rename(columns=str)


def _read_parquet(path: Path) -> pd.DataFrame:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        _refuse_repeated(list(file.schema_arrow.names), path)
        # An index that pandas kept apart becomes a column again: it may be the column of ids.
        frame: pd.DataFrame = file.read().to_pandas(ignore_metadata=True)
    return frame


def _read_csv(
    path: Path, text_columns: Sequence[str] | None, given: str | None, summary: ReadingSummary
) -> pd.DataFrame:
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    encoding = _encoding(path, summary)
    with opened(path, "rt", encoding=encoding, newline="") as file:
        first = file.readline()
    if not first.strip():
        raise DataError("the table is empty", where=path, expected="a header and rows")
    separator = {"tab": "\t", "\\t": "\t"}.get(given or "", given) or max(
        SEPARATORS, key=first.count
    )
    if given == "" or len(separator) != 1 or separator not in first:
        raise DataError(
            "the header has no separator of columns"
            if given is None
            else f"the separator {given!r} is not in the header",
            where=path,
            found=first.strip()[:80],
            expected="column names between commas, semicolons, tabs or bars, in the first line",
            hint="take out what stands above the header, or say what separates columns with "
            "--separator",
        )
    summary.say(
        "separator",
        f"{SEPARATORS.get(separator, repr(separator))} ({'as given' if given else 'detected'})",
    )
    header = next(csv.reader([first], delimiter=separator))
    _refuse_repeated(header, path)
    wanted = None if text_columns is None else {plain_name(name) for name in text_columns}
    text = [name for name in header if wanted is None or plain_name(name) in wanted]
    frame = pd.read_csv(
        path,
        sep=separator,
        dtype=dict.fromkeys(text, str),
        # An id or a class may be called NA or None; only a number is missing where that stands.
        keep_default_na=False,
        na_values={name: EMPTY_NUMBERS for name in header if name not in text},
        encoding=encoding,
        low_memory=False,
        index_col=False,
    )
    for name in text:
        frame[name] = frame[name].where(frame[name] != "")
    if separator != ",":
        _read_decimal_commas(frame, set(text), path, summary)
    return frame


def _encoding(path: Path, summary: ReadingSummary) -> str:
    """Returns the encoding of a CSV: by its mark, else UTF-8 where it is valid, else cp1252."""
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rb") as file:
        mark = file.read(4)
        if mark.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            summary.say("encoding", "UTF-16 (detected by its mark)")
            return "utf-16"
        if b"\0" in mark:
            little = mark[1:2] == b"\0"
            summary.say("encoding", "UTF-16 (detected by its zeros)")
            return "utf-16-le" if little else "utf-16-be"
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(mark)
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            summary.say("encoding", "cp1252 (it is no UTF-8; check the letters with accents)")
            return "cp1252"
    return "utf-8-sig"


def _read_decimal_commas(
    frame: pd.DataFrame, text_columns: set[str], path: Path, summary: ReadingSummary
) -> None:
    """Turns columns of text such as ``0,0312`` into numbers, in place."""
    found: list[str] = []
    for name in frame.columns:
        column = frame[name]
        if name in text_columns or pd.api.types.is_numeric_dtype(column):
            continue
        written = column.dropna().astype(str)
        comma = written.map(lambda value: _DECIMAL_COMMA.fullmatch(value) is not None)
        if not comma.any():
            continue
        point = written.map(lambda value: _DECIMAL_POINT.fullmatch(value) is not None)
        if point.any():
            raise DataError(
                "decimal commas and decimal points are mixed",
                where=f"{path}, column {name}",
                found=f"{written[comma].iloc[0]} and {written[point].iloc[0]}",
                hint="write all numbers alike",
            )
        replaced = pd.to_numeric(
            column.astype(object).map(lambda v: v.replace(",", ".") if isinstance(v, str) else v),
            errors="coerce",
        )
        if not (replaced.isna() & column.notna()).any():
            frame[name] = replaced
            found.append(str(name))
    if found:
        summary.say("decimal", f"comma in {len(found)} columns (detected)")


def _refuse_repeated(columns: Sequence[str], path: Path) -> None:
    names = [str(column).strip().lower() for column in columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise BandError(
            f"column {repeated[0]!r} stands twice",
            where=path,
            found=", ".join(map(str, columns)),
            hint="keep one of them",
        )


def find_column(
    frame: pd.DataFrame, given: str | None, known: Sequence[str], role: str, table_path: Path
) -> str | None:
    """Finds the column of a role: the one given, else the first that bears a known name.

    Raises:
        DataError: the column given is not there.
    """
    if given is not None:
        if given not in frame.columns:
            raise DataError(
                f"no {role} column {given!r}",
                where=table_path,
                found="columns " + ", ".join(map(str, frame.columns)),
            )
        return given
    by_name = {plain_name(str(column)): str(column) for column in frame.columns}
    return next((by_name[plain_name(name)] for name in known if plain_name(name) in by_name), None)


def numbers(column: pd.Series[Any], name: str, table_path: Path) -> npt.NDArray[np.float64]:
    """Returns a column as float64, empty cells as NaN.

    Raises:
        DataError: a cell is no number.
    """
    categories = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column
    if any(
        check(categories)
        for check in (
            pd.api.types.is_bool_dtype,
            pd.api.types.is_datetime64_any_dtype,
            pd.api.types.is_timedelta64_dtype,
            pd.api.types.is_complex_dtype,
        )
    ):
        raise DataError(
            f"column {name!r} is not numeric",
            where=table_path,
            found=f"type {column.dtype}",
            expected="whole or floating-point numbers",
        )
    converted = pd.to_numeric(column, errors="coerce")
    broken = converted.isna() & column.notna()
    if broken.any():
        row = int(np.argmax(broken.to_numpy()))
        raise DataError(
            f"column {name!r} is not numeric",
            where=f"{table_path}, row {row + 1}",
            found=repr(column.iloc[row])[:40],
        )
    return np.asarray(converted.to_numpy(dtype=np.float64, na_value=np.nan))
