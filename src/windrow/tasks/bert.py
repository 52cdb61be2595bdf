"""The pretext task of bi-modal BERT, from a batch to its losses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from windrow import sensors
from windrow.config import Settings
from windrow.data.batches.pretraining import Batch, Inputs, PretrainingData, Target
from windrow.data.day_of_year import MAX_DAYS, NUM_MONTHS
from windrow.models.bimodal_bert import BimodalBert
from windrow.models.encoders.transformer import EncoderSettings
from windrow.models.kernels.packing import pack_dates
from windrow.tasks.band_dropout import draw_present
from windrow.tasks.keyed_random import StepDraws
from windrow.tasks.losses import (
    CountMean,
    LossSettings,
    cloud_loss,
    pool_months,
    reconstruction_loss,
    season_loss,
)
from windrow.tasks.masking import (
    Masked,
    MaskingSettings,
    draw_query_steps,
    mask_batch,
    with_queries,
)


class BertSettings(Settings):
    """Settings of the pretext task. ``kind`` distinguishes it from the contrastive tasks."""

    kind: Literal["bert"] = "bert"
    target: Target = Field(description="planetscope, or sentinel2 for the control")
    target_offsets: tuple[int, ...] = Field(
        min_length=1, description="days from a date to its prediction targets"
    )
    masking: MaskingSettings
    losses: LossSettings
    band_dropout: float = Field(
        0.0,
        ge=0,
        le=1,
        exclude_if=lambda value: (
            not value
        ),  # absent, so that the hashes of other runs stay the same
        description="share of the series of a step that lose some bands altogether",
    )
    min_bands: int = Field(
        3,
        ge=1,
        exclude_if=lambda value: value == 3,
        description="smallest number of bands that a series with hidden bands keeps",
    )

    num_queries: int = Field(
        0,
        ge=0,
        le=MAX_DAYS,
        exclude_if=lambda value: not value,
        description="days without an observation that a series of a step is asked about",
    )

    @model_validator(mode="after")
    def _queries_fit(self) -> BertSettings:
        if self.num_queries and (self.target != "planetscope" or 0 not in self.target_offsets):
            raise ValueError("num_queries needs the target planetscope and 0 in target_offsets")
        return self

    @model_validator(mode="after")
    def _offsets_fit(self) -> BertSettings:
        if self.target == "sentinel2" and self.target_offsets != (0,):
            raise ValueError("target sentinel2 needs target_offsets (0,): its own dates only")
        if len(set(self.target_offsets)) != len(self.target_offsets):
            raise ValueError("target_offsets holds a day twice")
        if max(map(abs, self.target_offsets)) >= MAX_DAYS:
            raise ValueError(
                f"target_offsets must lie within {MAX_DAYS - 1} days, the year of a series"
            )
        return self


@dataclass(frozen=True)
class Outputs:
    """Outputs of the model for a masked batch.

    Attributes:
        z: (N, T, D) representation.
        prediction: (N, T, L, K) predicted targets, standardised.
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
    """Builds the model of a task, without a change of torch's random state.

    Args:
        encoder: shape of the encoder.
        task: settings of the task, which determine the sizes of the linear layers.
        num_bands: number of bands B.
        seed: seed of the initial weights.
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


@dataclass(frozen=True)
class Sizes:
    """Sizes of a packed batch, computed on the host.

    Attributes:
        num_dates: length W of the packed date axis, at least the number of valid dates of the
            longest series.
        num_tokens: number C of tokens: all valid dates, or their
            :func:`windrow.models.kernels.packing.packed_size`.
    """

    num_dates: int
    num_tokens: int


def masked_batch(
    data: PretrainingData,
    index: Tensor,
    task: BertSettings,
    draws: StepDraws,
    *,
    rows: slice | None = None,
    sizes: Sizes | None = None,
) -> tuple[Batch, Masked]:
    """Gives the batch of a step and the masked batch.

    Args:
        data: the training data.
        index: (N,) int64 positions of all series of the step. A masked date can take the values
            of any of them.
        task: settings of the pretext task.
        draws: random numbers of the N series.
        rows: rows of the step to return, if other processes take the rest.
        sizes: packs the batch: valid dates move to the front, and others are dropped down to
            ``sizes.num_dates``. The masks stay the same. None keeps every date in its place.
            Must be None with ``num_queries``: packing drops days without an observation.
    """
    inputs = data.inputs(index)
    masked = mask(inputs, data, task, draws)
    if task.band_dropout:
        present = draw_present(
            data.bands, draws, probability=task.band_dropout, min_bands=task.min_bands
        )
        masked = replace(masked, present=present)
    if rows is not None:
        index = index[rows]
        inputs, masked = inputs.series(rows), masked.series(rows)
    if sizes is not None:
        dates = torch.arange(data.num_dates, device=inputs.valid.device)
        late = torch.where(inputs.valid, dates, dates + data.num_dates)
        kept = late.argsort(dim=1)[:, : sizes.num_dates]
        inputs, masked = inputs.chosen_dates(kept), masked.chosen_dates(kept)
    batch = data.with_targets(index, inputs)
    if task.num_queries:
        step = draw_query_steps(data.num_target_days, task.num_queries, draws)
        step = step if rows is None else step[rows]
        batch = data.with_queries(index, batch, step)
        masked = with_queries(masked, task.num_queries)
    return batch, masked


def mask(batch: Inputs, data: PretrainingData, task: BertSettings, draws: StepDraws) -> Masked:
    """Masks dates of a batch.

    Args:
        batch: the standardised inputs.
        data: the training data, for its normalisation.
        task: settings of the pretext task.
        draws: random numbers of the series.
    """
    return mask_batch(
        batch.values,
        batch.valid,
        mean=data.normalization.mean,
        std=data.normalization.std,
        settings=task.masking,
        draws=draws,
    )


def apply_model(
    module: BimodalBert,
    batch: Batch,
    masked: Masked,
    *,
    use_position: bool = True,
    sizes: Sizes | None = None,
) -> Outputs:
    """Runs the model on a masked batch. The outputs have the precision of the batch.

    Args:
        module: the model.
        batch: batch from :func:`masked_batch`.
        masked: masked batch from the same call.
        use_position: False leaves the position encoding out.
        sizes: sizes of a packed batch, whose valid dates come first; None for other batches.
    """
    z = represent(module, batch, masked, use_position=use_position, sizes=sizes)
    return read_outputs(module, z, batch)


def represent(
    module: BimodalBert,
    batch: Batch,
    masked: Masked,
    *,
    use_position: bool = True,
    sizes: Sizes | None = None,
) -> Tensor:
    """Computes the representation (N, T, D) of a masked batch; see :func:`apply_model`."""
    packing = None
    if sizes is not None:
        packing = pack_dates(batch.valid, num_tokens=sizes.num_tokens)
    z: Tensor = module(
        masked.values,
        batch.day_of_year,
        batch.valid,
        masked=masked.token,
        use_position=use_position,
        all_valid=batch.all_valid,
        packing=packing,
        present=masked.present,
    )
    return z


def read_outputs(module: BimodalBert, z: Tensor, batch: Batch) -> Outputs:
    """Applies the linear layers to a representation (N, T, D)."""
    months, present = pool_months(z.to(batch.values.dtype), batch.month, batch.valid)
    return Outputs(
        z=z,
        prediction=module.reconstruct(z).to(batch.target.dtype),
        season=module.season(months.to(module.season.weight.dtype)).to(batch.values.dtype),
        present=present,
        cloud=module.cloud(z.to(module.cloud.weight.dtype)).to(batch.values.dtype),
    )


def bert_losses(
    outputs: Outputs,
    batch: Batch,
    masked: Masked,
    settings: LossSettings,
    *,
    mean_count: CountMean = lambda count: count,
) -> dict[str, Tensor]:
    """Computes the total loss and its unweighted parts.

    Args:
        outputs: outputs of the model.
        batch: batch with the targets.
        masked: masked batch with the roles of the dates.
        settings: forms and weights of the losses.
        mean_count: averages a count over the processes that share the batch, so that the mean of
            their losses is the loss of the whole batch.

    Returns:
        ``loss``, ``reconstruction``, ``season`` and, if the cloud level is known, ``cloud``.
    """
    parts = {
        "reconstruction": reconstruction_loss(
            outputs.prediction,
            batch.target,
            batch.known & masked.scored[:, :, None, None],
            reduction=settings.reduction,
            mean_count=mean_count,
        ),
        "season": season_loss(
            outputs.season,
            outputs.present,
            auxiliary=settings.auxiliary,
            mean_count=mean_count,
        ),
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
            mean_count=mean_count,
        )
        total = total + settings.cloud_weight * parts["cloud"]
    return {"loss": total, **parts}
