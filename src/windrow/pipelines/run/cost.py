"""``cost.json``: the cost of a pre-training in seconds, operations and parameters."""

from __future__ import annotations

import json
import time
from pathlib import Path

from pydantic import Field

from windrow.config import Settings
from windrow.errors import DataError
from windrow.files import write_json
from windrow.models.flops import TRAINING_FACTOR, num_parameters
from windrow.pipelines.pretext.protocol import Pretext


class Cost(Settings):
    """The cost of a pre-training."""

    num_steps: int = Field(ge=0, description="steps done")
    num_items: int = Field(ge=0, description="series, or pairs, over all steps")
    seconds: float = Field(ge=0, description="wall time of the loop, validation included")
    flops: float = Field(ge=0, description="operations of all steps, counted from the shapes")
    num_encoder_parameters: int = Field(ge=0, description="parameters of the kept encoder")
    num_parameters: int = Field(ge=0, description="parameters of the whole trained module")


def read_cost(run_path: str | Path) -> Cost:
    """Reads the cost of the pre-training in a run directory.

    Args:
        run_path: the run directory.

    Raises:
        DataError: there is no ``cost.json``, or it is damaged.
    """
    path = Path(run_path) / "cost.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise DataError(
            "the cost of the pre-training is missing", where=path, hint="pre-train it again"
        ) from None
    return Cost.from_dict(values, where=path)


class CostRecord:
    """Keeps ``cost.json`` beside the checkpoint, so that an interruption loses no time.

    Args:
        path: the file.
        pretext: the task, which gives operations and parameters.
        batch_size: items per step.
    """

    def __init__(self, path: Path, pretext: Pretext, *, batch_size: int) -> None:
        self._path = path
        self._batch_size = batch_size
        self._flops_per_step = float(TRAINING_FACTOR * pretext.flops_per_item() * batch_size)
        self._num_encoder_parameters = num_parameters(pretext.module.get_submodule("encoder"))
        self._num_parameters = num_parameters(pretext.module)
        self._before = 0.0
        self._started = time.perf_counter()

    def start(self, step: int) -> None:
        """Starts the clock and keeps the recorded seconds.

        Args:
            step: the first step that is still to do.
        """
        if step:
            self._before = read_cost(self._path.parent).seconds
        self._started = time.perf_counter()

    def write(self, num_steps: int) -> None:
        """Writes the cost of the first ``num_steps`` steps."""
        seconds = self._before + time.perf_counter() - self._started if num_steps else 0.0
        cost = Cost(
            num_steps=num_steps,
            num_items=num_steps * self._batch_size,
            seconds=seconds,
            flops=num_steps * self._flops_per_step,
            num_encoder_parameters=self._num_encoder_parameters,
            num_parameters=self._num_parameters,
        )
        write_json(self._path, cost.to_dict())
