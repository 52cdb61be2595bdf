"""Counts of floating-point operations, computed from the shapes.

A multiplication and its addition count as two operations. As usual, only matrix products and
convolutions count. Norms and activations would add a few per cent. A training step costs as much as
three forward passes, because the backward pass costs two.
"""

from __future__ import annotations

from typing import Literal

from torch import nn

from windrow.models.encoders.identity import BandsSettings
from windrow.models.encoders.resmlp import ResmlpSettings
from windrow.models.encoders.transformer import EncoderSettings
from windrow.models.heads.inception import (
    BOTTLENECK,
    NUM_BRANCHES,
    RESIDUAL_EVERY,
    InceptionSettings,
)
from windrow.models.heads.lstm import LstmSettings
from windrow.models.heads.transformer import TransformerSettings

TRAINING_FACTOR = 3
"""Cost of a training step in forward passes."""


def encoder_flops(
    settings: EncoderSettings | ResmlpSettings | BandsSettings, *, num_bands: int, num_dates: int
) -> int:
    """Counts the forward operations of an encoder for one series.

    Args:
        settings: kind and shape of the encoder.
        num_bands: number of bands B.
        num_dates: number of valid dates T.

    Example:
        >>> shape = ResmlpSettings(num_layers=2, width=4, dropout=0.0)
        >>> encoder_flops(shape, num_bands=3, num_dates=1)  # 2 (3*4 + 2 * 2*4*4 + 4*4)
        184
    """
    if isinstance(settings, BandsSettings):
        return 0
    width = settings.width
    if isinstance(settings, ResmlpSettings):
        return 2 * num_dates * (num_bands * width + (2 * settings.num_layers + 1) * width**2)
    block = 4 * width**2 + 2 * width * settings.mlp_width + 2 * num_dates * width
    embedding = num_bands * settings.kernel_size * width
    return 2 * num_dates * (embedding + settings.num_layers * block)


def projector_flops(width: int, projection_width: int) -> int:
    """Counts the forward operations of a two-layer projector for one input.

    Example:
        >>> projector_flops(2, 3)
        30
    """
    return 2 * (width * projection_width + projection_width**2)


def contrastive_flops(
    loss: Literal["nt_xent", "barlow_twins"], *, batch_size: int, projection_width: int
) -> int:
    """Counts the forward operations of a contrastive loss for one pair.

    NT-Xent compares each of 2n views with all views. Barlow Twins compares each value with each.

    Args:
        loss: kind of the loss.
        batch_size: number of pairs n.
        projection_width: width P of the projections.

    Example:
        >>> contrastive_flops("nt_xent", batch_size=4, projection_width=2)
        64
    """
    if loss == "nt_xent":
        return 2 * (2 * batch_size) ** 2 * projection_width // batch_size
    return 2 * projection_width**2


def head_flops(
    settings: LstmSettings | InceptionSettings | TransformerSettings,
    *,
    num_inputs: int,
    num_classes: int,
    num_dates: int,
) -> int:
    """Counts the forward operations of a base model for one series.

    Args:
        settings: the model and its size.
        num_inputs: number of values D per date.
        num_classes: number of classes C.
        num_dates: number of valid dates T.
    """
    if isinstance(settings, LstmSettings):
        hidden, layers = settings.hidden, settings.num_layers
        first = 8 * hidden * (num_inputs + hidden)
        further = (layers - 1) * 8 * hidden * 3 * hidden
        return 2 * (num_dates * (first + further) + 2 * layers * hidden * num_classes)
    if isinstance(settings, TransformerSettings):
        width = settings.width
        block = 4 * width**2 + 2 * width * 2 * width + 2 * num_dates * width
        a_date = num_inputs * width + settings.num_layers * block
        return 2 * (num_dates * a_date + width * num_classes)
    return 2 * (num_dates * _inception_date(settings, num_inputs) + settings.hidden * num_classes)


def _inception_date(settings: InceptionSettings, num_inputs: int) -> int:
    """Counts the multiplications for one date."""
    hidden, kernel = settings.hidden, settings.kernel_size
    branch = hidden // NUM_BRANCHES
    total = 0
    for index in range(settings.num_layers):
        inputs = num_inputs if index == 0 else hidden
        kernels = kernel + kernel // 2 + kernel // 4
        total += inputs * BOTTLENECK + BOTTLENECK * branch * kernels + inputs * branch
    for index in range(settings.num_layers // RESIDUAL_EVERY):
        total += (num_inputs if index == 0 else hidden) * hidden
    return total


def num_parameters(module: nn.Module) -> int:
    """Counts the trainable parameters of a module.

    Example:
        >>> num_parameters(nn.Linear(3, 2))
        8
    """
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
