"""The blocks of an encoder as one operation, with fused kernels and the backward pass by hand.

What :class:`windrow.models.encoders.transformer.Block` computes, block after block, in fewer
passes over
memory: attention reads and writes the layout of the matrix products, so nothing is permuted; the
sum, its norm and the bias of the product before it are one pass; biases are added by whoever reads
a product next; the gradients of biases and norms are by-products of passes that happen anyway; and
the gradients of the weights, on which nothing waits, are computed beside the rest.

For CUDA with bfloat16 products and Triton; elsewhere the plain blocks do the same.

What they gain: a training step of the paper's shape takes 10.64 ms on one H200, where torch's
compiled blocks take 11.94 and the plain ones 19.6 in a CUDA graph (``benchmarks/train_gpu.py``,
docs/log.md). They stand behind the switch ``fused`` of the encoder. They go, with
:mod:`windrow.models.kernels.triton_kernels`, as soon as torch's compiled blocks come within a tenth
of them on a card, which is to be measured anew with every torch that this package asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

MAX_DATES = 256
"""Longest series whose attention fits one program."""

_HEADS = (16, 32, 64, 128)
_PARAMETERS = 12
"""Of a block, in their order: norm, products, norm, products; weight and bias each."""

_NORM_ROWS = 16
_GELU_ROWS, _GELU_COLUMNS = 64, 128


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


@cache
def has_triton() -> bool:
    """Whether Triton is installed."""
    return find_spec("triton") is not None


def can_fuse(tokens: Tensor, products: Tensor, *, head_width: int, num_dates: int) -> bool:
    """Whether the fused blocks can take these tokens.

    Args:
        tokens: (..., D).
        products: a weight of the matrix products.
        head_width: E.
        num_dates: of the longest series.
    """
    return (
        tokens.is_cuda
        and products.dtype == torch.bfloat16
        and head_width in _HEADS
        and num_dates <= MAX_DATES
        and has_triton()
    )


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
        """How the dates are cut into powers of two: 144 into 128 and 16."""
        most = max(self.max_dates, 16)
        first = min(1 << (most.bit_length() - 1), 128)
        second = max(16, _power(most - first)) if most > first else 0
        if second == first < 128:
            first, second = 2 * first, 0
        rows = min(first, options.rows)
        return {"A": first, "B": second, "ROWS": rows, "LAST": min(second, rows)}


def padded_bounds(num_series: int, num_dates: int, device: torch.device) -> Tensor:
    """(N + 2,) int32 bounds of N series of T dates each, with no token of none."""
    series = torch.arange(num_series + 2, device=device).clamp(max=num_series)
    return (series * num_dates).int()


def fused_blocks(tokens: Tensor, layout: Layout, parameters: Sequence[Tensor]) -> Tensor:
    """The blocks of an encoder over tokens.

    Args:
        tokens: (C, D); the sums are kept in its precision.
        layout: where the series are.
        parameters: twelve of each block, in the order of its ``parameters()``.

    Returns:
        (C, D).
    """
    result: Tensor = _FusedBlocks.apply(  # type: ignore[no-untyped-call]
        tokens.contiguous(), layout, *parameters
    )
    return result


class _FusedBlocks(torch.autograd.Function):
    """All blocks of an encoder: tokens (C, D) and twelve parameters a block to tokens (C, D)."""

    @staticmethod
    def forward(ctx: Any, tokens: Tensor, layout: Layout, *parameters: Tensor) -> Tensor:
        """Runs the blocks and keeps what the way back needs."""
        ctx.layout = layout
        low, eps = parameters[2].dtype, layout.eps
        kept: list[Tensor] = []
        added: tuple[Tensor, Tensor] | None = None
        for block in _blocks(parameters):
            tokens, normed, *moments = _add_norm(tokens, added, block[:2], low=low, eps=eps)
            mixed = normed @ block[2].t()
            attention, logs = _attention(mixed, block[3], layout)
            kept += [tokens, normed, *moments, mixed, attention, logs]
            added = (attention @ block[4].t(), block[5])
            tokens, normed, *moments = _add_norm(tokens, added, block[6:8], low=low, eps=eps)
            before = normed @ block[8].t()
            hidden = _gelu(before, block[9])
            kept += [tokens, normed, *moments, before, hidden]
            added = (hidden @ block[10].t(), block[11])
        assert added is not None
        ctx.save_for_backward(*parameters, *kept)
        ctx.num_parameters = len(parameters)
        return tokens + (added[0] + added[1]).to(tokens.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the tokens and of every parameter."""
        saved = ctx.saved_tensors
        parameters, kept = saved[: ctx.num_parameters], saved[ctx.num_parameters :]
        return _Backward(ctx.layout, _blocks(parameters), kept).run(gradients[0].contiguous())


_KEPT = 13
"""Tensors kept of a block."""


class _Backward:
    """The way back through all blocks."""

    def __init__(
        self, layout: Layout, blocks: Sequence[Sequence[Tensor]], kept: Sequence[Tensor]
    ) -> None:
        self._layout, self._blocks, self._kept = layout, blocks, kept
        self._beside = _Beside(kept[0].device)
        num_blocks, (num_tokens, width) = len(blocks), kept[0].shape
        hidden = blocks[0][8].shape[0]
        programs = _cdiv(num_tokens, _NORM_ROWS)

        def partial(*shape: int) -> Tensor:
            return torch.empty((num_blocks, *shape), device=kept[0].device, dtype=torch.float32)

        self._norm_sums = [partial(programs, 3, width) for _ in range(2)]
        self._gelu_sums = partial(_cdiv(num_tokens, _GELU_ROWS), hidden)
        self._mixed_sums = partial(layout.num_series, 3 * width)

    def run(self, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the tokens, of the layout (none) and of every parameter."""
        found: list[list[Tensor]] = [[] for _ in self._blocks]
        last_bias = gradient.sum(dim=0, dtype=torch.float32)
        for number in reversed(range(len(self._blocks))):
            gradient, found[number] = self._block(number, gradient)
        self._beside.join()
        sums = [values.sum(dim=1) for values in self._norm_sums]
        gelu, mixed = self._gelu_sums.sum(dim=1), self._mixed_sums.sum(dim=1)
        results: list[Tensor | None] = [gradient, None]
        for number, (weights, block) in enumerate(zip(found, self._blocks, strict=True)):
            next_bias = last_bias if number + 1 == len(found) else sums[0][number + 1, 2]
            vectors = (
                sums[0][number, 0], sums[0][number, 1], mixed[number], sums[1][number, 2],
                sums[1][number, 0], sums[1][number, 1], gelu[number], next_bias,
            )  # fmt: skip
            order: tuple[Tensor, ...] = (
                vectors[0], vectors[1], weights[0], vectors[2], weights[1], vectors[3],
                vectors[4], vectors[5], weights[2], vectors[6], weights[3], vectors[7],
            )  # fmt: skip
            results += [
                values.to(parameter.dtype) for values, parameter in zip(order, block, strict=True)
            ]
        return tuple(results)

    def _block(self, number: int, gradient: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Gradient of a block's tokens, and of its four weights."""
        block = self._blocks[number]
        tokens, normed, mean, deviation, mixed, attention, logs, between, normed_between = (
            self._kept[number * _KEPT : number * _KEPT + 9]
        )
        moments_between = self._kept[number * _KEPT + 9 : number * _KEPT + 11]
        before, hidden = self._kept[number * _KEPT + 11 : number * _KEPT + 13]
        low = before.dtype
        rounded = gradient.to(low)
        out = self._beside.weight(rounded, hidden)
        moved = _gelu_backward(rounded @ block[10], before, block[9], self._gelu_sums[number])
        inner = self._beside.weight(moved, normed_between)
        gradient = _norm_backward(
            moved @ block[8], between, moments_between, block[6], gradient,
            self._norm_sums[1][number],
        )  # fmt: skip
        rounded = gradient.to(low)
        projection = self._beside.weight(rounded, attention)
        of_mixed = _attention_backward(
            (mixed, block[3], attention, rounded @ block[4], logs), self._layout,
            self._mixed_sums[number],
        )  # fmt: skip
        query_key_value = self._beside.weight(of_mixed, normed)
        gradient = _norm_backward(
            of_mixed @ block[2], tokens, (mean, deviation), block[0], gradient,
            self._norm_sums[0][number],
        )  # fmt: skip
        return gradient, [query_key_value, projection, inner, out]


@cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


class _Beside:
    """Computes the gradients of weights on a second stream, where the first leaves room."""

    def __init__(self, device: torch.device) -> None:
        self._stream: torch.cuda.Stream | None = None
        self._held: list[Tensor] = []
        if device.type == "cuda":
            self._stream = _side_stream(device)

    def weight(self, gradient: Tensor, values: Tensor) -> Tensor:
        """``gradient^T values``; good after :meth:`join`."""
        if self._stream is None:
            return gradient.t() @ values
        # Kept until the streams join: memory freed before could be written by the first one.
        self._held += [gradient, values]
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            result = gradient.t() @ values
        self._held.append(result)
        return result

    def join(self) -> None:
        """Waits, on the device, for what was computed beside."""
        if self._stream is not None:
            torch.cuda.current_stream().wait_stream(self._stream)
        self._held.clear()


def _blocks(parameters: Sequence[Tensor]) -> list[Sequence[Tensor]]:
    return [
        parameters[start : start + _PARAMETERS] for start in range(0, len(parameters), _PARAMETERS)
    ]


def _cdiv(number: int, size: int) -> int:
    return -(-number // size)


def _power(number: int) -> int:
    return 1 << (number - 1).bit_length()


def _kernels() -> Any:
    from windrow.models.kernels import triton_kernels

    return triton_kernels


def _add_norm(
    tokens: Tensor,
    added: tuple[Tensor, Tensor] | None,
    norm: Sequence[Tensor],
    *,
    low: torch.dtype,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The sum of tokens, a product and its bias; its norm; and the moments of it."""
    num_tokens, width = tokens.shape
    total = tokens if added is None else torch.empty_like(tokens)
    normed = torch.empty_like(tokens, dtype=low)
    mean = torch.empty(num_tokens, device=tokens.device, dtype=torch.float32)
    deviation = torch.empty_like(mean)
    product, bias = (tokens, norm[0]) if added is None else added
    _kernels().add_norm[(_cdiv(num_tokens, _NORM_ROWS),)](
        tokens, product, bias, norm[0], norm[1], total, normed, mean, deviation, num_tokens, eps,
        WIDTH=width, BLOCK=_power(width), ROWS=_NORM_ROWS, HAS_ADDED=added is not None,
        num_warps=4,
    )  # fmt: skip
    return total, normed, mean, deviation


def _norm_backward(  # noqa: PLR0917 (as the kernel takes them)
    gradient: Tensor,
    tokens: Tensor,
    moments: Sequence[Tensor],
    weight: Tensor,
    passed: Tensor,
    partial: Tensor,
) -> Tensor:
    num_tokens, width = tokens.shape
    result = torch.empty_like(passed)
    _kernels().norm_backward[(len(partial),)](
        gradient, tokens, moments[0], moments[1], weight, passed, result, partial, num_tokens,
        WIDTH=width, BLOCK=_power(width), ROWS=_NORM_ROWS, num_warps=4,
    )  # fmt: skip
    return result


def _gelu(before: Tensor, bias: Tensor) -> Tensor:
    num_tokens, width = before.shape
    after = torch.empty_like(before)
    _kernels().gelu_forward[(_cdiv(num_tokens, _GELU_ROWS), _cdiv(width, _GELU_COLUMNS))](
        before, bias, after, num_tokens, WIDTH=width, ROWS=_GELU_ROWS, COLUMNS=_GELU_COLUMNS,
        num_warps=8,
    )  # fmt: skip
    return after


def _gelu_backward(gradient: Tensor, before: Tensor, bias: Tensor, partial: Tensor) -> Tensor:
    num_tokens, width = before.shape
    result = torch.empty_like(before)
    _kernels().gelu_backward[(len(partial), _cdiv(width, _GELU_COLUMNS))](
        gradient, before, bias, result, partial, num_tokens, WIDTH=width, ROWS=_GELU_ROWS,
        COLUMNS=_GELU_COLUMNS, num_warps=8,
    )  # fmt: skip
    return result


def _attention_options(mixed: Tensor, layout: Layout, options: AttentionOptions) -> dict[str, Any]:
    head = mixed.shape[1] // (3 * layout.num_heads)
    return {
        "HEADS": layout.num_heads, "HEAD": head, **layout.parts(options),
        "HAS_KEYS": layout.keys is not None,
        "PRECISION": "ieee" if mixed.dtype == torch.float32 else "tf32",
        "num_warps": options.num_warps,
        "num_stages": 1,
    }  # fmt: skip


def _attention(mixed: Tensor, bias: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
    """(C, 3 D) without its bias to (C, D), and the logarithms (H, C) for the way back."""
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


def _attention_backward(
    kept: tuple[Tensor, Tensor, Tensor, Tensor, Tensor], layout: Layout, partial: Tensor
) -> Tensor:
    """Gradient (C, 3 D) of what attention mixed.

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
