"""Which dates an encoder reads, where it shall not read all of them.

Clouds hide the ground at most dates of a year, and the cost of an encoder grows with the dates
that it reads; so the clearest ones carry nearly all that is known for a part of the cost.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from windrow.data.series import Series
from windrow.errors import SettingsError


def clearest_dates(series: Series, max_dates: int) -> npt.NDArray[np.bool_]:
    """The ``max_dates`` valid dates of each series with the lowest cloud probability.

    Of dates that are equally clear (cloud probabilities saturate at 0 and 255) those are taken
    first that spread most evenly over the valid dates of the series: their ranks are visited in
    the order of the van der Corput sequence (0, 1/2, 1/4, 3/4, ...). Taking the earliest instead
    would read the winter and leave the harvest out. Where the cloud probability is not known, all
    dates are equally clear.

    Args:
        series: N series of T dates.
        max_dates: the most dates to keep, at least 1.

    Returns:
        (N, T) bool, within ``series.valid``; a series with fewer valid dates keeps them all.

    Raises:
        SettingsError: ``max_dates`` is below 1.
    """
    if max_dates < 1:
        raise SettingsError("max_dates must be at least 1", found=max_dates)
    valid = series.valid
    cloud = series.cloud_probability
    cost = np.zeros(valid.shape) if cloud is None else cloud.astype(np.float64)
    rank = np.maximum(valid.cumsum(axis=1) - 1, 0)
    # Cloud probabilities are whole numbers, so a tie-breaker below 1 never outweighs them.
    cost = np.where(valid, cost + _van_der_corput(valid.shape[1])[rank], np.inf)
    order_of_cost = np.argsort(np.argsort(cost, axis=1, kind="stable"), axis=1, kind="stable")
    return np.asarray(valid & (order_of_cost < max_dates))


def _van_der_corput(length: int) -> npt.NDArray[np.float64]:
    """Place in [0, 1) at which each of ``length`` ranks is visited, evenly spread from the start.

    The ranks, scaled to [0, 1), are ordered by the bits of their scaled position in reverse.
    """
    num_bits = max(int(length - 1).bit_length(), 1)
    numbers = np.arange(2**num_bits)
    reverse = np.zeros_like(numbers)
    for bit in range(num_bits):
        reverse |= ((numbers >> bit) & 1) << (num_bits - 1 - bit)
    return np.asarray(reverse[:length] / 2**num_bits, dtype=np.float64)
