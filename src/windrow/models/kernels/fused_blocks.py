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
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from windrow.models.kernels import launches
from windrow.models.kernels.launches import Layout

MAX_DATES = 256
"""Longest series whose attention fits one program."""

_HEADS = (16, 32, 64, 128)
_PARAMETERS = 12
"""Of a block, in their order: norm, products, norm, products; weight and bias each."""


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


def fused_blocks(tokens: Tensor, layout: Layout, parameters: Sequence[Tensor]) -> Tensor:
    """Computes the blocks of an encoder over tokens.

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
            tokens, normed, *moments = launches.add_norm(tokens, added, block[:2], low=low, eps=eps)
            mixed = normed @ block[2].t()
            attention, logs = launches.attention(mixed, block[3], layout)
            kept += [tokens, normed, *moments, mixed, attention, logs]
            added = (attention @ block[4].t(), block[5])
            tokens, normed, *moments = launches.add_norm(
                tokens, added, block[6:8], low=low, eps=eps
            )
            before = normed @ block[8].t()
            hidden = launches.gelu(before, block[9])
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
        programs = launches.num_programs(num_tokens, launches.NORM_ROWS)

        def partial(*shape: int) -> Tensor:
            return torch.empty((num_blocks, *shape), device=kept[0].device, dtype=torch.float32)

        self._norm_sums = [partial(programs, 3, width) for _ in range(2)]
        self._gelu_sums = partial(launches.num_programs(num_tokens, launches.GELU_ROWS), hidden)
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
        """Computes gradient of a block's tokens, and of its four weights."""
        block = self._blocks[number]
        tokens, normed, mean, deviation, mixed, attention, logs, between, normed_between = (
            self._kept[number * _KEPT : number * _KEPT + 9]
        )
        moments_between = self._kept[number * _KEPT + 9 : number * _KEPT + 11]
        before, hidden = self._kept[number * _KEPT + 11 : number * _KEPT + 13]
        low = before.dtype
        rounded = gradient.to(low)
        out = self._beside.weight(rounded, hidden)
        moved = launches.gelu_backward(
            rounded @ block[10], before, block[9], self._gelu_sums[number]
        )
        inner = self._beside.weight(moved, normed_between)
        gradient = launches.norm_backward(
            moved @ block[8], between, moments_between, block[6], gradient,
            self._norm_sums[1][number],
        )  # fmt: skip
        rounded = gradient.to(low)
        projection = self._beside.weight(rounded, attention)
        of_mixed = launches.attention_backward(
            (mixed, block[3], attention, rounded @ block[4], logs), self._layout,
            self._mixed_sums[number],
        )  # fmt: skip
        query_key_value = self._beside.weight(of_mixed, normed)
        gradient = launches.norm_backward(
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
        """Computes ``gradient^T values``; good after :meth:`join`."""
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
