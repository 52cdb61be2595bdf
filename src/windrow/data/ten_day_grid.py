"""Resampling of series to a calendar of 36 ten-day steps.

A step holds the mean of its clear dates. A step without a clear date is interpolated between the
nearest steps that have one. The interpolation is periodic: 31 December lies beside 1 January. Any
twelve months, or a year shifted by any number of days, can therefore stand for a calendar year.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.data.series import Series
from windrow.errors import BandError, DataError

NUM_STEPS = 36
"""Number of steps per year, each a little longer than ten days."""

NUM_DAYS = 365
HALF_YEAR = 182
"""Shift of the southern hemisphere's seasons, in days later than the northern ones."""


@dataclass(frozen=True, eq=False)
class TenDayGrid:
    """Reflectance of N fields on the ten-day calendar.

    Attributes:
        reflectance: (N, 36, 12) float32, 0..1, in the order of the twelve bands; 0 in a missing
            band.
        gap: (N, 36) float32, distance in steps to the nearest step with a clear date; 0 if the
            step itself has one.
        has_band: (12,) bool, True for the bands that the series have.
        num_without_clear: number of fields without a clear date. All their valid dates are used.
    """

    reflectance: npt.NDArray[np.float32]
    gap: npt.NDArray[np.float32]
    has_band: npt.NDArray[np.bool_]
    num_without_clear: int = 0

    def __len__(self) -> int:
        return len(self.reflectance)

    def select(self, index: npt.NDArray[np.intp] | npt.NDArray[np.bool_] | slice) -> TenDayGrid:
        """Selects the fields at these positions."""
        return TenDayGrid(self.reflectance[index], self.gap[index], self.has_band)


def join_grids(first: TenDayGrid, second: TenDayGrid) -> TenDayGrid:
    """Joins the fields of two grids, those of ``first`` first.

    Raises:
        BandError: the grids have different bands.
    """
    if not np.array_equal(first.has_band, second.has_band):
        raise BandError(
            "the series have other bands than the series they are joined with",
            found=_named(second.has_band),
            expected=_named(first.has_band),
        )
    return TenDayGrid(
        np.concatenate([first.reflectance, second.reflectance]),
        np.concatenate([first.gap, second.gap]),
        first.has_band,
    )


def season_days(
    day: npt.NDArray[np.integer], *, season_start: int, latitude: float | None
) -> npt.NDArray[np.int64]:
    """Converts days to days of year on the northern calendar, so that all summers coincide.

    Args:
        day: days since the start of the twelve months, any shape.
        season_start: day of year on which the twelve months begin, 0 for 1 January.
        latitude: degrees; None counts as north of the equator.

    Returns:
        Days 0 to 364, int64, in the shape of ``day``.

    Example:
        >>> season_days(np.array([0, 100]), season_start=273, latitude=-20.0).tolist()
        [91, 191]
    """
    ahead = HALF_YEAR if latitude is not None and latitude < 0 else 0
    return (np.minimum(day.astype(np.int64), NUM_DAYS - 1) + season_start - ahead) % NUM_DAYS


def grid_of_series(
    series: Series,
    *,
    clear_below: int | None,
    latitude: float | None = None,
) -> TenDayGrid:
    """Resamples series of any bands, dates and twelve months to the ten-day calendar.

    Args:
        series: N series of any bands and dates.
        clear_below: a date is clear if its cloud probability 0..255 is below this. None uses
            every valid date. Every valid date is also used if the cloud probability is not known.
        latitude: see :func:`season_days`.

    Raises:
        DataError: a series has no valid date.

    Example:
        >>> from windrow.simulation import simulate
        >>> part = simulate("brandenburg-2018", num_series=3, seed=1)
        >>> grid_of_series(part, clear_below=102).reflectance.shape
        (3, 36, 12)
    """
    empty = ~series.valid.any(axis=1)
    if empty.any():
        raise DataError(
            "a series has no valid date",
            where=f"series {series.id[np.argmax(empty)]}",
            hint="leave it out",
        )
    use, num_without_clear = series.valid, 0
    if clear_below is not None and series.cloud_probability is not None:
        clear = series.valid & (series.cloud_probability < clear_below)
        without = np.asarray(~clear.any(axis=1))
        use, num_without_clear = np.where(without[:, None], series.valid, clear), int(without.sum())
    order = [sensors.SENTINEL2_BANDS.index(band) for band in series.bands]
    values = np.zeros((*series.valid.shape, len(sensors.SENTINEL2_BANDS)), dtype=np.float32)
    values[:, :, order] = series.reflectance / np.float32(sensors.SCALE)
    has_band = np.zeros(len(sensors.SENTINEL2_BANDS), dtype=np.bool_)
    has_band[order] = True
    days = season_days(series.calendar_day, season_start=0, latitude=latitude)
    reflectance, gap = to_calendar(values, days, use)
    return TenDayGrid(reflectance, gap, has_band, num_without_clear)


def to_calendar(
    values: npt.NDArray[np.float32],
    day_of_year: npt.NDArray[np.integer],
    use: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Averages the used dates of each step and interpolates the steps without one.

    Args:
        values: (N, T, B) float32.
        day_of_year: (N, T) or (T,), in any order; 31 December of a leap year counts as the day
            before.
        use: (N, T) bool, True for the dates to use; at least one date per series.

    Returns:
        The values of the steps, (N, 36, B) float32, and the distance of each step to the nearest
        step with a used date, (N, 36) float32.

    Example:
        >>> values = np.array([[[1.0], [3.0]]], dtype=np.float32)
        >>> filled, gap = to_calendar(values, np.array([[0, 22]]), np.ones((1, 2), dtype=bool))
        >>> filled[0, :3, 0].tolist(), gap[0, :4].tolist()
        ([1.0, 2.0, 3.0], [0.0, 1.0, 0.0, 1.0])
    """
    step = step_of_day(day_of_year)
    holds = (np.arange(NUM_STEPS)[:, None] == step[..., None, :]) & use[:, None, :]
    counts = holds.sum(axis=2)
    used = np.where(use[..., None], values, np.float32(0))
    means = np.matmul(holds.astype(np.float32), used) / np.maximum(counts, 1)[..., None]
    means = means.astype(np.float32)
    before, after = _neighbours((counts > 0).T)
    left, right = _distances(before, after)
    rows = np.arange(len(values))[:, None]
    start, end = means[rows, before.T % NUM_STEPS], means[rows, after.T % NUM_STEPS]
    weight = (left / np.maximum(left + right, 1)).astype(np.float32).T
    return start + weight[..., None] * (end - start), np.minimum(left, right).astype(np.float32).T


def grid_of_pixels(
    reflectance: npt.NDArray[np.int16],
    *,
    bands: tuple[str, ...],
    use: npt.NDArray[np.bool_],
    calendar_day: npt.NDArray[np.integer],
    latitude: float | None = None,
) -> TenDayGrid:
    """Resamples pixels that share their dates, as those of a cube do.

    The result is that of :func:`grid_of_series` beyond rounding, in a fraction of the time.

    Args:
        reflectance: (T, B, N) int16, reflectance x 10,000.
        bands: names of the B bands.
        use: (T, N) bool, the dates to use; at least one date per pixel.
        calendar_day: (T,) days of the calendar year, 0 for 1 January.
        latitude: see :func:`season_days`.
    """
    step = step_of_day(season_days(calendar_day, season_start=0, latitude=latitude))
    num_pixels = reflectance.shape[2]
    total = np.zeros((NUM_STEPS, len(bands), num_pixels), dtype=np.int32)
    counts = np.zeros((NUM_STEPS, num_pixels), dtype=np.int32)
    for date, at in enumerate(step.tolist()):
        total[at] += reflectance[date] * use[date].astype(np.int16)
        counts[at] += use[date]
    divisor = np.maximum(counts, 1).astype(np.float32) * np.float32(sensors.SCALE)
    means = total.astype(np.float32)
    means /= divisor[:, None]
    before, after = _neighbours(counts > 0)
    left, right = _distances(before, after)
    weight = (left / np.maximum(left + right, 1)).astype(np.float32)
    start = np.take_along_axis(means, before[:, None] % NUM_STEPS, axis=0)
    end = np.take_along_axis(means, after[:, None] % NUM_STEPS, axis=0)
    end -= start
    end *= weight[:, None]
    start += end
    order = [sensors.SENTINEL2_BANDS.index(band) for band in bands]
    values = np.zeros((num_pixels, NUM_STEPS, len(sensors.SENTINEL2_BANDS)), dtype=np.float32)
    values[:, :, order] = start.transpose(2, 0, 1)
    has_band = np.zeros(len(sensors.SENTINEL2_BANDS), dtype=np.bool_)
    has_band[order] = True
    gap = np.minimum(left, right).astype(np.float32)
    return TenDayGrid(values, np.ascontiguousarray(gap.T), has_band)


def step_of_day(day_of_year: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Computes the ten-day step of days of the year, 0 to 35.

    Example:
        >>> step_of_day(np.array([0, 10, 11, 364, 365])).tolist()
        [0, 0, 1, 35, 35]
    """
    day = np.minimum(day_of_year, NUM_DAYS - 1).astype(np.int64)
    return np.asarray(day * NUM_STEPS // NUM_DAYS)


def _neighbours(
    filled: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Finds the nearest filled step before and after each step, around the year.

    Args:
        filled: (36, N) bool.

    Returns:
        Positions (36, N) among the steps of the last, this and the next year, 0 to 107.
    """
    three = np.tile(filled, (3, 1))
    position = np.arange(3 * NUM_STEPS)[:, None]
    before = np.maximum.accumulate(np.where(three, position, -1), axis=0)
    after = np.minimum.accumulate(np.where(three, position, 3 * NUM_STEPS)[::-1], axis=0)[::-1]
    this = slice(NUM_STEPS, 2 * NUM_STEPS)
    return before[this], after[this]


def _distances(
    before: npt.NDArray[np.intp], after: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Computes the distances (36, N) of each step to the filled steps before and after it."""
    position = np.arange(NUM_STEPS, 2 * NUM_STEPS)[:, None]
    return position - before, after - position


def _named(has_band: npt.NDArray[np.bool_]) -> str:
    names = [band for band, has in zip(sensors.SENTINEL2_BANDS, has_band, strict=True) if has]
    return " ".join(names)
