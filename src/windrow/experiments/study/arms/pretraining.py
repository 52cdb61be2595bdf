"""How an arm of a study pre-trains, and how its representation is loaded afterwards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.data.series import Series
from windrow.data.store.store import StoreSource
from windrow.experiments.methods import Representation
from windrow.experiments.study.arms.definition import ArmDefinition
from windrow.pipelines.run.cost import Cost, read_cost
from windrow.pipelines.run.directory import Progress
from windrow.training.execution import ExecutionSettings


@dataclass(frozen=True, eq=False)
class AtItsLevel:
    """A representation that takes series of another processing level as if they were its own.

    The paper pre-trains on surface reflectance (L2A) and tests task 3 at the top of the
    atmosphere (L1C). Everywhere else that is refused; here it is asked for, and said.

    Attributes:
        representation: what represents.
        level: the level it was trained on.
    """

    representation: Representation
    level: Any

    @property
    def width(self) -> int:
        """D."""
        return self.representation.width

    @property
    def content_hash(self) -> str:
        """Of the representation."""
        return self.representation.content_hash

    def flops_per_series(self, num_dates: int) -> int:
        """Operations for one series."""
        return self.representation.flops_per_series(num_dates)

    def sequence(self, series: Series) -> npt.NDArray[np.float32]:
        """(N, T, D)."""
        return self.representation.sequence(replace(series, processing_level=self.level))


@dataclass(frozen=True, eq=False)
class EncoderInputs:
    """What the encoder itself sees, for arms that train it together with the head.

    Attributes:
        representation: whose encoder it is.
    """

    representation: Representation

    @property
    def width(self) -> int:
        """B, the bands."""
        return len(self.representation.bands)

    @property
    def content_hash(self) -> str:
        """Of the encoder that is trained further."""
        return self.representation.content_hash

    def flops_per_series(self, num_dates: int) -> int:
        """Operations of the encoder for one series."""
        return self.representation.flops_per_series(num_dates)

    def sequence(self, series: Series) -> npt.NDArray[np.float32]:
        """Standardised bands (N, T, B)."""
        level: Any = self.representation.processing_level
        return self.representation.inputs(replace(series, processing_level=level)).values


@dataclass(frozen=True)
class ArmPretraining:
    """The pre-training of an arm.

    Attributes:
        arm: whose.
    """

    arm: ArmDefinition

    def pretrain(
        self,
        store: StoreSource,
        run_path: Path,
        *,
        seed: int,
        execution: ExecutionSettings,
        on_progress: Progress | None = None,
    ) -> None:
        """Makes the run directory, or goes on from the checkpoint of one that was interrupted."""
        self.arm.method.pretrain(
            self.arm.settings(seed),
            store,
            run_path,
            execution=execution,
            on_progress=on_progress,
            resume=(run_path / "config.yaml").is_file(),
        )

    def is_trained(self, run_path: Path) -> bool:
        """Whether a run directory is complete: its figures are written last."""
        return (run_path / "evaluation.json").is_file()

    def cost(self, run_path: Path) -> Cost:
        """What its pre-training took."""
        return read_cost(run_path)

    def load(
        self, run_path: Path, series: Series, *, device: str, accept_other_level: bool
    ) -> tuple[Representation | AtItsLevel | EncoderInputs, tuple[str, ...]]:
        """Its representation for some series, and what has to be said of it.

        Raises:
            WeightsError: the series are of another processing level, and that is not accepted.
        """
        representation = self.arm.method.load(run_path, device=device)
        level = representation.processing_level
        notes: tuple[str, ...] = ()
        if level != series.processing_level:
            if not accept_other_level:
                representation.sequence(series.select(slice(0, 1)))  # says what is wrong
            notes = (
                f"the representation was trained on {level} and sees {series.processing_level}, "
                "as in the paper's task 3",
            )
        if self.arm.trains_encoder:
            return EncoderInputs(representation), notes
        return (AtItsLevel(representation, level) if notes else representation), notes
