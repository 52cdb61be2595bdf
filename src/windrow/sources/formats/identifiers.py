"""Identifiers in a column of a table: whole numbers or text, never rounded by a spreadsheet."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from windrow.errors import DataError
from windrow.sources.formats.nested import refuse_nested

LARGEST_EXACT = 2**53
"""Larger whole numbers lose digits as floating-point numbers."""


_ROUNDED = re.compile(r"\s*[-+]?(?:\d+[.,]\d+[eE][-+]?\d+|\d+[eE]\+\d+)\s*")


def identifiers(column: pd.Series[Any], name: str, table_path: Path) -> npt.NDArray[Any]:
    """Ids as int64, uint64 or text.

    Text that is a plain whole number throughout (``7``, or ``7.0`` as a column with gaps is
    written) becomes numbers. All other text stays what it is, with its leading zeros and blanks.

    Raises:
        DataError: an id is missing, is no whole number or text, or was rounded by a spreadsheet,
            so that it is not unique.
    """
    where = f"{table_path}, column {name}"
    if column.isna().any():
        raise DataError(
            f"{int(column.isna().sum())} rows have no id",
            where=where,
            found=f"an empty cell in row {int(np.argmax(column.isna().to_numpy())) + 1}",
        )
    refuse_nested(column, where)
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        raise DataError("ids are whole numbers or text", where=where, found=column.dtype)
    if pd.api.types.is_integer_dtype(column):
        unsigned = pd.api.types.is_unsigned_integer_dtype(column)
        return _narrowed(column.to_numpy(dtype=np.uint64 if unsigned else np.int64))
    if pd.api.types.is_float_dtype(column):
        values = column.to_numpy(dtype=np.float64)
        if not (np.isfinite(values).all() and (values == np.round(values)).all()):
            raise DataError("ids are whole numbers or text", where=where, found="fractions")
        if (np.abs(values) > LARGEST_EXACT).any():
            raise _rounded(f"{values[np.argmax(np.abs(values))]:.17g}", where)
        return np.asarray(values.astype(np.int64))
    texts, codes = np.unique(column.astype(str).to_numpy(dtype=object), return_inverse=True)
    for text in texts:
        if _ROUNDED.fullmatch(text):
            raise _rounded(text, where)
    whole = [_whole_number(text) for text in texts]
    known = [number for number in whole if number is not None]
    if len(known) == len(whole):
        if min(known) >= np.iinfo(np.int64).min and max(known) <= np.iinfo(np.int64).max:
            return np.asarray(known, dtype=np.int64)[codes]
        if min(known) >= 0 and max(known) <= np.iinfo(np.uint64).max:
            return np.asarray(known, dtype=np.uint64)[codes]
    return np.asarray(texts.astype(str))[codes]


def _narrowed(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns unsigned ids as int64 where they fit, so that equal ids have one type."""
    if values.dtype == np.uint64 and (values <= np.uint64(np.iinfo(np.int64).max)).all():
        return np.asarray(values.astype(np.int64))
    return np.asarray(values)


def _rounded(text: str, where: str) -> DataError:
    return DataError(
        "ids were rounded, so that they are not unique",
        where=where,
        found=text,
        expected="every digit of the id",
        hint="format the column as text in the spreadsheet or program that wrote it, and "
        "write the table again",
    )


def _whole_number(text: str) -> int | None:
    """Returns what text is as a plain whole number: not ``007``, not `` 7``; ``7.0`` is 7.

    Example:
        >>> [_whole_number(text) for text in ("7", "7.0", "007", "7.5", "-7")]
        [7, 7, None, None, -7]
    """
    stem, point, zeros = text.partition(".")
    digits = stem.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
        return None
    if point and (not zeros or zeros.strip("0") or int(digits) > LARGEST_EXACT):
        return None
    return int(stem) if str(int(stem)) == stem else None
