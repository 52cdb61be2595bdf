"""Reflectance of whole arrays as integers: which rows mean something, and in which scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.errors import DataError
from windrow.sources.reader import Scale

LARGEST_REFLECTANCE = 2.5
"""An array whose largest value is below is reflectance 0..1."""
SMALLEST_BRIGHT_DN = 100.0
"""An array whose largest value is at least this is reflectance x 10,000."""
SMALLEST_REFLECTANCE = -0.2
"""Atmospheric correction overshoots to slightly negative values, not to -9999."""


@dataclass(frozen=True)
class IntegerReflectance:
    """Reflectance x 10,000.

    Attributes:
        valid: (...,) bool: False where a band is NaN or all bands are 0.
        values: (..., B) int16, 0 where not valid.
        num_clipped: values above what 16 bits hold.
    """

    valid: npt.NDArray[np.bool_]
    values: npt.NDArray[np.int16]
    num_clipped: int


def scale_of(values: npt.NDArray[Any], *, where: object) -> Scale | None:
    """The scale that the values speak for; None where none of them is above 0.

    Raises:
        DataError: they lie between the two scales.

    Example:
        >>> scale_of(np.array([0.1, 0.4]), where="x"), scale_of(np.array([700]), where="x")
        ('reflectance', 'dn')
    """
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    largest = float(finite.max()) if finite.size else 0.0
    if largest <= 0:
        return None
    if largest >= SMALLEST_BRIGHT_DN:
        return "dn"
    if largest <= LARGEST_REFLECTANCE and values.dtype.kind == "f":
        return "reflectance"
    raise DataError(
        "the scale of reflectance is impossible",
        where=where,
        found=f"{largest:g} as largest value",
        expected="reflectance 0..1 or reflectance x 10,000",
    )


def agreed_scale(found: Scale, given: Scale | None, *, where: object) -> Scale:
    """The scale found, unless another was given.

    Raises:
        DataError: they differ.
    """
    if given is not None and given != found:
        raise DataError(
            f"the values do not fit the scale {given!r}",
            where=where,
            found=f"values that look like {found!r}",
            hint="leave the scale out",
        )
    return found


def to_integers(values: npt.NDArray[Any], scale: Scale, *, where: object) -> IntegerReflectance:
    """Reflectance (..., B) as integers.

    Raises:
        DataError: the values are in the other scale, or impossible in this one.

    Example:
        >>> to_integers(np.array([[0.1, 0.25], [0, 0]]), "reflectance", where="x").values.tolist()
        [[1000, 2500], [0, 0]]
    """
    found = scale_of(values, where=where)
    if found not in (None, scale):
        raise DataError(
            "the scale of reflectance is mixed",
            where=where,
            found=f"{found} beside {scale}",
            hint="bring all values to one scale",
        )
    valid = (values != 0).any(axis=-1)
    if values.dtype.kind == "f":
        valid &= np.isfinite(values).all(axis=-1)
    factor = float(sensors.SCALE) if scale == "reflectance" else 1.0
    scaled = np.where(valid[..., None], values, 0)
    if scaled.dtype.kind == "f":
        scaled = np.rint(scaled * factor)
    least = SMALLEST_REFLECTANCE * sensors.SCALE
    if scaled.size and scaled.min() < least:
        raise DataError(
            "a reflectance is impossible",
            where=where,
            found=f"{scaled.min() / factor:g}",
            expected=f"at least {least / factor:g}; no data is 0 or NaN",
        )
    limit = np.iinfo(np.int16).max
    clipped = int((scaled > limit).sum())
    return IntegerReflectance(valid, np.minimum(scaled, limit).astype(np.int16), clipped)
