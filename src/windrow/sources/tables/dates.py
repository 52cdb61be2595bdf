"""Dates as people write them: ISO, day first or month first, compact, or as the user says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from windrow.data.day_of_year import days_of_year
from windrow.errors import DataError
from windrow.sources.reader import ReadingSummary

FIRST_YEAR = 2015
"""Sentinel-2A was launched in June 2015."""

LAST_YEAR = 2099

_PARTS = re.compile(r"\s*(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})(?:[T ].*)?\s*")


def days_and_years(
    column: pd.Series[Any],
    keys: npt.NDArray[Any],
    path: Path,
    *,
    date_format: str | None = None,
    summary: ReadingSummary,
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int64]]:
    """Day of year (0 = 1 January) and calendar year of each row.

    Text in ISO form, year, month and day or day, month and year between ``.``, ``/`` or ``-``,
    dates, and whole numbers ``YYYYMMDD`` are read; a time of day or zone is converted to UTC and
    cut off. Where day and month cannot be told apart by any row, the format must be given.

    Args:
        column: the dates; its name is used in messages.
        keys: (R,) the series' id of each row, for messages.
        path: the file, for messages.
        date_format: as in Python's strftime; None detects it.
        summary: where the format is said.

    Raises:
        DataError: there is no date at all, or one is missing, unreadable, ambiguous, or before
            Sentinel-2.
    """
    name = column.name
    if column.isna().all():
        raise DataError("no dates", where=f"{path}, column {name}", found="only empty cells")
    index, how = _parsed(column, date_format, path)
    summary.say("date_format", how)
    broken = np.asarray(index.isna())
    if broken.any():
        row = int(np.argmax(broken))
        raise DataError(
            "a date cannot be read",
            where=f"{path}, column {name}, id {keys[row]}",
            found=repr(column.iloc[row])[:40],
            expected="a date such as 2018-06-30" if date_format is None else date_format,
            hint=None if date_format else "name the format with --date-format",
        )
    years = np.asarray(index.year, dtype=np.int64)
    outside = (years < FIRST_YEAR) | (years > LAST_YEAR)
    if outside.any():
        row = int(np.argmax(outside))
        raise DataError(
            "a date is out of range",
            where=f"{path}, column {name}, id {keys[row]}",
            found=str(index[row].date()),
            expected=f"a date from {FIRST_YEAR} on, when Sentinel-2 began, to {LAST_YEAR}",
        )
    summary.say("dates", f"{index.min().date()} to {index.max().date()}")
    return days_of_year(index.tz_localize(None).to_numpy()), years


def _parsed(
    column: pd.Series[Any], date_format: str | None, path: Path
) -> tuple[pd.DatetimeIndex, str]:
    """The dates, missing where they cannot be read, and what they were read as."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.DatetimeIndex(pd.to_datetime(column, utc=True)), "as dates"
    if pd.api.types.is_numeric_dtype(column):
        plain = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
        text = pd.Series([f"{value:.0f}" if np.isfinite(value) else None for value in plain])
        how = date_format or "%Y%m%d"
        return _read(text, how), f"{how} ({'as given' if date_format else 'detected'})"
    text = column.astype(str)
    if date_format is not None:
        return _read(text, date_format), f"{date_format} (as given)"
    if _PARTS.fullmatch(str(column.dropna().iloc[0])) is None:
        return _read(text, "ISO8601"), "ISO"
    return _parts(text, f"{path}, column {column.name}")


def _read(text: pd.Series[Any], date_format: str) -> pd.DatetimeIndex:
    dates = pd.to_datetime(text, format=date_format, errors="coerce", utc=True)
    return pd.DatetimeIndex(dates)


def _parts(text: pd.Series[Any], where: str) -> tuple[pd.DatetimeIndex, str]:
    """Dates of three numbers: which is the year, and whether day or month come first."""
    parts = text.str.extract(_PARTS)
    separator = str(parts[1].dropna().iloc[0])
    first, middle, last = (
        pd.to_numeric(parts[i], errors="coerce").to_numpy(np.float64) for i in (0, 2, 3)
    )
    if separator == "-" and np.nanmin(first) > 31:
        return _read(text, "ISO8601"), "ISO"
    if np.nanmin(first) > 31:
        order, how = (first, middle, last), f"year{separator}month{separator}day"
    elif np.nanmax(first) > 12 or separator == ".":
        order, how = (last, middle, first), f"day{separator}month{separator}year"
    elif np.nanmax(middle) > 12:
        order, how = (last, first, middle), f"month{separator}day{separator}year"
    else:
        raise DataError(
            "whether day or month comes first is not clear",
            where=where,
            found=str(text.iloc[0])[:40],
            hint=f"say it with --date-format %d{separator}%m{separator}%Y or "
            f"%m{separator}%d{separator}%Y",
        )
    frame = pd.DataFrame(dict(zip(("year", "month", "day"), order, strict=True)))
    read = pd.to_datetime(frame, errors="coerce", utc=True)
    mixed = parts[1].notna() & (parts[1] != separator)
    return pd.DatetimeIndex(read.where(~mixed.to_numpy())), f"{how} (detected)"
