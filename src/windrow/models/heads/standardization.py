"""Mean and deviation of the inputs of a head, by which it standardises them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SMALLEST_DEVIATION = 1e-6
"""A value that never varies is left as it is instead of being divided by almost nothing."""


def feature_moments(
    values: npt.NDArray[np.floating],
    valid: npt.NDArray[np.bool_] | None = None,
    *,
    rows_at_once: int | None = None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Computes mean and population deviation of each feature, in float64.

    Args:
        values: (N, ..., F).
        valid: (N, ...), which entries count; None counts all.
        rows_at_once: rows that are copied to float64 at a time; None copies all.

    Returns:
        (F,) mean, and (F,) deviation, which is 1 where it is below :data:`SMALLEST_DEVIATION`.

    Example:
        >>> mean, deviation = feature_moments(np.array([[0.0, 5.0], [2.0, 5.0]]))
        >>> mean.tolist(), deviation.tolist()
        ([1.0, 5.0], [1.0, 1.0])
    """
    step = rows_at_once or max(len(values), 1)
    parts = [slice(start, start + step) for start in range(0, len(values), step)]

    def chosen(part: slice) -> npt.NDArray[np.float64]:
        rows = values[part] if valid is None else values[part][valid[part]]
        return rows.reshape(-1, values.shape[-1]).astype(np.float64)

    count = values[..., 0].size if valid is None else int(valid.sum())
    mean = sum(chosen(part).sum(axis=0) for part in parts) / count
    variance = sum(((chosen(part) - mean) ** 2).sum(axis=0) for part in parts) / count
    deviation = np.sqrt(variance)
    return np.asarray(mean), np.where(deviation < SMALLEST_DEVIATION, 1.0, deviation)
