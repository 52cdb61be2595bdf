"""What a pretext task must be able to do, so that one pre-training serves all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from torch import Tensor, nn

from windrow.data.normalization import Normalization
from windrow.data.series import Series
from windrow.errors import DataError
from windrow.pipelines.pretext.settings import PretrainingSettings
from windrow.tasks.bert import Sizes
from windrow.tasks.keyed_random import StepDraws
from windrow.training.distributed import Processes
from windrow.training.execution import ExecutionSettings

Part = Literal["training", "held_out"]

STREAMS: dict[Part, int] = {"training": 1, "held_out": 2}
"""Streams of random draws (0 is the order of the items, 3 the evaluation, 4 the split)."""


@dataclass(frozen=True, eq=False)
class PretextInputs:
    """What a pretext task is made of.

    Attributes:
        settings: the whole pre-training.
        execution: device and precision, resolved.
        training: series to train on.
        held_out: series of other fields, in the same bands.
        processes: this process among those that train together.
    """

    settings: PretrainingSettings
    execution: ExecutionSettings
    training: Series
    held_out: Series
    processes: Processes = field(default_factory=Processes)

    def normalization(self) -> Normalization:
        """Moments of the Sentinel-2 bands of the training series, as the settings divide."""
        fitted = Normalization.fit(self.training.reflectance, self.training.valid)
        return fitted.by_variance() if self.settings.normalization == "variance" else fitted

    def planetscope_normalization(self) -> Normalization:
        """Moments of the four PlanetScope bands of the training series, as the settings divide.

        Raises:
            DataError: there is no PlanetScope.
        """
        if self.training.planetscope is None:
            raise DataError("the series have no PlanetScope")
        fitted = Normalization.fit_planetscope(self.training.planetscope)
        return fitted.by_variance() if self.settings.normalization == "variance" else fitted


class DeviceSteps(Protocol):
    """A pretext task whose training steps can run on the device alone, asking it nothing."""

    def device_losses(
        self, module: nn.Module, index: Tensor, step: Tensor, sizes: Sizes | None
    ) -> dict[str, Tensor]:
        """The losses of a training step, whatever numbers stand on the device.

        Args:
            module: what is trained, or a copy of it in other precisions.
            index: (n,) int64 positions of the items of the whole batch.
            step: () int64 on the device.
            sizes: from :meth:`sizes`.
        """
        ...

    def sizes(self, index: Tensor) -> Sizes | None:
        """What the host knows of the shapes of a step.

        Args:
            index: (n,) positions of the items of the whole batch, in host memory.
        """
        ...

    def prepare(self, module: nn.Module) -> None:
        """Makes the copy of the module that the steps run fast."""
        ...


class Pretext(Protocol):
    """A pretext task with its module and its data in place.

    An *item* is what a batch counts: a series, or a pair of a pixel and a date.
    """

    @property
    def module(self) -> nn.Module:
        """What is trained; its ``encoder`` is what stays."""
        ...

    @property
    def normalization(self) -> Normalization:
        """Of the Sentinel-2 bands."""
        ...

    @property
    def target_normalization(self) -> Normalization | None:
        """Of the other sensor's bands; None where there is none."""
        ...

    @property
    def num_items(self) -> int:
        """Items of the training series."""
        ...

    @property
    def device_steps(self) -> DeviceSteps | None:
        """How a training step runs on the device alone; None where it cannot."""
        ...

    @property
    def shares_batches(self) -> bool:
        """Whether several processes can each compute a part of a batch."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What has to be said before it starts."""
        ...

    def losses(self, part: Part, index: Tensor, draws: StepDraws) -> dict[str, Tensor]:
        """The losses of a batch: ``loss``, which is minimised, and its parts.

        Args:
            part: of the training or of the held-out series.
            index: (n,) int64 positions of items.
            draws: the random numbers of the n items, on the device.
        """
        ...

    def validation_batches(self) -> list[Tensor]:
        """Positions of held-out items, batch by batch, always the same."""
        ...

    def evaluate(self, path: Path) -> dict[str, Any]:
        """Figures on held-out fields; what else there is to keep is written into the folder."""
        ...

    def flops_per_item(self) -> int:
        """Operations of a forward pass of the whole module for one item."""
        ...


def check_levels(training: Series, held_out: Series) -> None:
    """Refuses series that no task can be trained on.

    Raises:
        DataError: a set is empty, or the two are of different processing levels.
    """
    for series in (training, held_out):
        if len(series) == 0 or not series.valid.any():
            raise DataError("no series with a valid date to train or validate on")
        if series.processing_level != training.processing_level:
            raise DataError(
                "the validation store is of another processing level",
                found=series.processing_level,
                expected=training.processing_level,
            )
