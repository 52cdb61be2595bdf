"""Pooling of representations over the dates of a series."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from windrow.data.day_of_year import NUM_MONTHS

Pooling = Literal["mean", "month"]


def mean_pool(z: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Averages z over the valid dates.

    Args:
        z: (N, T, D).
        valid: (N, T) bool, at least one True per series.

    Returns:
        (N, D) float32.

    Example:
        >>> z = np.array([[[1.0], [3.0], [9.0]]], dtype=np.float32)
        >>> mean_pool(z, np.array([[True, True, False]])).tolist()
        [[2.0]]
    """
    total = (valid[:, None, :].astype(np.float32) @ z)[:, 0]
    return np.asarray(total / valid.sum(axis=1)[:, None], dtype=np.float32)


def month_pool(
    z: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_], month: npt.NDArray[np.integer]
) -> npt.NDArray[np.float32]:
    """Averages z over the valid dates of each month.

    An empty month takes the mean of the nearest month with a date, and of the earlier month at
    equal distance. The distance is the difference of month numbers within the year, so December
    is not next to January.

    Args:
        z: (N, T, D).
        valid: (N, T) bool, at least one True per series.
        month: (N, T) integers 0..11.

    Returns:
        (N, 12, D) float32.
    """
    chosen = (month[..., None] == np.arange(NUM_MONTHS)) & valid[..., None]
    counts = chosen.sum(axis=1)
    total = chosen.transpose(0, 2, 1).astype(np.float32) @ z
    means = total / np.maximum(counts, 1)[..., None]
    distance = np.abs(np.arange(12)[:, None] - np.arange(12)) * 2
    distance = distance + (np.arange(12) > np.arange(12)[:, None])  # ties go to the earlier month
    nearest = np.where(counts[:, None, :] > 0, distance, 99).argmin(axis=2)
    return np.asarray(np.take_along_axis(means, nearest[..., None], axis=1), dtype=np.float32)
