"""The protocol of a pretext task, through which one pre-training serves all tasks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypedDict, final

from torch import Tensor, nn

from windrow.data.normalization import Normalization
from windrow.data.series import Series
from windrow.errors import DataError
from windrow.evaluation.reconstruction_figures import ReconstructionFigures
from windrow.evaluation.retrieval import RetrievalFigures
from windrow.pipelines.pretext.settings import PretrainingSettings
from windrow.tasks.bert import Sizes
from windrow.tasks.keyed_random import StepDraws
from windrow.training.distributed import Processes
from windrow.training.execution import ExecutionSettings

Part = Literal["training", "held_out"]

STREAMS: dict[Part, int] = {"training": 1, "held_out": 2}
"""Streams of random draws (0 is the order of the items, 3 the evaluation, 4 the split)."""


@final
class ContrastiveFigures(TypedDict):
    """Held-out figures of a contrastive task.

    Attributes:
        simulated: whether the held-out series are simulated.
        num_series: number of held-out series.
        retrieval: retrieval among all pairs (``all``) and in subsets, by name.
    """

    simulated: bool
    num_series: int
    retrieval: dict[str, RetrievalFigures | None]


@final
class UntrainedFigures(TypedDict):
    """What is known of an encoder with random weights.

    Attributes:
        simulated: whether the held-out series are simulated.
        trained: always False.
    """

    simulated: bool
    trained: Literal[False]


HeldOutFigures = ReconstructionFigures | ContrastiveFigures | UntrainedFigures
"""The content of ``evaluation.json``; which fields it has depends on the pretext task."""


@dataclass(frozen=True, eq=False)
class PretextInputs:
    """The inputs of a pretext task.

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
        """Moments of the Sentinel-2 bands over the training series, as the settings define them."""
        fitted = Normalization.fit(self.training.reflectance, self.training.valid)
        return fitted.by_variance() if self.settings.normalization == "variance" else fitted

    def planetscope_normalization(self) -> Normalization:
        """Moments of the PlanetScope bands over the training series, as the settings define them.

        Raises:
            DataError: there is no PlanetScope.
        """
        if self.training.planetscope is None:
            raise DataError("the series have no PlanetScope")
        fitted = Normalization.fit_planetscope(self.training.planetscope)
        return fitted.by_variance() if self.settings.normalization == "variance" else fitted


class DeviceSteps(Protocol):
    """A pretext task whose training steps run on the device without transfers to the host."""

    def device_losses(
        self, module: nn.Module, index: Tensor, step: Tensor, sizes: Sizes | None
    ) -> dict[str, Tensor]:
        """Computes the losses of a training step without reading values from the device.

        Args:
            module: the trained module, or a copy of it in another precision.
            index: (n,) int64 positions of the items of the whole batch.
            step: () int64 on the device.
            sizes: from :meth:`sizes`.
        """
        ...

    def sizes(self, index: Tensor) -> Sizes | None:
        """Returns what the host knows about the shapes of a step.

        Args:
            index: (n,) positions of the items of the whole batch, in host memory.
        """
        ...

    def prepare(self, module: nn.Module) -> None:
        """Speeds up the copy of the module that the steps run."""
        ...


class Pretext(Protocol):
    """A pretext task with its module and its data in place.

    An *item* is what a batch counts: a series, or a pair of a pixel and a date.
    """

    @property
    def module(self) -> nn.Module:
        """The trained module; only its ``encoder`` is kept."""
        ...

    @property
    def normalization(self) -> Normalization:
        """Normalisation of the Sentinel-2 bands."""
        ...

    @property
    def target_normalization(self) -> Normalization | None:
        """Normalisation of the other sensor's bands; None without another sensor."""
        ...

    @property
    def num_items(self) -> int:
        """Number of items in the training series."""
        ...

    @property
    def device_steps(self) -> DeviceSteps | None:
        """The form of the task that runs on the device alone; None where it has none."""
        ...

    @property
    def shares_batches(self) -> bool:
        """Whether several processes can each compute a part of a batch."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Lines to print before training starts."""
        ...

    def losses(self, part: Part, index: Tensor, draws: StepDraws) -> dict[str, Tensor]:
        """Computes the losses of a batch: ``loss``, which is minimised, and its parts.

        Args:
            part: the training or the held-out series.
            index: (n,) int64 positions of items.
            draws: the random numbers of the n items, on the device.
        """
        ...

    def validation_batches(self) -> list[Tensor]:
        """Returns the positions of held-out items, batch by batch; always the same."""
        ...

    def evaluate(self, path: Path) -> HeldOutFigures:
        """Returns figures on held-out fields and writes further results into the folder."""
        ...

    def flops_per_item(self) -> int:
        """Returns floating-point operations of a forward pass of the whole module for one item."""
        ...


def check_levels(training: Series, held_out: Series) -> None:
    """Refuses series on which no task can be trained.

    Args:
        training: series to train on.
        held_out: series of other fields.

    Raises:
        DataError: a set is empty, or the two sets have different processing levels.
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
