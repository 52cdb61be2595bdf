"""Reflectance as 16-bit integers: its scale, and what lies outside any reflectance.

All readers follow one rule. A value that 16 bits cannot hold, or that lies below -0.2, makes the
observation invalid, and such observations are counted. A set of which more than 1 % are so has
another scale than was taken, and is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.errors import DataError
from windrow.sources.reader import ReadingSummary, Scale

LARGEST_REFLECTANCE = 2.5
"""No band of a cloud or of snow is brighter: values that all lie below are reflectance 0..1."""
SMALLEST_BRIGHT_DN = 100.0
"""Values of which the largest is at least this are reflectance x 10,000."""
SMALLEST_REFLECTANCE = -0.2
"""Atmospheric correction overshoots to slightly negative values, not to -9999."""
SMALLEST_INTEGER = round(SMALLEST_REFLECTANCE * sensors.SCALE)
LARGEST_INTEGER = int(np.iinfo(np.int16).max)
MOST_OUT_OF_RANGE = 0.01
"""The share of observations out of range above which the scale must be another."""

COUNT = "observations_out_of_range_made_invalid"
"""The name under which a summary counts what was left out."""
PLANETSCOPE_COUNT = "planetscope_pixels_out_of_range_made_invalid"


def in_range(integers: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Whether reflectance x 10,000 can be a reflectance and fits into 16 bits.

    Example:
        >>> in_range(np.array([-2001, -2000, 0, 32767, 32768])).tolist()
        [False, True, True, True, False]
    """
    return np.asarray((integers >= SMALLEST_INTEGER) & (integers <= LARGEST_INTEGER))


class RangeTally:
    """Counts the observations that are out of range, over all parts of a set.

    Args:
        summary: where they are counted, or None.

    Example:
        >>> summary = ReadingSummary("x")
        >>> tally = RangeTally(summary)
        >>> tally.add(np.array([[300], [40_000]]), np.array([True, True]))
        array([ True, False])
        >>> summary.counts
        {'observations_out_of_range_made_invalid': 1}
    """

    def __init__(self, summary: ReadingSummary | None = None) -> None:
        self._summary = summary
        self.num_known = 0
        self.num_out = 0
        self._most_often: float | None = None

    def add(
        self, integers: npt.NDArray[Any], known: npt.NDArray[np.bool_], *, axis: int = -1
    ) -> npt.NDArray[np.bool_]:
        """Counts one part, and says which of its observations are valid.

        Args:
            integers: reflectance x 10,000 with the bands along ``axis``.
            known: whether an observation holds data; the shape of ``integers`` without ``axis``.
            axis: of the bands.

        Returns:
            known observations whose bands all are in range.
        """
        inside = in_range(integers)
        valid = np.asarray(known & inside.all(axis=axis))
        out = known & ~valid
        self.count(int(known.sum()), int(out.sum()))
        if self._most_often is None and out.any():
            self._most_often = _most_often_outside(np.moveaxis(integers, axis, -1)[out])
        return valid

    def count(self, num_known: int, num_out: int) -> None:
        """Counts observations that were looked at elsewhere."""
        self.num_known += num_known
        self.num_out += num_out
        if self._summary is not None:
            self._summary.count(COUNT, self.num_out)

    def count_part(self, part: IntegerReflectance) -> None:
        """Counts the observations of one part."""
        num_out = int(part.out_of_range.sum())
        self.count(int(part.valid.sum()) + num_out, num_out)
        if self._most_often is None:
            self._most_often = part.most_often_outside

    def refuse(self, *, where: object, factor: float = 1.0) -> None:
        """Refuses the set where too many observations are out of range.

        Args:
            where: the file, for the message.
            factor: what the file's values were multiplied by.

        Raises:
            DataError: more than 1 % are out of range, so that the scale must be another.
        """
        if self.num_out <= MOST_OUT_OF_RANGE * self.num_known:
            return
        least, most = SMALLEST_INTEGER / factor, LARGEST_INTEGER / factor
        value = None if self._most_often is None else self._most_often / factor
        share = f"{self.num_out / self.num_known:.1%} of {self.num_known:,} observations"
        raise DataError(
            "reflectance is out of range, so the scale is wrong",
            where=where,
            found=share if value is None else f"{share} out of range, most often {value:.10g}",
            expected=f"{least:g} to {most:g} in all but {MOST_OUT_OF_RANGE:.0%}",
            hint="declare that value as no data, or bring the values to reflectance x 10,000",
        )


@dataclass(frozen=True)
class IntegerReflectance:
    """Reflectance x 10,000.

    Attributes:
        valid: (...,) bool: False where a band is NaN or out of range, or all bands are 0.
        values: (..., B) int16, 0 where not valid.
        out_of_range: (...,) bool: True where there are data, and a band is out of range.
        most_often_outside: the value out of range that stands most often, or None.
    """

    valid: npt.NDArray[np.bool_]
    values: npt.NDArray[np.int16]
    out_of_range: npt.NDArray[np.bool_]
    most_often_outside: float | None = None


def _most_often_outside(integers: npt.NDArray[Any]) -> float:
    """Returns the value out of range that stands most often in reflectance x 10,000."""
    values, counts = np.unique(integers[~in_range(integers)], return_counts=True)
    return float(values[np.argmax(counts)])


def scale_of(values: npt.NDArray[Any], *, where: object) -> Scale | None:
    """Returns the scale that the values speak for; None where none of them is above 0.

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


def factor_of(scale: Scale) -> float:
    """Returns what brings values of a scale to reflectance x 10,000."""
    return float(sensors.SCALE) if scale == "reflectance" else 1.0


def agreed_scale(found: Scale, given: Scale | None, *, where: object) -> Scale:
    """Returns the scale found, unless another was given.

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
    """Returns reflectance (..., B) as integers.

    The caller counts what is out of range by a :class:`RangeTally`.

    Raises:
        DataError: the values are in the other scale.

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
    known = (values != 0).any(axis=-1)
    if values.dtype.kind == "f":
        known &= np.isfinite(values).all(axis=-1)
    scaled = np.where(known[..., None], values, 0)
    if scaled.dtype.kind == "f":
        scaled = np.rint(scaled * factor_of(scale))
    valid = known & in_range(scaled).all(axis=-1)
    clean = np.where(valid[..., None], scaled, 0).astype(np.int16)
    out = np.asarray(known & ~valid)
    return IntegerReflectance(
        valid, clean, out, _most_often_outside(scaled[out]) if out.any() else None
    )
