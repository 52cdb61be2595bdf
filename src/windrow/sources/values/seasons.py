"""Which twelve months are read of many dates: a calendar year, or a season over New Year."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.data.day_of_year import MONTHS, NUM_MONTHS
from windrow.data.season import CALENDAR_YEAR, checked_start, days_of_season, start_within
from windrow.data.series import Series
from windrow.errors import DataError
from windrow.sources.reader import IngestOptions, ReadingSummary, TableOptions


def whole_days(
    times: npt.NDArray[np.datetime64],
) -> tuple[npt.NDArray[np.datetime64], str | None]:
    """Returns the day of each time, and what is to be said of it.

    Where all times are one whole hour of an afternoon in UTC, give or take summer time, they are
    midnights further east and belong to the next day.

    Example:
        >>> times = np.array(["2018-03-20T23:00", "2018-06-30T22:00"], "M8[m]")
        >>> days, how = whole_days(times)
        >>> days.tolist(), how
        ([datetime.date(2018, 3, 21), datetime.date(2018, 7, 1)], 'local midnights (22:00 UTC)')
    """
    days = times.astype("M8[D]")
    hours = (times - days).astype("m8[s]").astype(np.int64) / 3600
    least, most = float(hours.min()), float(hours.max())
    halves = bool((hours * 2 == np.round(hours * 2)).all())
    if halves and least >= 12 and most - least <= 1 and len(np.unique(days)) > 1:
        said = f"local midnights ({int(least):02d}:{int(least % 1 * 60):02d} UTC)"
        return (days + np.timedelta64(1, "D")).astype("M8[D]"), said
    return days, None


@dataclass(frozen=True)
class Season:
    """The dates of a cube that are read.

    Attributes:
        start: first day of the season, as ``MM-DD``.
        dates: (T,) days in order.
        steps: (T,) their positions among all dates.
        facts: what is to be reported.
    """

    start: str
    dates: npt.NDArray[np.datetime64]
    steps: npt.NDArray[np.intp]
    facts: dict[str, str]


def choose_season(
    dates: npt.NDArray[np.datetime64], path: object, options: IngestOptions
) -> Season:
    """Chooses the dates of one calendar year or season, in order.

    Without ``--season-start`` these are calendar years, or one season over New Year where all
    dates lie within twelve months.

    Raises:
        DataError: there is no date, or there are several years and none is chosen.
        SettingsError: the start is no day of every year.
    """
    start, year = options.season_start, options.year
    found = CALENDAR_YEAR if start is None else checked_start(start)
    if not len(dates):
        raise DataError("no date in the year", where=path, found="no date at all")
    years = days_of_season(dates, found)[1]
    if start is None and year is None and len(set(years.tolist())) > 1:
        within = start_within(dates)
        if within is not None:
            found, years = within, days_of_season(dates, within)[1]
    there = sorted(set(years.tolist()))
    if year is None and len(there) > 1:
        raise DataError(
            "dates of more than one calendar year" if start is None else "dates of several seasons",
            where=path,
            found=f"{dates.min()} to {dates.max()}: {dates_by_year(dates, found)}",
            hint="choose one with --year"
            + (", a season over New Year with --season-start MM-DD too" if start is None else "")
            + f"; {fullest_months(dates, start)}",
        )
    kept = np.flatnonzero(years == (there[0] if year is None else year))
    if not len(kept):
        raise DataError(
            "no date in the year",
            where=path,
            found=f"{dates.min()} to {dates.max()}: {dates_by_year(dates, found)}",
            expected=f"dates of {year}",
        )
    how = "as given" if start else "found from the dates"
    facts = {} if found == CALENDAR_YEAR else {"season": f"from {found} ({how})"}
    order = kept[np.argsort(dates[kept], kind="stable")]
    return Season(found, dates[order], order, facts)


def rows_of_year(
    dates: npt.NDArray[np.datetime64],
    options: TableOptions,
    *,
    where: object,
    summary: ReadingSummary,
) -> npt.NDArray[np.bool_]:
    """Marks the rows of a table in the year or season that ``--year`` names, (R,).

    Args:
        dates: (R,) date of each row.
        options: with a year; ``season_start`` too, if it was given.
        where: the column, for messages.
        summary: where the dates that are read and left out are said.

    Raises:
        DataError: no row lies in it.
        SettingsError: the start is no day of every year.
    """
    start = checked_start(options.season_start or CALENDAR_YEAR)
    kept = np.asarray(days_of_season(dates, start)[1] == options.year)
    whole = f"{dates.min()} to {dates.max()}"
    if not kept.any():
        raise DataError(
            "no date in the year",
            where=where,
            found=f"{whole}: {dates_by_year(dates, start)}",
            expected=f"dates of {options.year}",
        )
    if not kept.all():
        summary.say("dates", f"{dates[kept].min()} to {dates[kept].max()} (of {whole})")
    summary.count("dates_of_other_years_left_out", int((~kept).sum()))
    return kept


def dates_by_year(dates: npt.NDArray[np.datetime64], start: str) -> str:
    """Lists how many dates each year, or the season that begins in it, has.

    Example:
        >>> dates = np.array(["2022-09-01", "2022-10-11", "2023-02-01", "2023-11-01"], "M8[D]")
        >>> dates_by_year(dates, "01-01")
        '2 in 2022, 2 in 2023'
        >>> dates_by_year(dates, "10-01")
        '1 from 2021-10-01, 2 from 2022-10-01, 1 from 2023-10-01'
    """
    years, counts = np.unique(days_of_season(dates, start)[1], return_counts=True)
    begin = "in {}" if start == CALENDAR_YEAR else "from {}-" + start
    pairs = zip(years.tolist(), counts.tolist(), strict=True)
    return ", ".join(f"{count:,} {begin.format(year)}" for year, count in pairs)


def fullest_months(dates: npt.NDArray[np.datetime64], start: str | None = None) -> str:
    """Proposes the options for the twelve months with the most dates.

    Args:
        dates: (R,) days, at least one.
        start: first day of the twelve months. None tries the first of each month; of equal ones
            a calendar year comes first, then the latest.

    Example:
        >>> dates = np.array(["2022-09-01", "2022-10-11", "2023-02-01", "2023-11-01"], "M8[D]")
        >>> fullest_months(dates)
        'most dates (3) lie in --season-start 09-01 --year 2022'
        >>> fullest_months(dates, "10-01")
        'most dates (2) lie in --season-start 10-01 --year 2022'
    """
    starts = [f"{month:02d}-01" for month in range(1, 13)] if start is None else [start]
    found: list[tuple[int, bool, int, str]] = []
    for each in starts:
        years, counts = np.unique(days_of_season(dates, each)[1], return_counts=True)
        pairs = zip(years.tolist(), counts.tolist(), strict=True)
        found += [(count, each == CALENDAR_YEAR, year, each) for year, count in pairs]
    count, calendar, year, each = max(found)
    option = "" if calendar else f"--season-start {each} "
    return f"most dates ({count:,}) lie in {option}--year {year}"


def empty_months(series: Series) -> str | None:
    """Names the months of the twelve in which no series has a date; None where there is none.

    Example:
        >>> days = np.array([[10, 40, 160]], np.int16)
        >>> one = Series(
        ...     reflectance=np.ones((1, 3, 1), np.int16),
        ...     day_of_year=days,
        ...     valid=days > 0,
        ...     bands=("B04",),
        ...     processing_level="L2A",
        ...     id=np.array([1]),
        ...     field_id=np.array([1]),
        ...     year=np.array([2017], np.int16),
        ...     season_start="10-01",
        ... )
        >>> empty_months(one)
        'December to February, April to September'
    """
    first = int(series.season_start[:2]) - 1
    there = set(series.month[series.valid].tolist())
    order = [(first + step) % NUM_MONTHS for step in range(NUM_MONTHS)]
    runs: list[list[int]] = []
    for step, month in enumerate(order):
        if month in there:
            continue
        if runs and step and order[step - 1] == runs[-1][-1]:
            runs[-1].append(month)
        else:
            runs.append([month])
    names = [
        MONTHS[run[0]] if len(run) == 1 else f"{MONTHS[run[0]]} to {MONTHS[run[-1]]}"
        for run in runs
    ]
    return ", ".join(names) or None


def say_empty_months(series: Series, summary: ReadingSummary) -> None:
    """Notes the months in which no series has a date, if there are any."""
    found = empty_months(series)
    if found is not None:
        summary.say("months_without_a_date", found)


def season_of_rows(
    dates: npt.NDArray[np.datetime64],
    series: npt.NDArray[np.intp],
    start: str | None,
    summary: ReadingSummary,
) -> str:
    """Returns the first day of the season of a table's series, each of which lies in one season.

    Where a series crosses New Year, the first of a month is taken that no series crosses: of
    those the last one before the season's first date.

    Args:
        dates: (R,) date of each row.
        series: (R,) the series of each row.
        start: ``--season-start``, or None.
        summary: where the season is said.

    Returns:
        the first day; 1 January too where no month is left uncrossed.

    Raises:
        SettingsError: the start is no day of every year.
    """
    if start is not None:
        found = checked_start(start)
        if found != CALENDAR_YEAR:
            summary.say("season", f"from {found} (as given)")
        return found
    possible = {}
    for month in range(1, 13):
        first = f"{month:02d}-01"
        days, years = days_of_season(dates, first)
        least = np.full(int(series.max()) + 1, np.iinfo(np.int64).max)
        most = np.full(len(least), np.iinfo(np.int64).min)
        np.minimum.at(least, series, years)
        np.maximum.at(most, series, years)
        if (least == most).all():
            possible[first] = int(days.min())
        if month == 1 and possible:
            return CALENDAR_YEAR
    if not possible:
        return CALENDAR_YEAR
    found = min(possible, key=lambda first: possible[first])
    summary.say("season", f"from {found} (found from the dates)")
    return found
