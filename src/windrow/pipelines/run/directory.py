"""The files of a run directory that all kinds of training share."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor

from windrow.config import Settings
from windrow.data.store.store import Store
from windrow.files import write_json, write_text, writing_errors
from windrow.json_values import JsonObject
from windrow.pipelines.run.metric_lines import MetricLine, Progress
from windrow.version import __version__

WAITING_RECORDS = 256
"""Number of step records that are kept before they are summed."""


class Metrics:
    """``metrics.jsonl``: one JSON object per line, written at once.

    Args:
        path: the file. Lines of ``before_step`` and later are dropped, and so is a last line that
            is incomplete because the process was killed.
        before_step: the first step that is still to do.
        tell: called with every line.
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

    def append(self, line: MetricLine) -> None:
        """Appends a line."""
        text = json.dumps(line, allow_nan=False)
        with writing_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(text + "\n")
        self._tell(line)


class StepMeans:
    """Means over the steps since the last line of metrics.

    Values are read from the device only when a mean is computed.
    """

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._sums: dict[str, Tensor] = {}
        self._waiting: list[Mapping[str, Tensor | float]] = []
        self._num_steps = 0
        self.restart()

    def restart(self) -> None:
        """Restarts the clock, so that the time of a validation is not counted as training."""
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
        """Returns the mean of each value since the last call, and the series per second."""
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


class Software(TypedDict):
    """Versions and processor of a run.

    Attributes:
        windrow: version.
        python: version.
        torch: version.
        numpy: version.
        platform: operating system and processor architecture.
        processors: number of logical processors; None where it is not known.
        threads: number of threads of torch.
        execution: device and precision.
    """

    windrow: str
    python: str
    torch: str
    numpy: str
    platform: str
    processors: int | None
    threads: int
    execution: JsonObject


def write_environment(path: Path, execution: Settings, store: Store) -> None:
    """Writes versions, processor and data of a run as JSON, without times and paths.

    Args:
        path: the file.
        execution: device and precision.
        store: the series store used for training.
    """
    write_json(path, {**software(execution), "store": store.fingerprint})


def software(execution: Settings) -> Software:
    """Returns versions and processor of a run, without times and paths.

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
