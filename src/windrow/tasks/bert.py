"""The pretext task of bi-modal BERT: a batch goes in, a loss and its parts come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from windrow import sensors
from windrow.config import Settings
from windrow.data.batches import Batch, PretrainingData, Target
from windrow.models.bimodal import BimodalBert
from windrow.models.encoder import EncoderSettings
from windrow.tasks.losses import (
    NUM_MONTHS,
    LossSettings,
    cloud_loss,
    pool_months,
    reconstruction_loss,
    season_loss,
)
from windrow.tasks.masking import Masked, MaskingSettings, mask_batch


class BertSettings(Settings):
    """The pretext task; ``kind`` tells it from the contrastive ones."""

    kind: Literal["bert"] = "bert"
    target: Target = Field(description="planetscope, or sentinel2 for the control")
    target_offsets: tuple[int, ...] = Field(
        min_length=1, description="days from a date to what is predicted there"
    )
    masking: MaskingSettings
    losses: LossSettings

    @model_validator(mode="after")
    def _offsets_fit(self) -> BertSettings:
        if self.target == "sentinel2" and self.target_offsets != (0,):
            raise ValueError("target sentinel2 needs target_offsets (0,): its own dates only")
        if len(set(self.target_offsets)) != len(self.target_offsets):
            raise ValueError("target_offsets holds a day twice")
        return self


@dataclass(frozen=True)
class Outputs:
    """What the model makes of a masked batch.

    Attributes:
        z: (N, T, D) representation.
        prediction: (N, T, L, K) standardised.
        season: (N, 12, 12) logits of the month of each month's mean, or (N, 12, 1).
        present: (N, 12) bool, months with a date.
        cloud: (N, T, 32) logits, or (N, T, 1).
    """

    z: Tensor
    prediction: Tensor
    season: Tensor
    present: Tensor
    cloud: Tensor


def build_model(
    encoder: EncoderSettings, task: BertSettings, *, num_bands: int, seed: int
) -> BimodalBert:
    """The model of a task with weights drawn from ``seed``; torch's own generator is left alone.

    Args:
        encoder: shape of the encoder.
        task: decides the sizes of the linear layers.
        num_bands: B.
        seed: of the initial weights.
    """
    regressed = task.losses.auxiliary == "mse"
    planetscope = task.target == "planetscope"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BimodalBert(
            encoder,
            num_bands=num_bands,
            num_lags=len(task.target_offsets),
            num_values=sensors.NUM_PLANETSCOPE_VALUES if planetscope else num_bands,
            num_season_outputs=1 if regressed else NUM_MONTHS,
            num_cloud_outputs=1 if regressed else sensors.NUM_CLOUD_LEVELS,
        )


def mask(
    batch: Batch, data: PretrainingData, task: BertSettings, generator: torch.Generator
) -> Masked:
    """Hides dates of a batch as the task's settings say."""
    return mask_batch(
        batch.values,
        batch.valid,
        mean=data.mean,
        std=data.std,
        settings=task.masking,
        generator=generator,
    )


def apply_model(
    module: BimodalBert, batch: Batch, masked: Masked, *, use_position: bool = True
) -> Outputs:
    """Runs the model on a masked batch; the outputs are in the precision of the batch."""
    z = module(
        masked.values,
        batch.day_of_year,
        batch.valid,
        masked=masked.token,
        use_position=use_position,
    )
    months, present = pool_months(z.to(batch.values.dtype), batch.month, batch.valid)
    return Outputs(
        z=z,
        prediction=module.reconstruct(z).to(batch.target.dtype),
        season=module.season(months).to(batch.values.dtype),
        present=present,
        cloud=module.cloud(z).to(batch.values.dtype),
    )


def bert_losses(
    outputs: Outputs, batch: Batch, masked: Masked, settings: LossSettings
) -> dict[str, Tensor]:
    """The total loss and its unweighted parts.

    Returns:
        ``loss``, ``reconstruction``, ``season`` and, where the cloud level is known, ``cloud``.
        Without it the cloud loss is off; whoever starts the training says so.
    """
    parts = {
        "reconstruction": reconstruction_loss(
            outputs.prediction,
            batch.target,
            batch.known & masked.scored[:, :, None, None],
            reduction=settings.reduction,
        ),
        "season": season_loss(outputs.season, outputs.present, auxiliary=settings.auxiliary),
    }
    total = (
        settings.reconstruction_weight * parts["reconstruction"]
        + settings.season_weight * parts["season"]
    )
    if batch.cloud_level is not None:
        parts["cloud"] = cloud_loss(
            outputs.cloud,
            batch.cloud_level,
            masked.cloud,
            num_levels=sensors.NUM_CLOUD_LEVELS,
            auxiliary=settings.auxiliary,
        )
        total = total + settings.cloud_weight * parts["cloud"]
    return {"loss": total, **parts}
