"""Training without the host: a whole step on the device, captured in one graph and replayed.

The loop of :mod:`windrow.training.loop` launches every operation of a step from Python, which for
a narrow encoder takes longer than the operations themselves. Here a step reads what it needs (the
positions of its series, its number) from tensors on the device and writes its losses there, so
that it can be captured once (``torch.cuda.CUDAGraph``) and replayed: one launch a step, and no
waiting inside. Without a graph the same step runs operation by operation, on any device.

The result is that of the plain loop up to rounding: the same draws, the same order, the same
learning rate, clipping and AdamW.
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
"""Steps of each size run before a capture, as captures need everything initialised."""

_CLIP_EPS = 1e-6
"""As in :func:`torch.nn.utils.clip_grad_norm_`."""


class DeviceLoss(Protocol):
    """The losses of a step, computed without asking the device anything."""

    def __call__(
        self, module: nn.Module, index: Tensor, step: Tensor, sizes: Any
    ) -> Mapping[str, Tensor]:
        """Losses by name; ``loss`` is the total that is minimised.

        Args:
            module: what is trained.
            index: (n,) int64 positions of the items of the step, on the device.
            step: () int64 on the device.
            sizes: what the host knows of the step's shapes.
        """
        ...


@dataclass(frozen=True)
class CaptureSettings:
    """How the steps run; changes nothing beyond rounding.

    Attributes:
        graph: capture and replay; only on CUDA.
        compile_update: fuse AdamW into one kernel.
        low_precision: bfloat16 matrix products with float32 masters.
        gradient_clip: largest norm of the whole gradient; None clips nothing.
        processes: those that train together: gradients and losses are averaged over them.
    """

    graph: bool
    compile_update: bool
    low_precision: bool
    gradient_clip: float | None
    processes: Processes = field(default_factory=Processes)


@dataclass
class _State:
    """What the steps read and write on the device."""

    index: Tensor
    step: Tensor
    rates: Tensor
    names: tuple[str, ...]
    history: Tensor
    graphs: dict[Hashable, torch.cuda.CUDAGraph] = field(default_factory=dict)
    runs: dict[Hashable, int] = field(default_factory=dict)


class CapturedTraining:
    """The steps of a training, one launch each.

    Args:
        module: what is trained; on its device. Its parameters become views of flat tensors.
        optimizer: of the module, with whatever state a checkpoint gave it.
        losses: of a step.
        learning_rate: of each step, on the host.
        steps: numbers of the steps to do, which end with the last of the training.
        first_index: (n,) positions of the items of the first of them.
        first_sizes: their shapes.
        settings: how to run.
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
        """The copy of the module that the steps run; compile its parts before :meth:`run`."""
        return self._flat.runner

    def run(
        self,
        indices: Callable[[int], Tensor],
        *,
        sizes: Callable[[int], Any] | None = None,
        on_step: Callable[[int, Mapping[str, Tensor | float]], None] | None = None,
    ) -> None:
        """Does all steps that are left.

        Args:
            indices: (n,) positions of the items of a step, of one length for all steps.
            sizes: shapes of a step; every distinct one gets its own graph.
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
        """Does one step on what the device holds: replays its graph, or makes it."""
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
