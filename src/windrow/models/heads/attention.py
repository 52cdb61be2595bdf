"""Attention whose weights are dropped out, in parts that stay in the processor's cache.

torch trains such attention on the CPU with its plain formula: several passes over all weights
(64 series of 146 dates in 8 heads have eleven million) and one random number for each. Here a
few heads at a time are done from beginning to end, weights are computed again on the way back, and
four weights share one random number. Everywhere else torch's own ways are as fast, and are taken.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

HEADS_AT_A_TIME = 8
"""Of all heads of all series: 0.7 MB of weights at 146 dates."""

_LEVELS = 1 << 16
"""Of a random number: dropout is rounded to one part in so many."""


class WeightDropoutAttention(nn.MultiheadAttention):
    """``nn.MultiheadAttention`` as self-attention, batch first: its parameters and its formula.

    torch's own takes a fused path for evaluation on the CPU that is two to four times slower than
    the attention it has otherwise; that one is called here.
    """

    def forward(self, x: Tensor, padded: Tensor) -> Tensor:  # type: ignore[override]
        """Computes what each date takes from all of its series, (N, T, D).

        Args:
            x: (N, T, D).
            padded: (N, T) bool, dates that nobody attends to; not all of a series.
        """
        num_series, num_dates, width = x.shape
        mixed = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        shape = (num_series, num_dates, 3, self.num_heads, width // self.num_heads)
        query, key, value = mixed.view(shape).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        if dropout and x.device.type == "cpu":
            q, k, v = (each.flatten(0, 1).float() for each in (query, key, value))
            added = torch.zeros(num_series, 1, num_dates).masked_fill(padded[:, None], -torch.inf)
            added = added.repeat_interleave(self.num_heads, dim=0)
            kept = keep_mask((len(added), num_dates, num_dates), dropout=dropout)
            mean = attend(q, k, v, added, kept, kept_share=1 - dropout).view(query.shape)
        else:
            attended = ~padded[:, None, None]
            mean = F.scaled_dot_product_attention(
                query, key, value, attn_mask=attended, dropout_p=dropout
            )
        out: Tensor = self.out_proj(mean.transpose(1, 2).flatten(2))
        return out


def keep_mask(shape: tuple[int, ...], *, dropout: float) -> Tensor:
    """Computes which weights stay.

    Bool of a shape, each true with 1 - ``dropout``, of torch's random state.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> round(keep_mask((100, 100), dropout=0.25).float().mean().item(), 2)
        0.75
    """
    number = math.prod(shape)
    words = torch.empty(-(-number // 4), dtype=torch.int64).random_(
        torch.iinfo(torch.int64).min, None
    )
    parts = words.view(torch.int16)[:number].view(shape)
    kept: Tensor = parts >= round(dropout * _LEVELS) - _LEVELS // 2
    return kept


def attend(
    query: Tensor, key: Tensor, value: Tensor, added: Tensor, kept: Tensor, *, kept_share: float
) -> Tensor:
    """Computes softmax(Q K' / sqrt(E) + added) V.

    Weights that are not ``kept`` are dropped, and the others are divided by their share.

    Args:
        query: (B, T, E) of B heads, float32 on the CPU.
        key: (B, T, E).
        value: (B, T, E).
        added: (B, 1, T) or (B, T, T), minus infinity where a key takes no part.
        kept: (B, T, T) bool.
        kept_share: probability of being kept.

    Returns:
        (B, T, E); its gradient is of query, key and value, once.

    Example:
        >>> one = torch.ones(1, 2, 4)
        >>> kept = torch.tensor([[[True, False], [True, True]]])
        >>> attend(one, one, one, torch.zeros(1, 1, 2), kept, kept_share=0.5)[..., 0]
        tensor([[1., 2.]])
    """
    mean = _Attend.apply(query, key, value, added, kept, kept_share)  # type: ignore[no-untyped-call]
    assert isinstance(mean, Tensor)
    return mean


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *tensors: Any) -> Tensor:
        query, key, value, added, kept, share = tensors
        ctx.save_for_backward(query, key, value, added, kept)
        ctx.share, ctx.scale = share, query.shape[-1] ** -0.5
        mean = torch.empty_like(value)
        log_total = query.new_empty(*query.shape[:2], 1)
        with torch.autocast("cpu", enabled=False):
            for part in _parts(len(query)):
                weights = torch.baddbmm(added[part], query[part], key[part].mT, alpha=ctx.scale)
                largest = weights.amax(dim=-1, keepdim=True)
                weights.sub_(largest).exp_()
                total = weights.sum(dim=-1, keepdim=True)
                torch.bmm(weights.mul_(_numbers(kept[part])), value[part], out=mean[part])
                mean[part].div_(total * share)
                torch.add(largest, total.log(), out=log_total[part])
        ctx.mean, ctx.log_total = mean.detach(), log_total
        return mean

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, added, kept = ctx.saved_tensors
        # The sum over keys of weight times its gradient, as in FlashAttention (Dao et al. 2022).
        balance = (gradient * ctx.mean).sum(dim=-1, keepdim=True)
        gradient = gradient / ctx.share
        of_query, of_key, of_value = (torch.empty_like(each) for each in (query, key, value))
        with torch.autocast("cpu", enabled=False):
            for part in _parts(len(query)):
                weights = torch.baddbmm(added[part], query[part], key[part].mT, alpha=ctx.scale)
                weights.sub_(ctx.log_total[part]).exp_()
                stays = _numbers(kept[part])
                of_scores = torch.bmm(gradient[part], value[part].mT).mul_(stays)
                of_scores.sub_(balance[part]).mul_(weights)
                torch.bmm(weights.mul_(stays).mT, gradient[part], out=of_value[part])
                torch.bmm(of_scores, key[part], out=of_query[part])
                torch.bmm(of_scores.mT, query[part], out=of_key[part])
        return of_query.mul_(ctx.scale), of_key.mul_(ctx.scale), of_value, None, None, None


def _numbers(kept: Tensor) -> Tensor:
    """Computes 0 and 1 in float32; torch multiplies by bool ten times slower."""
    return kept.view(torch.int8).float()


def _parts(number: int) -> list[slice]:
    return [slice(at, at + HEADS_AT_A_TIME) for at in range(0, number, HEADS_AT_A_TIME)]
