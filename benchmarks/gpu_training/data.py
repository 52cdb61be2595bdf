"""Series made in memory, and the losses of a step over them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gpu_training.settings import PAPER_STEPS, paper_optimization, paper_task
from windrow.data.batches.pretraining import BatchOrder, PretrainingData
from windrow.data.normalization import Normalization
from windrow.data.series import Series
from windrow.models.encoders.transformer import EncoderSettings
from windrow.models.kernels.packing import packed_size
from windrow.sensors import SENTINEL2_BANDS
from windrow.tasks.bert import (
    Sizes,
    apply_model,
    bert_losses,
    build_model,
    masked_batch,
    read_outputs,
    represent,
)
from windrow.tasks.keyed_random import seeded_draws
from windrow.training.optimization import warmup_cosine


def made_series(num_series: int, *, dates: int, seed: int = 0, kept: float = 1.0) -> Series:
    """Smooth seasons with noise: enough to have something to learn."""
    draw = np.random.default_rng(seed)
    day = np.sort(draw.choice(365, dates, replace=False)).astype(np.int16)
    peak = draw.uniform(120, 240, num_series)[:, None]
    spread = draw.uniform(25, 60, num_series)[:, None]

    def season(days: Any, gains: Any) -> Any:
        green = np.exp(-(((days[None] - peak) / spread) ** 2)).astype(np.float32)
        return 0.08 + green[..., None] * gains

    gains = np.linspace(-0.04, 0.35, 12).astype(np.float32)
    cloud = draw.uniform(size=(num_series, dates)) < 0.35
    seen = season(day, gains)
    seen[cloud] = 0.7
    seen += draw.normal(0, 0.01, seen.shape).astype(np.float32)
    planetscope = np.repeat(season(np.arange(365), gains[[1, 2, 3, 7]]), 9, axis=2)
    planetscope += draw.normal(0, 0.005, planetscope.shape).astype(np.float32)
    valid = np.ones((num_series, dates), dtype=bool)
    if kept < 1:
        valid = draw.uniform(size=valid.shape) < kept
        valid[:, 0] = True
    return Series(
        reflectance=np.rint(np.clip(seen, 1e-4, 1) * 1e4).astype(np.int16),
        day_of_year=np.tile(day, (num_series, 1)),
        valid=valid,
        bands=SENTINEL2_BANDS,
        processing_level="L2A",
        id=np.arange(num_series),
        field_id=np.arange(num_series),
        year=np.full(num_series, 2018, dtype=np.int16),
        cloud_probability=np.where(cloud, 220, 8).astype(np.uint8),
        planetscope=np.rint(np.clip(planetscope, 1e-4, 1) * 1e4).astype(np.int16),
        planetscope_day=np.arange(365, dtype=np.int16),
        simulated=True,
    )


class Setup:
    """Data, order and losses that every way of training shares."""

    def __init__(self, series: Series, *, batch_size: int, device: str) -> None:
        self.task, self.device = paper_task(), device
        self.data = PretrainingData(
            series,
            normalization=Normalization.fit(series.reflectance, series.valid),
            target="planetscope",
            target_normalization=Normalization.fit_planetscope(series.planetscope),
            target_offsets=self.task.target_offsets,
            device=device,
        )
        self.order = BatchOrder(len(series), batch_size=batch_size, seed=0)
        self.rate = warmup_cosine(paper_optimization(), num_steps=PAPER_STEPS)

    def module(self, encoder: EncoderSettings) -> nn.Module:
        """The model with its first weights."""
        return build_model(encoder, self.task, num_bands=12, seed=0).to(self.device)

    def losses(self, module: nn.Module, index: Tensor, step: Any, sizes: Any) -> Any:
        """The losses of a step."""
        draws = seeded_draws(0, 1, step=step, series=index)
        batch, masked = masked_batch(self.data, index, self.task, draws, sizes=sizes)
        outputs = apply_model(module, batch, masked, sizes=sizes)
        return bert_losses(outputs, batch, masked, self.task.losses)

    def tail_compiled(self, **options: Any) -> Any:
        """The same losses with what follows the encoder compiled."""

        def tail(module: nn.Module, z: Tensor, batch: Any, masked: Any) -> Any:
            return bert_losses(read_outputs(module, z, batch), batch, masked, self.task.losses)

        compiled = torch.compile(tail, dynamic=False, fullgraph=True, **options)

        def losses(module: nn.Module, index: Tensor, step: Any, sizes: Any) -> Any:
            draws = seeded_draws(0, 1, step=step, series=index)
            batch, masked = masked_batch(self.data, index, self.task, draws, sizes=sizes)
            return compiled(module, represent(module, batch, masked, sizes=sizes), batch, masked)

        return losses

    def sizes(self, step: int) -> Sizes:
        """The packed sizes of a step; the longest series of the set gives the dates."""
        index = self.order.indices(step).numpy()
        return Sizes(
            num_dates=int(self.data.num_valid.max()),
            num_tokens=packed_size(int(self.data.num_valid[index].sum())),
        )
