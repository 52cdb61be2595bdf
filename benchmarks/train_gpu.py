"""Pre-training on one GPU beside Hugging Face's BertModel of the same shape; lines of JSON.

Everything is measured side by side in one run: the ceilings of the card (copy, matrix product),
the products and the attention of a step alone, the steps of every variant of the fast path, the
plain path, and BertModel eager and compiled with the same loss heads on the same batches. The
loss curve of the fast path is laid over the plain one's. It needs torch, numpy, pydantic and
safetensors, and transformers for the comparison::

    python benchmarks/train_gpu.py --num-series 20000 --steps 3000 [--parts variants,hf,...]
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import statistics
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial as partial_of
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from windrow.data.batches import BatchOrder, PretrainingData
from windrow.data.normalization import Normalization
from windrow.data.series import Series
from windrow.models.encoder import EncoderSettings
from windrow.models.packing import packed_size
from windrow.sensors import SENTINEL2_BANDS
from windrow.tasks.bert import (
    BertSettings,
    Sizes,
    apply_model,
    bert_losses,
    build_model,
    masked_batch,
    read_outputs,
    represent,
)
from windrow.tasks.draws import seeded_draws
from windrow.tasks.losses import LossSettings
from windrow.tasks.masking import MaskingSettings
from windrow.training.captured import CapturedTraining, CaptureSettings
from windrow.training.loop import train
from windrow.training.optimization import OptimizationSettings, adamw, warmup_cosine

PARTS = (
    "ceilings",
    "products",
    "attention",
    "kernels",
    "equality",
    "plain",
    "variants",
    "curve",
    "profile",
    "packed",
    "hf",
)
BATCH, DATES, WIDTH, LAYERS = 64, 144, 256, 32
PAPER_STEPS = 100 * 150_000 // BATCH
DEVICE = "cuda"
STARTED = time.perf_counter()
BUDGET_S = 540.0


def paper_encoder(**changes: Any) -> EncoderSettings:
    """The shape of recipe ``paper``; given here because recipes need pandas and zarr."""
    shape = {
        "num_layers": LAYERS, "width": WIDTH, "num_heads": 4, "mlp_width": 4 * WIDTH,
        "kernel_size": 1, "position": "day_of_year", "num_positions": DATES,
    }  # fmt: skip
    return EncoderSettings.from_dict(shape | changes)


def paper_task() -> BertSettings:
    """The pretext task of recipe ``paper``."""
    return BertSettings(
        target="planetscope",
        target_offsets=(-2, -1, 0),
        masking=MaskingSettings(
            mask_ratio=0.9, cloud_ratio=0.1, proportions=(7, 1, 1), cloud_input="masked"
        ),
        losses=LossSettings(
            reduction="sum", auxiliary="cross_entropy", reconstruction_weight=1.0,
            season_weight=1.0, cloud_weight=1.0,
        ),
    )  # fmt: skip


def paper_optimization() -> OptimizationSettings:
    """The optimization of recipe ``paper``."""
    return OptimizationSettings(
        kind="adamw", schedule="cosine", learning_rate=1e-3, betas=(0.9, 0.999),
        weight_decay=0.01, warmup_share=0.05, gradient_clip=1.0,
    )  # fmt: skip


def tell(**record: Any) -> None:
    """Prints a line of JSON, and keeps it where results are collected."""
    record["at_s"] = round(time.perf_counter() - STARTED, 1)
    line = json.dumps(record)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    if os.environ.get("OUT"):
        with (Path(os.environ["OUT"]) / "train_gpu.jsonl").open("a") as file:
            file.write(line + "\n")


def late() -> bool:
    """Whether no further part may begin."""
    return time.perf_counter() - STARTED > BUDGET_S


def made_series(num_series: int, *, seed: int = 0, kept: float = 1.0) -> Series:
    """Smooth seasons with noise, made in memory: enough to have something to learn."""
    draw = np.random.default_rng(seed)
    day = np.sort(draw.choice(365, DATES, replace=False)).astype(np.int16)
    peak = draw.uniform(120, 240, num_series)[:, None]
    spread = draw.uniform(25, 60, num_series)[:, None]

    def season(days: Any, gains: Any) -> Any:
        green = np.exp(-(((days[None] - peak) / spread) ** 2)).astype(np.float32)
        return 0.08 + green[..., None] * gains

    gains = np.linspace(-0.04, 0.35, 12).astype(np.float32)
    cloud = draw.uniform(size=(num_series, DATES)) < 0.35
    seen = season(day, gains)
    seen[cloud] = 0.7
    seen += draw.normal(0, 0.01, seen.shape).astype(np.float32)
    planetscope = np.repeat(season(np.arange(365), gains[[1, 2, 3, 7]]), 9, axis=2)
    planetscope += draw.normal(0, 0.005, planetscope.shape).astype(np.float32)
    valid = np.ones((num_series, DATES), dtype=bool)
    if kept < 1:
        valid = draw.uniform(size=valid.shape) < kept
        valid[:, 0] = True
    return Series(
        reflectance=np.rint(np.clip(seen, 1e-4, 1) * 1e4).astype(np.int16),
        day_of_year=np.tile(day, (num_series, 1)),
        valid=valid,
        bands=SENTINEL2_BANDS,
        processing_level="L2A",
        id=np.arange(num_series),
        field_id=np.arange(num_series),
        year=np.full(num_series, 2018, dtype=np.int16),
        cloud_probability=np.where(cloud, 220, 8).astype(np.uint8),
        planetscope=np.rint(np.clip(planetscope, 1e-4, 1) * 1e4).astype(np.int16),
        planetscope_day=np.arange(365, dtype=np.int16),
        simulated=True,
    )


class Setup:
    """Data, order and losses that every variant shares."""

    def __init__(self, series: Series, *, steps: int, batch_size: int = BATCH) -> None:
        self.task = paper_task()
        self.steps = steps
        self.data = PretrainingData(
            series,
            normalization=Normalization.fit(series.reflectance, series.valid),
            target="planetscope",
            target_normalization=Normalization.fit_planetscope(series.planetscope),
            target_offsets=self.task.target_offsets,
            device=DEVICE,
        )
        self.order = BatchOrder(len(series), batch_size=batch_size, seed=0)
        self.rate = warmup_cosine(paper_optimization(), num_steps=PAPER_STEPS)

    def module(self, encoder: EncoderSettings) -> nn.Module:
        """The model with its first weights."""
        return build_model(encoder, self.task, num_bands=12, seed=0).to(DEVICE)

    def losses(self, module: nn.Module, index: Tensor, step: Any, sizes: Any) -> Any:
        """The losses of a step."""
        draws = seeded_draws(0, 1, step=step, series=index)
        batch, masked = masked_batch(self.data, index, self.task, draws, sizes=sizes)
        outputs = apply_model(module, batch, masked, sizes=sizes)
        return bert_losses(outputs, batch, masked, self.task.losses)

    def tail_compiled(self) -> Any:
        """The same losses with what follows the encoder compiled."""

        def tail(module: nn.Module, z: Tensor, batch: Any, masked: Any) -> Any:
            return bert_losses(read_outputs(module, z, batch), batch, masked, self.task.losses)

        compiled = torch.compile(tail, dynamic=False, fullgraph=True)

        def losses(module: nn.Module, index: Tensor, step: Any, sizes: Any) -> Any:
            draws = seeded_draws(0, 1, step=step, series=index)
            batch, masked = masked_batch(self.data, index, self.task, draws, sizes=sizes)
            return compiled(module, represent(module, batch, masked, sizes=sizes), batch, masked)

        return losses

    def sizes(self, step: int) -> Sizes:
        """The packed sizes of a step; the longest series of the set gives the dates."""
        index = self.order.indices(step).numpy()
        return Sizes(
            num_dates=int(self.data.num_valid.max()),
            num_tokens=packed_size(int(self.data.num_valid[index].sum())),
        )


class Fast:
    """The fast path with its switches."""

    def __init__(
        self,
        setup: Setup,
        encoder: EncoderSettings,
        *,
        graph: bool = True,
        compiled: str | None = "default",
        low: bool = True,
        residual: torch.dtype | None = torch.bfloat16,
        packed: bool = False,
        fused: bool = False,
        tail: bool = False,
    ) -> None:
        self.setup, self.packed = setup, packed
        self.module = setup.module(encoder)
        self.curve: list[Tensor] = []

        def prepare(runner: nn.Module) -> None:
            runner.encoder.residual_precision = residual
            runner.encoder.fused = fused
            if compiled is not None:
                for block in runner.encoder.blocks:
                    block.compile(mode=compiled, dynamic=False, fullgraph=True)

        self.training = CapturedTraining(
            self.module,
            optimizer=adamw(self.module, paper_optimization()),
            losses=setup.tail_compiled() if tail else setup.losses,
            learning_rate=setup.rate,
            num_steps=setup.steps,
            start_step=0,
            first_index=setup.order.indices(0),
            first_sizes=setup.sizes(0) if packed else None,
            settings=CaptureSettings(
                graph=graph, compile_update=graph, low_precision=low,
                gradient_clip=1.0,
            ),
            prepare=prepare,
        )  # fmt: skip

    def steps(self, first: int, last: int) -> None:
        """Does some steps."""
        self.training._start, self.training._end = first, last
        self.training.run(
            self.setup.order.indices,
            sizes=self.setup.sizes if self.packed else None,
            on_step=lambda step, report: self.curve.append(report["loss"].clone()),
        )


def timed(run: Callable[[int], None], *, first: int, number: int, repeats: int = 3) -> list[float]:
    """Milliseconds a step, of each repeat."""
    found = []
    for repeat in range(repeats):
        torch.cuda.synchronize()
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for step in range(number):
            run(first + repeat * number + step)
        end.record()
        torch.cuda.synchronize()
        found.append(begin.elapsed_time(end) / number)
    return found


def replay_time(function: Callable[[], Any], *, number: int = 20) -> float:
    """Microseconds of a call, captured ``number`` times in one graph."""
    for _ in range(3):
        function()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(number):
            function()
    graph.replay()
    times = []
    for _ in range(5):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) * 1e3 / number)
    return statistics.median(times)


def ceilings() -> None:
    """Copy bandwidth and matrix rate of this card."""
    source = torch.randn(2**30, device="cuda", dtype=torch.bfloat16)
    target = torch.empty_like(source)
    micro = replay_time(lambda: target.copy_(source), number=5)
    tell(part="ceilings", what="copy", TB_per_s=round(2 * source.nbytes / micro / 1e6, 2))
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    micro = replay_time(lambda: a @ b, number=5)
    tell(part="ceilings", what="product 8192", TFLOP_per_s=round(2 * 8192**3 / micro / 1e6))


def products() -> None:
    """The matrix products of a block: forward, of the input's and of the weight's gradient."""
    tokens = BATCH * DATES
    total = 0.0
    for name, out, inner in (
        ("qkv", 768, 256), ("projection", 256, 256), ("mlp_in", 1024, 256), ("mlp_out", 256, 1024),
    ):  # fmt: skip
        half = {"device": "cuda", "dtype": torch.bfloat16}
        x, w = torch.randn(tokens, inner, **half), torch.randn(out, inner, **half)
        y, bias = torch.randn(tokens, out, **half), torch.randn(out, **half)
        found = {
            "forward_us": replay_time(lambda: torch.addmm(bias, x, w.t())),  # noqa: B023
            "input_us": replay_time(lambda: y @ w),  # noqa: B023
            "weight_us": replay_time(lambda: y.t() @ x),  # noqa: B023
        }
        total += sum(found.values())
        ideal = 2 * tokens * out * inner / 790e6
        tell(part="products", what=name, at_790_us=round(ideal, 1),
             **{key: round(value, 1) for key, value in found.items()})  # fmt: skip
    tell(part="products", what="all of 32 blocks", ms=round(total * LAYERS / 1e3, 2))
    p = torch.randn(25_000_000, device="cuda")
    m, v, g = torch.rand_like(p), torch.rand_like(p), torch.randn_like(p).bfloat16()
    micro = replay_time(
        lambda: torch._fused_adamw_(
            [p],
            [g.float()],
            [m],
            [v],
            [],
            [torch.ones((), device="cuda")],
            lr=1e-3,
            beta1=0.9,
            beta2=0.999,
            weight_decay=0.01,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )
    )
    tell(part="products", what="torch fused adamw of 25 M with a cast", us=round(micro, 1))


def attention() -> None:
    """Attention of a block by backend, from the strided views that the block gives."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    mixed = torch.randn(
        BATCH, DATES, 3, 4, 64, device="cuda", dtype=torch.bfloat16, requires_grad=True
    )
    seed = torch.randn(BATCH, 4, DATES, 64, device="cuda", dtype=torch.bfloat16)
    for name in ("FLASH_ATTENTION", "CUDNN_ATTENTION", "EFFICIENT_ATTENTION"):
        try:

            def forward() -> Tensor:
                query, key, value = mixed.permute(2, 0, 3, 1, 4)
                return nn.functional.scaled_dot_product_attention(query, key, value)

            with sdpa_kernel(getattr(SDPBackend, name)):
                with torch.no_grad():
                    ahead = replay_time(forward)
                both = replay_time(lambda: torch.autograd.grad(forward(), mixed, seed))
            tell(part="attention", what=name, forward_us=round(ahead, 1), both_us=round(both, 1))
        except Exception as error:
            tell(part="attention", what=name, error=str(error)[:300])


def kernels() -> None:
    """Our kernels alone: right against float32, and how long, by how attention is cut."""
    from windrow.models import fused as ours

    tokens = BATCH * DATES
    mixed = torch.randn(tokens, 768, device="cuda", dtype=torch.bfloat16)
    bias = torch.randn(768, device="cuda", dtype=torch.bfloat16)
    layout = ours.Layout(
        ours.padded_bounds(BATCH, DATES, mixed.device), BATCH, DATES, None, 4, 1e-5
    )
    seed = torch.randn(tokens, 256, device="cuda", dtype=torch.bfloat16)
    exact = (mixed.float() + bias.float()).requires_grad_()
    query, key, value = exact.view(BATCH, DATES, 3, 4, 64).permute(2, 0, 3, 1, 4)
    wanted = nn.functional.scaled_dot_product_attention(query, key, value)
    wanted = wanted.transpose(1, 2).reshape(tokens, 256)
    wanted_gradient = torch.autograd.grad(wanted, exact, seed.float())[0]
    partial = torch.empty(BATCH, 768, device="cuda")
    best: dict[str, tuple[float, Any]] = {}
    for rows, warps in ((64, 4), (128, 8)):
        options = ours.AttentionOptions(rows=rows, num_warps=warps)
        ours.FORWARD = ours.BACKWARD = options
        try:
            out, logs = ours._attention(mixed, bias, layout)
            kept = (mixed, bias, out, seed, logs)
            back = partial_of(ours._attention_backward, kept, layout, partial)
            gradient = back()
            errors = [
                float((a.float() - b).norm() / b.norm())
                for a, b in (
                    (out, wanted), (gradient, wanted_gradient),
                    (partial.sum(0), wanted_gradient.sum(0)),
                )
            ]  # fmt: skip
            times = {
                "forward": replay_time(lambda: ours._attention(mixed, bias, layout)),
                "backward": replay_time(back),
            }
            for name, micro in times.items():
                if name not in best or micro < best[name][0]:
                    best[name] = (micro, options)
            tell(part="kernels", what=f"attention, {rows} rows, {warps} warps",
                 errors=[f"{error:.1e}" for error in errors],
                 **{f"{name}_us": round(micro, 1) for name, micro in times.items()})  # fmt: skip
        except Exception as error:
            tell(part="kernels", what=f"attention, {rows} rows, {warps} warps",
                 error=repr(error)[-300:])  # fmt: skip
    ours.FORWARD, ours.BACKWARD = best["forward"][1], best["backward"][1]
    x = torch.randn(tokens, 256, device="cuda", dtype=torch.bfloat16)
    before = torch.randn(tokens, 1024, device="cuda", dtype=torch.bfloat16)
    vector, wide = x[0].float(), before[0]
    total, _, *moments = ours._add_norm(
        x, (seed, x[0]), (vector, vector), low=torch.bfloat16, eps=1e-5
    )
    rows = ours._NORM_ROWS * ours._NORM_STEPS
    sums = torch.empty(-(-tokens // rows), 3, 256, device="cuda")
    gelu_sums = torch.empty(-(-tokens // 64), 1024, device="cuda")
    for name, call in {
        "add_norm": lambda: ours._add_norm(
            x, (seed, x[0]), (vector, vector), low=torch.bfloat16, eps=1e-5
        ),
        "norm_backward": lambda: ours._norm_backward(seed, total, moments, vector, x, sums),
        "gelu": lambda: ours._gelu(before, wide),
        "gelu_backward": lambda: ours._gelu_backward(before, before, wide, gelu_sums),
    }.items():
        tell(part="kernels", what=name, us=round(replay_time(call), 1))


def equality(series: Series) -> None:
    """Fast against plain on the card: float32, and bfloat16 with every switch."""
    setup = Setup(series, steps=100)
    shape = paper_encoder(num_layers=4)
    expected = plain_curve(setup, shape, steps=100, low=False)
    rounded = plain_curve(setup, shape, steps=100, low=True)
    tell(
        part="equality", what="plain bfloat16 against plain float32", **distance(rounded, expected)
    )
    for name, changes in {
        "float32 graph": {"low": False, "compiled": None, "residual": None},
        "bfloat16 graph fused": {"residual": None, "compiled": None, "fused": True},
        "bfloat16 graph fused, losses compiled, sums in bfloat16": {
            "compiled": None,
            "fused": True,
            "tail": True,
        },
    }.items():
        torch._dynamo.reset()
        fast = Fast(setup, shape, **changes)
        fast.steps(0, 8)
        torch.cuda.set_sync_debug_mode("error")
        try:
            fast.steps(8, 100)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        curve = torch.stack(fast.curve).tolist()
        against = expected if "float32" in name else rounded
        tell(part="equality", what=name, **distance(curve, against))


def distance(curve: list[float], expected: list[float]) -> dict[str, float]:
    """Relative difference of two loss curves."""
    found = np.abs(np.array(curve) / np.array(expected[: len(curve)]) - 1)
    return {
        "first": float(found[0]), "first_10": float(found[:10].max()),
        "median": float(np.median(found)), "largest": float(found.max()),
        "last_50_means": float(abs(np.mean(curve[-50:]) / np.mean(expected[-50:]) - 1)),
    }  # fmt: skip


def plain_steps(setup: Setup, module: nn.Module, optimizer: Any, low: bool) -> Any:
    """The plain loop over steps, as ``pretrain`` runs it."""

    def compute(step: int) -> Any:
        index = setup.order.indices(step).to(DEVICE)
        draws = seeded_draws(0, 1, step=step, series=index)
        batch, masked = masked_batch(setup.data, index, setup.task, draws)
        with torch.autocast(DEVICE, torch.bfloat16, enabled=low):
            outputs = apply_model(module, batch, masked)
        return bert_losses(outputs, batch, masked, setup.task.losses)

    def steps(first: int, last: int, curve: list[Tensor] | None = None) -> None:
        train(
            module, optimizer=optimizer, compute_loss=compute, num_steps=last, start_step=first,
            learning_rate=setup.rate, gradient_clip=1.0,
            on_step=None if curve is None else lambda step, report: curve.append(report["loss"]),
        )  # fmt: skip

    return steps


def plain_curve(setup: Setup, shape: EncoderSettings, *, steps: int, low: bool) -> list[float]:
    """Losses of the plain path."""
    module = setup.module(shape)
    curve: list[Tensor] = []
    plain_steps(setup, module, adamw(module, paper_optimization()), low)(0, steps, curve)
    return torch.stack(curve).tolist()


def plain(setup: Setup, results: dict[str, Any]) -> None:
    """The plain path: its time and its curve."""
    module = setup.module(paper_encoder())
    steps = plain_steps(setup, module, adamw(module, paper_optimization()), True)
    curve: list[Tensor] = []
    steps(0, 200, curve)
    results["plain_curve"] = torch.stack(curve).tolist()
    found = timed(lambda step: steps(step, step + 1), first=200, number=10)
    results["plain_ms"] = statistics.median(found)
    tell(part="plain", ms=[round(value, 2) for value in found])


VARIANTS: dict[str, dict[str, Any]] = {
    "graph, compiled": {},
    "graph, fused": {"compiled": None, "fused": True},
    "graph, fused, losses compiled": {"compiled": None, "fused": True, "tail": True},
    "graph, fused, losses compiled, sums in float32": {
        "compiled": None, "fused": True, "tail": True, "residual": None,
    },
}  # fmt: skip


def variants(setup: Setup, results: dict[str, Any]) -> None:
    """Every variant of the fast path."""
    for name, changes in VARIANTS.items():
        if late():
            tell(part="variants", what=name, skipped="the time is up")
            continue
        try:
            torch._dynamo.reset()
            started = time.perf_counter()
            fast = Fast(setup, paper_encoder(), **changes)
            fast.steps(0, 6)
            torch.cuda.synchronize()
            ready = time.perf_counter() - started
            found = timed(lambda step: fast.steps(step, step + 1), first=6, number=60)  # noqa: B023
            tell(part="variants", what=name, ms=[round(value, 3) for value in found],
                 ready_s=round(ready, 1),
                 memory_GB=round(torch.cuda.max_memory_allocated() / 1e9, 2))  # fmt: skip
            results.setdefault("variants", {})[name] = statistics.median(found)
        except Exception:
            tell(part="variants", what=name, error=traceback.format_exc()[-1500:])
        fast = None
        clean()


def curve(setup: Setup, results: dict[str, Any], steps: int) -> None:
    """The best variant over thousands of steps, its curve over the plain one's."""
    found = results.get("variants", {"graph, fused, losses compiled": 0.0})
    name = min(found, key=found.__getitem__)
    torch._dynamo.reset()
    fast = Fast(setup, paper_encoder(), **VARIANTS[name])
    fast.steps(0, 10)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    started = time.perf_counter()
    fast.steps(10, steps + 10)
    torch.cuda.set_sync_debug_mode("default")
    torch.cuda.synchronize()
    took = (time.perf_counter() - started) / steps * 1e3
    losses = torch.stack(fast.curve).tolist()
    results["fast_ms"] = took
    means = [round(float(np.mean(losses[a : a + 100])), 4) for a in range(0, steps, 300)]
    minutes = round(took * PAPER_STEPS / 6e4, 2)
    tell(part="curve", what=name, steps=steps, ms=round(took, 3), minutes_for_100_epochs=minutes,
         losses=means)  # fmt: skip
    if "plain_curve" in results:
        tell(part="curve", what="against plain bfloat16, 200 steps",
             **distance(losses[:200], results["plain_curve"]))  # fmt: skip
    results["fast"] = fast


def profile(setup: Setup, results: dict[str, Any]) -> None:
    """The kernels of a step by their time."""
    from torch.profiler import ProfilerActivity

    fast = results.get("fast") or Fast(setup, paper_encoder(), compiled=None, fused=True)
    first = len(fast.curve)
    fast.steps(first, first + 5)
    with torch.profiler.profile(activities=[ProfilerActivity.CUDA]) as profiler:
        fast.steps(first + 5, first + 10)
        torch.cuda.synchronize()
    rows = sorted(profiler.key_averages(), key=lambda row: -row.self_device_time_total)
    total = sum(row.self_device_time_total for row in rows)
    lines = [
        f"{total / 5e3:.3f} ms of kernels a step, {sum(r.count for r in rows) / 5:.0f} kernels"
    ]
    lines += [
        f"{row.self_device_time_total / 5e3:8.3f} ms {row.count / 5:6.0f} x "
        f"{row.self_device_time_total / row.count:8.2f} us  {row.key[:110]}"
        for row in rows[:45]
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    if os.environ.get("OUT"):
        (Path(os.environ["OUT"]) / "profile.txt").write_text("\n".join(lines))


class HuggingFaceEncoder(nn.Module):
    """BertModel in place of our encoder: our embedding of the bands, its blocks."""

    def __init__(self, embedding: nn.Module) -> None:
        super().__init__()
        from transformers import BertConfig, BertModel

        config = BertConfig(
            hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=4,
            intermediate_size=4 * WIDTH, hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0, vocab_size=2, hidden_act="gelu",
            max_position_embeddings=512, attn_implementation="sdpa",
        )  # fmt: skip
        self.embedding = embedding
        self.bert = BertModel(config, add_pooling_layer=False)
        self.residual_precision = None

    def forward(self, values: Tensor, day: Tensor, valid: Tensor, **options: Any) -> Tensor:
        """As our encoder; all dates are valid."""
        chosen = {key: options[key] for key in ("masked", "mask_token", "use_position")}
        tokens = self.embedding(values, day, valid, **chosen)
        tokens = tokens.to(self.bert.encoder.layer[0].output.dense.weight.dtype)
        return self.bert(inputs_embeds=tokens).last_hidden_state.float()


def hf(setup: Setup, results: dict[str, Any]) -> None:
    """BertModel, eager and compiled, with fused AdamW; beside ours, one after the other."""
    ours = results.get("fast")
    for name in ("eager, autocast", "compiled, autocast", "eager, weights in bfloat16",
                 "compiled, weights in bfloat16"):  # fmt: skip
        if late():
            tell(part="hf", what=name, skipped="the time is up")
            continue
        try:
            torch._dynamo.reset()
            started = time.perf_counter()
            module = setup.module(paper_encoder(num_layers=1))
            module.encoder = HuggingFaceEncoder(module.encoder.embedding).to(DEVICE)
            autocast = "autocast" in name
            if not autocast:
                module.encoder.bert.to(torch.bfloat16)
            if "compiled" in name:
                module.encoder.bert.compile(dynamic=False)
            optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, fused=True)
            steps = plain_steps(setup, module, optimizer, autocast)
            if not autocast:
                steps = _bfloat16_steps(setup, module, optimizer)
            steps(0, 10)
            torch.cuda.synchronize()
            ready = time.perf_counter() - started
            theirs, own = [], []
            step_of = _single(steps)
            for repeat in range(3):
                first = 10 + 30 * repeat
                theirs += timed(step_of, first=first, number=30, repeats=1)  # fmt: skip
                if ours is not None:
                    begin = len(ours.curve)
                    own += timed(lambda step: ours.steps(step, step + 1), first=begin, number=60,
                                 repeats=1)  # fmt: skip
            record: dict[str, Any] = {"ms": [round(value, 3) for value in theirs]}
            if own:
                record["ours_ms"] = [round(value, 3) for value in own]
                record["ratio"] = round(statistics.median(theirs) / statistics.median(own), 2)
            tell(part="hf", what=name, ready_s=round(ready, 1), **record)
        except Exception:
            tell(part="hf", what=name, error=traceback.format_exc()[-1500:])
        module = optimizer = steps = None
        clean()


def _single(steps: Any) -> Callable[[int], None]:
    return lambda step: steps(step, step + 1)


def _bfloat16_steps(setup: Setup, module: nn.Module, optimizer: Any) -> Any:
    """A step with BertModel's weights in bfloat16 and the heads in float32."""

    def steps(first: int, last: int) -> None:
        def compute(step: int) -> Any:
            index = setup.order.indices(step).to(DEVICE)
            return setup.losses(module, index, step, None)

        train(module, optimizer=optimizer, compute_loss=compute, num_steps=last, start_step=first,
              learning_rate=setup.rate, gradient_clip=1.0)  # fmt: skip

    return steps


def packed() -> None:
    """34 % of the dates kept: dropped and packed against padded."""
    setup = Setup(made_series(2_000, kept=0.34), steps=2_000)
    found: dict[str, float] = {}
    curves: dict[str, list[float]] = {}
    for name in ("padded", "packed"):
        torch._dynamo.reset()
        fast = Fast(setup, paper_encoder(), packed=name == "packed", compiled=None, fused=True)
        fast.steps(0, 60)
        times = timed(lambda step: fast.steps(step, step + 1), first=60, number=60)  # noqa: B023
        found[name] = statistics.median(times)
        curves[name] = torch.stack(fast.curve[:60]).tolist()
        tell(part="packed", what=name, ms=[round(value, 3) for value in times],
             graphs=len(fast.training._state.graphs))  # fmt: skip
        fast = None
        clean()
    tell(part="packed", what="ratio", ratio=round(found["padded"] / found["packed"], 2),
         share_kept=round(float(setup.data.num_valid.mean()) / DATES, 3),
         **distance(curves["packed"], curves["padded"]))  # fmt: skip


def clean() -> None:
    """Gives memory back between the parts."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()


def main() -> None:
    """Runs the parts asked for; a part that fails says so and the next goes on."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--num-series", type=int, default=20_000)
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--budget-s", type=float, default=540, help="begin no part after this")
    options = parser.parse_args()
    globals()["BUDGET_S"] = options.budget_s
    if not torch.cuda.is_available():
        tell(benchmark="train_gpu", skipped="there is no CUDA here")
        return
    tell(
        benchmark="train_gpu", device=torch.cuda.get_device_name(), torch=torch.__version__,
        python=platform.python_version(), numpy=np.__version__, cuda=torch.version.cuda,
        batch=BATCH, dates=DATES, width=WIDTH, layers=LAYERS, series=options.num_series,
    )  # fmt: skip
    series = made_series(options.num_series)
    setup = Setup(series, steps=100_000)
    tell(part="data", what="made and placed")
    results: dict[str, Any] = {}
    parts: dict[str, Callable[[], None]] = {
        "ceilings": ceilings,
        "products": products,
        "attention": attention,
        "kernels": kernels,
        "equality": lambda: equality(series),
        "plain": lambda: plain(setup, results),
        "variants": lambda: variants(setup, results),
        "curve": lambda: curve(setup, results, options.steps),
        "profile": lambda: profile(setup, results),
        "hf": lambda: hf(setup, results),
        "packed": packed,
    }
    for name in options.parts.split(","):
        if late():
            tell(part=name, skipped="the time is up")
            continue
        try:
            parts[name]()
        except Exception:
            tell(part=name, error=traceback.format_exc()[-2500:])
        clean()


if __name__ == "__main__":
    main()
