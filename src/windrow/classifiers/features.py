"""Raw features, the baseline of every representation: clear dates on a ten-day grid.

Cloudy dates are left out. The other dates are interpolated linearly to days 0, 10, ..., 360.
Values before the first and after the last clear date are held, as in ``numpy.interp``. There are
two sets of features: all bands, and four indices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field

from windrow import sensors
from windrow.config import Settings
from windrow.data.day_of_year import MAX_DAYS
from windrow.data.series import Series
from windrow.errors import DataError

INDICES: dict[str, tuple[str, str]] = {
    "NDVI": ("B08", "B04"),
    "NDMI": ("B08", "B11"),
    "red_edge": ("B05", "B04"),
    "SWIR": ("B11", "B12"),
}
"""Bands a and b of the four indices. Each index is the normalised difference (a - b) / (a + b)."""

INDEX_BANDS: tuple[str, ...] = tuple(sorted({band for pair in INDICES.values() for band in pair}))
"""Names of the bands that the four indices need."""


class FeatureSettings(Settings):
    """Settings of the raw features.

    Attributes:
        clear_below: a date is clear if its cloud probability 0..255 is below this. None uses
            every valid date. Every valid date is also used if the cloud probability is not known.
        step_days: distance of the grid's days; 10 gives 37 steps per year.
    """

    clear_below: int | None = Field(ge=1, le=256)
    step_days: int = Field(ge=1, le=MAX_DAYS)


@dataclass(frozen=True)
class GridFeatures:
    """Features on the grid, and the number of series without a clear date.

    Attributes:
        values: (N, G * B) float32, step-major: all bands of day 0 first; always finite.
        num_without_clear: number of series without a clear date. All their valid dates are used.
    """

    values: npt.NDArray[np.float32]
    num_without_clear: int


def grid_days(settings: FeatureSettings) -> npt.NDArray[np.int64]:
    """Lists the days of year of the grid, (G,).

    Example:
        >>> grid_days(FeatureSettings(clear_below=None, step_days=10))[[0, 1, -1]].tolist()
        [0, 10, 360]
    """
    return np.arange(0, 365, settings.step_days, dtype=np.int64)


def clear_dates(series: Series, settings: FeatureSettings) -> tuple[npt.NDArray[np.bool_], int]:
    """Marks the clear dates.

    Returns:
        (N, T) bool, and the number of series without a clear date, whose valid dates are all True.

    Raises:
        DataError: a series has no valid date at all.
    """
    without_date = ~series.valid.any(axis=1)
    if without_date.any():
        raise DataError(
            "a series has no valid date",
            where=f"series {series.id[np.argmax(without_date)]}",
            hint="leave it out",
        )
    if settings.clear_below is None or series.cloud_probability is None:
        return series.valid, 0
    clear = series.valid & (series.cloud_probability.astype(np.int64) < settings.clear_below)
    without_clear = np.asarray(~clear.any(axis=1))
    return np.where(without_clear[:, None], series.valid, clear), int(without_clear.sum())


def interpolate_to_grid(
    values: npt.NDArray[np.float32],
    day_of_year: npt.NDArray[np.int16],
    use: npt.NDArray[np.bool_],
    days: npt.NDArray[np.int64],
) -> npt.NDArray[np.float32]:
    """Interpolates every series linearly to the same days, without a loop over series.

    Args:
        values: (N, T, B) float32.
        day_of_year: (N, T), 0..365 and non-decreasing where ``use`` is True.
        use: (N, T) bool, dates to interpolate between; at least one per series.
        days: (G,) days of the grid.

    Returns:
        (N, G, B) float32. If two dates fall on one day, the later one is used.

    Example:
        >>> values = np.array([[[0.0], [1.0]]], dtype=np.float32)
        >>> day = np.array([[0, 20]], dtype=np.int16)
        >>> use, days = np.ones((1, 2), dtype=bool), np.array([0, 10, 20, 30])
        >>> interpolate_to_grid(values, day, use, days)[0, :, 0].tolist()
        [0.0, 0.5, 1.0, 1.0]
    """
    num_series, num_dates = use.shape
    row, date = np.nonzero(use)
    day = day_of_year[row, date].astype(np.intp)
    # Each day of the year gets the last used date up to it, and the first used date from it on.
    previous = np.full((num_series, MAX_DAYS), -1, dtype=np.intp)
    np.maximum.at(previous, (row, day), date)
    previous = np.maximum.accumulate(previous, axis=1)[:, days]
    following = np.full((num_series, MAX_DAYS), num_dates, dtype=np.intp)
    np.minimum.at(following, (row, day), date)
    following = np.minimum.accumulate(following[:, ::-1], axis=1)[:, ::-1][:, days]
    left = np.where(previous < 0, following, previous)
    right = np.where(following >= num_dates, previous, following)
    rows = np.arange(num_series)[:, None]
    day_left = day_of_year[rows, left].astype(np.float32)
    distance = day_of_year[rows, right].astype(np.float32) - day_left
    offset = days.astype(np.float32) - day_left
    weight = np.divide(offset, distance, out=np.zeros_like(offset), where=distance > 0)
    start = values[rows, left]
    return np.asarray(start + weight[..., None] * (values[rows, right] - start), dtype=np.float32)


def band_features(series: Series, settings: FeatureSettings) -> GridFeatures:
    """Computes the reflectance of all bands on the grid, (N, G * B).

    Raises:
        DataError: a series has no valid date at all.
    """
    grid, num_without_clear = _on_grid(series, settings)
    return GridFeatures(grid.reshape(len(series), -1), num_without_clear)


def index_features(series: Series, settings: FeatureSettings) -> GridFeatures:
    """Computes NDVI, NDMI, red-edge and SWIR index of the interpolated reflectance, (N, G * 4).

    An index is clipped to -1..1. It is 0 where the sum of its two bands is not positive.

    Raises:
        BandError: one of ``INDEX_BANDS`` is missing.
        DataError: a series has no valid date at all.
    """
    grid, num_without_clear = _on_grid(series.with_bands(INDEX_BANDS), settings)
    position = {band: index for index, band in enumerate(INDEX_BANDS)}
    columns = []
    for first, second in INDICES.values():
        a, b = grid[..., position[first]], grid[..., position[second]]
        total = a + b
        ratio = np.divide(a - b, total, out=np.zeros_like(total), where=total > 0)
        columns.append(np.clip(ratio, -1.0, 1.0))
    values = np.stack(columns, axis=-1).reshape(len(series), -1)
    return GridFeatures(values, num_without_clear)


def _on_grid(series: Series, settings: FeatureSettings) -> tuple[npt.NDArray[np.float32], int]:
    use, num_without_clear = clear_dates(series, settings)
    reflectance = series.reflectance.astype(np.float32) / np.float32(sensors.SCALE)
    days = grid_days(settings)
    return interpolate_to_grid(reflectance, series.day_of_year, use, days), num_without_clear
