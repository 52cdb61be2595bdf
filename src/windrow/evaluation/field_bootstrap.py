"""Intervals of scores and differences from a paired bootstrap over test fields.

Fields are the independent units, not pixels or draws, so fields are resampled with replacement.
All methods and draws use the same resamples, and a difference is taken within each resample. The
interval holds for fields of this place and year, not for other places.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from windrow.config import Settings

_ROWS = 256
"""Resamples computed at a time. This bounds the memory."""
MOST_KEPT = 2**24
"""Largest number of draws that are kept for a test set, 32 MiB."""


class BootstrapSettings(Settings):
    """Settings of the intervals.

    Attributes:
        num_resamples: number of resamples of the test fields.
        level: share of the resampled differences inside the interval, such as 0.95.
    """

    num_resamples: int = Field(ge=1)
    level: float = Field(gt=0, lt=1)


@dataclass(frozen=True, eq=False)
class ResampledScores:
    """Scores of one method, averaged over its draws, on all fields and in each resample.

    Attributes:
        measured: (2,) overall accuracy and macro F1 on all fields.
        resampled: (R, 2) overall accuracy and macro F1 in each resample.
        per_class_f1: (C, 3) F1 of each class on all fields, and the limits of its interval; nan
            for a class without a series.
    """

    measured: npt.NDArray[np.float64]
    resampled: npt.NDArray[np.float64]
    per_class_f1: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A difference between two methods with its percentile interval.

    Attributes:
        difference: the difference on all fields, a fraction.
        low: lower limit of the interval.
        high: upper limit of the interval.
    """

    difference: float
    low: float
    high: float


def resample_scores(
    true: npt.NDArray[np.integer],
    predicted: npt.NDArray[np.integer],
    field_id: npt.NDArray[Any],
    *,
    num_classes: int,
    settings: BootstrapSettings,
    seed: int,
) -> ResampledScores:
    """Computes overall accuracy and F1 of a method in every resample of the test fields.

    The cost is one product of (R, F) by (F, C (2 D + 1)) numbers for R resamples, F fields and D
    draws. It does not grow with the number of series.

    Args:
        true: (N,) classes.
        predicted: (D, N) predictions of each draw.
        field_id: (N,) field of each series; a field is resampled with all its series.
        num_classes: number of classes C.
        settings: number of resamples, and level of the intervals per class.
        seed: seed of the resamples; methods to be compared must share it.
    """
    fields, field = np.unique(field_id, return_inverse=True)
    counts = _counts_of_fields(true, predicted, field, len(fields), num_classes)
    measured, class_f1 = _mean_over_draws(counts.sum(axis=0)[None], num_classes)
    parts = [
        _mean_over_draws(weight @ counts, num_classes)
        for weight in _weights(len(fields), settings.num_resamples, seed)
    ]
    tail = (1.0 - settings.level) / 2
    limits = _quantiles_of_known(np.concatenate([part[1] for part in parts]), [tail, 1.0 - tail])
    return ResampledScores(
        measured[0],
        np.concatenate([part[0] for part in parts]),
        np.column_stack([class_f1[0], limits]),
    )


def _counts_of_fields(
    true: npt.NDArray[np.integer],
    predicted: npt.NDArray[np.integer],
    field: npt.NDArray[np.integer],
    num_fields: int,
    num_classes: int,
) -> npt.NDArray[np.float64]:
    """Counts, per field and class, the true series and each draw's hits and predictions.

    The scores need no other counts of a confusion matrix, and a resample only weights the fields.

    Returns:
        (F, C (2 D + 1)) float64.
    """
    start = field.astype(np.int64) * num_classes
    size = num_fields * num_classes
    columns = [np.bincount(start + true, minlength=size)]
    for row in predicted.astype(np.int64):
        columns.append(np.bincount(start + true, weights=row == true, minlength=size))
        columns.append(np.bincount(start + row, minlength=size))
    each = [column.reshape(num_fields, num_classes) for column in columns]
    return np.concatenate(each, axis=1).astype(np.float64)


def paired_difference(
    first: ResampledScores, second: ResampledScores, *, settings: BootstrapSettings
) -> tuple[Difference, Difference]:
    """Computes first minus second in overall accuracy and in macro F1.

    Args:
        first: scores of one method.
        second: scores of the other method on the same resamples.
        settings: level of the intervals.
    """
    measured = first.measured - second.measured
    tail = (1.0 - settings.level) / 2
    low, high = np.quantile(first.resampled - second.resampled, [tail, 1.0 - tail], axis=0)
    accuracy, macro_f1 = (
        Difference(float(measured[i]), float(low[i]), float(high[i])) for i in range(2)
    )
    return accuracy, macro_f1


@dataclass(frozen=True)
class Interval:
    """A score with its percentile interval over fields.

    Attributes:
        value: the score on all fields, a fraction.
        low: lower limit of the interval.
        high: upper limit of the interval.
    """

    value: float
    low: float
    high: float


def score_intervals(
    resampled: ResampledScores, *, settings: BootstrapSettings
) -> tuple[Interval, Interval]:
    """Gives overall accuracy and macro F1 of one method with their intervals over fields."""
    tail = (1.0 - settings.level) / 2
    low, high = np.quantile(resampled.resampled, [tail, 1.0 - tail], axis=0)
    accuracy, macro_f1 = (
        Interval(float(resampled.measured[i]), float(low[i]), float(high[i])) for i in range(2)
    )
    return accuracy, macro_f1


def bootstrap_p_values(first: ResampledScores, second: ResampledScores) -> tuple[float, float]:
    """Computes two-sided p values of the differences in overall accuracy and in macro F1.

    A p value is twice the smaller share of resamples on either side of zero. A resample at zero
    counts on both sides. The original sample is included, so that no p value is 0.
    """
    difference = first.resampled - second.resampled
    below = (difference <= 0).sum(axis=0) + 1
    above = (difference >= 0).sum(axis=0) + 1
    accuracy, macro_f1 = np.minimum(2.0 * np.minimum(below, above) / (len(difference) + 1), 1.0)
    return float(accuracy), float(macro_f1)


def _mean_over_draws(
    counts: npt.NDArray[np.float64], num_classes: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Converts counts (R, C (2 D + 1)) to scores (R, 2) and F1 (R, C)."""
    split = counts.reshape(len(counts), -1, num_classes)
    series, right, claimed = split[:, :1], split[:, 1::2], split[:, 2::2]
    accuracy = right.sum(axis=2).mean(axis=1) / series.sum(axis=2)[:, 0]
    both = series + claimed
    f1 = np.divide(2 * right, both, out=np.zeros_like(both), where=both > 0)
    macro_f1 = (f1.sum(axis=2) / (both > 0).sum(axis=2)).mean(axis=1)
    class_f1 = np.where(series[:, 0] > 0, f1.mean(axis=1), np.nan)
    return np.stack([accuracy, macro_f1], axis=1), class_f1


def _quantiles_of_known(
    values: npt.NDArray[np.float64], shares: list[float]
) -> npt.NDArray[np.float64]:
    """Computes Q quantiles of each column of (R, C) values without nan; (C, Q)."""
    columns = [column[~np.isnan(column)] for column in values.T]
    unknown = [np.nan] * len(shares)
    return np.array([np.quantile(known, shares) if len(known) else unknown for known in columns])


def _weights(num_fields: int, num_resamples: int, seed: int) -> Iterator[npt.NDArray[np.float64]]:
    """Yields how often each field is drawn, (r, F), for some resamples at a time."""
    few = num_fields * num_resamples <= MOST_KEPT
    drawn = _kept_draws if few else _draws
    for counts in drawn(num_fields, num_resamples, seed):
        yield counts.astype(np.float64)


def _draws(num_fields: int, num_resamples: int, seed: int) -> Iterator[npt.NDArray[np.uint16]]:
    generator = np.random.default_rng(seed)
    for start in range(0, num_resamples, _ROWS):
        num_rows = min(_ROWS, num_resamples - start)
        drawn = generator.integers(num_fields, size=(num_rows, num_fields))
        drawn += np.arange(num_rows)[:, None] * num_fields
        counts = np.bincount(drawn.ravel(), minlength=num_rows * num_fields)
        yield counts.reshape(num_rows, num_fields).astype(np.uint16)


@lru_cache(maxsize=4)
def _kept_draws(
    num_fields: int, num_resamples: int, seed: int
) -> tuple[npt.NDArray[np.uint16], ...]:
    """Caches the draws of the last test sets, because drawing takes longer than scoring."""
    return tuple(_draws(num_fields, num_resamples, seed))
