"""InceptionTime: parallel convolutions of several lengths over the dates of a series."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from windrow.config import Settings

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Integer

BOTTLENECK = 32
"""Channels before the long convolutions, as published. Without them the cost is 30 times higher."""

NUM_BRANCHES = 4
"""Number of branches: convolutions with kernels k, k/2 and k/4, and one on a pooled input."""

POOL = 3
"""Length of the maximum in the pooled branch."""

RESIDUAL_EVERY = 3
"""Number of blocks under each shortcut."""


class InceptionSettings(Settings):
    """Size of InceptionTime.

    Attributes:
        hidden: width of a block's output, a multiple of four; each branch gets a quarter.
        num_layers: number of blocks.
        kernel_size: longest kernel k in dates; the others are k/2 and k/4.
        dropout: dropout before the classifier, 0..1.
        blocks: ``registered``, or ``plain_list`` to repeat a mistake of earlier public code. It
            hides the blocks from the optimizer, so that only the classifier learns, and batch norm
            never leaves training mode. Such a head cannot be saved.
    """

    kind: Literal["inception"] = "inception"
    hidden: int = Field(ge=4, le=8192, multiple_of=NUM_BRANCHES)
    num_layers: int = Field(ge=1, le=64)
    kernel_size: int = Field(ge=4, le=1024)
    dropout: float = Field(ge=0, lt=1)
    blocks: Literal["registered", "plain_list"] = "registered"


class InceptionTime(nn.Module):
    """InceptionTime (Ismail Fawaz et al. 2020), one network of the published ensemble.

    Our version differs in the padded dates. They are zero before every convolution, minus infinity
    before the maximum, and left out of every mean and of the batch statistics, so that they have no
    effect.

    Args:
        num_inputs: number of values D per date.
        num_classes: number of classes C.
        settings: size of the network.
    """

    def __init__(self, num_inputs: int, num_classes: int, settings: InceptionSettings) -> None:
        super().__init__()
        hidden = settings.hidden
        blocks = [
            InceptionBlock(num_inputs if index == 0 else hidden, hidden, settings.kernel_size)
            for index in range(settings.num_layers)
        ]
        shortcuts = [
            Shortcut(num_inputs if index == 0 else hidden, hidden)
            for index in range(settings.num_layers // RESIDUAL_EVERY)
        ]
        registered = settings.blocks == "registered"
        self.blocks = nn.ModuleList(blocks) if registered else blocks
        self.shortcuts = nn.ModuleList(shortcuts) if registered else shortcuts
        self.dropout = nn.Dropout(settings.dropout)
        self.classifier = nn.Linear(hidden, num_classes)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> InceptionTime:
        """Also moves blocks in a plain list, which torch does not find."""
        for module in (*self.blocks, *self.shortcuts):
            module._apply(fn)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def forward(
        self,
        values: Float[Tensor, "series date band"],
        day_of_year: Integer[Tensor, "series date"],
        valid: Bool[Tensor, "series date"],
    ) -> Float[Tensor, "series class_"]:
        """Computes the logits of each class.

        Args:
            values: (N, T, D), valid dates first.
            day_of_year: (N, T); not used, because kernels run over the order of the dates.
            valid: (N, T) bool, at least one valid date per series.

        Returns:
            (N, C) logits.
        """
        x = values.transpose(1, 2)
        residual = x
        for index, block in enumerate(self.blocks):
            x = block(x, valid)
            if index % RESIDUAL_EVERY == RESIDUAL_EVERY - 1:
                x = F.relu(x + self.shortcuts[index // RESIDUAL_EVERY](residual, valid))
                residual = x
        mean = x.sum(dim=2) / valid.sum(dim=1, keepdim=True)
        logits: Tensor = self.classifier(self.dropout(mean))
        return logits


class InceptionBlock(nn.Module):
    """Bottleneck, four branches, batch norm and ReLU: (N, D, T) to (N, hidden, T)."""

    def __init__(self, num_inputs: int, hidden: int, kernel_size: int) -> None:
        super().__init__()
        width = hidden // NUM_BRANCHES
        self.bottleneck = nn.Conv1d(num_inputs, BOTTLENECK, 1, bias=False)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(BOTTLENECK, width, kernel_size // shrink, bias=False) for shrink in (1, 2, 4)
        )
        self.pooled = nn.Conv1d(num_inputs, width, 1, bias=False)
        self.norm = MaskedBatchNorm(hidden)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """Applies the block. Input and output are zero at invalid dates."""
        narrow = self.bottleneck(x)
        branches = [_same_length(convolution, narrow) for convolution in self.convolutions]
        padded = ~valid[:, None, :]
        largest = F.max_pool1d(x.masked_fill(padded, -torch.inf), POOL, 1, POOL // 2)
        branches.append(self.pooled(largest.masked_fill(padded, 0.0)))
        return F.relu(self.norm(torch.cat(branches, dim=1), valid))


class Shortcut(nn.Module):
    """A shortcut with a convolution of length one and batch norm."""

    def __init__(self, num_inputs: int, hidden: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(num_inputs, hidden, 1, bias=False)
        self.norm = MaskedBatchNorm(hidden)

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        """Maps (N, D, T) to (N, hidden, T), zero at invalid dates."""
        shortcut: Tensor = self.norm(self.convolution(x), valid)
        return shortcut


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch norm with the statistics of the valid dates. Its output is zero at other dates."""

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """Normalises (N, C, T) over the valid dates (N, T)."""
        if valid is None:
            raise ValueError("MaskedBatchNorm needs to know the valid dates")
        rows = x.transpose(1, 2)
        normalised = super().forward(rows[valid])
        result = torch.zeros_like(rows)
        result[valid] = normalised
        return result.transpose(1, 2)


def _same_length(convolution: nn.Module, x: Tensor) -> Tensor:
    assert isinstance(convolution, nn.Conv1d)
    total = convolution.kernel_size[0] - 1
    # An even kernel covers one date more ahead than behind.
    convolved: Tensor = convolution(F.pad(x, (total // 2, total - total // 2)))
    return convolved
