"""The frozen encoder, which turns Sentinel-2 series into representations.

Series are sorted by their number of valid dates and packed: valid dates move to the front, and
the rest is cut off. Short series therefore cost little. In float32 neither the packing nor the
batch size changes the representation beyond rounding (1e-5).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from os import PathLike
from typing import get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from windrow.data.series import Series
from windrow.errors import DataError, SettingsError, WeightsError
from windrow.inference.backends import (
    Backend,
    BackendName,
    Precision,
    TorchBackend,
    choose_backend,
    onnx_backend,
    open_onnx,
)
from windrow.inference.date_selection import clearest_dates
from windrow.inference.pooling import Pooling, mean_pool, month_pool
from windrow.inference.shipped_weights import weights_path
from windrow.models.encoders.transformer import Encoder, EncoderSettings
from windrow.models.flops import encoder_flops
from windrow.models.heads.inputs import HeadInputs
from windrow.models.weights import WeightsHeader, load_encoder
from windrow.sources.open_any import SeriesSource, open_series

BATCH_SIZE = 256
"""Series encoded at a time. It changes speed and memory only."""


class FrozenEncoder:
    """A trained encoder with fixed weights.

    Args:
        backend: backend that computes the representation.
        header: header of the weights.
        content_hash: hash of everything that determines the representation.
        max_dates: largest number of dates read per series, the clearest first. None takes the
            number from the header, and reads all dates if the header has none.

    Attributes:
        header: settings, bands, normalisation and provenance of the weights.
        content_hash: 64 hexadecimal digits. Heads fitted on the representation carry it. Another
            number of dates than in the header gives another representation and another hash.
        max_dates: largest number of dates read per series; None reads all.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        header: WeightsHeader,
        content_hash: str,
        max_dates: int | None = None,
    ) -> None:
        self._backend = backend
        self.header = header
        self.content_hash = content_hash
        self.max_dates = header.max_dates
        if max_dates is not None and max_dates != header.max_dates:
            self.max_dates = max_dates
            changed = f"{content_hash} max_dates={max_dates}"
            self.content_hash = hashlib.sha256(changed.encode()).hexdigest()

    def __repr__(self) -> str:
        kind, bands = self.header.encoder.kind, len(self.bands)
        read = f"{bands} bands, {self.processing_level}"
        return f"FrozenEncoder({kind}, width {self.width}, {read}, {self.backend})"

    @property
    def backend(self) -> str:
        """Name and precision of the backend, such as ``torch float32``."""
        return self._backend.description

    @property
    def width(self) -> int:
        """Width D of the representation."""
        return self.header.width

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the Sentinel-2 bands that the encoder reads, in order."""
        return self.header.bands

    @property
    def processing_level(self) -> str:
        """Processing level of the training series, ``L1C`` or ``L2A``."""
        return self.header.processing_level

    @property
    def simulated(self) -> bool:
        """Whether the encoder was trained on simulated series."""
        return self.header.simulated

    @property
    def smoke_test(self) -> bool:
        """Whether the weights come from a recipe that only tests that training runs."""
        return self.header.smoke_test

    def inputs(self, series: Series) -> HeadInputs:
        """Prepares the inputs of the encoder, to fine-tune it together with a head.

        Args:
            series: see :meth:`sequence`.

        Returns:
            Standardised bands (N, T, B) with their dates, zero at invalid dates.

        Raises:
            BandError, DataError, WeightsError: see :meth:`sequence`.
        """
        present = self._present(series)
        checked, read = self._checked(series, BATCH_SIZE, self.max_dates)
        normalization = self.header.normalization.normalization()
        values = normalization.apply(checked.reflectance) * read[..., None]
        if present is not None:
            values = values * present  # 0 is the mean of a standardised band
        return HeadInputs(
            values=values.astype(np.float32),
            day_of_year=np.where(read, checked.calendar_day, 0).astype(np.int16),
            valid=read,
        )

    def trainable(self, series: Series | None = None) -> nn.Module:
        """Copies the encoder to a module whose weights can be trained. This encoder stays as it is.

        Args:
            series: the series of :meth:`inputs`. The copy treats bands that they lack as missing.
                None means that no band is missing.

        Raises:
            SettingsError: the encoder does not run in torch in float32.
        """
        if self.backend != "torch float32":
            raise SettingsError(
                "only an encoder in torch and float32 can be trained further",
                found=self.backend,
                hint="load its weights without a backend or precision",
            )
        assert isinstance(self._backend, TorchBackend)
        module = deepcopy(self._backend.encoder).requires_grad_(True)
        present = None if series is None else self._present(series)
        if present is not None:
            assert isinstance(module, Encoder)
            module.always_present = torch.from_numpy(present)
        return module

    def flops_per_series(self, num_dates: int) -> int:
        """Counts the floating-point operations for one series of ``num_dates`` valid dates."""
        return encoder_flops(self.header.encoder, num_bands=len(self.bands), num_dates=num_dates)

    def sequence(
        self, series: SeriesSource, *, batch_size: int = BATCH_SIZE, max_dates: int | None = None
    ) -> npt.NDArray[np.float32]:
        """Computes the representation of every date that is read.

        Args:
            series: N series of T dates, or a source for :func:`windrow.open_series`: a store, a
                path or a pandas table. Bands may stand in any order, and other bands are ignored.
            batch_size: series encoded at a time; it changes speed and memory only.
            max_dates: largest number of dates read per series, the clearest first; see
                :func:`windrow.inference.date_selection.clearest_dates`. None takes the encoder's
                own ``max_dates``.

        Returns:
            (N, T, D) float32, zero at dates that are invalid or not read.

        Raises:
            BandError: a band is missing, and the encoder was not trained to cope without it.
            DataError: a series has no valid date, or more dates than learned positions.
            WeightsError: the series are of another processing level.
        """
        series = open_series(series)
        result = np.zeros((len(series), series.num_dates, self.width), dtype=np.float32)
        for rows, dates, z, valid in self._batches(series, batch_size, max_dates):
            inner = np.nonzero(valid)
            result[rows[inner[0]], dates[inner]] = z[inner]
        return result

    def embed(
        self,
        series: SeriesSource,
        *,
        pool: Pooling = "mean",
        batch_size: int = BATCH_SIZE,
        max_dates: int | None = None,
    ) -> npt.NDArray[np.float32]:
        """Computes one vector per series, pooled over the dates that are read.

        Args:
            series: see :meth:`sequence`.
            pool: ``mean`` averages all dates. ``month`` concatenates the means of the twelve
                months. A month without a date takes the mean of the nearest month with one, and
                of the earlier month at equal distance.
            batch_size: series encoded at a time; it changes speed and memory only.
            max_dates: see :meth:`sequence`.

        Returns:
            (N, D) float32, or (N, 12 D) for ``month``; always finite.

        Raises:
            BandError, DataError, WeightsError: see :meth:`sequence`.
            SettingsError: the pooling is unknown.
        """
        if pool not in get_args(Pooling):
            raise SettingsError("unknown pooling", found=pool, expected="mean or month")
        series = open_series(series)
        month = series.month
        size = self.width if pool == "mean" else 12 * self.width
        result = np.zeros((len(series), size), dtype=np.float32)
        for rows, dates, z, valid in self._batches(series, batch_size, max_dates):
            if pool == "mean":
                result[rows] = mean_pool(z, valid)
            else:
                months = np.take_along_axis(month[rows], dates, axis=1)
                result[rows] = month_pool(z, valid, months).reshape(len(rows), -1)
        return result

    def read_dates(self, series: Series) -> npt.NDArray[np.bool_]:
        """Marks the dates that are read, (N, T): the clearest ``max_dates`` valid dates."""
        return series.valid if self.max_dates is None else clearest_dates(series, self.max_dates)

    def _batches(
        self, series: Series, batch_size: int, max_dates: int | None
    ) -> Iterator[
        tuple[
            npt.NDArray[np.intp],
            npt.NDArray[np.intp],
            npt.NDArray[np.float32],
            npt.NDArray[np.bool_],
        ]
    ]:
        """Yields rows (n,), positions of packed dates (n, t), z (n, t, D) and validity (n, t)."""
        max_dates = self.max_dates if max_dates is None else max_dates
        present = self._present(series)
        series, read = self._checked(series, batch_size, max_dates)
        counts = read.sum(axis=1)
        by_length = np.argsort(counts, kind="stable")
        calendar_day = series.calendar_day
        for start in range(0, len(series), batch_size):
            rows = by_length[start : start + batch_size]
            longest = int(counts[rows[-1]])
            dates = np.argsort(~read[rows], axis=1, kind="stable")[:, :longest]
            valid = np.take_along_axis(read[rows], dates, axis=1)
            days = np.take_along_axis(calendar_day[rows], dates, axis=1)
            reflectance = np.take_along_axis(series.reflectance[rows], dates[..., None], axis=1)
            yield rows, dates, self._backend.encode(reflectance, days, valid, present), valid

    def missing_bands(self, series: Series) -> tuple[str, ...]:
        """Lists the bands that the encoder reads and the series lack.

        Raises:
            BandError: the encoder was not trained to cope without them.
        """
        return self.header.missing(series.bands)

    def _present(self, series: Series) -> npt.NDArray[np.bool_] | None:
        """Marks the encoder's bands that the series have, (B,); None if they have all."""
        missing = self.missing_bands(series)
        return np.array([band not in missing for band in self.bands]) if missing else None

    def _checked(
        self, series: Series, batch_size: int, max_dates: int | None
    ) -> tuple[Series, npt.NDArray[np.bool_]]:
        """Gives the series with the encoder's bands, and marks the dates that are read, (N, T)."""
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
        series = _with_all_bands(series, self.bands, self.missing_bands(series))
        read = series.valid if max_dates is None else clearest_dates(series, max_dates)
        counts = read.sum(axis=1)
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
        return series, read


def _with_all_bands(series: Series, bands: tuple[str, ...], missing: tuple[str, ...]) -> Series:
    """Gives the series these bands. Missing bands hold zeros, which are never used."""
    if missing:
        empty = np.zeros((*series.reflectance.shape[:2], len(missing)), dtype=np.int16)
        filled = np.concatenate([series.reflectance, empty], axis=2)
        series = replace(series, bands=(*series.bands, *missing), reflectance=filled)
    return series.with_bands(bands)


def load(
    weights: str | PathLike[str],
    *,
    device: str = "cpu",
    backend: BackendName | None = None,
    precision: Precision = "float32",
    max_dates: int | None = None,
) -> FrozenEncoder:
    """Loads a frozen encoder from a run directory, a weights file, an ONNX file or by name.

    :meth:`FrozenEncoder.embed` computes one vector per series, and
    :meth:`FrozenEncoder.sequence` computes one vector per date.

    Args:
        weights: a run directory of ``windrow pretrain`` or ``windrow distill``, a
            ``.safetensors`` or ``.onnx`` file, or the name of shipped weights, tried in that
            order.
        device: device of the computation.
        backend: ``torch``, ``onnx`` (ONNX Runtime) or ``auto``; see
            :func:`windrow.inference.backends.choose_backend`. An ONNX file always runs in ONNX
            Runtime, in the precision of its export. For all other weights None means torch.
        precision: precision of the matrix products: ``float32``, ``bfloat16`` (torch) or
            ``int8`` (onnx).
        max_dates: largest number of dates read per series, the clearest first. None takes the
            number from the weights.

    Returns:
        The encoder, with its bands, processing level and width.

    Raises:
        WeightsError: the weights do not exist or cannot be read.
        SettingsError: backend and precision cannot be combined, or a package is not installed.

    Example:
        >>> import windrow
        >>> encoder = windrow.load("runs/pretraining")  # doctest: +SKIP
        >>> encoder.embed("observations.parquet").shape  # doctest: +SKIP
        (301, 128)
    """
    path = weights_path(weights)
    if path.suffix == ".onnx":
        if backend == "torch" or device != "cpu":
            raise SettingsError(
                "an ONNX file runs in ONNX Runtime on the CPU only",
                found=f"backend {backend}, device {device}",
                expected="backend onnx or auto, device cpu",
            )
        opened = open_onnx(path)
        return FrozenEncoder(
            opened, header=opened.header, content_hash=opened.content_hash, max_dates=max_dates
        )
    encoder, header, content_hash = load_encoder(path)
    chosen = choose_backend(
        backend or "torch", precision, device=device, exportable=isinstance(encoder, Encoder)
    )
    runnable: Backend
    if chosen == "onnx":
        assert precision != "bfloat16"
        assert isinstance(encoder, Encoder)
        runnable = onnx_backend(
            encoder, header=header, content_hash=content_hash, precision=precision
        )
    else:
        assert precision != "int8"
        runnable = TorchBackend(encoder, header=header, device=device, precision=precision)
    return FrozenEncoder(runnable, header=header, content_hash=content_hash, max_dates=max_dates)
