"""``cost.json``: what a pre-training took, in seconds, operations and parameters."""

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
    """What a pre-training took."""

    num_steps: int = Field(ge=0, description="steps done")
    num_items: int = Field(ge=0, description="series, or pairs, seen in all")
    seconds: float = Field(ge=0, description="wall time of the loop, validation included")
    flops: float = Field(ge=0, description="operations of all steps, counted from the shapes")
    num_encoder_parameters: int = Field(ge=0, description="of what is kept")
    num_parameters: int = Field(ge=0, description="of all that is trained")


def read_cost(run_path: str | Path) -> Cost:
    """What the pre-training of a run directory took.

    Raises:
        DataError: there is no ``cost.json``, or it is damaged.
    """
    path = Path(run_path) / "cost.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise DataError(
            "no cost of a pre-training here", where=path, hint="pre-train it again"
        ) from None
    return Cost.from_dict(values, where=path)


class CostRecord:
    """Keeps ``cost.json`` beside the checkpoint, so that interruptions lose no second.

    Args:
        path: the file.
        pretext: tells operations and parameters.
        batch_size: items a step.
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
        """The clock runs; seconds before ``step``, the first still to do, are taken over."""
        if step:
            self._before = read_cost(self._path.parent).seconds
        self._started = time.perf_counter()

    def write(self, num_steps: int) -> None:
        """Writes what ``num_steps`` steps took up to now."""
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
