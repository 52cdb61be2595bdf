"""Series for the estimators: a :class:`Series`, an xarray data set, or a plain array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from windrow.data.season import CALENDAR_YEAR
from windrow.data.series import ProcessingLevel, Series
from windrow.data.ten_day_grid import NUM_DAYS, TenDayGrid, grid_of_series, season_days, to_calendar
from windrow.errors import DataError
from windrow.sensors import SCALE, SENTINEL2_BANDS, check_bands

if TYPE_CHECKING:
    import xarray as xr

SeriesLike: TypeAlias = "Series | xr.Dataset | xr.DataArray | npt.ArrayLike"
"""What the estimators take as X."""

ArrayScale = Literal["reflectance", "dn"]
"""``reflectance`` is 0..1; ``dn`` is reflectance x 10,000."""

_LARGEST, _SMALLEST = 2.5, -0.5
"""No reflectance lies outside, not even of a cloud or of shade after correction."""


class EstimatorInputError(DataError, ValueError):
    """An X that cannot be read; scikit-learn expects a ``ValueError``."""


@dataclass(frozen=True, eq=False)
class GridInput:
    """N series on the ten-day grid.

    Attributes:
        grid: of the N series.
        bands: names of the bands.
        level: processing level.
        season_start: first day of the twelve months, MM-DD.
        latitude: median latitude, or None.
        field_id: (N,) field of each series.
    """

    grid: TenDayGrid
    bands: tuple[str, ...]
    level: ProcessingLevel
    season_start: str
    latitude: float | None
    field_id: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.grid)


@dataclass(frozen=True)
class ArrayMeaning:
    """What the columns of a plain array mean.

    Attributes:
        bands: names of the B bands; None is one band per date, B08.
        dates: the T dates: days of the year (1 is 1 January) or dates as numpy reads them; None
            spreads the dates evenly over the year.
        processing_level: of the series.
        latitude: of the place, degrees; None counts as northern.
        scale: of the values.
        check_range: refuse values that are no reflectance.
    """

    bands: Sequence[str] | None
    dates: Sequence[object] | None
    processing_level: ProcessingLevel
    latitude: float | None
    scale: ArrayScale
    check_range: bool


def grid_of_input(
    values: SeriesLike, meaning: ArrayMeaning, *, clear_below: int | None
) -> GridInput:
    """Reads an X and resamples it to the ten-day grid.

    Args:
        values: series, or an xarray data set as :meth:`Series.to_xarray` builds it, or a data array
            of the dimensions ``date`` and ``band`` and one other, or an array (N, T * B), date by
            date. NaN means no observation.
        meaning: what the columns of an array mean.
        clear_below: largest cloud probability of a clear date; see :func:`grid_of_series`.

    Raises:
        EstimatorInputError: X cannot be read.
    """
    if isinstance(values, Series):
        latitude = meaning.latitude
        if latitude is None and values.latitude is not None and len(values):
            latitude = float(np.median(values.latitude))
        return GridInput(
            grid_of_series(values, clear_below=clear_below, latitude=latitude),
            values.bands,
            values.processing_level,
            values.season_start,
            latitude,
            values.field_id,
        )
    if hasattr(values, "dims"):
        return _of_xarray(values, meaning)
    array = np.asarray(values, dtype=np.float32)
    bands = check_bands(meaning.bands or ("B08",))
    if array.ndim == 2:
        if array.shape[1] % len(bands):
            raise EstimatorInputError(
                "the columns of X are no dates times bands",
                found=f"{array.shape[1]} columns for {len(bands)} bands",
                expected="a multiple of the bands, date by date",
            )
        array = array.reshape(len(array), -1, len(bands))
    days = _days(meaning.dates, array.shape[1])
    return _of_array(array, np.broadcast_to(days, array.shape[:2]), bands, meaning)


def _of_xarray(found: Any, meaning: ArrayMeaning) -> GridInput:
    """Reads a data set of series, or a data array (series, date, band) in any order."""
    if hasattr(found, "data_vars"):
        if "reflectance" not in found.data_vars:
            raise EstimatorInputError(
                "the data set has no variable 'reflectance'",
                found=", ".join(map(str, found.data_vars)) or "none",
            )
        time = found["time"] if "time" in found.variables else None
        found = found["reflectance"]
    else:
        time = found.coords.get("date")
    names = set(map(str, found.dims))
    if len(names) != 3 or not {"date", "band"} <= names or "band" not in found.coords:
        raise EstimatorInputError(
            "the array does not name its dates and bands",
            found="dimensions " + ", ".join(sorted(names)),
            expected="three dimensions, of which 'date' and 'band', and the names of the bands",
        )
    (sample,) = names - {"date", "band"}
    ordered = found.transpose(sample, "date", "band")
    bands = check_bands(tuple(str(name) for name in ordered["band"].values.tolist()))
    array = np.asarray(ordered.values, dtype=np.float32)
    if time is None or not np.issubdtype(time.dtype, np.datetime64):
        days = np.broadcast_to(_days(meaning.dates, array.shape[1]), array.shape[:2])
    else:
        when = time.transpose(sample, "date").values if sample in time.dims else time.values
        days = np.broadcast_to(_day_of_year(when), array.shape[:2])
    return _of_array(array, days, bands, meaning)


def _of_array(
    array: npt.NDArray[np.float32],
    days: npt.NDArray[np.int64],
    bands: tuple[str, ...],
    meaning: ArrayMeaning,
) -> GridInput:
    if meaning.scale == "dn":
        array = array / np.float32(SCALE)
    known: npt.NDArray[np.bool_] = np.asarray(np.isfinite(array).all(axis=2))
    if meaning.check_range and known.any():
        seen = array[known]
        low, high = float(seen.min()), float(seen.max())
        if low < _SMALLEST or high > _LARGEST:
            raise EstimatorInputError(
                "the values of X are no reflectance",
                found=f"{low:.6g} to {high:.6g}",
                expected="0 to 1",
                hint="give scale='dn' where X holds reflectance x 10,000",
            )
    empty = np.asarray(~known.any(axis=1))
    if empty.any():
        raise EstimatorInputError(
            "a row of X has no observation", where=f"row {int(np.argmax(empty))}",
            hint="leave it out",
        )  # fmt: skip
    values = np.zeros((*array.shape[:2], len(SENTINEL2_BANDS)), dtype=np.float32)
    order = [SENTINEL2_BANDS.index(band) for band in bands]
    values[:, :, order] = np.where(known[..., None], array, np.float32(0))
    has_band = np.isin(SENTINEL2_BANDS, bands)
    ahead = season_days(days, season_start=0, latitude=meaning.latitude)
    reflectance, gap = to_calendar(values, ahead, known)
    return GridInput(
        TenDayGrid(reflectance, np.ascontiguousarray(gap), has_band),
        bands,
        meaning.processing_level,
        CALENDAR_YEAR,
        meaning.latitude,
        np.arange(len(array)),
    )


def _days(dates: Sequence[object] | None, num_dates: int) -> npt.NDArray[np.int64]:
    """Computes the day of the year, from 0, of each date of an array."""
    if dates is None:
        return np.asarray(np.arange(num_dates) * NUM_DAYS // max(1, num_dates), dtype=np.int64)
    if len(dates) != num_dates:
        raise EstimatorInputError(
            "X has another number of dates than 'dates'", found=num_dates, expected=len(dates)
        )
    numbers = np.asarray(dates)
    if numbers.dtype.kind in "iu":
        if numbers.min() < 1 or numbers.max() > NUM_DAYS + 1:
            raise EstimatorInputError(
                "a day of the year is out of range", found=f"{numbers.min()} to {numbers.max()}",
                expected="1 to 366",
            )  # fmt: skip
        return numbers.astype(np.int64) - 1
    try:
        return _day_of_year(numbers.astype("datetime64[D]"))
    except ValueError:
        raise EstimatorInputError(
            "'dates' cannot be read", found=str(dates[0]),
            expected="days of the year, or dates such as 2024-05-31",
        ) from None  # fmt: skip


def _day_of_year(when: npt.NDArray[np.datetime64]) -> npt.NDArray[np.int64]:
    day = when.astype("datetime64[D]")
    return np.asarray((day - day.astype("datetime64[Y]")).astype("timedelta64[D]"), dtype=np.int64)
