"""Selection of the dates that an encoder reads.

Clouds hide the ground on most dates of a year, and the cost of an encoder grows with the number
of dates. The clearest dates hold nearly all of the information at a part of the cost.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from windrow.data.series import Series
from windrow.errors import SettingsError


def clearest_dates(series: Series, max_dates: int) -> npt.NDArray[np.bool_]:
    """Selects the ``max_dates`` valid dates of each series with the lowest cloud probability.

    Cloud probabilities saturate at 0 and 255, so many dates are equally clear. Among them the
    function prefers dates that spread evenly over the valid dates of the series: it visits their
    ranks in the order of the van der Corput sequence (0, 1/2, 1/4, 3/4, ...). The earliest dates
    would cover the winter and miss the harvest. If the cloud probability is not known, all dates
    are equally clear.

    Args:
        series: N series of T dates.
        max_dates: largest number of dates to keep, at least 1.

    Returns:
        (N, T) bool, True for the dates kept, all of which are valid. A series with fewer valid
        dates keeps them all.

    Raises:
        SettingsError: ``max_dates`` is below 1.

    Example:
        >>> from windrow.simulation import simulate
        >>> part = simulate("brandenburg-2018", num_series=2, seed=1)
        >>> clearest_dates(part, 10).sum(axis=1).tolist()
        [10, 10]
    """
    if max_dates < 1:
        raise SettingsError("max_dates must be at least 1", found=max_dates)
    valid = series.valid
    cloud = series.cloud_probability
    cost = np.zeros(valid.shape) if cloud is None else cloud.astype(np.float64)
    rank = np.maximum(valid.cumsum(axis=1) - 1, 0)
    # Cloud probabilities are whole numbers, so a tie-breaker below 1 only breaks ties.
    cost = np.where(valid, cost + _van_der_corput(valid.shape[1])[rank], np.inf)
    order_of_cost = np.argsort(np.argsort(cost, axis=1, kind="stable"), axis=1, kind="stable")
    return np.asarray(valid & (order_of_cost < max_dates))


def _van_der_corput(length: int) -> npt.NDArray[np.float64]:
    """Gives the turn in [0, 1) of each of ``length`` ranks, so that early turns spread evenly.

    The ranks are scaled to [0, 1) and sorted by the reversed bits of the scaled value.
    """
    num_bits = max(int(length - 1).bit_length(), 1)
    numbers = np.arange(2**num_bits)
    reverse = np.zeros_like(numbers)
    for bit in range(num_bits):
        reverse |= ((numbers >> bit) & 1) << (num_bits - 1 - bit)
    return np.asarray(reverse[:length] / 2**num_bits, dtype=np.float64)
