"""The frozen encoder: Sentinel-2 series in, representation out.

Series are sorted by their number of valid dates and packed (valid dates to the front, the rest
cut off), so that short series cost little. Neither the packing nor the batch size changes the
representation beyond rounding (1e-5).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from windrow.data.batches import month_of_day
from windrow.data.series import Series
from windrow.errors import DataError, SettingsError, WeightsError
from windrow.models.encoder import EncoderSettings
from windrow.models.flops import encoder_flops
from windrow.models.weights import WeightsHeader, load_encoder

Pooling = Literal["mean", "month"]

SHIPPED = Path(__file__).parents[1] / "weights"
"""Where the weights lie that come with windrow."""

BATCH_SIZE = 256
"""Series encoded at a time; a matter of speed and memory alone."""


class FrozenEncoder:
    """An encoder that is only read: what everything downstream builds on.

    Args:
        encoder: the module; put into evaluation mode.
        header: what its weights mean.
        content_hash: hash of all that determines the representation.
        device: where it runs, such as ``cpu`` or ``cuda``.

    Attributes:
        header: settings, bands, normalisation and provenance of the weights.
        content_hash: 64 hexadecimal digits; heads fitted on the representation carry it.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *,
        header: WeightsHeader,
        content_hash: str,
        device: str = "cpu",
    ) -> None:
        self._encoder = encoder.eval().requires_grad_(False).to(device)
        self._device = torch.device(device)
        self._normalization = header.normalization.normalization()
        self.header = header
        self.content_hash = content_hash

    @property
    def width(self) -> int:
        """D, the width of the representation."""
        return self.header.width

    @property
    def bands(self) -> tuple[str, ...]:
        """The Sentinel-2 bands it reads, in order."""
        return self.header.bands

    @property
    def processing_level(self) -> str:
        """``L1C`` or ``L2A``, as in training."""
        return self.header.processing_level

    @property
    def simulated(self) -> bool:
        """Whether it was trained on simulated series."""
        return self.header.simulated

    def flops_per_series(self, num_dates: int) -> int:
        """Operations of the encoder for a series of so many valid dates."""
        return encoder_flops(self.header.encoder, num_bands=len(self.bands), num_dates=num_dates)

    def sequence(self, series: Series, *, batch_size: int = BATCH_SIZE) -> npt.NDArray[np.float32]:
        """The representation of every date.

        Args:
            series: N series of T dates; further bands are ignored, any order is accepted.
            batch_size: series encoded at a time; changes nothing but speed.

        Returns:
            (N, T, D) float32, zero at invalid dates.

        Raises:
            BandError: a band that the encoder reads is missing.
            DataError: a series has no valid date, or more than the learned positions.
            WeightsError: the series are of another processing level.
        """
        result = np.zeros((len(series), series.num_dates, self.width), dtype=np.float32)
        for rows, dates, z, valid in self._batches(series, batch_size):
            inner = np.nonzero(valid)
            result[rows[inner[0]], dates[inner]] = z[inner]
        return result

    def embed(
        self, series: Series, *, pool: Pooling = "mean", batch_size: int = BATCH_SIZE
    ) -> npt.NDArray[np.float32]:
        """One vector a series, pooled over its valid dates; always finite.

        Args:
            series: as for :meth:`sequence`.
            pool: ``mean`` over all dates, or ``month``: the means of the twelve months one after
                another, where a month without a date takes the nearest month that has one, the
                earlier of two.
            batch_size: series encoded at a time; changes nothing but speed.

        Returns:
            (N, D) float32, or (N, 12 D) for ``month``.

        Raises:
            BandError, DataError, WeightsError: as for :meth:`sequence`.
            SettingsError: the pooling is unknown.
        """
        if pool not in get_args(Pooling):
            raise SettingsError("unknown pooling", found=pool, expected="mean or month")
        month = month_of_day(series.day_of_year, series.year)
        size = self.width if pool == "mean" else 12 * self.width
        result = np.zeros((len(series), size), dtype=np.float32)
        for rows, dates, z, valid in self._batches(series, batch_size):
            if pool == "mean":
                result[rows] = mean_pool(z, valid)
            else:
                months = np.take_along_axis(month[rows], dates, axis=1)
                result[rows] = month_pool(z, valid, months).reshape(len(rows), -1)
        return result

    def _batches(
        self, series: Series, batch_size: int
    ) -> Iterator[
        tuple[
            npt.NDArray[np.intp],
            npt.NDArray[np.intp],
            npt.NDArray[np.float32],
            npt.NDArray[np.bool_],
        ]
    ]:
        """Rows (n,), positions of their packed dates (n, t), z (n, t, D) and validity (n, t)."""
        series = self._checked(series, batch_size)
        counts = series.valid.sum(axis=1)
        by_length = np.argsort(counts, kind="stable")
        for start in range(0, len(series), batch_size):
            rows = by_length[start : start + batch_size]
            longest = int(counts[rows[-1]])
            dates = np.argsort(~series.valid[rows], axis=1, kind="stable")[:, :longest]
            valid = np.take_along_axis(series.valid[rows], dates, axis=1)
            days = np.take_along_axis(series.day_of_year[rows], dates, axis=1)
            reflectance = np.take_along_axis(series.reflectance[rows], dates[..., None], axis=1)
            z = self._encode(
                self._normalization.apply(reflectance) * valid[..., None],
                np.where(valid, days, 0),
                valid,
            )
            yield rows, dates, z, valid

    def _encode(
        self,
        values: npt.NDArray[np.float32],
        days: npt.NDArray[np.int16],
        valid: npt.NDArray[np.bool_],
    ) -> npt.NDArray[np.float32]:
        def on_device(array: npt.NDArray[np.generic]) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)

        with torch.inference_mode():
            z = self._encoder(on_device(values), on_device(days), on_device(valid))
        encoded: npt.NDArray[np.float32] = z.float().cpu().numpy()
        return encoded

    def _checked(self, series: Series, batch_size: int) -> Series:
        if batch_size < 1:
            raise SettingsError("batch_size must be at least 1", found=batch_size)
        if series.processing_level != self.processing_level:
            raise WeightsError(
                "the series are of another processing level than the weights",
                found=series.processing_level,
                expected=self.processing_level,
                hint=f"give {self.processing_level} series, "
                f"or weights trained on {series.processing_level}",
            )
        series = series.with_bands(self.bands)
        counts = series.valid.sum(axis=1)
        if len(series) and counts.min() == 0:
            empty = np.flatnonzero(counts == 0)
            raise DataError(
                f"{len(empty)} series without any valid date",
                where=f"series {series.id[empty[0]]}",
                hint="leave them out",
            )
        settings = self.header.encoder
        if (
            isinstance(settings, EncoderSettings)
            and settings.position == "learned"
            and len(series)
            and counts.max() > settings.num_positions
        ):
            raise DataError(
                "a series has more dates than the encoder has learned positions",
                where=f"series {series.id[int(np.argmax(counts))]}",
                found=int(counts.max()),
                expected=f"at most {settings.num_positions}",
                hint="use weights that encode the day of year",
            )
        return series


def mean_pool(z: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Mean of z (N, T, D) over the valid dates (N, T), which every series must have."""
    total = np.einsum("ntd,nt->nd", z, valid.astype(np.float32))
    return np.asarray(total / valid.sum(axis=1)[:, None], dtype=np.float32)


def month_pool(
    z: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_], month: npt.NDArray[np.integer]
) -> npt.NDArray[np.float32]:
    """Means of z over the valid dates of each month; an empty month takes the nearest.

    Nearest by the difference of month numbers within the year (December is not next to January),
    the earlier of two at equal distance.

    Args:
        z: (N, T, D).
        valid: (N, T) bool, at least one True a series.
        month: (N, T) integers 0..11.

    Returns:
        (N, 12, D) float32.
    """
    chosen = (month[..., None] == np.arange(12)) & valid[..., None]
    counts = chosen.sum(axis=1)
    total = np.einsum("ntd,ntm->nmd", z, chosen.astype(np.float32))
    means = total / np.maximum(counts, 1)[..., None]
    distance = np.abs(np.arange(12)[:, None] - np.arange(12)) * 2
    distance = distance + (np.arange(12) > np.arange(12)[:, None])  # the earlier on a tie
    nearest = np.where(counts[:, None, :] > 0, distance, 99).argmin(axis=2)
    return np.asarray(np.take_along_axis(means, nearest[..., None], axis=1), dtype=np.float32)


def shipped_weights() -> dict[str, Path]:
    """The weights that come with windrow, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.safetensors"))}


def load(weights: str | Path, *, device: str = "cpu") -> FrozenEncoder:
    """A frozen encoder from a run directory, a ``.safetensors`` file or the name of shipped ones.

    Args:
        weights: what to load; the three are tried in that order.
        device: where it will run.

    Raises:
        WeightsError: there are no such weights, or they cannot be read.
    """
    path = Path(weights)
    shipped = shipped_weights()
    if path.is_dir():
        if not (path / "weights.safetensors").is_file():
            raise WeightsError(
                "no weights in this folder",
                where=path,
                expected="the run directory of a finished 'windrow pretrain'",
                hint="finish the run with --resume, or name another",
            )
        path = path / "weights.safetensors"
    elif not path.is_file():
        if str(weights) not in shipped:
            raise WeightsError(
                "no such weights",
                found=weights,
                expected="a run directory, a .safetensors file or shipped weights, which are: "
                + (", ".join(shipped) or "none yet"),
            )
        path = shipped[str(weights)]
    encoder, header, content_hash = load_encoder(path)
    return FrozenEncoder(encoder, header=header, content_hash=content_hash, device=device)
