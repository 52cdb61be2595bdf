"""Comparison of two methods over the same configurations: win score, gain and a paired test.

The paper draws ten configurations of each base model once and trains all of them with every
method. Configuration i of one method is thus paired with configuration i of the other.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError

_MOST_EXACT = 20
"""Largest number of pairs for which all 2^n signs are tried. For more pairs signs are drawn."""
_NUM_DRAWN = 100_000
_ROWS = 4_096


@dataclass(frozen=True)
class Gain:
    """Gain of the first method over the second, paired by configuration.

    Attributes:
        mean, smallest, largest: statistics of first minus second, in the unit of the scores.
        wins: number of pairs in which the first score is higher.
        num_pairs: number of pairs.
        p_value: p value from :func:`sign_flip_test`, over the pairs or over groups of pairs.
    """

    mean: float
    smallest: float
    largest: float
    wins: int
    num_pairs: int
    p_value: float

    @property
    def win_score(self) -> float:
        """Share of the pairs in which the first score is higher, 0..1 (equation 4)."""
        return self.wins / self.num_pairs


def mean_and_deviation(values: Sequence[float] | npt.NDArray[np.float64]) -> tuple[float, float]:
    """Computes mean and standard deviation over configurations, as in Table 5.

    The paper does not give the divisor of the deviation. We divide by N, as numpy does by default.

    Raises:
        DataError: there is no value.

    Example:
        >>> mean_and_deviation([1.0, 3.0])
        (2.0, 1.0)
    """
    if len(values) == 0:
        raise DataError("no value to take the mean of")
    array = np.asarray(values, dtype=np.float64)
    return float(array.mean()), float(array.std())


def gain(
    first: Sequence[float],
    second: Sequence[float],
    *,
    groups: Sequence[Hashable] | None = None,
    seed: int = 0,
) -> Gain:
    """Computes the gain of one method over another (section 6, equation 4).

    Pairs of one group are not independent. For example, all configurations of one seed share one
    pre-training, so their differences are correlated. With several groups the p value therefore
    flips the signs of whole groups. The wins always count pairs.

    Args:
        first: scores of the method of interest, one per pair.
        second: scores of the other method, in the same order.
        groups: group of each pair, such as its seed. None or a single group flips single pairs.
        seed: seed of the drawn signs, if there are too many pairs to try all signs.

    Raises:
        DataError: the arguments differ in length, or are empty.

    Example:
        >>> found = gain([0.7, 0.6, 0.5], [0.6, 0.6, 0.6])
        >>> found.wins, round(found.win_score, 3), round(found.largest, 3)
        (1, 0.333, 0.1)
        >>> four = [0.7, 0.7, 0.7, 0.7], [0.6, 0.6, 0.6, 0.6]
        >>> gain(*four).p_value, gain(*four, groups=[0, 0, 1, 1]).p_value
        (0.125, 0.5)
    """
    if len(first) != len(second) or not len(first):
        raise DataError("scores are not in pairs", found=f"{len(first)} and {len(second)}")
    if groups is not None and len(groups) != len(first):
        raise DataError("not every pair has a group", found=len(groups), expected=len(first))
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    flipped: npt.NDArray[np.float64] = difference
    if groups is not None and len(distinct := list(dict.fromkeys(groups))) > 1:
        group_number = [distinct.index(group) for group in groups]
        flipped = np.bincount(group_number, weights=difference).astype(np.float64)
    return Gain(
        mean=float(difference.mean()),
        smallest=float(difference.min()),
        largest=float(difference.max()),
        wins=int((difference > 0).sum()),
        num_pairs=len(difference),
        p_value=sign_flip_test(flipped, seed=seed),
    )


def sign_flip_test(
    difference: Sequence[float] | npt.NDArray[np.float64], *, seed: int = 0
) -> float:
    """Computes the two-sided p value of paired differences (Fisher's randomisation test).

    If the two methods were equal, each difference could as well have the other sign. The p value
    is the share of sign patterns whose mean is at least as far from zero as the observed mean. It
    is exact up to 20 pairs. For more pairs it uses 100,000 drawn patterns and the observed one.
    With n pairs it cannot fall below 2 / 2^n, which is 0.25 for three pairs.

    Args:
        difference: (n,) first minus second of each pair.
        seed: seed of the drawn patterns.

    Returns:
        The p value, above 0 and at most 1.

    Example:
        >>> sign_flip_test([1.0, 2.0, 3.0])
        0.25
        >>> sign_flip_test([0.0, 0.0])
        1.0
    """
    values = np.asarray(difference, dtype=np.float64)
    found = abs(values.sum())
    # Sums that differ by rounding alone count as equal.
    bound = found - 1e-12 * max(float(np.abs(values).sum()), 1e-300)
    num_pairs = len(values)
    if num_pairs <= _MOST_EXACT:
        total, beyond = 2**num_pairs, 0
        for start in range(0, total, _ROWS):
            number = np.arange(start, min(start + _ROWS, total))
            signs = ((number[:, None] >> np.arange(num_pairs)) & 1) * 2.0 - 1.0
            beyond += int((np.abs(signs @ values) >= bound).sum())
        return float(beyond / total)
    generator = np.random.default_rng(seed)
    beyond = 1
    for start in range(0, _NUM_DRAWN, _ROWS):
        num_rows = min(_ROWS, _NUM_DRAWN - start)
        signs = generator.integers(0, 2, size=(num_rows, num_pairs)) * 2.0 - 1.0
        beyond += int((np.abs(signs @ values) >= bound).sum())
    return float(beyond / (_NUM_DRAWN + 1))
