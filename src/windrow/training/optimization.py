"""AdamW, and a learning rate that warms up linearly and falls to zero along a cosine."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pydantic import Field
from torch import nn
from torch.optim import AdamW

from windrow.config import Settings


class OptimizationSettings(Settings):
    """How the weights move."""

    learning_rate: float = Field(gt=0, description="highest rate, reached after the warm-up")
    betas: tuple[float, float]
    weight_decay: float = Field(ge=0, description="not on norms, biases and the mask token")
    warmup_share: float = Field(ge=0, lt=1, description="share of all steps with a rising rate")
    gradient_clip: float = Field(gt=0, description="largest norm of the whole gradient")


def adamw(module: nn.Module, settings: OptimizationSettings) -> AdamW:
    """AdamW whose weight decay spares vectors: norms, biases and the mask token.

    Args:
        module: holds the parameters.
        settings: rate, betas and decay.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [parameter for parameter in parameters if parameter.ndim >= 2]},
        {"params": [parameter for parameter in parameters if parameter.ndim < 2]},
    ]
    groups[1]["weight_decay"] = 0.0
    return AdamW(
        groups,
        lr=settings.learning_rate,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
    )


def warmup_cosine(settings: OptimizationSettings, *, num_steps: int) -> Callable[[int], float]:
    """The learning rate of each step 0 .. num_steps - 1.

    With W warm-up steps the rate of step s is ``peak (s + 1) / W`` before W, and
    ``peak (1 + cos(pi (s - W + 1) / (S - W + 1))) / 2`` from there, which is the peak just before
    its first step and zero just after the last.

    Example:
        >>> settings = OptimizationSettings(
        ...     learning_rate=1.0, betas=(0.9, 0.999), weight_decay=0.0, warmup_share=0.2,
        ...     gradient_clip=1.0,
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
