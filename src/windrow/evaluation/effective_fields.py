"""The effective number of fields in a set of series.

Pixels of one field are near copies of each other, so the sample size is the number of fields, not
of pixels. It is smaller still if a few fields hold most pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

FEWEST_TEST_FIELDS = 5
"""Least number of test fields per class for which a bootstrap over fields is meaningful."""


def effective_number(counts: npt.ArrayLike) -> float:
    """Computes Kish's effective sample size, (sum n)^2 / sum n^2.

    Fields of equal size give the number of fields. One field with nearly all series gives nearly
    one.

    Args:
        counts: (F,) number n of series in each field.

    Returns:
        The effective number of fields; 0 without a field.

    Example:
        >>> effective_number([4, 4, 4]), round(effective_number([100, 1]), 2)
        (3.0, 1.02)
        >>> effective_number([])
        0.0
    """
    values = np.asarray(counts, dtype=np.float64)
    return float(values.sum() ** 2 / (values**2).sum()) if values.any() else 0.0


def effective_fields(
    field_id: npt.NDArray[Any], label: npt.NDArray[np.integer], *, num_classes: int
) -> list[float]:
    """Computes the effective number of fields of each class.

    Args:
        field_id: (N,) field of each series.
        label: (N,) class of each series, -1 unlabelled.
        num_classes: number of classes C.

    Returns:
        C numbers.

    Example:
        >>> effective_fields(np.array([1, 1, 2, 3]), np.array([0, 0, 0, 1]), num_classes=2)
        [1.8, 1.0]
    """
    found = []
    for each in range(num_classes):
        _, counts = np.unique(field_id[label == each], return_counts=True)
        found.append(effective_number(counts))
    return found


def num_fields(
    field_id: npt.NDArray[Any], label: npt.NDArray[np.integer], *, num_classes: int
) -> list[int]:
    """Counts the fields of each class.

    Args:
        field_id: (N,) field of each series.
        label: (N,) class of each series, -1 unlabelled.
        num_classes: number of classes C.

    Returns:
        C counts.

    Example:
        >>> num_fields(np.array([1, 1, 2, 3]), np.array([0, 0, 0, 1]), num_classes=2)
        [2, 1]
    """
    return [len(np.unique(field_id[label == each])) for each in range(num_classes)]


def too_few_test_fields(
    field_id: npt.NDArray[Any],
    label: npt.NDArray[np.integer],
    names: Sequence[str],
    *,
    fewest: int = FEWEST_TEST_FIELDS,
) -> str | None:
    """Checks whether every class has enough test fields for an interval over fields.

    Args:
        field_id: (N,) field of each test series.
        label: (N,) class of each test series.
        names: names of the C classes. A class without a series has too few fields.
        fewest: least number of test fields per class.

    Returns:
        The reason why there is no interval, or None if every class has enough fields.

    Example:
        >>> too_few_test_fields(np.array([1, 2]), np.array([0, 0]), ["Oats"])
        'no interval: fewer than 5 test fields of Oats (2)'
        >>> too_few_test_fields(np.arange(5), np.zeros(5, dtype=int), ["Oats", "Rye"])
        'no interval: fewer than 5 test fields of Rye (0)'
    """
    counts = num_fields(field_id, label, num_classes=len(names))
    short = [f"{name} ({n})" for name, n in zip(names, counts, strict=True) if n < fewest]
    if not short:
        return None
    return f"no interval: fewer than {fewest} test fields of {', '.join(short)}"
