"""Sums behind the figures of a reconstruction: errors by band and lag, and hits by class."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from windrow import sensors
from windrow.data.batches.pretraining import Batch
from windrow.data.day_of_year import NUM_MONTHS
from windrow.evaluation.reconstruction_figures import (
    BandFigures,
)
from windrow.tasks.bert import Outputs
from windrow.tasks.masking import Masked

PIXELS = sensors.PLANETSCOPE_WINDOW**2


BAND_SHAPE = (len(sensors.PLANETSCOPE_BANDS), PIXELS)


class _Fit(NamedTuple):
    """R2 and RMSE of an estimate; None where nothing was scored or the target does not vary."""

    r2: float | None
    rmse: float | None


class Scores:
    """Squared errors by estimate, band and lag, summed over batches."""

    def __init__(self, num_bands: int, num_lags: int) -> None:
        self._shape = (num_lags, num_bands)
        self._count = np.zeros(self._shape)
        self._sum = np.zeros(self._shape)
        self._squares = np.zeros(self._shape)
        self._errors: dict[str, npt.NDArray[np.float64]] = {}

    def add(
        self,
        target: npt.NDArray[np.float64],
        scored: npt.NDArray[np.bool_],
        estimates: dict[str, npt.NDArray[np.float64]],
    ) -> None:
        """Adds (n, T, L, K) targets where scored, and estimates of them."""
        self._count += self._by_band(scored.astype(np.float64))
        self._sum += self._by_band(np.where(scored, target, 0.0))
        self._squares += self._by_band(np.where(scored, target**2, 0.0))
        for name, estimate in estimates.items():
            error = self._by_band(np.where(scored, (estimate - target) ** 2, 0.0))
            self._errors[name] = self._errors.get(name, np.zeros(self._shape)) + error

    def _by_band(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        per_value = values.sum(axis=(0, 1))
        return np.asarray(per_value.reshape(*self._shape, -1).sum(axis=-1))

    def rows(self, names: tuple[str, ...], lags: tuple[int, ...]) -> list[BandFigures]:
        """Gives one row per band and lag. A value is None if nothing was scored."""
        return [
            self._row(name, lag, position, band)
            for band, name in enumerate(names)
            for position, lag in enumerate(lags)
        ]

    def _row(self, name: str, lag: int, position: int, band: int) -> BandFigures:
        model = self._fit("model", position, band)
        day_mean = self._fit("day_mean", position, band)
        nearest_clear = self._fit("nearest_clear", position, band)
        nearest_clear_any = self._fit("nearest_clear_any", position, band)
        return {
            "band": name,
            "lag": lag,
            "r2": model.r2,
            "rmse": model.rmse,
            "baseline_day_mean_r2": day_mean.r2,
            "baseline_day_mean_rmse": day_mean.rmse,
            "baseline_nearest_clear_r2": nearest_clear.r2,
            "baseline_nearest_clear_rmse": nearest_clear.rmse,
            "baseline_nearest_clear_any_r2": nearest_clear_any.r2,
            "baseline_nearest_clear_any_rmse": nearest_clear_any.rmse,
        }

    def _fit(self, estimate: str, lag: int, band: int) -> _Fit:
        count = self._count[lag, band]
        if estimate not in self._errors or count == 0:
            return _Fit(None, None)
        error = self._errors[estimate][lag, band]
        spread = self._squares[lag, band] - self._sum[lag, band] ** 2 / count
        r2 = float(1 - error / spread) if spread > 0 else None
        return _Fit(r2, float(np.sqrt(error / count)))


class Hits:
    """Correct answers, absolute errors and class counts of a classification."""

    def __init__(self) -> None:
        self.num_right = 0
        self.absolute_error = 0
        self.counts: npt.NDArray[np.int64] | None = None

    def add_months(self, outputs: Outputs) -> None:
        """Adds the predicted months of all dates that are present."""
        months = torch.arange(NUM_MONTHS, device=outputs.present.device)
        self._add(outputs.season, months.expand(outputs.present.shape), outputs.present, NUM_MONTHS)

    def add_clouds(self, outputs: Outputs, batch: Batch, masked: Masked) -> None:
        """Adds the predicted cloud levels of the masked dates, if the batch has cloud levels."""
        if batch.cloud_level is not None:
            levels = sensors.NUM_CLOUD_LEVELS
            self._add(outputs.cloud, batch.cloud_level, masked.cloud, levels)

    def _add(self, output: Tensor, wanted: Tensor, chosen: Tensor, num_classes: int) -> None:
        if output.shape[-1] == 1:
            answer = (output[..., 0] * (num_classes - 1)).round().clamp(0, num_classes - 1)
        else:
            answer = output.argmax(dim=-1)
        difference = (answer.long() - wanted)[chosen].abs()
        self.num_right += int((difference == 0).sum())
        self.absolute_error += int(difference.sum())
        counts = torch.bincount(wanted[chosen], minlength=num_classes).cpu().numpy()
        self.counts = counts if self.counts is None else self.counts + counts

    @property
    def total(self) -> int:
        """Number of predictions."""
        return 0 if self.counts is None else int(self.counts.sum())

    @property
    def accuracy(self) -> float:
        """Share of correct predictions, 0..1."""
        return self.num_right / self.total

    @property
    def mean_absolute_error(self) -> float:
        """Mean distance between predicted and true class, in classes."""
        return self.absolute_error / self.total

    def majority(self, answer: int) -> tuple[float, float]:
        """Gives accuracy and mean absolute error of a constant answer."""
        assert self.counts is not None
        distance = np.abs(np.arange(len(self.counts)) - answer)
        error = float((self.counts * distance).sum()) / self.total
        return float(self.counts[answer]) / self.total, error
