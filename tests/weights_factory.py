"""Random weights on disk, for tests of what comes after pre-training."""

from __future__ import annotations

from pathlib import Path

import torch

from windrow.data.normalization import Normalization
from windrow.data.series import Series
from windrow.experiments.recipes.pretraining import encoder as encoder_settings
from windrow.models.encoders.transformer import Encoder
from windrow.models.weights import BandMoments, WeightsHeader, write_weights


def make_weights(
    folder: Path, series: Series, *, min_bands: int | None = None, **changes: object
) -> Path:
    """A run directory with random weights much larger than trained ones begin."""
    settings = encoder_settings(num_layers=3, width=32, mlp_width=64).model_copy(update=changes)
    torch.manual_seed(4)
    encoder = Encoder(settings, num_bands=len(series.bands))
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    header = WeightsHeader(
        format="windrow weights",
        version=1,
        encoder=settings,
        bands=series.bands,
        processing_level=series.processing_level,
        normalization=BandMoments.of(Normalization.fit(series.reflectance, series.valid)),
        target_normalization=None,
        min_bands=min_bands,
        simulated=True,
        training_hash="t",
        provenance={"from": "a test"},
    )
    holder = torch.nn.Module()
    holder.encoder = encoder
    folder.mkdir(exist_ok=True)
    write_weights(folder / "weights.safetensors", holder, header=header)
    return folder
