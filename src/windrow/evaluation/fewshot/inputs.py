"""Inputs of the methods in a comparison, and of a saved head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.classifiers.features import (
    INDEX_BANDS,
    FeatureSettings,
    GridFeatures,
    band_features,
    index_features,
)
from windrow.classifiers.mix import voter_inputs
from windrow.data.series import Series
from windrow.data.ten_day_grid import grid_of_series
from windrow.errors import BandError, DataError, SettingsError, WeightsError
from windrow.models.heads.inputs import HeadInputs
from windrow.models.heads.saved_head import FittedHead

InputKind = Literal["representation", "bands", "indices", "bands_and_indices"]
"""Inputs of a head: the representation of an encoder, or raw features."""


class SeriesEncoder(Protocol):
    """The interface of an encoder of series; ``FrozenEncoder`` has it.

    Attributes:
        content_hash: hash of everything that determines the representation.
    """

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the Sentinel-2 bands that the encoder reads, in order."""
        ...

    @property
    def simulated(self) -> bool:
        """Whether the encoder was trained on simulated series."""
        ...

    @property
    def smoke_test(self) -> bool:
        """Whether the weights come from a recipe that only tests that training runs."""
        ...

    content_hash: str

    def read_dates(self, series: Series) -> npt.NDArray[np.bool_]:
        """Marks the dates that the encoder reads, (N, T)."""
        ...

    def sequence(self, series: Series) -> npt.NDArray[np.float32]:
        """Computes the representation of every date, (N, T, D)."""
        ...

    def embed(self, series: Series, *, pool: Literal["mean", "month"]) -> npt.NDArray[np.float32]:
        """Computes one vector per series, (N, F)."""
        ...


@dataclass(frozen=True, eq=False)
class MethodInputs:
    """Inputs of a method, or the reason why it is left out.

    Attributes:
        inputs: inputs for all series; None if the method is left out.
        notes: remarks for the reader of the result.
    """

    inputs: HeadInputs | None
    notes: tuple[str, ...]


def inputs_of_method(
    series: Series,
    method: InputKind,
    encoder: SeriesEncoder | None,
    *,
    features: FeatureSettings,
    pool: Literal["mean", "month"],
    sequences: bool,
) -> MethodInputs:
    """Computes the inputs of one method for all series.

    Args:
        series: N series.
        method: kind of the inputs.
        encoder: encoder for the representation; None leaves the representation out.
        features: settings of the raw features.
        pool: pooling of the representation into vectors.
        sequences: True gives every date, False gives one vector per series.

    Returns:
        The inputs with remarks for the reader.

    Raises:
        DataError: a series has no valid date.
    """
    if method == "representation":
        if encoder is None:
            return MethodInputs(None, ("no weights were given: the representation is left out",))
        without = [band for band in encoder.bands if band not in series.bands]
        notes = (f"the representation is without band {' '.join(without)}",) if without else ()
        if sequences:
            z, read = encoder.sequence(series), encoder.read_dates(series)
            return MethodInputs(HeadInputs(z, day_of_year=series.day_of_year, valid=read), notes)
        return MethodInputs(HeadInputs(values=encoder.embed(series, pool=pool)), notes)
    if sequences:
        values = _reflectance(series)
        inputs = HeadInputs(values, day_of_year=series.day_of_year, valid=series.valid)
        return MethodInputs(inputs, ())
    missing = [band for band in INDEX_BANDS if band not in series.bands]
    if method == "indices" and missing:
        note = f"band {' '.join(missing)} is missing: the indices are left out"
        return MethodInputs(None, (note,))
    grid = _FEATURES[method](series, features)
    notes = ()
    if series.cloud_probability is None:
        notes = ("no cloud measure: raw features take every valid date as clear",)
    if grid.num_without_clear:
        notes = (
            f"{grid.num_without_clear} series have no clear date: their raw features are of all "
            "valid dates",
        )
    return MethodInputs(HeadInputs(values=grid.values), notes)


def inputs_of_head(
    head: FittedHead, series: Series, encoder: SeriesEncoder | None = None
) -> HeadInputs:
    """Computes the inputs of a saved head for new series.

    Args:
        head: the saved head.
        series: N new series.
        encoder: encoder of the representation, if the head was fitted on one.

    Raises:
        WeightsError: the head was fitted on another encoder, or on another processing level.
        BandError: a band is missing.
        SettingsError: the head has no settings for its features.
        DataError: the head sees days, and the twelve months of the series begin on another day.
    """
    header = head.header
    if header.processing_level != series.processing_level:
        raise WeightsError(
            "the head was fitted on another processing level",
            found=series.processing_level,
            expected=header.processing_level,
        )
    if header.input == "representation" and (
        encoder is None or encoder.content_hash != header.encoder_hash
    ):
        raise WeightsError(
            "the head was fitted on the representation of other weights",
            found="no weights" if encoder is None else f"weights {encoder.content_hash[:12]}",
            expected=f"weights {str(header.encoder_hash)[:12]}",
            hint="give the weights it was fitted on, or fit it again",
        )
    if sees_days(header.input, head) and header.season_start != series.season_start:
        raise DataError(
            "the twelve months of the series begin on another day than those of the head",
            found=series.season_start,
            expected=header.season_start,
            hint=f"read the series again: 'windrow ingest --season-start {header.season_start}'",
        )
    # Other bands also give another representation.
    series = series.with_bands(header.bands)
    features = FeatureSettings(clear_below=None, step_days=10)
    if header.features is not None:
        features = FeatureSettings.from_dict(header.features)
    elif header.input != "representation" and not head.sees_sequences:
        raise SettingsError("the head does not say how its features were made")
    found = inputs_of_method(
        series,
        header.input,
        encoder,
        features=features,
        pool=header.pooling or "mean",
        sequences=head.sees_sequences,
    )
    if found.inputs is None:
        raise BandError(found.notes[0])
    return found.inputs


def sees_days(method: InputKind, head: FittedHead) -> bool:
    """Whether a head's inputs depend on the day on which the twelve months begin.

    A pooled representation does not, since encoders read the days of the calendar year. Bands with
    twelve indices stand on the ten-day grid of the calendar year.
    """
    return method in ("bands", "indices") or head.sees_sequences


def band_and_index_features(series: Series, settings: FeatureSettings) -> GridFeatures:
    """Computes the bands and up to twelve indices on the ten-day grid of the calendar year.

    The twelve indices are those of :mod:`windrow.data.spectral_indices`. Those whose bands the
    series lack are left out. Unlike the other raw features, gaps are interpolated around the year.

    Args:
        series: N series of any bands.
        settings: settings of the raw features; ``step_days`` is not used.

    Raises:
        DataError: a series has no valid date.
    """
    grid = grid_of_series(series, clear_below=settings.clear_below)
    no_embedding = np.zeros((len(grid), 0), dtype=np.float32)
    values = voter_inputs("band_index_trees", grid, no_embedding)
    return GridFeatures(values, grid.num_without_clear)


_FEATURES: dict[InputKind, Callable[[Series, FeatureSettings], GridFeatures]] = {
    "bands": band_features,
    "indices": index_features,
    "bands_and_indices": band_and_index_features,
}


def _reflectance(series: Series) -> npt.NDArray[np.float32]:
    return np.asarray(series.reflectance.astype(np.float32) / sensors.SCALE, dtype=np.float32)
