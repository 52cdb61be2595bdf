"""Training steps that run on the device alone, captured in a CUDA graph and replayed.

The loop of :mod:`windrow.training.loop` launches every operation of a step from Python, which for
a narrow encoder takes longer than the operations themselves. Here a step reads its inputs (the
positions of its series, and its number) from tensors on the device and writes its losses there. It
can therefore be captured once (``torch.cuda.CUDAGraph``) and replayed with one launch per step and
without waiting. Without a graph the same step runs operation by operation, on any device.

The result equals that of the plain loop up to rounding: draws, order, learning rate, clipping and
AdamW are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from windrow.training.device.flat_parameters import FlatParameters, UpdateScalars, adamw_update
from windrow.training.distributed import Processes

HISTORY = 1_024
"""Steps whose losses are kept on the device; a record is good for so many steps."""

_WARMUP = 2
"""Number of steps of each size before a capture, because a capture needs initialised libraries."""

_CLIP_EPS = 1e-6
"""Epsilon of the clipping, as in :func:`torch.nn.utils.clip_grad_norm_`."""


class DeviceLoss(Protocol):
    """A function that computes the losses of a step without waiting for the device."""

    def __call__(
        self, module: nn.Module, index: Tensor, step: Tensor, sizes: Any
    ) -> Mapping[str, Tensor]:
        """Computes the losses by name; ``loss`` is the total to minimise.

        Args:
            module: the module in training.
            index: (n,) int64 positions of the items of the step, on the device.
            step: () int64 number of the step, on the device.
            sizes: shapes of the step, known on the host.
        """
        ...


@dataclass(frozen=True)
class CaptureSettings:
    """Settings of the execution of steps. They change results by rounding only.

    Attributes:
        graph: whether to capture and replay steps; only on CUDA.
        compile_update: whether to fuse AdamW into one kernel.
        low_precision: whether matrix products use bfloat16, with float32 master weights.
        gradient_clip: largest norm of the whole gradient; None does not clip.
        processes: the processes of the training, over which gradients and losses are averaged.
    """

    graph: bool
    compile_update: bool
    low_precision: bool
    gradient_clip: float | None
    processes: Processes = field(default_factory=Processes)


@dataclass
class _State:
    """Tensors on the device that the steps read and write."""

    index: Tensor
    step: Tensor
    rates: Tensor
    names: tuple[str, ...]
    history: Tensor
    graphs: dict[Hashable, torch.cuda.CUDAGraph] = field(default_factory=dict)
    runs: dict[Hashable, int] = field(default_factory=dict)


class CapturedTraining:
    """Runs the steps of a training with one launch per step.

    Args:
        module: the module in training, on its device. Its parameters become views of flat tensors.
        optimizer: optimizer of the module, possibly with the state of a checkpoint.
        losses: function that computes the losses of a step.
        learning_rate: function that gives the learning rate of a step, on the host.
        steps: numbers of the steps to do, up to the last step of the training.
        first_index: (n,) positions of the items of the first step.
        first_sizes: shapes of the first step.
        settings: settings of the execution.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        optimizer: AdamW,
        losses: DeviceLoss,
        learning_rate: Callable[[int], float],
        steps: range,
        first_index: Tensor,
        first_sizes: Any = None,
        settings: CaptureSettings,
    ) -> None:
        device = next(module.parameters()).device
        self._settings = settings
        self._losses = losses
        self._steps = steps
        index = first_index.to(device)
        step = torch.full((1,), steps.start, dtype=torch.int64, device=device)
        first = losses(module, index, step[0], first_sizes)
        self._flat = FlatParameters(
            module,
            optimizer,
            used=_used_parameters(module, first["loss"]),
            low_precision=settings.low_precision,
        )
        names = (*first, *(("gradient_norm",) if settings.gradient_clip else ()), "learning_rate")
        table = [learning_rate(number) for number in range(steps.stop)]
        self._state = _State(
            index=index.clone(),
            step=step,
            rates=torch.tensor(table, dtype=torch.float64, device=device),
            names=names,
            history=torch.zeros((HISTORY, len(names)), device=device),
        )
        self._betas = torch.tensor(self._flat.betas, dtype=torch.float64, device=device)
        self._update: Callable[..., None] = adamw_update
        if settings.compile_update:
            self._update = torch.compile(adamw_update, dynamic=False)
        self._stream: torch.cuda.Stream | None = None
        if settings.graph:
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    @property
    def runner(self) -> nn.Module:
        """Copy of the module that the steps use. Compile its parts before :meth:`run`."""
        return self._flat.runner

    def run(
        self,
        indices: Callable[[int], Tensor],
        *,
        sizes: Callable[[int], Any] | None = None,
        on_step: Callable[[int, Mapping[str, Tensor | float]], None] | None = None,
    ) -> None:
        """Does all remaining steps.

        Args:
            indices: (n,) positions of the items of a step, of one length for all steps.
            sizes: function that gives the shapes of a step. Distinct shapes get their own graphs.
            on_step: told each step and its record, whose tensors stay on the device and are good
                for ``HISTORY`` steps. Reading them waits for the device.
        """
        for step in self._steps:
            self._state.index.copy_(indices(step), non_blocking=True)
            self.advance(None if sizes is None else sizes(step))
            self._flat.num_steps.fill_(step + 1)
            if on_step is not None:
                on_step(step, self._report(step))

    def advance(self, sizes: Any = None) -> None:
        """Does one step with the tensors on the device. It replays the graph, or captures it."""
        state = self._state
        if self._stream is None:
            self._step(sizes)
            return
        graph = state.graphs.get(sizes)
        if graph is not None:
            graph.replay()
            return
        done = state.runs.get(sizes, 0)
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        if done >= _WARMUP:
            graph = torch.cuda.CUDAGraph()
            pool = next(iter(state.graphs.values())).pool() if state.graphs else None
            with torch.cuda.graph(graph, pool=pool, stream=self._stream):
                self._step(sizes)
            state.graphs[sizes] = graph
            graph.replay()
            return
        with torch.cuda.stream(self._stream):
            self._step(sizes)
        current.wait_stream(self._stream)
        state.runs[sizes] = done + 1

    def _step(self, sizes: Any) -> None:
        state, flat, clip = self._state, self._flat, self._settings.gradient_clip
        losses = self._losses(flat.runner, state.index, state.step[0], sizes)
        flat.collect(torch.autograd.grad(losses["loss"], flat.leaves()))
        reported = [value.detach() for value in losses.values()]
        for segment in flat.segments:
            self._settings.processes.mean([segment.gradient])
        self._settings.processes.mean(reported)
        rate = state.rates.index_select(0, state.step)[0]
        scale = torch.ones_like(rate, dtype=torch.float32)
        if clip is not None:
            norm = flat.gradient_norm()
            scale = (clip / (norm + _CLIP_EPS)).clamp(max=1.0)
            reported.append(norm)
        corrections = 1 - self._betas ** (state.step + 1)
        scalars = UpdateScalars(
            clip=scale,
            rate=rate.float(),
            step_size=(rate / corrections[0]).float(),
            root_correction=corrections[1].sqrt().float(),
        )
        flat.update(scalars, self._update)
        row = torch.stack([value.float() for value in (*reported, rate)])
        state.history.index_copy_(0, state.step % HISTORY, row[None])
        state.step.add_(1)

    def _report(self, step: int) -> dict[str, Tensor | float]:
        row = self._state.history[step % HISTORY].unbind()
        return dict(zip(self._state.names, row, strict=True))


def _used_parameters(module: nn.Module, loss: Tensor) -> set[str]:
    named = [(name, value) for name, value in module.named_parameters() if value.requires_grad]
    gradients = torch.autograd.grad(loss, [value for _, value in named], allow_unused=True)
    return {name for (name, _), grad in zip(named, gradients, strict=True) if grad is not None}
