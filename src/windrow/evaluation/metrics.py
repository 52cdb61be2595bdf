"""Scores of a classification, all computed from the confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of confusion matrices with leading shape S.

    Attributes:
        overall_accuracy: S, share of correct predictions, 0..1.
        macro_f1: S, mean F1 over the classes that occur in truth or prediction. This is the
            default of scikit-learn: a class that is only predicted counts as 0, and a class that
            does not occur is left out.
        kappa: S, Cohen's kappa; 0 if truth and prediction are one and the same class throughout.
        per_class_f1: S + (C,), F1 of each class; nan for a class that the truth does not hold.
    """

    overall_accuracy: npt.NDArray[np.float64]
    macro_f1: npt.NDArray[np.float64]
    kappa: npt.NDArray[np.float64]
    per_class_f1: npt.NDArray[np.float64]


def confusion_matrix(
    true: npt.NDArray[np.integer], predicted: npt.NDArray[np.integer], *, num_classes: int
) -> npt.NDArray[np.int64]:
    """Counts the series by true class (row) and predicted class (column).

    Args:
        true: (N,) classes.
        predicted: (N,), or (D, N) for D predictions of the same series.
        num_classes: number of classes C.

    Returns:
        (C, C), or (D, C, C), int64.

    Example:
        >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 0, 1]), num_classes=2).tolist()
        [[1, 0], [1, 1]]
    """
    cell = true.astype(np.int64) * num_classes + predicted.astype(np.int64)
    rows = cell.reshape(-1, cell.shape[-1])
    shifted = rows + np.arange(len(rows))[:, None] * num_classes**2
    counts = np.bincount(shifted.ravel(), minlength=len(rows) * num_classes**2)
    return counts.reshape(*cell.shape[:-1], num_classes, num_classes).astype(np.int64)


def scores(confusion: npt.NDArray[np.number]) -> Scores:
    """Computes all scores of confusion matrices.

    Args:
        confusion: S + (C, C), true by predicted; counts or weights.

    Example:
        >>> result = scores(np.array([[1, 0], [1, 1]]))
        >>> round(float(result.overall_accuracy), 3), round(float(result.macro_f1), 3)
        (0.667, 0.667)
    """
    counts = np.asarray(confusion, dtype=np.float64)
    total = counts.sum(axis=(-2, -1))
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    accuracy = _ratio(right.sum(axis=-1), total)
    f1 = _ratio(2 * right, true + predicted)
    macro_f1 = _ratio(f1.sum(axis=-1), ((true + predicted) > 0).sum(axis=-1))
    chance = _ratio((true * predicted).sum(axis=-1), total**2)
    kappa = _ratio(accuracy - chance, 1.0 - chance)
    return Scores(accuracy, macro_f1, kappa, np.where(true > 0, f1, np.nan))


def json_numbers(values: npt.NDArray[np.float64]) -> list[float | None]:
    """Converts values to JSON numbers. Null replaces nan, which JSON does not have.

    Example:
        >>> json_numbers(np.array([0.5, np.nan]))
        [0.5, None]
    """
    return [None if np.isnan(value) else float(value) for value in values]


def mean_of_batch_accuracies(
    true: npt.NDArray[np.integer], predicted: npt.NDArray[np.integer], *, batch_size: int
) -> float:
    """Averages the accuracies of batches, an error of earlier public code kept to measure it.

    If the last batch is shorter, its samples have more weight than others. The result is the
    overall accuracy only if all batches are equally long.

    Args:
        true: (N,) classes.
        predicted: (N,) classes.
        batch_size: number of consecutive samples per batch.

    Example:
        >>> mean_of_batch_accuracies(np.array([0, 0, 0]), np.array([0, 0, 1]), batch_size=2)
        0.5
    """
    right = true == predicted
    starts = range(0, len(right), batch_size)
    return float(np.mean([right[start : start + batch_size].mean() for start in starts]))


def _ratio(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> npt.NDArray[np.float64]:
    above = np.asarray(numerator, dtype=np.float64)
    below = np.asarray(denominator, dtype=np.float64)
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
