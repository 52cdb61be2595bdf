"""Sets of classes that hold the true one as often as was asked for (split conformal prediction).

Angelopoulos and Bates (2021), section 1. The score of a field is one minus the probability of its
true class. A set holds every class whose score is at most a quantile of the scores of fields that
the classifier was not fitted on.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from windrow.errors import SettingsError


def conformal_threshold(
    probability: npt.NDArray[np.floating],
    true: npt.NDArray[np.integer],
    *,
    coverage: float,
) -> float:
    """Returns the largest score that a class of a set may have.

    Args:
        probability: (N, C) of fields that the classifier was not fitted on, one row per field.
        true: (N,) classes.
        coverage: share of fields whose set is to hold the true class, in 0..1.

    Returns:
        a threshold in 0..1. It is 1, so that sets hold all classes, where there are too few
        fields: fewer than 9 for a coverage of 0.9.

    Raises:
        SettingsError: the coverage is not between 0 and 1.

    Example:
        >>> sure = np.tile([[0.9, 0.1]], (9, 1))
        >>> round(conformal_threshold(sure, np.zeros(9, int), coverage=0.9), 3)
        0.1
        >>> conformal_threshold(sure[:8], np.zeros(8, int), coverage=0.9)
        1.0
    """
    if not 0 < coverage < 1:
        raise SettingsError("the coverage must lie between 0 and 1", found=coverage)
    scores = np.sort(
        1.0 - probability[np.arange(len(true)), true.astype(np.intp)].astype(np.float64)
    )
    rank = math.ceil((len(scores) + 1) * coverage - 1e-9)
    return float(scores[rank - 1]) if rank <= len(scores) else 1.0


def prediction_sets(
    probability: npt.NDArray[np.floating], threshold: float
) -> npt.NDArray[np.bool_]:
    """Returns which classes each set holds, (N, C); the most likely class is always among them.

    Example:
        >>> prediction_sets(np.array([[0.6, 0.3, 0.1]]), 0.75).tolist()
        [[True, True, False]]
    """
    held: npt.NDArray[np.bool_] = 1.0 - probability <= threshold + 1e-12
    held[np.arange(len(held)), probability.argmax(axis=1)] = True
    return held
