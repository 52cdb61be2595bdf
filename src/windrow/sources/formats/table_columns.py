"""Columns of CSV and Parquet files: read, recognised by name, and refused where they mean nothing.

Tables are read whole; ids are kept as they were written: whole numbers stay whole numbers, and
text such as ``007`` stays text.
"""

from __future__ import annotations

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
from windrow.sources.reader import ReadingReport

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

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
"""Separators of columns that are recognised, and their names."""

_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d*,\d+(?:[eE][-+]?\d+)?\s*")
_DECIMAL_POINT = re.compile(r"\s*[-+]?\d*\.\d+(?:[eE][-+]?\d+)?\s*")


def read_columns(
    path: Path,
    *,
    text_columns: Sequence[str] = (),
    separator: str | None = None,
    report: ReadingReport | None = None,
) -> pd.DataFrame:
    """Reads a CSV or Parquet file whole.

    Args:
        path: ``.csv``, ``.csv.gz``, ``.parquet`` or ``.pq``.
        text_columns: columns of a CSV, in any case, kept as the text that stands there.
        separator: of the CSV's columns; None takes the most frequent of comma, semicolon, tab
            and bar in its header.
        report: where separator and decimal sign are said.

    Numbers with a decimal comma are read where the separator is none.

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
            text = {column.lower() for column in text_columns}
            frame = _read_csv(path, text, separator, report or ReadingReport(str(path)))
    except (DataError, MemoryError):
        raise
    except Exception as error:  # parsers raise many kinds on damaged files
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise DataError("the table cannot be read", where=path, found=reason) from error
    if frame.empty:
        raise DataError("the table is empty", where=path, expected="at least one row")
    return frame


def columns_of_frame(frame: pd.DataFrame, place: Path) -> pd.DataFrame:
    """A copy of a table in memory, as if it had been read; a named index becomes a column.

    Args:
        frame: the table.
        place: what messages call it.

    Raises:
        DataError: the table is empty.
        BandError: a column stands twice.
    """
    named = [name for name in frame.index.names if name is not None]
    frame = frame.reset_index(names=named) if named else frame.reset_index(drop=True)
    _refuse_repeated([str(column) for column in frame.columns], place)
    if frame.empty:
        raise DataError("the table is empty", where=place, expected="at least one row")
    return frame.rename(columns=str)


def _read_parquet(path: Path) -> pd.DataFrame:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        _refuse_repeated(list(file.schema_arrow.names), path)
        # An index that pandas kept apart becomes a column again: it may be the column of ids.
        frame: pd.DataFrame = file.read().to_pandas(ignore_metadata=True)
    return frame


def _read_csv(
    path: Path, text_columns: set[str], given: str | None, report: ReadingReport
) -> pd.DataFrame:
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        first = file.readline()
    if not first.strip():
        raise DataError("the table is empty", where=path, expected="a header and rows")
    separator = {"tab": "\t", "\\t": "\t"}.get(given or "", given) or max(
        SEPARATORS, key=first.count
    )
    if len(separator) != 1 or separator not in first:
        raise DataError(
            f"the separator {given!r} is not in the header", where=path, found=first.strip()[:80]
        )
    report.say(
        "separator",
        f"{SEPARATORS.get(separator, repr(separator))} ({'as given' if given else 'detected'})",
    )
    header = next(csv.reader([first], delimiter=separator))
    _refuse_repeated(header, path)
    text = {column: str for column in header if column.strip().lower() in text_columns}
    frame = pd.read_csv(
        path, sep=separator, dtype=text, encoding="utf-8-sig", low_memory=False, index_col=False
    )
    if separator != ",":
        _read_decimal_commas(frame, set(text), path, report)
    return frame


def _read_decimal_commas(
    frame: pd.DataFrame, text_columns: set[str], path: Path, report: ReadingReport
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
        report.say("decimal", f"comma in {len(found)} columns (detected)")


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
    frame: pd.DataFrame, given: str | None, known: Sequence[str], role: str, place: Path
) -> str | None:
    """The column of a role: the one given, else the first that bears a known name.

    Raises:
        DataError: the column given is not there.
    """
    if given is not None:
        if given not in frame.columns:
            raise DataError(
                f"no {role} column {given!r}",
                where=place,
                found="columns " + ", ".join(map(str, frame.columns)),
            )
        return given
    by_name = {str(column).strip().lower(): str(column) for column in frame.columns}
    return next((by_name[name] for name in known if name in by_name), None)


def identifiers(column: pd.Series[Any], name: str, place: Path) -> npt.NDArray[Any]:
    """Ids as int64 or text; text that is a plain whole number throughout becomes numbers.

    Raises:
        DataError: an id is missing or is no whole number or text.
    """
    if column.isna().any():
        raise DataError(
            f"{int(column.isna().sum())} rows have no id",
            where=f"{place}, column {name}",
            found=f"an empty cell in row {int(np.argmax(column.isna().to_numpy())) + 1}",
        )
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        raise DataError(
            "ids are whole numbers or text", where=f"{place}, column {name}", found=column.dtype
        )
    if pd.api.types.is_integer_dtype(column):
        return np.asarray(column.to_numpy(dtype=np.int64))
    if pd.api.types.is_float_dtype(column):
        values = column.to_numpy(dtype=np.float64)
        if not (np.isfinite(values).all() and (values == np.round(values)).all()):
            raise DataError(
                "ids are whole numbers or text", where=f"{place}, column {name}", found="fractions"
            )
        return np.asarray(values.astype(np.int64))
    texts, codes = np.unique(column.astype(str).to_numpy(dtype=object), return_inverse=True)
    if all(_plain_whole_number(text) for text in texts):
        return np.asarray([int(text) for text in texts], dtype=np.int64)[codes]
    return np.asarray(texts.astype(str))[codes]


def _plain_whole_number(text: str) -> bool:
    """Whether text is what a whole number prints as: not ``007``, not `` 7``, not 20 digits."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        return False
    return str(int(text)) == text


def numbers(column: pd.Series[Any], name: str, place: Path) -> npt.NDArray[np.float64]:
    """A column as float64, empty cells as NaN.

    Raises:
        DataError: a cell is no number.
    """
    converted = pd.to_numeric(column, errors="coerce")
    broken = converted.isna() & column.notna()
    if broken.any():
        row = int(np.argmax(broken.to_numpy()))
        raise DataError(
            f"column {name!r} is not numeric",
            where=f"{place}, row {row + 1}",
            found=repr(column.iloc[row])[:40],
        )
    return np.asarray(converted.to_numpy(dtype=np.float64, na_value=np.nan))
