"""Where it is measured, how time is taken, and how a result is told."""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from gpu_training.data import Setup, made_series
from gpu_training.settings import Shape


class Bench:
    """One run of the benchmark.

    On a processor every part goes its way in a small shape, so that what a card will run has run
    before; no time of it means anything.

    Args:
        device: cuda, or cpu.
        shape: what is trained.
        num_series: in memory.
        steps: of the loss curve.
        plain_steps: over so many of them the plain path is laid.
        block: steps of a timed block.
        budget_s: no part begins later.
    """

    def __init__(
        self,
        device: str,
        shape: Shape,
        *,
        num_series: int,
        steps: int,
        plain_steps: int,
        block: int,
        budget_s: float,
    ) -> None:
        self.device, self.shape = device, shape
        self.num_series, self.steps, self.plain_steps = num_series, steps, plain_steps
        self.block, self.budget_s = block, budget_s
        self.cuda = device == "cuda"
        self.low = torch.bfloat16 if self.cuda else torch.float32
        self._started = time.perf_counter()

    @cached_property
    def setup(self) -> Setup:
        """Series without a gap, resident on the device."""
        return self.placed()

    def placed(self, *, kept: float = 1.0, num_series: int | None = None) -> Setup:
        """Series of which a share of the dates is kept, resident on the device."""
        series = made_series(num_series or self.num_series, dates=self.shape.dates, kept=kept)
        return Setup(series, batch_size=self.shape.batch, device=self.device)

    def tell(self, **record: Any) -> None:
        """Prints a line of JSON, and keeps it where results are collected."""
        record["at_s"] = round(time.perf_counter() - self._started, 1)
        line = json.dumps(record)
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        if os.environ.get("OUT"):
            with (Path(os.environ["OUT"]) / "train_gpu.jsonl").open("a") as file:
                file.write(line + "\n")

    def late(self, part: str, **what: Any) -> bool:
        """Whether nothing further may begin; says so."""
        late = time.perf_counter() - self._started > self.budget_s
        if late:
            self.tell(part=part, **what, skipped="the time is up")
        return late

    def wait(self) -> None:
        """Waits for the device."""
        if self.cuda:
            torch.cuda.synchronize()

    @contextmanager
    def refusing_to_wait(self) -> Iterator[None]:
        """Inside, any question to the device is an error."""
        if self.cuda:
            torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            if self.cuda:
                torch.cuda.set_sync_debug_mode("default")

    def milliseconds(self, run: Callable[[], Any]) -> float:
        """Of one call, by the device's clock where it has one."""
        self.wait()
        if not self.cuda:
            started = time.perf_counter()
            run()
            return (time.perf_counter() - started) * 1e3
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        run()
        end.record()
        torch.cuda.synchronize()
        return float(begin.elapsed_time(end))

    def step_ms(self, steps: Callable[[int, int], None], *, first: int, number: int) -> float:
        """Milliseconds a step, over a block of steps done one by one."""

        def block() -> None:
            for step in range(first, first + number):
                steps(step, step + 1)

        return self.milliseconds(block) / number

    def replay_us(self, function: Callable[[], Any], *, number: int = 20) -> float:
        """Microseconds of a call, captured ``number`` times in one graph where there are graphs."""
        for _ in range(3):
            function()
        self.wait()

        def calls() -> None:
            for _ in range(number):
                function()

        if not self.cuda:
            return self.milliseconds(calls) * 1e3 / number
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            calls()
        graph.replay()
        times = [self.milliseconds(graph.replay) for _ in range(5)]
        return statistics.median(times) * 1e3 / number

    def compiled(self, mode: str) -> dict[str, Any]:
        """How torch compiles: on a processor it traces, and runs what it traced."""
        return {"mode": mode} if self.cuda else {"backend": "eager"}

    def clean(self) -> None:
        """Gives memory back between the parts."""
        torch._dynamo.reset()
        gc.collect()
        if self.cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
