"""Errors of daily reflectance by band, summed over series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow import sensors

_SHAPE = (len(sensors.PLANETSCOPE_BANDS), sensors.PLANETSCOPE_WINDOW**2)


@dataclass(frozen=True)
class BandError:
    """Errors of one estimate in one band, in reflectance.

    Attributes:
        estimate: name of the estimate.
        band: name of the band.
        rmse: root of the mean squared error.
        mae: mean absolute error.
        bias: mean of estimate minus truth.
        within: RMSE of the differences of the nine pixels from their mean: the error of the fine
            detail alone. An estimate of one value for the nine pixels has their deviation here.
    """

    estimate: str
    band: str
    rmse: float
    mae: float
    bias: float
    within: float | None


class DailyError:
    """Sums of errors by estimate and band.

    Only values that the truth and *all* estimates know are counted, so that estimates are compared
    on the same values.

    Example:
        >>> error = DailyError()
        >>> truth = np.full((1, 2, 36), 0.2)
        >>> error.add(truth, {"model": truth + 0.01})
        >>> row = error.rows()[0]
        >>> row.band, round(row.rmse, 3), round(row.bias, 3), round(row.within, 3)
        ('blue', 0.01, 0.01, 0.0)
    """

    def __init__(self) -> None:
        self._sums: dict[str, npt.NDArray[np.float64]] = {}
        self._num_values = np.zeros(_SHAPE[0])
        self._num_nines = np.zeros(_SHAPE[0])

    def add(
        self,
        truth: npt.NDArray[np.floating],
        estimates: Mapping[str, npt.NDArray[np.floating]],
    ) -> None:
        """Adds series.

        Args:
            truth: (N, D, 36) reflectance, band-major; NaN where not known.
            estimates: (N, D, 36) by name; NaN where not known.
        """
        true = _by_band(truth)
        found = {name: _by_band(values) for name, values in estimates.items()}
        known = np.asarray(np.isfinite(true))
        for values in found.values():
            known = known & np.isfinite(values)
        nines = np.asarray(known.all(axis=-1))
        self._num_values += known.sum(axis=(0, 2))
        self._num_nines += nines.sum(axis=0) * _SHAPE[1]
        for name, values in found.items():
            error = np.where(known, values - true, 0.0)
            whole = np.where(nines[..., None], error, 0.0)
            detail = whole - whole.mean(axis=-1, keepdims=True)
            sums = np.stack(
                [
                    (error**2).sum(axis=(0, 2)),
                    np.abs(error).sum(axis=(0, 2)),
                    error.sum(axis=(0, 2)),
                    (detail**2).sum(axis=(0, 2)),
                ]
            )
            self._sums[name] = self._sums.get(name, np.zeros_like(sums)) + sums

    def rows(self) -> list[BandError]:
        """Returns the errors of each estimate and band; NaN where nothing was counted."""
        with np.errstate(invalid="ignore"):
            return [
                BandError(
                    estimate=name,
                    band=band,
                    rmse=float(np.sqrt(sums[0, at] / self._num_values[at])),
                    mae=float(sums[1, at] / self._num_values[at]),
                    bias=float(sums[2, at] / self._num_values[at]),
                    within=float(np.sqrt(sums[3, at] / self._num_nines[at]))
                    if self._num_nines[at]
                    else None,
                )
                for name, sums in self._sums.items()
                for at, band in enumerate(sensors.PLANETSCOPE_BANDS)
            ]


def _by_band(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Rearranges (N, D, 36) to (N x D, 4, 9)."""
    return np.asarray(values, dtype=np.float64).reshape(-1, *_SHAPE)
