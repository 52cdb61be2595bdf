"""What the card gives: copies, the matrix products of a step, attention, our kernels."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gpu_training.bench import Bench


def ceilings(bench: Bench) -> None:
    """Copy bandwidth and matrix rate of this card."""
    source = torch.randn(2**30 if bench.cuda else 2**16, device=bench.device, dtype=bench.low)
    target = torch.empty_like(source)
    micro = bench.replay_us(lambda: target.copy_(source), number=5)
    bench.tell(part="ceilings", what="copy", TB_per_s=round(2 * source.nbytes / micro / 1e6, 2))
    size = 8192 if bench.cuda else 64
    a, b = (torch.randn(size, size, device=bench.device, dtype=bench.low) for _ in range(2))
    micro = bench.replay_us(lambda: a @ b, number=5)
    bench.tell(
        part="ceilings", what=f"product {size}", TFLOP_per_s=round(2 * size**3 / micro / 1e6)
    )


def products(bench: Bench) -> None:
    """The matrix products of a block: forward, of the input's and of the weight's gradient."""
    shape = bench.shape
    total = 0.0
    for name, out, inner in (
        ("qkv", 3 * shape.width, shape.width), ("projection", shape.width, shape.width),
        ("mlp_in", shape.mlp, shape.width), ("mlp_out", shape.width, shape.mlp),
    ):  # fmt: skip
        half: dict[str, Any] = {"device": bench.device, "dtype": bench.low}
        x, w = torch.randn(shape.tokens, inner, **half), torch.randn(out, inner, **half)
        y, bias = torch.randn(shape.tokens, out, **half), torch.randn(out, **half)
        found = {
            "forward_us": bench.replay_us(partial(torch.addmm, bias, x, w.t())),
            "input_us": bench.replay_us(partial(torch.mm, y, w)),
            "weight_us": bench.replay_us(partial(torch.mm, y.t(), x)),
        }
        total += sum(found.values())
        ideal = 2 * shape.tokens * out * inner / 790e6
        bench.tell(part="products", what=name, at_790_us=round(ideal, 1),
                   **{key: round(value, 1) for key, value in found.items()})  # fmt: skip
    bench.tell(part="products", what=f"all of {shape.layers} blocks",
               ms=round(total * shape.layers / 1e3, 2))  # fmt: skip
    number = 12 * shape.width**2 * shape.layers
    p = torch.randn(number, device=bench.device)
    m, v, g = torch.rand_like(p), torch.rand_like(p), torch.randn_like(p).bfloat16()
    done = torch.ones((), device=bench.device)
    options = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "weight_decay": 0.01, "eps": 1e-8,
               "amsgrad": False, "maximize": False}  # fmt: skip
    micro = bench.replay_us(
        lambda: torch._fused_adamw_([p], [g.float()], [m], [v], [], [done], **options)
    )
    bench.tell(part="products", what=f"torch fused adamw of {number / 1e6:.1f} M with a cast",
               us=round(micro, 1))  # fmt: skip


def attention(bench: Bench) -> None:
    """Attention of a block by backend, from the strided views that the block gives."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    shape = bench.shape
    half: dict[str, Any] = {"device": bench.device, "dtype": bench.low}
    mixed = torch.randn(
        shape.batch, shape.dates, 3, shape.heads, shape.head, **half, requires_grad=True
    )
    seed = torch.randn(shape.batch, shape.heads, shape.dates, shape.head, **half)

    def forward() -> Tensor:
        query, key, value = mixed.permute(2, 0, 3, 1, 4)
        return nn.functional.scaled_dot_product_attention(query, key, value)

    for name in ("FLASH_ATTENTION", "CUDNN_ATTENTION", "EFFICIENT_ATTENTION"):
        try:
            with sdpa_kernel(getattr(SDPBackend, name)):
                with torch.no_grad():
                    ahead = bench.replay_us(forward)
                both = bench.replay_us(lambda: torch.autograd.grad(forward(), mixed, seed))
            bench.tell(part="attention", what=name, forward_us=round(ahead, 1),
                       both_us=round(both, 1))  # fmt: skip
        except Exception as error:
            bench.tell(part="attention", what=name, missing=str(error)[:300])


def kernels(bench: Bench) -> None:
    """Our kernels alone: right against float32, and how long."""
    from windrow.models.kernels import launches as ours

    _attention_kernels(bench, ours)
    shape = bench.shape
    half: dict[str, Any] = {"device": bench.device, "dtype": bench.low}
    x, seed = (torch.randn(shape.tokens, shape.width, **half) for _ in range(2))
    before = torch.randn(shape.tokens, shape.mlp, **half)
    vector, wide = x[0].float(), before[0]
    norm = vector, vector
    total, _, *moments = ours.add_norm(x, (seed, x[0]), norm, low=bench.low, eps=1e-5)
    programs = -(-shape.tokens // ours.NORM_ROWS)
    sums = torch.empty(programs, 3, shape.width, device=bench.device)
    gelu_sums = torch.empty(-(-shape.tokens // ours.GELU_ROWS), shape.mlp, device=bench.device)
    number = 20 if bench.cuda else 1
    for name, call in {
        "add_norm": lambda: ours.add_norm(x, (seed, x[0]), norm, low=bench.low, eps=1e-5),
        "norm_backward": lambda: ours.norm_backward(seed, total, moments, vector, x, sums),
        "gelu": lambda: ours.gelu(before, wide),
        "gelu_backward": lambda: ours.gelu_backward(before, before, wide, gelu_sums),
    }.items():
        bench.tell(part="kernels", what=name, us=round(bench.replay_us(call, number=number), 1))


def _attention_kernels(bench: Bench, ours: Any) -> None:
    """By how attention is cut; the errors are of the output, the gradient and its sums."""
    shape, number = bench.shape, 20 if bench.cuda else 1
    half: dict[str, Any] = {"device": bench.device, "dtype": bench.low}
    mixed = torch.randn(shape.tokens, 3 * shape.width, **half)
    bias, seed = (
        torch.randn(3 * shape.width, **half),
        torch.randn(shape.tokens, shape.width, **half),
    )
    bounds = ours.padded_bounds(shape.batch, shape.dates, mixed.device)
    layout = ours.Layout(bounds, shape.batch, shape.dates, None, shape.heads, 1e-5)
    exact = (mixed.float() + bias.float()).requires_grad_()
    split = exact.view(shape.batch, shape.dates, 3, shape.heads, shape.head)
    query, key, value = split.permute(2, 0, 3, 1, 4)
    wanted = nn.functional.scaled_dot_product_attention(query, key, value)
    wanted = wanted.transpose(1, 2).reshape(shape.tokens, shape.width)
    gradient = torch.autograd.grad(wanted, exact, seed.float())[0]
    partial_sums = torch.empty(shape.batch, 3 * shape.width, device=bench.device)
    usual = ours.FORWARD, ours.BACKWARD
    for rows, warps in ((64, 4), (128, 8)):
        what = f"attention, {rows} rows, {warps} warps"
        ours.FORWARD = ours.BACKWARD = ours.AttentionOptions(rows=rows, num_warps=warps)
        try:
            out, logs = ours.attention(mixed, bias, layout)
            kept = (mixed, bias, out, seed, logs)
            back = partial(ours.attention_backward, kept, layout, partial_sums)
            pairs = (out, wanted), (back(), gradient), (partial_sums.sum(0), gradient.sum(0))
            errors = [f"{float((a.float() - b).norm() / b.norm()):.1e}" for a, b in pairs]
            ahead = partial(ours.attention, mixed, bias, layout)
            bench.tell(part="kernels", what=what, errors=errors,
                       forward_us=round(bench.replay_us(ahead, number=number), 1),
                       backward_us=round(bench.replay_us(back, number=number), 1))  # fmt: skip
        except Exception as error:
            bench.tell(part="kernels", what=what, error=repr(error)[-300:])
    ours.FORWARD, ours.BACKWARD = usual
