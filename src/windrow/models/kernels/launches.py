"""One launch for each kernel of the fused blocks: shapes, grids and what they write.

The kernels are those of :mod:`windrow.models.kernels.triton_kernels`; Triton is imported with the
first launch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

NORM_ROWS = 16
"""Tokens that one program norms."""

GELU_ROWS, GELU_COLUMNS = 64, 128
"""Tokens and values that one program takes through the GELU."""


@dataclass(frozen=True)
class AttentionOptions:
    """How an attention kernel is cut.

    Attributes:
        rows: queries at a time.
        num_warps: of a program.
    """

    rows: int
    num_warps: int


FORWARD = AttentionOptions(rows=64, num_warps=4)
BACKWARD = AttentionOptions(rows=128, num_warps=8)
"""By the registers that the compiler reports: of 144 dates by 64, no other cut spills less."""


@dataclass(frozen=True)
class Layout:
    """Where the series are among the tokens.

    Attributes:
        bounds: (N + 2,) int32: where each series begins, and the tokens of none.
        num_series: N.
        max_dates: of the longest series.
        keys: (N, T) int8, which dates are attended to; None where all are.
        num_heads: H.
        eps: of the norms.
    """

    bounds: Tensor
    num_series: int
    max_dates: int
    keys: Tensor | None
    num_heads: int
    eps: float

    def parts(self, options: AttentionOptions) -> dict[str, int]:
        """Computes how the dates are cut into powers of two: 144 into 128 and 16."""
        most = max(self.max_dates, 16)
        first = min(1 << (most.bit_length() - 1), 128)
        second = max(16, _power(most - first)) if most > first else 0
        if second == first < 128:
            first, second = 2 * first, 0
        rows = min(first, options.rows)
        return {"A": first, "B": second, "ROWS": rows, "LAST": min(second, rows)}


def padded_bounds(num_series: int, num_dates: int, device: torch.device) -> Tensor:
    """Computes (N + 2,) int32 bounds of N series of T dates each, with no token of none."""
    series = torch.arange(num_series + 2, device=device).clamp(max=num_series)
    return (series * num_dates).int()


def num_programs(number: int, size: int) -> int:
    """Computes how many programs of ``size`` rows take ``number`` rows.

    Example:
        >>> num_programs(37, 16)
        3
    """
    return -(-number // size)


def _power(number: int) -> int:
    return 1 << (number - 1).bit_length()


def _kernels() -> Any:
    from windrow.models.kernels import triton_kernels

    return triton_kernels


def add_norm(
    tokens: Tensor,
    added: tuple[Tensor, Tensor] | None,
    norm: Sequence[Tensor],
    *,
    low: torch.dtype,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Adds a product and its bias to tokens, and norms the sum.

    Args:
        tokens: (C, D).
        added: a product (C, D) and its bias (D,); None adds nothing.
        norm: weight and bias (D,) of the norm.
        low: precision of the normed values.
        eps: of the norm.

    Returns:
        The sum (C, D), which is ``tokens`` itself where nothing is added; the normed sum (C, D);
        the mean (C,) and the reciprocal standard deviation (C,) of the sum, in float32.
    """
    num_tokens, width = tokens.shape
    total = tokens if added is None else torch.empty_like(tokens)
    normed = torch.empty_like(tokens, dtype=low)
    mean = torch.empty(num_tokens, device=tokens.device, dtype=torch.float32)
    deviation = torch.empty_like(mean)
    product, bias = (tokens, norm[0]) if added is None else added
    _kernels().add_norm[(num_programs(num_tokens, NORM_ROWS),)](
        tokens, product, bias, norm[0], norm[1], total, normed, mean, deviation, num_tokens, eps,
        WIDTH=width, BLOCK=_power(width), ROWS=NORM_ROWS, HAS_ADDED=added is not None,
        num_warps=4,
    )  # fmt: skip
    return total, normed, mean, deviation


def norm_backward(  # noqa: PLR0917 (as the kernel takes them)
    gradient: Tensor,
    tokens: Tensor,
    moments: Sequence[Tensor],
    weight: Tensor,
    passed: Tensor,
    partial: Tensor,
) -> Tensor:
    """Computes gradient (C, D) of the tokens before a norm, and what reaches them past it.

    Args:
        gradient: (C, D) of the normed tokens.
        tokens: (C, D) that were normed.
        moments: mean and reciprocal standard deviation (C,) of :func:`add_norm`.
        weight: (D,) of the norm.
        passed: (C, D) gradient of the same tokens from beyond the block; it is added.
        partial: (programs, 3, D); receives each program's sums for the norm's weight, the norm's
            bias and the bias of the product that was added.
    """
    num_tokens, width = tokens.shape
    result = torch.empty_like(passed)
    _kernels().norm_backward[(len(partial),)](
        gradient, tokens, moments[0], moments[1], weight, passed, result, partial, num_tokens,
        WIDTH=width, BLOCK=_power(width), ROWS=NORM_ROWS, num_warps=4,
    )  # fmt: skip
    return result


def gelu(before: Tensor, bias: Tensor) -> Tensor:
    """Computes GELU of a product (C, H) and its bias (H,)."""
    num_tokens, width = before.shape
    after = torch.empty_like(before)
    grid = num_programs(num_tokens, GELU_ROWS), num_programs(width, GELU_COLUMNS)
    _kernels().gelu_forward[grid](
        before, bias, after, num_tokens, WIDTH=width, ROWS=GELU_ROWS, COLUMNS=GELU_COLUMNS,
        num_warps=8,
    )  # fmt: skip
    return after


def gelu_backward(gradient: Tensor, before: Tensor, bias: Tensor, partial: Tensor) -> Tensor:
    """Computes gradient (C, H) of what :func:`gelu` took.

    Args:
        gradient: (C, H) of its result.
        before: (C, H) the product without its bias.
        bias: (H,).
        partial: (programs, H); receives each program's sum of the gradient, for the bias.
    """
    num_tokens, width = before.shape
    result = torch.empty_like(before)
    _kernels().gelu_backward[(len(partial), num_programs(width, GELU_COLUMNS))](
        gradient, before, bias, result, partial, num_tokens, WIDTH=width, ROWS=GELU_ROWS,
        COLUMNS=GELU_COLUMNS, num_warps=8,
    )  # fmt: skip
    return result


def _attention_options(
    mixed: Tensor, layout: Layout, options: AttentionOptions
) -> dict[str, int | str]:
    head = mixed.shape[1] // (3 * layout.num_heads)
    return {
        "HEADS": layout.num_heads, "HEAD": head, **layout.parts(options),
        "HAS_KEYS": layout.keys is not None,
        "PRECISION": "ieee" if mixed.dtype == torch.float32 else "tf32",
        "num_warps": options.num_warps,
        "num_stages": 1,
    }  # fmt: skip


def attention(mixed: Tensor, bias: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
    """Computes attention within each series.

    Args:
        mixed: (C, 3 D) queries, keys and values without their bias.
        bias: (3 D,).
        layout: where the series are.

    Returns:
        (C, D), and the logarithms (H, C) of the softmax sums for the way back.
    """
    num_tokens, width = mixed.shape[0], mixed.shape[1] // 3
    out = torch.empty((num_tokens, width), device=mixed.device, dtype=mixed.dtype)
    logs = torch.empty((layout.num_heads, num_tokens), device=mixed.device, dtype=torch.float32)
    keys = layout.bounds if layout.keys is None else layout.keys
    _kernels().attention_forward[((layout.num_series + 1) * layout.num_heads,)](
        mixed, bias, out, logs, layout.bounds, keys, layout.num_series, num_tokens,
        keys.shape[-1], (width // layout.num_heads) ** -0.5,
        **_attention_options(mixed, layout, FORWARD),
    )  # fmt: skip
    return out, logs


def attention_backward(
    kept: tuple[Tensor, Tensor, Tensor, Tensor, Tensor], layout: Layout, partial: Tensor
) -> Tensor:
    """Computes gradient (C, 3 D) of what attention mixed.

    Args:
        kept: what was mixed, its bias, attention's output, the gradient of it, the logarithms.
        layout: of the tokens.
        partial: (N, 3 D), where the sums over the tokens of a series go.
    """
    mixed, bias, out, gradient, logs = kept
    result = torch.empty_like(mixed)
    keys = layout.bounds if layout.keys is None else layout.keys
    head = mixed.shape[1] // (3 * layout.num_heads)
    _kernels().attention_backward[((layout.num_series + 1) * layout.num_heads,)](
        mixed, bias, out, gradient, logs, result, partial, layout.bounds, keys,
        layout.num_series, len(mixed), keys.shape[-1], head**-0.5,
        **_attention_options(mixed, layout, BACKWARD),
    )  # fmt: skip
    return result
