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
from windrow.data.day_of_year import days_of_year
from windrow.data.legend import Legend
from windrow.data.series import ProcessingLevel, Series
from windrow.errors import DataError
from windrow.sources.reader import ReadingSummary
from windrow.sources.values.reflectance import RangeTally

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
        year: the calendar year that every date must lie in.
        num_dates: length of the date axis, at least that of the longest parcel.
        id: (N,) identity of each parcel, which is its own field.
        label: (N,) positions in ``legend``.
        legend: the classes.
        longitude, latitude: (N,) degrees, or None.
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


def days_within_year(
    dates: npt.NDArray[np.datetime64], year: int, *, where: object
) -> npt.NDArray[np.int16]:
    """Days of one calendar year, 0 = 1 January.

    Raises:
        DataError: a date lies in another year.

    Example:
        >>> dates = np.array(["2017-01-01", "2017-12-31"], "M8[D]")
        >>> days_within_year(dates, 2017, where="fields.csv").tolist()
        [0, 364]
    """
    years = dates.astype("M8[Y]").astype(np.int64) + 1970
    outside = np.flatnonzero(years != year)
    if len(outside):
        raise DataError(
            "a date lies outside the year",
            where=where,
            found=str(dates[outside[0]]),
            expected=f"dates of {year}",
            hint="name the year of the dates with --year",
        )
    return days_of_year(dates)


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
        days = days_within_year(parcel.dates, batch.year, where=parcel.source)
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
    )
    return series if seen.all() else series.select(np.flatnonzero(seen))


def _known(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    known = np.isfinite(values).all(axis=1) & ~np.isin(values, MISSING).any(axis=1)
    return np.asarray(known & (values != 0).any(axis=1))


def _add(summary: ReadingSummary, name: str, number: int) -> None:
    summary.count(name, summary.counts.get(name, 0) + number)
