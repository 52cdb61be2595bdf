"""Class shares of a place, estimated from its unlabelled fields, and the shift of probabilities.

A classifier expects the classes in the shares of its labelled fields. In the place itself the
shares differ, above all where the same number of fields was labelled in each class. The shares of
the place are estimated by expectation maximisation (Saerens, Latinne and Decaestecker 2002,
equations 2.4 and 2.9). We differ in one point: each step of the estimate is averaged with the
expected shares (a Dirichlet prior with a multiple of the fields), so that poor probabilities move
the shares less.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError

_MOST_ROUNDS = 100
_CHANGE = 1e-6
"""Largest change of a share at which the estimate is taken as final."""


def expected_shares(label: npt.NDArray[np.integer], *, num_classes: int) -> npt.NDArray[np.float64]:
    """Computes the class shares that a fitted classifier expects.

    Prototypes expect equal shares, and trees those of the labelled fields. The geometric mean of
    both is taken.

    Args:
        label: (N,) class of each field; negative where a field has no label.
        num_classes: number of classes C.

    Returns:
        (C,) shares, which sum to 1.

    Example:
        >>> expected_shares(np.array([0, 0, 0, 0, 1, -1]), num_classes=2).round(3).tolist()
        [0.634, 0.366]
    """
    counts = np.bincount(label[label >= 0], minlength=num_classes) + 0.5
    shares = np.sqrt(counts / counts.sum())
    return np.asarray(shares / shares.sum())


def estimate_shares(
    probability: npt.NDArray[np.float64],
    expected: npt.NDArray[np.float64],
    *,
    trust: float = 1.0,
) -> npt.NDArray[np.float64]:
    """Estimates the class shares of a place by expectation maximisation.

    Args:
        probability: (N, C) probabilities of N unlabelled fields by a classifier that expects
            ``expected``.
        expected: (C,) shares, positive, with sum 1.
        trust: weight of the fields against the expected shares, 0..1. 1 gives the estimate of the
            source, 0 the expected shares.

    Returns:
        (C,) shares, which sum to 1; ``expected`` if N is 0.

    Raises:
        DataError: the shapes do not fit, or a share is not positive.

    Example:
        Three of four fields look like the first class.

        >>> found = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.1, 0.9]])
        >>> estimate_shares(found, np.array([0.5, 0.5]), trust=1.0).round(2).tolist()
        [0.81, 0.19]
        >>> estimate_shares(found, np.array([0.5, 0.5]), trust=0.5).round(2).tolist()
        [0.62, 0.38]
    """
    _check(probability, expected)
    if len(probability) == 0:
        return expected.copy()
    shares = expected
    for _ in range(_MOST_ROUNDS):
        shifted = shift_shares(probability, expected, shares)
        found = trust * shifted.mean(axis=0) + (1.0 - trust) * expected
        change = float(np.abs(found - shares).max())
        shares = found
        if change < _CHANGE:
            break
    return np.asarray(shares / shares.sum())


def shift_shares(
    probability: npt.NDArray[np.float64],
    expected: npt.NDArray[np.float64],
    shares: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Shifts probabilities from the expected class shares to those of the place.

    Args:
        probability: (N, C) probabilities by a classifier that expects ``expected``.
        expected: (C,) shares, positive.
        shares: (C,) shares of the place.

    Returns:
        (N, C) probabilities, whose rows sum to 1 (equation 2.4 of the source).

    Raises:
        DataError: the shapes do not fit, or an expected share is not positive.

    Example:
        >>> shift_shares(
        ...     np.array([[0.5, 0.5]]), np.array([0.5, 0.5]), np.array([0.8, 0.2])
        ... ).round(3).tolist()
        [[0.8, 0.2]]
    """
    _check(probability, expected)
    shifted = probability * (shares / expected)
    return np.asarray(shifted / np.maximum(shifted.sum(axis=1, keepdims=True), 1e-300))


def _check(probability: npt.NDArray[np.float64], expected: npt.NDArray[np.float64]) -> None:
    if probability.ndim != 2 or expected.shape != probability.shape[1:]:
        raise DataError(
            "probabilities and shares are of different classes",
            found=f"shapes {probability.shape} and {expected.shape}",
            expected="(fields, classes) and (classes,)",
        )
    if not (expected > 0).all():
        raise DataError("an expected share of a class is not positive", found=expected.tolist())
