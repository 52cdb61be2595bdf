"""The curve by which growth, warmth and frost set in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from windrow.simulation.keyed_random import Floats


def logistic(days_after: npt.ArrayLike, pace: npt.ArrayLike) -> Floats:
    """Rises from 0 long before a day over 1/2 on the day to 1 long after.

    Args:
        days_after: days since the day of 1/2, or another quantity above its midpoint.
        pace: width of the rise in the same unit; a negative one gives a fall.

    Example:
        >>> logistic([-40.0, 0.0, 8.0], 8.0).round(3).tolist()
        [0.007, 0.5, 0.731]
    """
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(np.asarray(days_after) / pace, -40, 40))))
