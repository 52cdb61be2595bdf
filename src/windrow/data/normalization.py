"""Standardisation of reflectance per band, with the moments of the training set.

The stored integers are divided by 10,000 and standardised with the mean and the *standard
deviation* of the valid values. Earlier public code divided by the variance, which is an error.
:meth:`Normalization.by_variance` repeats it, to measure its effect. Sums are taken in whole
numbers, so that the result does not depend on the order of the series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.data.series import NO_DATA
from windrow.errors import DataError

_ROWS = 1_024
"""Series summed at a time. This bounds the memory of the 64-bit copies."""


@dataclass(frozen=True, eq=False)
class Normalization:
    """Mean and standard deviation of reflectance (0..1, not x 10,000) per band.

    Attributes:
        mean: (B,) float64.
        std: (B,) float64, positive.

    Raises:
        DataError: mean and deviation differ in length, or a deviation is not a positive number.
    """

    mean: npt.NDArray[np.float64]
    std: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.mean.shape != self.std.shape or self.mean.ndim != 1:
            raise DataError(
                "normalisation needs one mean and one deviation per band",
                found=f"{self.mean.shape} and {self.std.shape}",
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.std).all()):
            raise DataError("normalisation holds a value that is no number")
        if (self.std <= 0).any():
            raise DataError(
                f"band number {int(np.argmin(self.std)) + 1} never varies",
                expected="reflectance that differs between the training dates",
                hint="leave the band out, or check that it was read at all",
            )

    @classmethod
    def fit(cls, values: npt.NDArray[np.int16], valid: npt.NDArray[np.bool_]) -> Normalization:
        """Computes mean and standard deviation over the valid entries.

        Args:
            values: (..., B) int16, reflectance x 10,000.
            valid: (...) bool, the entries to use.

        Raises:
            DataError: nothing is valid, or a band never varies.

        Example:
            >>> values = np.array([[1000], [3000], [32000]], dtype=np.int16)
            >>> fitted = Normalization.fit(values, np.array([True, True, False]))
            >>> fitted.mean.tolist(), fitted.std.tolist()
            ([0.2], [0.1])
        """
        num_bands = values.shape[-1]
        rows = values.reshape(len(values), -1, num_bands)
        chosen = valid.reshape(len(valid), -1)
        count = int(chosen.sum())
        if count == 0:
            raise DataError("no valid observation to take the normalisation from")
        total = np.zeros(num_bands, dtype=np.int64)
        squares = np.zeros(num_bands, dtype=np.int64)
        for start in range(0, len(rows), _ROWS):
            part = rows[start : start + _ROWS][chosen[start : start + _ROWS]].astype(np.int64)
            total += part.sum(axis=0)
            squares += (part * part).sum(axis=0)
        return cls(*_moments(count, total.tolist(), squares.tolist()))

    @classmethod
    def fit_planetscope(cls, planetscope: npt.NDArray[np.int16]) -> Normalization:
        """Computes mean and deviation of each PlanetScope band over series, days and pixels.

        Args:
            planetscope: (N, P, 36) int16 band-major, ``NO_DATA`` where missing.

        Returns:
            The normalisation of the four bands; see :meth:`repeat` for the 36 values.

        Raises:
            DataError: a band has no value, or never varies.
        """
        means: list[float] = []
        stds: list[float] = []
        pixels = sensors.PLANETSCOPE_WINDOW**2
        for first in range(0, planetscope.shape[-1], pixels):
            band = planetscope[..., first : first + pixels]
            fitted = cls.fit(band[..., None], band != NO_DATA)
            means.append(float(fitted.mean[0]))
            stds.append(float(fitted.std[0]))
        return cls(np.array(means), np.array(stds))

    def by_variance(self) -> Normalization:
        """Replaces the deviation by the variance, the error of earlier public code.

        Example:
            >>> Normalization(np.array([0.2]), np.array([0.1])).by_variance().std.round(4).tolist()
            [0.01]
        """
        return Normalization(self.mean, self.std**2)

    def repeat(self, times: int) -> Normalization:
        """Repeats each band ``times`` times, for the pixels of a PlanetScope window.

        Example:
            >>> two = Normalization(np.array([0.1, 0.2]), np.array([0.01, 0.02]))
            >>> two.repeat(2).mean.tolist()
            [0.1, 0.1, 0.2, 0.2]
        """
        return Normalization(np.repeat(self.mean, times), np.repeat(self.std, times))

    def apply(self, values: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
        """Standardises stored integers (..., B); float32."""
        scaled = values.astype(np.float32) / np.float32(sensors.SCALE)
        return np.asarray(
            (scaled - self.mean.astype(np.float32)) / self.std.astype(np.float32),
            dtype=np.float32,
        )

    def select(self, positions: Sequence[int]) -> Normalization:
        """Selects the bands at these positions, in this order."""
        return Normalization(self.mean[list(positions)], self.std[list(positions)])

    def to_dict(self) -> dict[str, list[float]]:
        """Converts the moments to JSON values. Floats survive the round trip exactly."""
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, list[float]]) -> Normalization:
        """Builds a normalisation from the output of :meth:`to_dict`."""
        return cls(
            np.array(values["mean"], dtype=np.float64), np.array(values["std"], dtype=np.float64)
        )


def _moments(
    count: int, total: list[int], squares: list[int]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Computes mean and population deviation from exact sums (Python integers do not overflow)."""
    mean = [t / (count * sensors.SCALE) for t in total]
    std = [
        sqrt(count * q - t * t) / (count * sensors.SCALE)
        for t, q in zip(total, squares, strict=True)
    ]
    return np.array(mean), np.array(std)
