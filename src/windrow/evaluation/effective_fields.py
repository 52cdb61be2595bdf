"""How many fields a set of series is worth.

Pixels of one field are near copies of each other, so the number of fields, not of pixels, says
how much is known. Where a few fields hold most pixels it is fewer still.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

FEWEST_TEST_FIELDS = 5
"""With fewer test fields in a class a bootstrap over fields means nothing."""


def effective_number(counts: npt.ArrayLike) -> float:
    """Kish's effective size: (sum n)^2 / sum n^2 of the series each field holds.

    Equal shares give the number of fields; one field that holds nearly all gives nearly one.

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
    """The effective number of fields of each class.

    Args:
        field_id: (N,) field of each series.
        label: (N,) class of each series; -1 counts for none.
        num_classes: C.

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
    """The number of fields of each class.

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
    """Why no interval over fields can be given, or None where it can.

    Args:
        field_id: (N,) field of each test series.
        label: (N,) class of each.
        names: of the C classes; a class without any series has too few as well.
        fewest: test fields that every class must have.

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
