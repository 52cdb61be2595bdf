"""Removal of cloudy dates from series, as if they had not been acquired."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from windrow.data.series import Series
from windrow.errors import DataError


def without_cloudy(series: Series, *, from_probability: int | None) -> tuple[Series, int]:
    """Marks cloudy dates as invalid and drops the series that have no other date.

    Args:
        series: series with cloud probability.
        from_probability: a date is cloudy from this cloud probability (0..255) on; None keeps
            all dates.

    Returns:
        The remaining series, and the number of series dropped.

    Raises:
        DataError: the cloud probability is not known, or every date of every series is cloudy.

    Example:
        >>> from windrow.simulation import simulate_parts
        >>> part = next(simulate_parts("brandenburg-2018", num_series=4, seed=1))
        >>> clear, num_lost = without_cloudy(part, from_probability=128)
        >>> bool(clear.cloud_probability[clear.valid].max() < 128), num_lost
        (True, 0)
    """
    if from_probability is None:
        return series, 0
    if series.cloud_probability is None:
        raise DataError(
            "the series have no cloud probability, so cloudy dates cannot be found",
            hint="use a store that has it, or leave the setting drop_cloudy_from out",
        )
    clear = replace(series, valid=series.valid & (series.cloud_probability < from_probability))
    left = np.flatnonzero(clear.valid.any(axis=1))
    if len(left) == 0:
        raise DataError("every date of every series is cloudy", found=f"{len(series)} series")
    return clear.select(left), len(series) - len(left)
