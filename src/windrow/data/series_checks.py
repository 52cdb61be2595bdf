"""Checks of the arrays and attributes of a series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from windrow import sensors
from windrow.data.day_of_year import MAX_DAYS
from windrow.data.legend import UNLABELLED
from windrow.data.season import checked_start
from windrow.errors import BandError, DataError

if TYPE_CHECKING:
    from windrow.data.series import Series


def _check_array(
    series: Series, name: str, dtype: type[np.generic], shape: tuple[int | None, ...]
) -> None:
    values = getattr(series, name)
    if values.dtype != np.dtype(dtype):
        raise DataError(f"{name} has the wrong type", found=values.dtype, expected=np.dtype(dtype))
    fits = values.ndim == len(shape) and all(
        wanted is None or wanted == size for wanted, size in zip(shape, values.shape, strict=True)
    )
    if not fits:
        raise DataError(
            f"{name} has the wrong shape",
            found=values.shape,
            expected="(" + ", ".join("any" if n is None else str(n) for n in shape) + ")",
        )


def _check_sentinel2(series: Series) -> None:
    if series.processing_level not in ("L1C", "L2A"):
        raise DataError(
            "unknown processing level", found=series.processing_level, expected="L1C or L2A"
        )
    if sensors.check_bands(series.bands) != tuple(series.bands):
        raise BandError("band names are not canonical", found=" ".join(series.bands))
    _check_array(series, "reflectance", np.int16, (None, None, len(series.bands)))
    shape = series.reflectance.shape[:2]
    _check_array(series, "day_of_year", np.int16, shape)
    _check_array(series, "valid", np.bool_, shape)
    if series.cloud_probability is not None:
        _check_array(series, "cloud_probability", np.uint8, shape)
    days = series.day_of_year
    outside = series.valid & ((days < 0) | (days >= MAX_DAYS))
    if outside.any():
        row = int(np.argwhere(outside)[0, 0])
        raise DataError(
            "a day of year is out of range",
            where=f"series {series.id[row]}",
            found=int(days[outside][0]),
            expected=f"0 (the first day) to {MAX_DAYS - 1}",
        )
    # The running maximum covers the valid dates alone, so that padding may stand anywhere.
    latest = np.maximum.accumulate(np.where(series.valid, days, -1), axis=1)
    unsorted = series.valid[:, 1:] & (days[:, 1:] < latest[:, :-1])
    if unsorted.any():
        row = int(np.argwhere(unsorted)[0, 0])
        raise DataError(
            "dates are not sorted",
            where=f"series {series.id[row]}",
            hint="sort the dates of each series",
        )


def _check_identity(series: Series) -> None:
    num_series = len(series)
    for name in ("id", "field_id"):
        values = getattr(series, name)
        if values.shape != (num_series,) or values.dtype.kind not in "iuU":
            raise DataError(
                f"{name} must be one whole number or text per series",
                found=f"{values.dtype} {values.shape}",
            )
    unique, counts = np.unique(series.id, return_counts=True)
    if len(unique) != num_series:
        raise DataError("a series id occurs twice", found=unique[counts > 1][0])
    _check_array(series, "year", np.int16, (num_series,))
    for name in ("longitude", "latitude"):
        if getattr(series, name) is not None:
            _check_array(series, name, np.float64, (num_series,))


def _check_planetscope(series: Series) -> None:
    if (series.planetscope is None) != (series.planetscope_day is None):
        raise DataError("planetscope and planetscope_day must be given together")
    if series.planetscope_day is None:
        return
    days = series.planetscope_day
    _check_array(series, "planetscope_day", np.int16, (None,))
    shape = (len(series), len(days), sensors.NUM_PLANETSCOPE_VALUES)
    _check_array(series, "planetscope", np.int16, shape)
    if len(days) and (days[0] < 0 or days[-1] >= MAX_DAYS or (np.diff(days) <= 0).any()):
        raise DataError("planetscope_day must increase within 0..365")


def _check_label(series: Series) -> None:
    if (series.label is None) != (series.legend is None):
        raise DataError("label and legend must be given together")
    if series.label is None or series.legend is None:
        return
    _check_array(series, "label", np.int16, (len(series),))
    outside = (series.label < UNLABELLED) | (series.label >= len(series.legend))
    if outside.any():
        raise DataError(
            "a label is not in the legend",
            found=int(series.label[outside][0]),
            expected=f"-1 (unlabelled) to {len(series.legend) - 1}",
        )


def check_series(series: Series) -> None:
    """Checks types, shapes and ranges of all attributes of a series.

    Raises:
        DataError: an attribute has another type or shape, or a value is out of range.
        BandError: the band names are not canonical.
        SettingsError: the first day of the season is not a day.
    """
    checked_start(series.season_start)
    _check_sentinel2(series)
    _check_identity(series)
    _check_planetscope(series)
    _check_label(series)
    for name, values in series.truth.items():
        if len(values) != len(series):
            raise DataError(
                f"truth {name!r} has {len(values)} rows",
                expected=f"{len(series)}, one per series",
            )
