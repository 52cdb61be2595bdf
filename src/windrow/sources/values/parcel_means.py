"""Parcel means as data sets publish them: one array of dates and bands a parcel, into series.

What cannot be used is never dropped in silence: the date stays, as not valid, and is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.data.legend import Legend
from windrow.data.season import CALENDAR_YEAR, checked_start, days_of_season
from windrow.data.series import ProcessingLevel, Series
from windrow.errors import DataError
from windrow.sources.reader import IngestOptions, ReadingSummary
from windrow.sources.values.reflectance import RangeTally
from windrow.sources.values.seasons import dates_by_year

CIRRUS_RATIO = 0.5
"""The mean of B10 must be below this share of the next lowest mean for it to be recognised."""

MISSING = (-999.0, -10_000.0)
"""What EuroCropsML and the processor of BreizhCrops' L2A write where a date was not observed."""


@dataclass(frozen=True)
class ParcelSeries:
    """One parcel as it stands in its file.

    Attributes:
        values: (T, B) digital numbers, reflectance x 10,000.
        dates: (T,) datetime64[D].
        cloud: (T,) fraction of the parcel under cloud, 0..1, or None.
        source: the file and key, for messages.
    """

    values: npt.NDArray[np.float64]
    dates: npt.NDArray[np.datetime64]
    source: str
    cloud: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True)
class ParcelBatch:
    """What the parcels of one part have in common, and who they are.

    Attributes:
        bands: names of the B bands.
        processing_level: of all of them.
        year: the year that every date must lie in, or in which their season begins.
        num_dates: length of the date axis, at least that of the longest parcel.
        id: (N,) identity of each parcel, which is its own field.
        label: (N,) positions in ``legend``.
        legend: the classes.
        longitude, latitude: (N,) degrees, or None.
        season_start: first day of the twelve months, as ``MM-DD``.
    """

    bands: tuple[str, ...]
    processing_level: ProcessingLevel
    year: int
    num_dates: int
    id: npt.NDArray[Any]
    label: npt.NDArray[np.int16]
    legend: Legend
    longitude: npt.NDArray[np.float64] | None = None
    latitude: npt.NDArray[np.float64] | None = None
    season_start: str = CALENDAR_YEAR


@dataclass(frozen=True)
class TwelveMonths:
    """The dates of parcels that are read.

    Attributes:
        year: the year in which the twelve months begin.
        start: their first day, as ``MM-DD``.
        num_dates: most dates of a parcel in them.
        chosen: whether the year was given, so that other dates are left out.
    """

    year: int
    start: str
    num_dates: int
    chosen: bool

    def of(
        self, values: npt.NDArray[np.float64], dates: npt.NDArray[np.datetime64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.datetime64]]:
        """Selects the dates of a parcel, and its values (T, B), in the chosen twelve months.

        All are returned where none were chosen; a date outside is then an error of
        :func:`parcels_to_series`.
        """
        if not self.chosen:
            return values, dates
        kept = days_of_season(dates, self.start)[1] == self.year
        return values[kept], dates[kept]


def twelve_months(
    dates: Sequence[npt.NDArray[np.datetime64]],
    options: IngestOptions,
    *,
    where: object,
    summary: ReadingSummary,
) -> TwelveMonths:
    """Chooses the twelve months of parcels by ``--season-start`` and ``--year``.

    Without ``--year`` they are those of the first date of the first parcel.

    Args:
        dates: (T,) days of each parcel.
        options: with ``season_start`` and ``year``, each None where it was not given.
        where: the files, for messages.
        summary: where the dates are said.

    Raises:
        DataError: there is no date, or none in the year.
        SettingsError: the start is no day of every year.
    """
    start = checked_start(options.season_start or CALENDAR_YEAR)
    together = np.concatenate(dates)
    if not len(together):
        raise DataError("no parcel has a date", where=where)
    year = options.year or int(days_of_season(together[:1], start)[1][0])
    whole = f"{together.min()} to {together.max()}"
    inside = [int((days_of_season(each, start)[1] == year).sum()) for each in dates]
    if not any(inside):
        raise DataError(
            "no date in the year",
            where=where,
            found=f"{whole}: {dates_by_year(together, start)}",
            expected=f"dates of {year}",
        )
    if start != CALENDAR_YEAR:
        summary.say("season", f"from {start} (as given)")
    chosen = options.year is not None
    longest = max(inside) if chosen else max(map(len, dates))
    summary.say("dates", f"{whole}, at most {longest} a parcel")
    if chosen:
        summary.count("dates_of_other_years_left_out", len(together) - sum(inside))
    return TwelveMonths(year, start, longest, chosen)


def days_within_year(
    dates: npt.NDArray[np.datetime64], year: int, *, where: object, start: str = CALENDAR_YEAR
) -> npt.NDArray[np.int16]:
    """Returns days of the twelve months that begin in a year, 0 = their first day.

    Raises:
        DataError: a date lies in other twelve months.

    Example:
        >>> dates = np.array(["2017-01-01", "2017-12-31"], "M8[D]")
        >>> days_within_year(dates, 2017, where="fields.csv").tolist()
        [0, 364]
    """
    days, years = days_of_season(dates, start)
    outside = np.flatnonzero(years != year)
    if len(outside):
        raise DataError(
            "a date lies outside the year",
            where=where,
            found=str(dates[outside[0]]),
            expected=f"dates of {year}"
            if start == CALENDAR_YEAR
            else f"dates of the twelve months from {year}-{start}",
            hint="name the year of the dates with --year",
        )
    return days


def parcels_to_series(
    parcels: Sequence[ParcelSeries],
    batch: ParcelBatch,
    summary: ReadingSummary,
    tally: RangeTally,
) -> Series:
    """Stacks parcels, dates in order, padded to the batch's length.

    A date with an empty or missing band, with 0 in every band, or with a band out of the range of
    reflectance is not valid; the tally counts what is out of range, and the summary the others.
    Dates out of order are sorted and counted, and parcels without a usable date are left out and
    counted.

    Raises:
        DataError: a parcel has another number of bands than named, or a date in another year.
    """
    shape = (len(parcels), batch.num_dates)
    reflectance = np.zeros((*shape, len(batch.bands)), dtype=np.int16)
    day_of_year = np.zeros(shape, dtype=np.int16)
    valid = np.zeros(shape, dtype=np.bool_)
    with_cloud = bool(parcels) and parcels[0].cloud is not None
    cloud = np.zeros(shape, dtype=np.uint8)
    sorted_parcels = 0
    dropped = 0
    for row, parcel in enumerate(parcels):
        if parcel.values.ndim != 2 or parcel.values.shape[1] != len(batch.bands):
            raise DataError(
                "another number of bands",
                where=parcel.source,
                found=parcel.values.shape[-1],
                expected=f"{len(batch.bands)}: {' '.join(batch.bands)}",
            )
        days = days_within_year(
            parcel.dates, batch.year, where=parcel.source, start=batch.season_start
        )
        order = np.argsort(days, kind="stable")
        sorted_parcels += bool((np.diff(days) < 0).any())
        values = parcel.values[order]
        known = _known(values)
        usable = tally.add(np.round(np.where(known[:, None], values, 0.0)), known)
        dropped += int((~known).sum())
        if not usable.any():
            summary.facts.setdefault("first_parcel_left_out", Path(parcel.source).name)
        length = len(days)
        reflectance[row, :length] = np.round(np.where(usable[:, None], values, 0.0))
        day_of_year[row, :length] = days[order]
        valid[row, :length] = usable
        if parcel.cloud is not None:
            cloud[row, :length] = sensors.cloud_probability_of_fraction(parcel.cloud[order])
    _add(summary, "dates_without_a_value_in_every_band_made_invalid", dropped)
    _add(summary, "series_sorted", sorted_parcels)
    seen = np.asarray(valid.any(axis=1))
    _add(summary, "parcels_without_a_usable_date_left_out", int((~seen).sum()))
    _add(summary, "series", int(seen.sum()))
    _add(summary, "observations", int(valid.sum()))
    series = Series(
        reflectance=reflectance,
        day_of_year=day_of_year,
        valid=valid,
        bands=batch.bands,
        processing_level=batch.processing_level,
        id=batch.id,
        field_id=batch.id,
        year=np.full(len(parcels), batch.year, dtype=np.int16),
        cloud_probability=cloud if with_cloud else None,
        longitude=batch.longitude,
        latitude=batch.latitude,
        label=batch.label,
        legend=batch.legend,
        season_start=batch.season_start,
    )
    return series if seen.all() else series.select(np.flatnonzero(seen))


def _known(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    known = np.isfinite(values).all(axis=1) & ~np.isin(values, MISSING).any(axis=1)
    return np.asarray(known & (values != 0).any(axis=1))


def _add(summary: ReadingSummary, name: str, number: int) -> None:
    summary.count(name, summary.counts.get(name, 0) + number)
