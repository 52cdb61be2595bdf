"""The files of a run directory that every kind of training writes alike."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from windrow.config import Settings
from windrow.data.store.store import Store
from windrow.files import write_json, write_text, writing_errors
from windrow.version import __version__

Progress = Callable[[Mapping[str, Any]], None]
"""Told every line of ``metrics.jsonl`` as it is written, and a line of kind ``note`` at times."""


WAITING_RECORDS = 256
"""Records of steps that are kept before they are added up."""


class Metrics:
    """``metrics.jsonl``: one JSON object a line, each written as it comes.

    Args:
        path: the file; lines of ``before_step`` and later, and a line cut by a kill, are dropped.
        before_step: the first step that is still to do.
        tell: told every line too.
    """

    def __init__(self, path: Path, *, before_step: int, tell: Progress) -> None:
        self._path = path
        self._tell = tell
        kept = []
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    step = json.loads(line)["step"]
                except (ValueError, KeyError, TypeError):
                    continue
                if step < before_step:
                    kept.append(line + "\n")
        write_text(path, "".join(kept))

    def append(self, record: Mapping[str, Any]) -> None:
        """Writes a line."""
        line = json.dumps(record, allow_nan=False)
        with writing_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        self._tell(record)


class StepMeans:
    """Means over the steps since the last line of metrics.

    Nothing is read from the device before a mean is asked for.
    """

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._sums: dict[str, Tensor] = {}
        self._waiting: list[Mapping[str, Tensor | float]] = []
        self._num_steps = 0
        self.restart()

    def restart(self) -> None:
        """Starts the clock again, so that a validation does not count as training."""
        self._started = time.perf_counter()
        self._timed_steps = 0

    def add(self, record: Mapping[str, Tensor | float]) -> None:
        """Adds the record of a step."""
        self._waiting.append(record)
        if len(self._waiting) == WAITING_RECORDS:
            self._gather()
        self._num_steps += 1
        self._timed_steps += 1

    def means(self) -> dict[str, float]:
        """Mean of each value since the last call, and the series a second."""
        self._gather()
        means = {name: float(total) / self._num_steps for name, total in self._sums.items()}
        elapsed = max(time.perf_counter() - self._started, 1e-9)
        means["series_per_second"] = self._timed_steps * self._batch_size / elapsed
        self._sums, self._num_steps = {}, 0
        self.restart()
        return means

    def _gather(self) -> None:
        for name in self._waiting[0] if self._waiting else ():
            values = [torch.as_tensor(record[name]) for record in self._waiting]
            total = torch.stack(values).double().sum()
            self._sums[name] = self._sums[name] + total if name in self._sums else total
        self._waiting.clear()


def write_environment(path: Path, execution: Settings, store: Store) -> None:
    """Writes versions, processor and data of a run as JSON; no clock, no path.

    Args:
        path: the file.
        execution: device and precision.
        store: what is trained on.
    """
    write_json(path, {**software(execution), "store": store.fingerprint})


def software(execution: Settings) -> dict[str, Any]:
    """Versions and processor of a run; no clock, no path.

    Args:
        execution: device and precision.
    """
    return {
        "windrow": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "execution": execution.to_dict(),
    }
