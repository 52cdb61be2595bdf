"""Predicts PlanetScope and cloud level from Sentinel-2 with a pre-trained bi-modal BERT.

Weights that were asked about days without an observation (``num_queries``) predict any day. Other
weights predict at the dates of the series; days between are interpolated linearly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from windrow import sensors
from windrow.data.daily_interpolation import interpolate_days
from windrow.errors import DataError, SettingsError
from windrow.models.bimodal_bert import BimodalBert
from windrow.models.weights import WeightsHeader
from windrow.tasks.bert import BertSettings

PREDICTED, INTERPOLATED, MISSING = 0, 1, 2
"""Flags of a day: predicted by the model, interpolated between predictions, no data."""

_TOKENS_A_CALL = 32_768
"""Largest number of tokens that the model reads at a time. It changes speed and memory only."""


@dataclass(frozen=True, eq=False)
class PixelDates:
    """Sentinel-2 series of N pixels that share T dates.

    Attributes:
        reflectance: (N, T, B) int16, reflectance x 10,000, in the bands of the weights.
        valid: (N, T) bool.
        dates: (T,) datetime64[D], not decreasing.
    """

    reflectance: npt.NDArray[np.int16]
    valid: npt.NDArray[np.bool_]
    dates: npt.NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class Daily:
    """Predicted PlanetScope of N pixels on D days.

    Attributes:
        reflectance: (N, D, 36) float32, reflectance 0..1, band-major; NaN without data.
        flag: (N, D) uint8, 0 predicted, 1 interpolated, 2 no data.
    """

    reflectance: npt.NDArray[np.float32]
    flag: npt.NDArray[np.uint8]


class BimodalPredictor:
    """A pre-trained bi-modal BERT with its linear layers.

    Args:
        module: the model.
        header: header of its weights.
        task: settings of its pretext task.
        use_queries: predict days between the dates where the weights can; False interpolates.

    Raises:
        SettingsError: the weights predict something else than PlanetScope on the date itself.
    """

    def __init__(
        self,
        module: BimodalBert,
        *,
        header: WeightsHeader,
        task: BertSettings,
        use_queries: bool = True,
    ) -> None:
        if task.target != "planetscope" or 0 not in task.target_offsets:
            raise SettingsError(
                "these weights do not predict PlanetScope on the date of an observation",
                found=f"target {task.target}, target_offsets {task.target_offsets}",
                expected="target planetscope and 0 in target_offsets",
            )
        assert header.target_normalization is not None
        self.header = header
        self._module = module.eval().requires_grad_(False)
        self._task = task
        self._normalization = header.normalization.normalization()
        self._target = header.target_normalization.normalization().repeat(
            sensors.PLANETSCOPE_WINDOW**2
        )
        self.any_day = use_queries and task.num_queries > 0

    def daily(self, pixels: PixelDates, days: npt.NDArray[np.datetime64]) -> Daily:
        """Predicts PlanetScope on days.

        A pixel's prediction depends on its own series alone, and the one of a day does not depend
        on which other days are asked for.

        Args:
            pixels: the series.
            days: (D,) datetime64[D], increasing.

        Raises:
            DataError: arrays do not fit each other or the weights.
        """
        self._check(pixels)
        seen = np.asarray(pixels.valid.any(axis=1))
        shape = (len(seen), len(days))
        reflectance = np.full((*shape, sensors.NUM_PLANETSCOPE_VALUES), np.nan, dtype=np.float32)
        flag = np.full(shape, MISSING, dtype=np.uint8)
        rows = np.flatnonzero(seen)
        tokens = len(pixels.dates) + (len(days) if self.any_day else 0)
        size = max(1, _TOKENS_A_CALL // tokens)
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            chosen = PixelDates(pixels.reflectance[part], pixels.valid[part], pixels.dates)
            if self.any_day:
                reflectance[part], flag[part] = self._asked(chosen, days), PREDICTED
            else:
                reflectance[part], flag[part] = self._between(chosen, days)
        return Daily(reflectance, flag)

    def cloud(self, pixels: PixelDates) -> npt.NDArray[np.float32]:
        """Predicts the cloud level of every date.

        Returns:
            (N, T) float32, the expected level as a share 0..1; NaN at invalid dates.

        Raises:
            DataError: arrays do not fit each other or the weights.
        """
        self._check(pixels)
        parts = []
        size = max(1, _TOKENS_A_CALL // len(pixels.dates))
        for start in range(0, len(pixels.valid), size):
            part = slice(start, start + size)
            chosen = PixelDates(pixels.reflectance[part], pixels.valid[part], pixels.dates)
            with torch.inference_mode():
                scores = self._module.cloud(self._encode(chosen, None)).float()
                if scores.shape[-1] == 1:
                    share = scores[..., 0].clamp(0, 1)
                else:
                    levels = torch.linspace(0, 1, scores.shape[-1])
                    share = (scores.softmax(dim=-1) * levels).sum(dim=-1)
            parts.append(np.where(chosen.valid, share.numpy(), np.float32(np.nan)))
        return np.concatenate(parts)

    def _check(self, pixels: PixelDates) -> None:
        num_bands = len(self.header.bands)
        expected = (*pixels.valid.shape, num_bands)
        if pixels.reflectance.shape != expected or len(pixels.dates) != expected[1]:
            raise DataError(
                "the series do not fit their dates or the weights",
                found=f"reflectance {pixels.reflectance.shape}, {len(pixels.dates)} dates",
                expected=f"reflectance {expected}",
            )

    def _encode(self, pixels: PixelDates, days: npt.NDArray[np.datetime64] | None) -> Tensor:
        """Computes the representation (N, T, D); with days that of the queries alone."""
        values = self._normalization.apply(pixels.reflectance) * pixels.valid[..., None]
        valid = torch.from_numpy(pixels.valid)
        day = _calendar_days(pixels.dates)
        num_queries = 0 if days is None else len(days)
        if days is not None:
            day = torch.cat((day, _calendar_days(days)))
        queries = (0, num_queries)
        asked = torch.nn.functional.pad(torch.zeros_like(valid), queries, value=True)
        z: Tensor = self._module(
            torch.nn.functional.pad(torch.from_numpy(values).float(), (0, 0, *queries)),
            day.expand(len(valid), -1),
            torch.nn.functional.pad(valid, queries),
            masked=asked if num_queries else None,
        )
        return z if days is None else z[:, len(pixels.dates) :]

    def _reflectance(self, standardised: Tensor) -> npt.NDArray[np.float32]:
        values = standardised.numpy() * self._target.std + self._target.mean
        return np.asarray(values, dtype=np.float32)

    def _asked(
        self, pixels: PixelDates, days: npt.NDArray[np.datetime64]
    ) -> npt.NDArray[np.float32]:
        """Predicts every day by a token that holds its date alone."""
        lag = self._task.target_offsets.index(0)
        with torch.inference_mode():
            predicted = self._module.reconstruct(self._encode(pixels, days))[:, :, lag]
        return self._reflectance(predicted)

    def _between(
        self, pixels: PixelDates, days: npt.NDArray[np.datetime64]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
        """Predicts the days that the dates speak of, and interpolates between them."""
        with torch.inference_mode():
            predicted = self._module.reconstruct(self._encode(pixels, None))
        values = self._reflectance(predicted)
        first = pixels.dates[0] - np.timedelta64(max(map(abs, self._task.target_offsets)), "D")
        day = (pixels.dates - first).astype(np.int64)
        wanted = (days - first).astype(np.int64)
        num_days = int(max(wanted.max(), day.max())) + 1 + max((*self._task.target_offsets, 0))
        by_day = np.zeros((len(values), num_days, values.shape[-1]), dtype=np.float32)
        known = np.zeros((len(values), num_days), dtype=np.bool_)
        # The smallest offset last: it overwrites what other dates say of the day.
        for lag, offset in sorted(enumerate(self._task.target_offsets), key=lambda x: -abs(x[1])):
            row, date = np.nonzero(pixels.valid)
            by_day[row, day[date] + offset] = values[row, date, lag]
            known[row, day[date] + offset] = True
        every = interpolate_days(by_day, np.arange(num_days), known, wanted)
        inside = (wanted >= 0) & (wanted < num_days)
        hit = known[:, np.clip(wanted, 0, num_days - 1)] & inside
        return every, np.where(hit, PREDICTED, INTERPOLATED).astype(np.uint8)


def _calendar_days(dates: npt.NDArray[np.datetime64]) -> Tensor:
    days = dates.astype("M8[D]")
    return torch.from_numpy((days - days.astype("M8[Y]")).astype(np.int64))
