"""Holds out fields for validation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from windrow.data.series import Series
from windrow.errors import SplitError

_SPLIT = 4
"""Stream of random draws."""


def hold_out(series: Series, *, share: float, seed: int) -> tuple[Series, Series]:
    """Splits series by field into training and held-out series.

    Args:
        series: series of at least two fields.
        share: share of the fields to hold out, 0..1; each part gets at least one field.
        seed: seed of the split.

    Returns:
        training series and held-out series.

    Raises:
        SplitError: there is only one field.
    """
    fields, inverse = np.unique(series.field_id, return_inverse=True)
    if len(fields) < 2:
        raise SplitError(
            "no field can be held out",
            found=f"{len(fields)} field",
            expected="at least two fields in the store",
        )
    num_held_out = min(max(round(share * len(fields)), 1), len(fields) - 1)
    order = np.random.default_rng([seed, _SPLIT]).permutation(len(fields))
    is_held_out = np.zeros(len(fields), dtype=np.bool_)
    is_held_out[order[:num_held_out]] = True
    chosen: npt.NDArray[np.bool_] = is_held_out[inverse]
    return series.select(np.flatnonzero(~chosen)), series.select(np.flatnonzero(chosen))


def thinned(series: Series, most: int) -> Series:
    """Returns at most ``most`` series, spread evenly over the input."""
    if len(series) <= most:
        return series
    return series.select(np.linspace(0, len(series) - 1, most).astype(np.intp))
