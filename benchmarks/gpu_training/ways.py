"""The two ways of doing the same steps: the plain loop, and a step on the device alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gpu_training.bench import Bench
from gpu_training.data import Setup
from gpu_training.settings import PAPER_STEPS, paper_optimization
from windrow.models.encoders.transformer import EncoderSettings
from windrow.tasks.bert import apply_model, bert_losses, masked_batch
from windrow.tasks.keyed_random import seeded_draws
from windrow.training.device.cuda_graph import CapturedTraining, CaptureSettings
from windrow.training.loop import train
from windrow.training.optimization import adamw

Steps = Callable[..., None]
"""Does the steps from its first argument up to its second, and keeps the losses in its third."""

PRETRAIN: dict[str, Any] = {"compiled": None, "fused": True}
"""What ``pretrain --execution.device cuda`` does: fused blocks that add in bfloat16, losses as they
are, AdamW compiled, in one graph.
"""

VARIANTS: dict[str, dict[str, Any]] = {
    "graph, compiled": {},
    "graph, fused (as pretrain)": PRETRAIN,
    "graph, fused, losses compiled": {**PRETRAIN, "tail": True},
    "graph, fused, losses compiled, sums in float32": {**PRETRAIN, "tail": True, "residual": None},
}


class Fast:
    """Steps on the device alone, with their switches; graphs on CUDA only."""

    def __init__(
        self,
        bench: Bench,
        encoder: EncoderSettings,
        *,
        setup: Setup | None = None,
        compiled: str | None = "default",
        low: bool = True,
        residual: torch.dtype | None = torch.bfloat16,
        packed: bool = False,
        fused: bool = False,
        tail: bool = False,
    ) -> None:
        self.setup, self.packed = setup or bench.setup, packed
        self.module = self.setup.module(encoder)
        self.curve: list[Tensor] = []

        def prepare(runner: nn.Module) -> None:
            runner.encoder.residual_precision = residual
            runner.encoder.fused = fused
            if compiled is not None:
                options = bench.compiled(compiled)
                for block in runner.encoder.blocks:
                    block.compile(dynamic=False, fullgraph=True, **options)

        losses = self.setup.losses
        if tail:
            losses = self.setup.tail_compiled(**bench.compiled("default"))
        self.training = CapturedTraining(
            self.module,
            optimizer=adamw(self.module, paper_optimization()),
            losses=losses,
            learning_rate=self.setup.rate,
            steps=range(PAPER_STEPS),
            first_index=self.setup.order.indices(0),
            first_sizes=self.setup.sizes(0) if packed else None,
            settings=CaptureSettings(
                graph=bench.cuda, compile_update=bench.cuda, low_precision=low, gradient_clip=1.0
            ),
        )
        prepare(self.training.runner)

    def steps(self, first: int, last: int) -> None:
        """Does some steps."""
        self.training._steps = range(first, last)
        self.training.run(
            self.setup.order.indices,
            sizes=self.setup.sizes if self.packed else None,
            on_step=lambda step, record: self.curve.append(record["loss"].clone()),
        )

    def losses(self) -> list[float]:
        """Of all steps done."""
        return torch.stack(self.curve).tolist()


def plain_steps(setup: Setup, module: nn.Module, optimizer: Any, *, low: bool) -> Steps:
    """The plain loop over steps, as ``pretrain`` runs it, in bfloat16 by autocast or not."""
    device = setup.device

    def compute(step: int) -> Any:
        index = setup.order.indices(step).to(device)
        draws = seeded_draws(0, 1, step=step, series=index)
        batch, masked = masked_batch(setup.data, index, setup.task, draws)
        with torch.autocast(device, torch.bfloat16, enabled=low):
            outputs = apply_model(module, batch, masked)
        return bert_losses(outputs, batch, masked, setup.task.losses)

    return steps_of(setup, module, optimizer, compute)


def steps_of(setup: Setup, module: nn.Module, optimizer: Any, compute: Any) -> Steps:
    """The plain loop over whatever computes the losses of a step."""

    def steps(first: int, last: int, curve: list[Tensor] | None = None) -> None:
        train(
            module, optimizer=optimizer, compute_loss=compute, steps=range(first, last),
            learning_rate=setup.rate, gradient_clip=1.0,
            on_step=None if curve is None else lambda step, record: curve.append(record["loss"]),
        )  # fmt: skip

    return steps


def plain_curve(setup: Setup, encoder: EncoderSettings, *, steps: int, low: bool) -> list[float]:
    """Losses of the plain path."""
    module = setup.module(encoder)
    curve: list[Tensor] = []
    optimizer = adamw(module, paper_optimization())
    plain_steps(setup, module, optimizer, low=low)(0, steps, curve)
    return torch.stack(curve).tolist()


def distance(curve: list[float], expected: list[float]) -> dict[str, float]:
    """How far one loss curve is from another of the same steps, relative to it.

    Single steps part by rounding that training makes grow; means of 100 steps tell whether one
    learns what the other does.
    """
    found, wanted = np.array(curve), np.array(expected)
    away = np.abs(found / wanted - 1)
    size = min(100, len(found))
    means = [
        values[: len(values) // size * size].reshape(-1, size).mean(axis=1)
        for values in (found, wanted)
    ]
    return {
        "steps": len(found), "first": float(away[0]), "first_10": float(away[:10].max()),
        "median": float(np.median(away)), "largest": float(away.max()),
        f"largest_of_{size}_step_means": float(np.abs(means[0] / means[1] - 1).max()),
    }  # fmt: skip
