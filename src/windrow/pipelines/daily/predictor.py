"""Loads the bi-modal BERT of a run directory for prediction."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch

from windrow.errors import DataError, WeightsError
from windrow.inference.bimodal_predictor import BimodalPredictor
from windrow.models.encoders.transformer import EncoderSettings
from windrow.models.weights import load_state, read_weights
from windrow.pipelines.pretext.settings import PretrainingSettings
from windrow.tasks.bert import BertSettings, build_model

WEIGHTS = "weights.safetensors"
CONFIG = "config.yaml"


def load_predictor(
    run: str | Path,
    *,
    bands: Sequence[str],
    processing_level: str,
    use_queries: bool = True,
) -> BimodalPredictor:
    """Loads the model of a finished ``windrow pretrain``, with all of its layers.

    Args:
        run: the run directory.
        bands: bands of the series; all others of the weights count as missing.
        processing_level: level of the series.
        use_queries: predict days between the dates where the weights can; False interpolates.

    Raises:
        WeightsError: there is no run, it is not finished or damaged, or is of another task.
        BandError: the series lack a band that the weights need.
        DataError: the series have another processing level.
        SettingsError: the weights predict something else than PlanetScope.
    """
    folder = Path(run)
    for name in (WEIGHTS, CONFIG):
        if not (folder / name).is_file():
            raise WeightsError(
                "no run directory with weights of bi-modal BERT",
                where=folder,
                found=f"no {name}",
                expected="the run directory of a finished 'windrow pretrain'",
                hint="give the folder of the run, not a file in it",
            )
    header, tensors = read_weights(folder / WEIGHTS)
    settings = PretrainingSettings.from_yaml(folder / CONFIG)
    if not isinstance(settings.task, BertSettings) or not isinstance(
        header.encoder, EncoderSettings
    ):
        raise WeightsError(
            "these weights are not of bi-modal BERT",
            where=folder,
            found=settings.task.kind,
            expected="a run of 'windrow pretrain small', base or paper",
        )
    missing = header.missing(bands)
    if header.processing_level != processing_level:
        raise DataError(
            "the weights were trained on another processing level",
            where=folder,
            found=header.processing_level,
            expected=processing_level,
            hint="train weights on a store of that level; if the level of the images was told"
            " wrongly, give --processing-level",
        )
    module = build_model(header.encoder, settings.task, num_bands=len(header.bands), seed=0)
    load_state(module, tensors, where=folder / WEIGHTS)
    if missing:
        present = [band not in missing for band in header.bands]
        module.encoder.always_present = torch.tensor(present)
    return BimodalPredictor(module, header=header, task=settings.task, use_queries=use_queries)


def weights_hash(run: str | Path) -> str:
    """Computes the SHA-256 of the weights and the settings of a run directory.

    Raises:
        WeightsError: a file of the run cannot be read.
    """
    digest = hashlib.sha256()
    for name in (WEIGHTS, CONFIG):
        try:
            digest.update((Path(run) / name).read_bytes())
        except OSError as error:
            raise WeightsError(
                "the weights cannot be read", where=Path(run) / name, found=error
            ) from None
    return digest.hexdigest()
