"""Adam and AdamW, and schedules of the learning rate: warm-up, then cosine or constant."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from pydantic import Field
from torch import nn
from torch.optim import Adam, AdamW, Optimizer

from windrow.config import Settings


class OptimizationSettings(Settings):
    """Settings of the optimizer and of the learning rate."""

    kind: Literal["adamw", "adam"] = Field(
        description="adamw spares vectors its decay; adam adds the decay of all to the gradient"
    )
    schedule: Literal["cosine", "constant"] = Field(description="of the rate after the warm-up")
    learning_rate: float = Field(gt=0, description="highest rate, reached after the warm-up")
    betas: tuple[float, float]
    weight_decay: float = Field(ge=0, description="with adamw not on norms, biases, mask token")
    warmup_share: float = Field(ge=0, lt=1, description="share of all steps with a rising rate")
    gradient_clip: float | None = Field(
        gt=0, description="largest norm of the whole gradient; None clips nothing"
    )


def build_optimizer(module: nn.Module, settings: OptimizationSettings) -> Optimizer:
    """Builds the optimizer of a module's parameters.

    Args:
        module: module with the parameters.
        settings: kind, learning rate, betas and decay.
    """
    if settings.kind == "adamw":
        return adamw(module, settings)
    return Adam(
        [parameter for parameter in module.parameters() if parameter.requires_grad],
        lr=settings.learning_rate,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
    )


def adamw(module: nn.Module, settings: OptimizationSettings) -> AdamW:
    """Builds an AdamW without weight decay on vectors: norms, biases and the mask token.

    Args:
        module: module with the parameters.
        settings: learning rate, betas and decay.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in parameters if parameter.ndim >= 2]
    vectors = [parameter for parameter in parameters if parameter.ndim < 2]
    return AdamW(
        [
            {"params": matrices, "weight_decay": settings.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
    )


def learning_rate(settings: OptimizationSettings, *, num_steps: int) -> Callable[[int], float]:
    """Gives the function of the learning rate over the steps 0 .. num_steps - 1.

    Args:
        settings: schedule, highest rate and warm-up.
        num_steps: number of steps of the whole training.
    """
    if settings.schedule == "cosine":
        return warmup_cosine(settings, num_steps=num_steps)
    warmup = round(settings.warmup_share * num_steps)
    peak = settings.learning_rate
    return lambda step: peak * min(step + 1, warmup) / warmup if warmup else peak


def warmup_cosine(settings: OptimizationSettings, *, num_steps: int) -> Callable[[int], float]:
    """Gives the learning rate over the steps 0 .. num_steps - 1 for a warm-up and a cosine.

    With W warm-up steps the rate of step s is ``peak (s + 1) / W`` before W, and
    ``peak (1 + cos(pi (s - W + 1) / (S - W + 1))) / 2`` from W on. The cosine would reach the peak
    just before its first step and zero just after its last step.

    Example:
        >>> settings = OptimizationSettings(
        ...     kind="adamw", schedule="cosine", learning_rate=1.0, betas=(0.9, 0.999),
        ...     weight_decay=0.0, warmup_share=0.2, gradient_clip=1.0,
        ... )
        >>> rate = warmup_cosine(settings, num_steps=10)
        >>> [round(rate(step), 2) for step in range(10)]
        [0.5, 1.0, 0.97, 0.88, 0.75, 0.59, 0.41, 0.25, 0.12, 0.03]
    """
    warmup = round(settings.warmup_share * num_steps)
    peak = settings.learning_rate

    def rate(step: int) -> float:
        if step < warmup:
            return peak * (step + 1) / warmup
        progress = (step - warmup + 1) / (num_steps - warmup + 1)
        return peak * 0.5 * (1 + math.cos(math.pi * progress))

    return rate
