"""Linear interpolation of observations to days."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def interpolate_days(
    values: npt.NDArray[np.floating],
    day: npt.NDArray[np.integer],
    use: npt.NDArray[np.bool_],
    days: npt.NDArray[np.integer],
) -> npt.NDArray[np.float32]:
    """Interpolates series linearly between their observations.

    Before the first and after the last observation the nearest one is held. Of several usable
    observations on one day the last counts.

    Args:
        values: (N, T, K) values of each date.
        day: (T,) day numbers of the dates, not decreasing.
        use: (N, T) bool, dates to interpolate between.
        days: (D,) day numbers to interpolate to.

    Returns:
        (N, D, K) float32; NaN for a series without a usable date.

    Example:
        >>> values = np.array([[[1.0], [9.0], [3.0]]])
        >>> use = np.array([[True, False, True]])
        >>> days = np.array([0, 11, 12, 30])
        >>> interpolate_days(values, np.array([10, 12, 14]), use, days)[0, :, 0].tolist()
        [1.0, 1.5, 2.0, 3.0]
    """
    num_dates = len(day)
    position = np.arange(num_dates)
    # Position of the last usable date at or before each date, and of the first at or after it.
    before = np.maximum.accumulate(np.where(use, position, -1), axis=1)
    after = np.minimum.accumulate(np.where(use, position, num_dates)[:, ::-1], axis=1)[:, ::-1]
    num_before = np.searchsorted(day, days, side="right")
    edge_before = np.concatenate([np.full((len(use), 1), -1), before], axis=1)
    edge_after = np.concatenate([after, np.full((len(use), 1), num_dates)], axis=1)
    left, right = edge_before[:, num_before], edge_after[:, num_before]
    has_left, has_right = left >= 0, right < num_dates
    left = np.where(has_left, left, np.where(has_right, right, 0))
    right = np.where(has_right, right, left)
    gap = day[right] - day[left]
    share = np.where(gap > 0, (days - day[left]) / np.maximum(gap, 1), 0.0)[..., None]
    series = np.arange(len(use))[:, None]
    found = values[series, left] * (1 - share) + values[series, right] * share
    found = np.where(np.asarray(use.any(axis=1))[:, None, None], found, np.nan)
    return np.asarray(found, dtype=np.float32)
