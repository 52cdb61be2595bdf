"""The typed series. Every reader yields it, and every batch is cut from it.

A :class:`Series` carries its meaning: band names, processing level, dates and validity. It checks
its arrays when it is made, so that no later code has to check again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.data.conversion import dataset_of_series, frame_of_series
from windrow.data.day_of_year import month_of_day
from windrow.data.legend import Legend
from windrow.data.season import CALENDAR_YEAR, calendar_days, dates_of_days
from windrow.data.series_checks import check_series
from windrow.errors import BandError, DataError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

ProcessingLevel = Literal["L1C", "L2A"]

NO_DATA = -32768
"""Stored value of a missing PlanetScope observation; never a target."""


@dataclass(frozen=True, eq=False, repr=False)
class Series:
    """Sentinel-2 time series of N pixels or fields, with their labels and other known data.

    ``len(series)`` is N. ``series[3]``, ``series[3:10]``, ``series[mask]`` and
    ``series[positions]`` are series again. :meth:`to_frame` gives a long table, and
    :meth:`to_xarray` gives a labelled dataset.

    Shapes: N series, T dates (padded), B bands, P PlanetScope days.

    Attributes:
        reflectance: (N, T, B) int16, surface or top-of-atmosphere reflectance x 10,000.
            Values have no meaning where ``valid`` is False.
        day_of_year: (N, T) int16, 0 = the first day of the season, 1 January unless
            ``season_start`` says otherwise; non-decreasing over the valid dates.
        valid: (N, T) bool; False marks a padded or missing date, never zero reflectance.
        bands: canonical names of the B bands, without B10.
        processing_level: ``L1C`` (top of atmosphere) or ``L2A`` (surface).
        id: (N,) int64, uint64 or text, unique identity of each series.
        field_id: (N,) int64, uint64 or text, field (parcel) of each series; the unit of splits.
        year: (N,) int16, calendar year of the dates, or that in which their season begins.
        cloud_probability: (N, T) uint8, 0..255, or None if it is not known.
        longitude, latitude: (N,) float64 degrees, or None.
        planetscope: (N, P, 36) int16, reflectance x 10,000, band-major (blue x 9 pixels,
            green x 9, red x 9, nir x 9), ``NO_DATA`` where missing; or None.
        planetscope_day: (P,) int16, day of year of each PlanetScope step, increasing.
        label: (N,) int16 position in ``legend``, -1 unlabelled; or None.
        legend: classes of ``label``.
        truth: arrays known only for simulated series, by name; their first axis is N.
        simulated: True if the series come from the simulator, False if from a satellite.
        season_start: first day of the twelve months of a series, as ``MM-DD``.

    Raises:
        DataError: an array has the wrong shape, type or range; dates are unsorted.
        BandError: a band is unknown or repeated.
    """

    reflectance: npt.NDArray[np.int16]
    day_of_year: npt.NDArray[np.int16]
    valid: npt.NDArray[np.bool_]
    bands: tuple[str, ...]
    processing_level: ProcessingLevel
    id: npt.NDArray[Any]
    field_id: npt.NDArray[Any]
    year: npt.NDArray[np.int16]
    cloud_probability: npt.NDArray[np.uint8] | None = None
    longitude: npt.NDArray[np.float64] | None = None
    latitude: npt.NDArray[np.float64] | None = None
    planetscope: npt.NDArray[np.int16] | None = None
    planetscope_day: npt.NDArray[np.int16] | None = None
    label: npt.NDArray[np.int16] | None = None
    legend: Legend | None = None
    truth: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    simulated: bool = False
    season_start: str = CALENDAR_YEAR

    def __post_init__(self) -> None:
        check_series(self)

    def __len__(self) -> int:
        return int(self.reflectance.shape[0])

    @property
    def num_dates(self) -> int:
        """Length T of the date axis, padding included."""
        return int(self.reflectance.shape[1])

    @property
    def dates(self) -> npt.NDArray[np.datetime64]:
        """(N, T) dates; without meaning where ``valid`` is False."""
        return dates_of_days(self.day_of_year, self.year, self.season_start)

    @property
    def calendar_day(self) -> npt.NDArray[np.int16]:
        """(N, T) day of the calendar year, 0 = 1 January, as encoders read it."""
        return calendar_days(self.day_of_year, self.year, self.season_start)

    @property
    def month(self) -> npt.NDArray[np.int64]:
        """(N, T) month of each date, 0..11."""
        if self.season_start == CALENDAR_YEAR:
            return month_of_day(self.day_of_year, self.year)
        return np.asarray(self.dates.astype("M8[M]").astype(np.int64) % 12)

    def __repr__(self) -> str:
        years = sorted(set(self.year.tolist()))
        parts = [
            f"{len(self)} series",
            f"{len(np.unique(self.field_id))} fields",
            f"{self.num_dates} dates",
            f"{len(self.bands)} bands",
            self.processing_level,
            "-".join(dict.fromkeys(str(year) for year in (*years[:1], *years[-1:]))),
        ]
        if self.season_start != CALENDAR_YEAR:
            parts.append(f"from {self.season_start}")
        if self.planetscope is not None:
            parts.append("with PlanetScope")
        if self.legend is not None:
            parts.append(f"{len(self.legend)} classes")
        if self.simulated:
            parts.append("simulated")
        return f"Series({', '.join(part for part in parts if part)})"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of series, dates and bands. scikit-learn cuts folds by it."""
        return len(self), self.num_dates, len(self.bands)

    def __getitem__(
        self, index: int | slice | Sequence[int] | npt.NDArray[Any] | tuple[Any, EllipsisType]
    ) -> Series:
        """Selects the series at these positions, in this order. One position gives one series.

        Args:
            index: a position, a slice, a boolean mask of length N, or positions.

        Raises:
            IndexError: a single position is out of range, so that a loop over the series ends.
            DataError: a mask has another length, or positions are out of range, repeated or not
                whole numbers.
        """
        if isinstance(index, tuple) and len(index) == 2 and index[1] is Ellipsis:
            index = index[0]  # as scikit-learn writes it
        if isinstance(index, slice):
            return self.select(index)
        if isinstance(index, (int, np.integer)) and not isinstance(index, (bool, np.bool_)):
            if not -len(self) <= index < len(self):
                raise IndexError(f"no series {index}, there are {len(self)}")
            return self.select(np.array([index], dtype=np.intp))
        return self.select(_positions(index, len(self)))

    def to_frame(self) -> pd.DataFrame:
        """Builds a long table with one row per valid date. ``windrow.open_series`` can read it.

        Returns:
            The columns ``id``, ``field_id``, ``date``, one column per band (reflectance 0..1),
            ``clp``, ``longitude``, ``latitude`` and ``label`` (name of the class, empty if
            unknown), as far as they are known. ``clp`` is the cloud probability of the date times
            255, rounded, as s2cloudless writes it: 0 is clear, 255 is cloud, and 128 is one half.
            It is missing if no cloud measure is known. PlanetScope and ``truth`` are left out.
        """
        return frame_of_series(self)

    def to_xarray(self) -> xr.Dataset:
        """Builds a labelled dataset with the dimensions ``series``, ``date`` and ``band``.

        Returns:
            The variables ``reflectance`` (0..1, NaN where invalid) and ``time``; if known, also
            ``cloud_probability``, ``planetscope`` (NaN where missing) and ``label``. The
            coordinates are ``id``, ``field_id``, ``year``, ``band`` and, if known, ``longitude``
            and ``latitude``.

        Raises:
            SettingsError: xarray is not installed.
        """
        return dataset_of_series(self, no_data=NO_DATA)

    def select(self, index: npt.NDArray[np.intp] | slice) -> Series:
        """Selects the series at these positions, in this order.

        Args:
            index: positions, a boolean mask of length N, or a slice.
        """
        chosen = {
            name: getattr(self, name)[index]
            for name in PER_SERIES
            if getattr(self, name) is not None
        }
        truth = {name: values[index] for name, values in self.truth.items()}
        return replace(self, truth=truth, **chosen)

    def with_bands(self, bands: Sequence[str]) -> Series:
        """Selects these bands, in this order.

        Raises:
            BandError: the series lack a band. A missing band is never filled in.
        """
        wanted = sensors.check_bands(bands)
        if wanted == self.bands:
            return self
        missing = [band for band in wanted if band not in self.bands]
        if missing:
            raise BandError(
                f"the series lack band {' '.join(missing)}",
                found=" ".join(self.bands),
                expected=" ".join(wanted),
                hint="give the missing bands, or use weights trained without them",
            )
        order = [self.bands.index(band) for band in wanted]
        return replace(self, bands=wanted, reflectance=self.reflectance[:, :, order])


PER_SERIES = (
    "reflectance",
    "day_of_year",
    "valid",
    "id",
    "field_id",
    "year",
    "cloud_probability",
    "longitude",
    "latitude",
    "planetscope",
    "label",
)
"""Names of the attributes whose first axis is N."""

_SHARED = ("bands", "processing_level", "legend", "simulated", "season_start")


def check_alike(part: Series, first: Series) -> None:
    """Refuses two parts that cannot share a batch or store. Their lengths may differ.

    Raises:
        DataError: the parts differ in bands, level, legend, origin, PlanetScope days, in the
            presence of optional arrays, or in the types of the ids or of ``truth``.
    """
    for name in _SHARED:
        if getattr(part, name) != getattr(first, name):
            raise DataError(
                f"parts differ in {name}",
                found=f"{getattr(part, name)} and {getattr(first, name)}",
            )
    present = {f.name for f in fields(Series) if getattr(part, f.name) is not None}
    if present != {f.name for f in fields(Series) if getattr(first, f.name) is not None}:
        raise DataError("parts differ in which arrays they have")
    if not np.array_equal(
        part.planetscope_day if part.planetscope_day is not None else [],
        first.planetscope_day if first.planetscope_day is not None else [],
    ):
        raise DataError("parts differ in their PlanetScope days")
    if part.truth.keys() != first.truth.keys():
        raise DataError("parts differ in their truth")
    for name in ("id", "field_id"):
        found, expected = getattr(part, name).dtype.kind, getattr(first, name).dtype.kind
        if found != expected:  # numpy would silently turn numbers joined with text into text
            words = {"i": "whole numbers", "u": "unsigned whole numbers", "U": "text"}
            raise DataError(
                f"parts differ in the type of {name}",
                found=f"{words[found]} and {words[expected]}",
            )
    for name, values in part.truth.items():
        other = first.truth[name]
        text = values.dtype.kind == other.dtype.kind == "U"
        if values.shape[1:] != other.shape[1:] or (values.dtype != other.dtype and not text):
            raise DataError(
                f"parts differ in the type of truth/{name}",
                found=f"{values.dtype} {values.shape[1:]}",
                expected=f"{other.dtype} {other.shape[1:]}",
            )


def concatenate(parts: Sequence[Series]) -> Series:
    """Joins several parts into one. Shorter parts are padded with invalid dates.

    Raises:
        DataError: there is no part, or :func:`check_alike` refuses two of them.
    """
    if not parts:
        raise DataError("nothing to concatenate", expected="at least one part")
    first = parts[0]
    for part in parts[1:]:
        check_alike(part, first)
    num_dates = max(part.num_dates for part in parts)
    padded = [pad_dates(part, num_dates) for part in parts]
    names = [name for name in PER_SERIES if getattr(first, name) is not None]
    joined: list[Any] = [np.concatenate([getattr(part, name) for part in padded]) for name in names]
    truth = {name: np.concatenate([part.truth[name] for part in padded]) for name in first.truth}
    return replace(first, truth=truth, **dict(zip(names, joined, strict=True)))


def pad_dates(series: Series, num_dates: int) -> Series:
    """Extends the date axis to ``num_dates``. The added dates are invalid.

    Raises:
        DataError: the series have more dates than ``num_dates``.
    """
    extra = num_dates - series.num_dates
    if extra == 0:
        return series
    if extra < 0:
        raise DataError(f"{series.num_dates} dates do not fit into {num_dates}")

    def pad(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        widths = [(0, 0), (0, extra)] + [(0, 0)] * (values.ndim - 2)
        return np.pad(values, widths)

    cloud = series.cloud_probability
    return replace(
        series,
        reflectance=pad(series.reflectance),
        day_of_year=pad(series.day_of_year),
        valid=pad(series.valid),
        cloud_probability=None if cloud is None else pad(cloud),
    )


def _positions(index: object, num_series: int) -> npt.NDArray[np.intp]:
    """Converts a mask or a sequence of positions to checked positions."""
    chosen = np.asarray(index)
    if chosen.dtype == np.bool_ and chosen.shape == (num_series,):
        return np.flatnonzero(chosen)
    if chosen.ndim == 1 and chosen.size == 0:
        return np.zeros(0, dtype=np.intp)
    if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
        raise DataError(
            "this index selects no series",
            found=f"{type(index).__name__} of {chosen.dtype}, shape {chosen.shape}",
            expected=f"a position, a slice, positions, or a mask of shape ({num_series},)",
        )
    if chosen.min() < -num_series or chosen.max() >= num_series:
        raise DataError(
            "a position is out of range",
            found=int(chosen.max() if chosen.max() >= num_series else chosen.min()),
            expected=f"0 to {num_series - 1}",
        )
    return chosen.astype(np.intp)
