"""Series of different lengths without their padding.

The tokens of all series stand one after another, so that norms and matrix products see valid dates
only; attention alone has to know where a series ends. Positions are computed where the tensors
are and the sizes are given by the host, so that nothing is read from the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

GRANULE = 128
"""The number of tokens is a multiple of it, so that few sizes occur."""


def packed_size(num_valid: int) -> int:
    """Computes C, the tokens that so many valid dates are packed into.

    Example:
        >>> packed_size(129)
        256
    """
    return max(-(-num_valid // GRANULE), 1) * GRANULE


@dataclass(frozen=True)
class Packing:
    """Where the valid dates of N series of T dates stand in a row of C tokens.

    Attributes:
        source: (C,) int64 positions in N x T of each token; what lies beyond the last valid date
            of the last series repeats some date and reaches nothing.
        target: (N, T) int64 positions in C of each date; at invalid dates any.
        valid: (N, T) bool.
        is_date: (C,) bool, False beyond the last valid date.
        attended: (N, 1, 1, T) bool, the keys of a series' attention.
        bounds: (N + 2,) int32, where each series begins, and the tokens beyond the last.
        max_length: at least the tokens between two bounds.
    """

    source: Tensor
    target: Tensor
    valid: Tensor
    is_date: Tensor
    attended: Tensor
    bounds: Tensor
    max_length: int

    def pack(self, values: Tensor) -> Tensor:
        """Packs (N, T, ...) into (C, ...)."""
        packed: Tensor = _Moved.apply(values, self, True)  # type: ignore[no-untyped-call]
        return packed

    def unpack(self, tokens: Tensor) -> Tensor:
        """Unpacks (C, ...) into (N, T, ...); what stands at invalid dates means nothing."""
        spread: Tensor = _Moved.apply(tokens, self, False)  # type: ignore[no-untyped-call]
        return spread

    def gather(self, values: Tensor, *, packed: bool) -> Tensor:
        """Computes the move itself, to the packed form or from it."""
        return values.flatten(0, 1)[self.source] if packed else values[self.target]


class _Moved(torch.autograd.Function):
    """Packs or unpacks; backwards it is the other move, with nothing for what means nothing.

    Torch's own backward pass of an indexing adds up duplicates, of which there are none that count.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, packing: Packing, packed: bool) -> Tensor:
        ctx.packing, ctx.packed = packing, packed
        return packing.gather(values, packed=packed)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        packing, (gradient,) = ctx.packing, gradients
        moved = packing.gather(gradient, packed=not ctx.packed)
        counts = packing.valid if ctx.packed else packing.is_date
        empty = moved.ndim - counts.ndim
        return moved * counts.view(*counts.shape, *(1,) * empty), None, None


def pack_dates(valid: Tensor, *, num_tokens: int) -> Packing:
    """Packs series whose valid dates come first.

    Args:
        valid: (N, T) bool, the valid dates of a series before the others.
        num_tokens: C, the valid dates of all series, at least one, or their :func:`packed_size`.

    Example:
        >>> valid = torch.tensor([[True, True, False], [True, False, False]])
        >>> packing = pack_dates(valid, num_tokens=packed_size(3))
        >>> packing.source[:3].tolist(), packing.bounds.tolist()
        ([0, 1, 3], [0, 2, 3, 128])
    """
    num_series, num_dates = valid.shape
    lengths = valid.sum(dim=1)
    ends = lengths.cumsum(dim=0)
    starts = ends - lengths
    token = torch.arange(num_tokens, device=valid.device)
    row = torch.searchsorted(ends, token, right=True).clamp(max=num_series - 1)
    date = (token - starts[row]).clamp(max=num_dates - 1)
    dates = torch.arange(num_dates, device=valid.device)
    target = (starts[:, None] + dates).clamp(max=num_tokens - 1)
    bounds = F.pad(ends, (1, 1))
    bounds[-1:].fill_(num_tokens)
    return Packing(
        source=row * num_dates + date,
        target=target,
        valid=valid,
        is_date=token < ends[-1:],
        # A series without any date attends to everything, which keeps it finite.
        attended=(valid | (lengths == 0)[:, None])[:, None, None, :],
        bounds=bounds.int(),
        max_length=max(num_dates, GRANULE),
    )
