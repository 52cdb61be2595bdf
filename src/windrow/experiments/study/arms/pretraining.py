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
from windrow.pipelines.run.metric_lines import Progress
from windrow.training.execution import ExecutionSettings


@dataclass(frozen=True, eq=False)
class AtItsLevel:
    """A representation that accepts series of another processing level.

    The paper pre-trains on surface reflectance (L2A) and tests task 3 at the top of the
    atmosphere (L1C). All other code refuses this mismatch. Here a task asks for it, and the report
    mentions it.

    Attributes:
        representation: the representation.
        level: the processing level on which it was trained.
    """

    representation: Representation
    level: Any

    @property
    def width(self) -> int:
        """D, the number of values per date."""
        return self.representation.width

    @property
    def content_hash(self) -> str:
        """Hash of the representation."""
        return self.representation.content_hash

    def flops_per_series(self, num_dates: int) -> int:
        """Operations for one series."""
        return self.representation.flops_per_series(num_dates)

    def sequence(self, series: Series) -> npt.NDArray[np.float32]:
        """Computes the representation of each date, (N, T, D)."""
        return self.representation.sequence(replace(series, processing_level=self.level))


@dataclass(frozen=True, eq=False)
class EncoderInputs:
    """The inputs of the encoder, for arms that train it together with the head.

    Attributes:
        representation: the representation with the encoder.
    """

    representation: Representation

    @property
    def width(self) -> int:
        """B, the number of bands."""
        return len(self.representation.bands)

    @property
    def content_hash(self) -> str:
        """Hash of the encoder that is trained further."""
        return self.representation.content_hash

    def flops_per_series(self, num_dates: int) -> int:
        """Counts the operations of the encoder for one series."""
        return self.representation.flops_per_series(num_dates)

    def sequence(self, series: Series) -> npt.NDArray[np.float32]:
        """Returns the standardised bands (N, T, B)."""
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
        """Writes the run directory, or continues an interrupted one from its checkpoint."""
        self.arm.method.pretrain(
            self.arm.settings(seed),
            store,
            run_path,
            execution=execution,
            on_progress=on_progress,
            resume=(run_path / "config.yaml").is_file(),
        )

    def is_trained(self, run_path: Path) -> bool:
        """Whether a run directory is complete, that is, has its figures, which are written last."""
        return (run_path / "evaluation.json").is_file()

    def cost(self, run_path: Path) -> Cost:
        """Returns the cost of its pre-training."""
        return read_cost(run_path)

    def load(
        self, run_path: Path, series: Series, *, device: str, accept_other_level: bool
    ) -> tuple[Representation | AtItsLevel | EncoderInputs, tuple[str, ...]]:
        """Loads its representation for some series.

        Returns:
            the representation, and remarks for the report.

        Raises:
            WeightsError: the series have another processing level, and that is not accepted.
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
