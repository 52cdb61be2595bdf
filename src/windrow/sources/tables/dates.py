"""Dates as people write them: ISO, day first or month first, compact, since 1970, or as given."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from windrow.errors import DataError, SettingsError
from windrow.sources.reader import ReadingSummary
from windrow.sources.values.seasons import whole_days

FIRST_YEAR = 2015
"""Sentinel-2A was launched in June 2015."""

LAST_YEAR = 2099

_DAYS_AND_MONTHS = re.compile(r"%[-#]?[dejxcDFsmbBhU]|ISO8601")

_COUNTED = r"\s*20\d{2}[0-3]\d{2}T\d{6}\s*"
_PARTS = re.compile(r"\s*(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})(?:[T ].*)?\s*")
_NUMBER = re.compile(r"\s*\d{6,19}(?:\.0*)?\s*")
_SCENE = re.compile(r"(?:^|_)(20\d{6})T\d{6}_")
_ZONE = re.compile(r"(?:Z|[+-]\d\d:?\d\d)\s*$")

SINCE_1970 = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
"""Parts of a second of whole numbers that count from 1970; told apart by their size."""

FORMS = (
    ("ISO", "`2018-06-30`, with or without a time and zone; `2018-06` is the first of the month"),
    ("day, month, year", "between `.`, `/` or `-`; which comes first is told by the values"),
    ("compact", "`20180630`; `201806` is the first of the month"),
    ("since 1970", "seconds, milliseconds (`system:time_start`), microseconds, nanoseconds"),
    ("scene", "`20180630T102031_...` (`system:index` of Earth Engine)"),
)
"""Forms of dates that are recognised, for the documents."""


def read_dates(
    column: pd.Series[Any],
    keys: npt.NDArray[Any],
    path: Path,
    *,
    date_format: str | None = None,
    summary: ReadingSummary,
) -> npt.NDArray[np.datetime64]:
    """Reads (R,) date of each row, datetime64[D].

    Text in ISO form, year, month and day or day, month and year between ``.``, ``/`` or ``-``,
    dates, whole numbers ``YYYYMMDD`` and ``YYYYMM``, numbers since 1970 and names of scenes are
    read. A time of day is cut off, in UTC where a zone is written, but a local midnight is the
    local day. Where day and month cannot be told apart by any row, the format must be given.

    Args:
        column: the dates; its name is used in messages.
        keys: (R,) the series' id of each row, for messages.
        path: the file, for messages.
        date_format: as in Python's strftime, ``%s`` for numbers since 1970; None detects it.
        summary: where the format is said.

    Raises:
        DataError: there is no date at all, or one is missing, unreadable, ambiguous, or before
            Sentinel-2.
        SettingsError: the format is none.
    """
    name = column.name
    if column.isna().all():
        raise DataError("no dates", where=f"{path}, column {name}", found="only empty cells")
    if date_format is not None:
        _check_format(date_format)
    index, how = _parsed(column, date_format, path)
    broken = np.asarray(index.isna())
    if broken.any():
        row = int(np.argmax(broken))
        value = column.iloc[row]
        raise DataError(
            "a date cannot be read",
            where=f"{path}, column {name}, id {keys[row]}",
            found=repr(value.item() if isinstance(value, np.generic) else value)[:40],
            expected="a date such as 2018-06-30" if date_format is None else date_format,
            hint=f"name the format with --date-format{' anew' if date_format else ''}, or the "
            "column with --date-column",
        )
    dates, shifted = whole_days(index.to_numpy())
    summary.say("date_format", how + (f"; {shifted}" if shifted else ""))
    years = dates.astype("M8[Y]").astype(np.int64) + 1970
    outside = (years < FIRST_YEAR) | (years > LAST_YEAR)
    if outside.any():
        row = int(np.argmax(outside))
        raise DataError(
            "a date is out of range",
            where=f"{path}, column {name}, id {keys[row]}",
            found=str(dates[row]),
            expected=f"a date from {FIRST_YEAR} on, when Sentinel-2 began, to {LAST_YEAR}",
        )
    summary.say("dates", f"{dates.min()} to {dates.max()}")
    return dates


def _check_format(date_format: str) -> None:
    """Refuses a format of the year alone: every date would be its first day."""
    if not _DAYS_AND_MONTHS.search(date_format.replace("%%", "")):
        raise SettingsError(
            "--date-format is no format of dates",
            found=repr(date_format),
            expected="a format with the day or the month, such as %d.%m.%Y, or %Y%j",
        )


def _parsed(
    column: pd.Series[Any], date_format: str | None, path: Path
) -> tuple[pd.DatetimeIndex, str]:
    """Parses dates; a date that cannot be read is missing.

    It also returns the form that they were read in. Dates have no zone.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        index = pd.DatetimeIndex(column)
        local = index.tz_localize(None)
        if not (local.dropna() == local.dropna().normalize()).all() and index.tz is not None:
            local = index.tz_convert("UTC").tz_localize(None)
        return local, "as dates"
    where = f"{path}, column {column.name}"
    if pd.api.types.is_numeric_dtype(column) or column.astype(str).str.fullmatch(_NUMBER).all():
        return _numbers(pd.to_numeric(column), date_format, where)
    text = column.astype(str).where(column.notna(), None)
    if date_format is not None:
        return _read(text, date_format), f"{date_format} (as given)"
    first = str(column.dropna().iloc[0])
    if _SCENE.search(first) is not None:
        return _read(text.str.extract(_SCENE)[0], "%Y%m%d"), "scene (detected)"
    if text.dropna().str.fullmatch(_COUNTED).all():
        return _read(text.str[:7], "%Y%j"), "%Y%jT%H%M%S (detected)"
    parts = _PARTS.fullmatch(first) is not None
    return _parts(text, where) if parts else (_read(text, "ISO8601"), "ISO")


def _numbers(
    column: pd.Series[Any], date_format: str | None, where: str
) -> tuple[pd.DatetimeIndex, str]:
    """Returns whole numbers.

    ``YYYYMMDD``, ``YYYYMM``, or counted from 1970, by the size of all of them.
    """
    whole = column.astype("Float64").round()
    sizes = whole.dropna().to_numpy(dtype=np.float64)
    low, high = float(sizes.min()), float(sizes.max())
    how = "detected"
    if date_format not in (None, "%s"):
        how, chosen = "as given", date_format
    elif date_format is None and low > FIRST_YEAR * 10**4 and high < (LAST_YEAR + 1) * 10**4:
        chosen = "%Y%m%d"
    elif date_format is None and low > FIRST_YEAR * 1000 and high < (LAST_YEAR + 1) * 1000:
        chosen = "%Y%j"
    elif date_format is None and low > FIRST_YEAR * 100 and high < (LAST_YEAR + 1) * 100:
        chosen = "%Y%m"
    else:
        begin = pd.Timestamp(f"{FIRST_YEAR}-01-01").timestamp()
        end = pd.Timestamp(f"{LAST_YEAR + 1}-01-01").timestamp()
        for unit, parts in SINCE_1970.items():
            if begin * parts <= low and high < end * parts:
                seconds = (whole.to_numpy(dtype=np.float64, na_value=np.nan)) / parts
                dates = pd.to_datetime(pd.Series(seconds).round(3), unit="s", errors="coerce")
                return pd.DatetimeIndex(dates), f"{unit} since 1970 (detected)"
        if date_format == "%s":
            raise DataError(
                "numbers that do not count from 1970",
                where=where,
                found=f"{low:.0f} to {high:.0f}",
                expected="seconds, milliseconds, microseconds or nanoseconds, in one unit",
                hint="leave --date-format out",
            )
        chosen = "%Y%m%d"
    values = whole.to_numpy(dtype=np.float64, na_value=np.nan)
    text = pd.Series([f"{value:.0f}" if np.isfinite(value) else None for value in values])
    return _read(text, str(chosen)), f"{chosen} ({how})"


def _read(text: pd.Series[Any], date_format: str) -> pd.DatetimeIndex:
    try:
        zoned = date_format == "ISO8601" and text.dropna().astype(str).str.contains(_ZONE).all()
        if zoned:
            bare = text.astype(str).str.replace(_ZONE, "", regex=True).where(text.notna(), None)
            local = pd.to_datetime(bare, format=date_format, errors="coerce")
            if local.notna().all() and (local == local.dt.normalize()).all():
                return pd.DatetimeIndex(local)
        dates = pd.to_datetime(text, format=date_format, errors="coerce", utc=True)
    except ValueError as error:
        raise SettingsError(
            "--date-format is no format of dates",
            found=date_format,
            expected="directives of Python's strftime, such as %d.%m.%Y, or %s for numbers "
            f"since 1970 ({str(error).splitlines()[0][:60]})",
        ) from None
    return pd.DatetimeIndex(dates).tz_localize(None)


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
    return pd.DatetimeIndex(read.where(~mixed.to_numpy())).tz_localize(None), f"{how} (detected)"
