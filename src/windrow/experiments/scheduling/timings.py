"""Times heads, encoders and the simulator on this machine, once each, in seconds per series."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from windrow.classifiers.sequence import SequenceTraining, train_sequence_head
from windrow.models.encoders.build import build_encoder
from windrow.models.encoders.identity import BandsSettings
from windrow.models.encoders.resmlp import ResmlpSettings
from windrow.models.encoders.transformer import EncoderSettings
from windrow.models.heads.inputs import HeadInputs
from windrow.sensors import SENTINEL2_BANDS
from windrow.simulation.generate import simulate_parts
from windrow.training.execution import ExecutionSettings

NUM_DATES = 146
"""Dates of one simulated year; DENETHOR has 144."""

_WIDTH = 64
"""Width of the representation on which heads are timed."""

_SERIES = 32
"""Series in a timed step; the cost of a larger batch is taken as proportional."""


@dataclass(frozen=True)
class EncoderRate:
    """Seconds of an encoder for one series of :data:`NUM_DATES` dates.

    Attributes:
        forward: seconds of a forward pass.
        training: seconds of a forward and a backward pass.
    """

    forward: float
    training: float


class Rates:
    """Seconds per series, on torch's number of threads at the time of the call.

    Args:
        execution: device and precision of the study.

    Example:
        >>> from windrow.models.encoders.identity import BandsSettings
        >>> Rates(ExecutionSettings().resolved()).of_encoder(BandsSettings()).training
        0.0
    """

    def __init__(self, execution: ExecutionSettings) -> None:
        self._execution = execution
        self._heads: dict[str, float] = {}
        self._encoders: dict[str, EncoderRate] = {}
        self._scenarios: dict[str, float] = {}

    def of_head(self, training: SequenceTraining) -> float:
        """Returns the seconds of a training step of a head for one series."""
        key = training.model.to_json()
        if key not in self._heads:
            self._head_seconds(training, 1)  # what happens once is not timed
            few, more = self._head_seconds(training, 1), self._head_seconds(training, 3)
            self._heads[key] = max(more - few, 1e-6) / 2 / _SERIES
        return self._heads[key]

    def of_encoder(self, settings: EncoderSettings | ResmlpSettings | BandsSettings) -> EncoderRate:
        """Returns the seconds of an encoder for one series."""
        if isinstance(settings, BandsSettings):
            return EncoderRate(0.0, 0.0)
        key = settings.to_json()
        if key not in self._encoders:
            self._encoders[key] = self._encoder_rate(settings)
        return self._encoders[key]

    def of_simulation(self, scenario: str) -> float:
        """Returns the seconds to simulate one series, timed on one landscape."""
        if scenario not in self._scenarios:
            started = time.perf_counter()
            part = next(iter(simulate_parts(scenario, num_series=10_000, seed=0)))
            self._scenarios[scenario] = (time.perf_counter() - started) / len(part)
        return self._scenarios[scenario]

    def _head_seconds(self, training: SequenceTraining, num_steps: int) -> float:
        draw = np.random.default_rng(0)
        inputs = HeadInputs(
            values=draw.normal(size=(_SERIES, NUM_DATES, _WIDTH)).astype(np.float32),
            day_of_year=np.tile(_days().numpy().astype(np.int16), (_SERIES, 1)),
            valid=np.ones((_SERIES, NUM_DATES), dtype=np.bool_),
        )
        changes = {
            "epochs": 1,
            "min_steps": num_steps,
            "batch_size": _SERIES,
            "protocol": "paper",
        }
        started = time.perf_counter()
        train_sequence_head(
            inputs,
            np.arange(_SERIES) % 9,
            np.arange(_SERIES),
            num_classes=9,
            settings=training.model_copy(update=changes),
            seed=0,
            execution=self._execution,
        )
        return time.perf_counter() - started

    def _encoder_rate(self, settings: EncoderSettings | ResmlpSettings) -> EncoderRate:
        device = torch.device(self._execution.device)
        with torch.random.fork_rng(devices=[] if device.type == "cpu" else [device]):
            torch.manual_seed(0)
            encoder = build_encoder(settings, num_bands=len(SENTINEL2_BANDS)).to(device)
            values = torch.randn(_SERIES, NUM_DATES, len(SENTINEL2_BANDS), device=device)
        days = _days().to(device).repeat(_SERIES, 1)
        valid = torch.ones(_SERIES, NUM_DATES, dtype=torch.bool, device=device)

        def forward() -> float:
            with torch.no_grad():
                return _finished(encoder(values, days, valid))

        def both() -> float:
            with self._execution.autocast():
                total = encoder(values, days, valid).float().square().mean()
            total.backward()
            return _finished(_first_gradient(encoder))

        return EncoderRate(_seconds(forward) / _SERIES, _seconds(both) / _SERIES)


def _days() -> torch.Tensor:
    return torch.linspace(0, 364, NUM_DATES).long()


def _first_gradient(module: nn.Module) -> torch.Tensor:
    return next(p.grad for p in module.parameters() if p.grad is not None)


def _finished(values: torch.Tensor) -> float:
    """Reads one value, which waits until the device has finished."""
    return float(values.flatten()[0])


def _seconds(run: Callable[[], float]) -> float:
    """Returns the seconds of the second of two runs."""
    run()
    started = time.perf_counter()
    run()
    return time.perf_counter() - started
