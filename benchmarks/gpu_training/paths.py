"""Our ways of training: whether they are equal, and how long a step of each takes."""

from __future__ import annotations

import os
import statistics
import sys
import time
import traceback
from pathlib import Path

import numpy as np
import torch
from torch.profiler import ProfilerActivity

from gpu_training.bench import Bench
from gpu_training.settings import PAPER_STEPS, paper_optimization
from gpu_training.ways import PRETRAIN, VARIANTS, Fast, distance, plain_curve, plain_steps
from windrow.training.optimization import adamw

WARMUP = 10
"""Steps before anything is timed, or refuses to wait: captures happen in them."""


def equality(bench: Bench) -> None:
    """Fast against plain, four layers, 100 steps: float32, and bfloat16 with every switch."""
    steps = min(100, bench.steps)
    encoder = bench.shape.encoder(num_layers=min(4, bench.shape.layers))
    setup = bench.placed(num_series=min(bench.num_series, 2_000))
    expected = plain_curve(setup, encoder, steps=steps, low=False)
    rounded = plain_curve(setup, encoder, steps=steps, low=True)
    bench.tell(part="equality", what="plain bfloat16 against plain float32",
               **distance(rounded, expected))  # fmt: skip
    ways = {
        "float32 graph": {"low": False, "compiled": None, "residual": None},
        "bfloat16 graph fused": {**PRETRAIN, "residual": None},
        "bfloat16 graph fused, sums in bfloat16 (as pretrain)": PRETRAIN,
        "bfloat16 graph fused, losses compiled, sums in bfloat16": {**PRETRAIN, "tail": True},
    }
    for name, changes in ways.items():
        bench.clean()
        fast = Fast(bench, encoder, setup=setup, **changes)
        fast.steps(0, min(WARMUP, steps))
        with bench.refusing_to_wait():
            fast.steps(WARMUP, steps)
        against = expected if "float32" in name else rounded
        bench.tell(part="equality", what=name, **distance(fast.losses(), against))


def plain(bench: Bench) -> None:
    """The time of the plain path."""
    module = bench.setup.module(bench.shape.encoder())
    steps = plain_steps(bench.setup, module, adamw(module, paper_optimization()), low=True)
    steps(0, WARMUP)
    number = max(bench.block // 6, 1)
    found = [
        bench.step_ms(steps, first=WARMUP + repeat * number, number=number) for repeat in range(3)
    ]
    bench.tell(part="plain", ms=[round(value, 2) for value in found])


def variants(bench: Bench) -> None:
    """Every variant of the fast path, in turn: a block of steps of each, three times."""
    ready: dict[str, Fast] = {}
    for name, changes in VARIANTS.items():
        if bench.late("variants", what=name):
            break
        try:
            started = time.perf_counter()
            fast = Fast(bench, bench.shape.encoder(), **changes)
            fast.steps(0, WARMUP)
            bench.wait()
            bench.tell(part="variants", what=name, ready_s=round(time.perf_counter() - started, 1))
            ready[name] = fast
        except Exception:
            bench.tell(part="variants", what=name, error=traceback.format_exc()[-1500:])
    times: dict[str, list[float]] = {name: [] for name in ready}
    for _ in range(3):
        for name, fast in ready.items():
            first = len(fast.curve)
            times[name].append(bench.step_ms(fast.steps, first=first, number=bench.block))
    for name, found in times.items():
        bench.tell(part="variants", what=name, ms=[round(value, 3) for value in found])


def curve(bench: Bench) -> None:
    """What ``pretrain`` does, over thousands of steps, its loss curve over the plain path's."""
    encoder = bench.shape.encoder()
    fast = Fast(bench, encoder, **PRETRAIN)
    fast.steps(0, WARMUP)
    bench.wait()
    started = time.perf_counter()
    with bench.refusing_to_wait():
        fast.steps(WARMUP, WARMUP + bench.steps)
    bench.wait()
    took = (time.perf_counter() - started) / bench.steps * 1e3
    losses = fast.losses()
    means = [round(float(np.mean(losses[a : a + 100])), 4) for a in range(0, bench.steps, 300)]
    bench.tell(part="curve", what="as pretrain", steps=bench.steps, ms=round(took, 3),
               minutes_for_100_epochs=round(took * PAPER_STEPS / 6e4, 2), losses=means)  # fmt: skip
    fast = None
    bench.clean()
    number = min(bench.plain_steps, len(losses))
    if number == 0 or bench.late("curve", what="against plain bfloat16"):
        return
    expected = plain_curve(bench.setup, encoder, steps=number, low=True)
    bench.tell(part="curve", what="against plain bfloat16",
               **distance(losses[:number], expected))  # fmt: skip


def profile(bench: Bench) -> None:
    """The kernels of a step by their time."""
    fast = Fast(bench, bench.shape.encoder(), **PRETRAIN)
    fast.steps(0, WARMUP)
    activity = ProfilerActivity.CUDA if bench.cuda else ProfilerActivity.CPU
    with torch.profiler.profile(activities=[activity]) as profiler:
        fast.steps(WARMUP, WARMUP + 5)
        bench.wait()
    kind = "self_device_time_total" if bench.cuda else "self_cpu_time_total"
    rows = [(getattr(row, kind), row.count, row.key) for row in profiler.key_averages()]
    rows.sort(key=lambda row: -row[0])
    total, number = sum(row[0] for row in rows), sum(row[1] for row in rows)
    lines = [f"{total / 5e3:.3f} ms of kernels a step, {number / 5:.0f} kernels"]
    lines += [
        f"{micro / 5e3:8.3f} ms {count / 5:6.0f} x {micro / count:8.2f} us  {key[:110]}"
        for micro, count, key in rows[:45]
    ]
    sys.stderr.write("\n".join(lines) + "\n")
    if os.environ.get("OUT"):
        (Path(os.environ["OUT"]) / "profile.txt").write_text("\n".join(lines))
    bench.tell(part="profile", kernels=round(number / 5), ms=round(total / 5e3, 3))


def packed(bench: Bench) -> None:
    """34 % of the dates kept: dropped and packed against padded, in turn."""
    setup = bench.placed(kept=0.34, num_series=min(bench.num_series, 2_000))
    encoder = bench.shape.encoder()
    ways = {
        name: Fast(bench, encoder, setup=setup, packed=name == "packed", **PRETRAIN)
        for name in ("padded", "packed")
    }
    for fast in ways.values():
        fast.steps(0, bench.block)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(3):
        for name, fast in ways.items():
            first = bench.block * (repeat + 1)
            times[name].append(bench.step_ms(fast.steps, first=first, number=bench.block))
    for name, fast in ways.items():
        bench.tell(part="packed", what=name, ms=[round(value, 3) for value in times[name]],
                   graphs=len(fast.training._state.graphs))  # fmt: skip
    padded, found = (statistics.median(times[name]) for name in ("padded", "packed"))
    share = float(setup.data.num_valid.mean()) / setup.data.num_dates
    bench.tell(part="packed", what="ratio", ratio=round(padded / found, 2),
               share_kept=round(share, 3),
               **distance(ways["packed"].losses(), ways["padded"].losses()))  # fmt: skip
