"""What a method of the comparison is: settings at every scale, a run directory, a representation.

All methods go one way: :meth:`Method.settings` gives typed settings, :meth:`Method.pretrain` makes
a run directory of them, :meth:`Method.load` a representation of that. Those that learn nothing
before the labels take the same way in no time, so that nobody has to tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from torch import nn

from windrow.data.series import Series
from windrow.data.store.store import StoreSource
from windrow.experiments.recipes.known_faults import Corrections, Variant, corrections
from windrow.experiments.recipes.methods import StudyScale
from windrow.inference.frozen_encoder import load
from windrow.models.heads.inputs import HeadInputs
from windrow.pipelines.pretext.settings import PretrainingSettings
from windrow.pipelines.pretrain import pretrain
from windrow.pipelines.run.cost import Cost, read_cost
from windrow.pipelines.run.directory import Progress
from windrow.training.execution import ExecutionSettings

Downstream = Literal["frozen", "end_to_end", "forest"]
"""What learns the crops: a base model on the frozen representation (which may be fine-tuned as an
option), encoder and base model together, or a random forest that needs no base model."""


class Representation(Protocol):
    """What everything downstream sees of a method; ``FrozenEncoder`` is one."""

    content_hash: str

    @property
    def width(self) -> int:
        """D, values a date."""
        ...

    @property
    def bands(self) -> tuple[str, ...]:
        """The Sentinel-2 bands it reads."""
        ...

    @property
    def processing_level(self) -> str:
        """``L1C`` or ``L2A``, as in training."""
        ...

    def sequence(self, series: Series) -> npt.NDArray[np.float32]:
        """Every date of every series, (N, T, D), zero at invalid dates."""
        ...

    def inputs(self, series: Series) -> HeadInputs:
        """What the encoder itself sees, for ``train_sequence_head(..., encoder=...)``."""
        ...

    def trainable(self) -> nn.Module:
        """A copy of the encoder to train further: fine-tuned, or end to end."""
        ...

    def flops_per_series(self, num_dates: int) -> int:
        """Operations for one series of so many valid dates."""
        ...


@dataclass(frozen=True)
class Method:
    """One method of the comparison.

    Attributes:
        name: as on the command line and in tables of numbers.
        title: as in tables to read.
        pretrains: False where nothing is learned before the labels.
        downstream: what learns the crops.
        recipe: its settings at a scale with a seed and these switches.
    """

    name: str
    title: str
    pretrains: bool
    downstream: Downstream
    recipe: Callable[[StudyScale, int, Corrections], PretrainingSettings]

    def settings(
        self,
        scale: StudyScale,
        *,
        seed: int = 0,
        variant: Variant | Corrections = "corrected",
        **changes: Any,
    ) -> PretrainingSettings:
        """Its settings; what is changed may be given as nested mappings.

        Args:
            scale: tiny, small or paper.
            seed: of every draw.
            variant: with or without the faults of earlier code, or switches one by one.
            **changes: of single settings, such as ``encoder={"num_layers": 8}``.

        Raises:
            SettingsError: a change does not fit.
        """
        chosen = self.recipe(scale, seed, corrections(variant))
        if not changes:
            return chosen
        return PretrainingSettings.from_dict(_merged(chosen.to_dict(), changes))

    def pretrain(
        self,
        settings: PretrainingSettings,
        store: StoreSource,
        run_path: str | Path,
        *,
        execution: ExecutionSettings | None = None,
        on_progress: Progress | None = None,
        resume: bool = False,
    ) -> Cost:
        """Makes the run directory; see :func:`windrow.pipelines.pretrain.pretrain`.

        Args:
            settings: from :meth:`settings`.
            store: the series store; with PlanetScope where the method needs it.
            run_path: the run directory, which must not exist unless ``resume``.
            execution: device and precision.
            on_progress: told every line of metrics.
            resume: go on from the run's checkpoint.

        Raises:
            WindrowError: as there.
        """
        pretrain(
            settings,
            store,
            run_path,
            resume=resume,
            execution=execution,
            on_progress=on_progress,
        )
        return read_cost(run_path)

    def load(self, run_path: str | Path, *, device: str = "cpu") -> Representation:
        """The representation of a run directory.

        Raises:
            WeightsError: the run is not finished, or its weights cannot be read.
        """
        return load(run_path, device=device)


def _merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for name, change in changes.items():
        inner = merged.get(name)
        if isinstance(change, Mapping) and isinstance(inner, Mapping):
            merged[name] = _merged(inner, change)
        else:
            merged[name] = change
    return merged
