"""Calibration error, which compares stated probabilities with the observed accuracy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError

NUM_BINS = 15
"""Number of equal bins of confidence, as in Guo et al. (2017)."""


def expected_calibration_error(
    probability: npt.NDArray[np.floating],
    true: npt.NDArray[np.integer],
    *,
    num_bins: int = NUM_BINS,
) -> float:
    """Averages |confidence - accuracy| over bins of confidence (Guo et al. 2017, eq. 5).

    The confidence of a series is its largest probability. The bins have equal width, are open
    below and closed above, and are weighted by their number of series.

    Args:
        probability: (N, C), rows sum to one.
        true: (N,) classes.
        num_bins: number of bins between 0 and 1.

    Returns:
        The error, 0..1.

    Raises:
        DataError: there is no series.

    Example:
        >>> sure = np.array([[0.9, 0.1], [0.9, 0.1]])
        >>> round(expected_calibration_error(sure, np.array([0, 1])), 3)
        0.4
    """
    if len(true) == 0:
        raise DataError("no series to measure the calibration on")
    confidence = probability.max(axis=1).astype(np.float64)
    right = probability.argmax(axis=1) == true
    # ceil assigns an edge to the bin below it.
    bin_number = np.clip(np.ceil(confidence * num_bins).astype(np.intp) - 1, 0, num_bins - 1)
    counts = np.bincount(bin_number, minlength=num_bins)
    gap = np.bincount(bin_number, weights=right, minlength=num_bins) - np.bincount(
        bin_number, weights=confidence, minlength=num_bins
    )
    return float(np.abs(gap).sum() / counts.sum())
