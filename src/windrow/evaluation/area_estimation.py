"""Areas and accuracies of a map from a stratified reference sample, with 95 % intervals.

The estimators are those of Stehman (2014, International Journal of Remote Sensing 35:4923-4939),
whose strata may differ from the classes of the map. Where they are the same, they equal those of
Olofsson et al. (2014, Remote Sensing of Environment 148:42-57, equations 2 to 11). A simple random
sample is post-stratified by the classes of the map: the same formulas hold. The correction for
finite populations is left out, as Olofsson et al. do, which makes intervals wider, never narrower.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError

Z_95 = 1.959963984540054
"""Quantile of the normal distribution for intervals of 95 %."""

LARGEST_VARIANCE = 0.25
"""No values within a range of 1 have a larger population variance."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Interval:
    """Estimates with their standard errors and 95 % intervals.

    Attributes:
        estimate: S; nan where the sample holds nothing to estimate it from.
        standard_error: S, in the unit of the estimate.
        low: S, lower end of the interval, not below 0.
        high: S, upper end, not above the largest possible value.
    """

    estimate: Floats
    standard_error: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, eq=False)
class AreaEstimates:
    """Areas and accuracies that a reference sample gives.

    Attributes:
        counts: (K, K) sample units by class of the map (row) and of the reference (column).
        proportions: (K, K) estimated shares of the area, laid out alike; their sum is 1.
        area: (K,) area of each reference class, in the unit of the strata's areas.
        users: (K,) user's accuracy, 0..1.
        producers: (K,) producer's accuracy, 0..1.
        overall: () overall accuracy, 0..1.
        f1: (K,) F1 of the estimated proportions, 0..1; nan for a class that nobody saw.
        total_area: area of the strata with a sample unit, to which all else refers.
        num_samples: (H,) units of each stratum. A stratum of 0 is left out; for one of 1 the
            largest possible variance is taken.
    """

    counts: npt.NDArray[np.int64]
    proportions: Floats
    area: Interval
    users: Interval
    producers: Interval
    overall: Interval
    f1: Floats
    total_area: float
    num_samples: npt.NDArray[np.int64]


def estimate_areas(
    stratum: npt.NDArray[np.integer],
    mapped: npt.NDArray[np.integer],
    reference: npt.NDArray[np.integer],
    *,
    stratum_area: Floats,
    num_classes: int,
    strata_are_classes: bool = False,
) -> AreaEstimates:
    """Estimates areas and accuracies by stratified estimators.

    Args:
        stratum: (N,) stratum of each sample unit, 0..H-1.
        mapped: (N,) its class in the map, 0..K-1.
        reference: (N,) its true class.
        stratum_area: (H,) area of each stratum, in any unit.
        num_classes: number of classes K.
        strata_are_classes: whether strata are the classes of the map, so that stratum equals
            mapped. Only the intervals of strata of one unit depend on it.

    Raises:
        DataError: there is no sample unit, or a stratum with units has no area.

    Example:
        >>> found = estimate_areas(
        ...     np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]),
        ...     stratum_area=np.array([10.0, 30.0]), num_classes=2, strata_are_classes=True,
        ... )
        >>> found.area.estimate.tolist(), float(found.overall.estimate)
        ([5.0, 35.0], 0.875)
    """
    weights = _Strata.of(stratum, stratum_area)
    classes = np.arange(num_classes)
    in_map = (mapped[:, None] == classes).astype(np.float64)
    in_reference = (reference[:, None] == classes).astype(np.float64)
    both = in_map * in_reference
    right = both.sum(axis=1, keepdims=True)
    cells = mapped.astype(np.int64) * num_classes + reference
    counts = np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)
    unit_weights = weights.share[stratum] / weights.number[stratum]
    weighted: Floats = np.bincount(cells, unit_weights, num_classes**2).astype(np.float64)
    proportions: Floats = weighted.reshape(num_classes, num_classes)
    total = weights.total
    share = weights.mean(in_reference)
    constant = np.zeros((len(stratum_area), num_classes), dtype=bool)
    if strata_are_classes:  # no unit of another class is mapped as this one
        constant = np.arange(len(stratum_area))[:, None] != classes
    overall = weights.mean(right)
    with np.errstate(invalid="ignore"):
        f1_below = proportions.sum(axis=0) + proportions.sum(axis=1)
        f1 = np.where(f1_below > 0, 2 * np.diagonal(proportions) / f1_below, np.nan)
    return AreaEstimates(
        counts=counts,
        proportions=proportions,
        area=_interval(total * share, total * weights.standard_error(in_reference), total),
        users=weights.ratio(both, in_map, constant),
        producers=weights.ratio(both, in_reference, np.zeros_like(constant)),
        overall=_scalar(_interval(overall, weights.standard_error(right), 1.0)),
        f1=f1,
        total_area=total,
        num_samples=weights.number,
    )


def _interval(estimate: Floats, error: Floats, most: float) -> Interval:
    low = np.maximum(estimate - Z_95 * error, 0.0)
    return Interval(estimate, error, low, np.minimum(estimate + Z_95 * error, most))


def _scalar(found: Interval) -> Interval:
    return Interval(
        found.estimate[0, ...], found.standard_error[0, ...], found.low[0, ...], found.high[0, ...]
    )


@dataclass(frozen=True, eq=False)
class _Strata:
    """Strata as weights: the stratum of each unit, and number, share and total area."""

    stratum: npt.NDArray[np.integer]
    number: npt.NDArray[np.int64]
    share: Floats
    total: float

    @staticmethod
    def of(stratum: npt.NDArray[np.integer], area: Floats) -> _Strata:
        if len(stratum) == 0:
            raise DataError("no sample unit to estimate from")
        number = np.bincount(stratum, minlength=len(area))
        sampled = number > 0
        if not (np.isfinite(area) & (area >= 0)).all() or (area[sampled] <= 0).any():
            raise DataError("a stratum with sample units has no area", found=area.tolist())
        total = float(area[sampled].sum())
        return _Strata(stratum, number, np.where(sampled, area, 0.0) / total, total)

    def means(self, values: Floats) -> Floats:
        """Returns the mean of each stratum, (H, K); 0 where it has no unit."""
        sums = np.zeros((len(self.number), values.shape[1]))
        np.add.at(sums, self.stratum, values)
        return np.asarray(sums / np.maximum(self.number, 1)[:, None])

    def mean(self, values: Floats) -> Floats:
        return np.asarray(self.share @ self.means(values))

    def standard_error(
        self, values: Floats, constant: npt.NDArray[np.bool_] | None = None
    ) -> Floats:
        """Returns the standard error of the mean, (K,); values are within a range of 1."""
        residual = values - self.means(values)[self.stratum]
        squares = np.zeros((len(self.number), values.shape[1]))
        np.add.at(squares, self.stratum, residual**2)
        variance = squares / np.maximum(self.number - 1, 1)[:, None]
        single = np.broadcast_to((self.number == 1)[:, None], variance.shape)
        unknown = single if constant is None else single & ~constant
        variance = np.where(unknown, LARGEST_VARIANCE, variance)
        per_stratum = self.share**2 / np.maximum(self.number, 1)
        return np.asarray(np.sqrt(per_stratum @ variance))

    def ratio(self, above: Floats, below: Floats, constant: npt.NDArray[np.bool_]) -> Interval:
        """Returns the combined ratio of two totals (Stehman 2014, equations 27 and 28)."""
        top, bottom = self.mean(above), self.mean(below)
        known = bottom > 0
        safe = np.where(known, bottom, 1.0)
        estimate = np.where(known, top / safe, np.nan)
        residual = above - np.where(known, estimate, 0.0) * below
        error = np.where(known, self.standard_error(residual, constant) / safe, np.nan)
        return _interval(estimate, error, 1.0)
