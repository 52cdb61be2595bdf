"""A method of the comparison: settings at every scale, a run directory, a representation.

All methods have the same three steps. :meth:`Method.settings` gives typed settings,
:meth:`Method.pretrain` writes a run directory, and :meth:`Method.load` reads a representation from
it. Methods without pre-training have the same steps, which then take no time, so that callers
treat all methods alike.
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
from windrow.json_values import JsonSerializable
from windrow.models.heads.inputs import HeadInputs
from windrow.pipelines.pretext.settings import PretrainingSettings
from windrow.pipelines.pretrain import pretrain
from windrow.pipelines.run.cost import Cost, read_cost
from windrow.pipelines.run.metric_lines import Progress
from windrow.training.execution import ExecutionSettings

Downstream = Literal["frozen", "end_to_end", "forest"]
"""What learns the crops: a base model on the frozen representation (which may be fine-tuned as an
option), encoder and base model together, or a random forest that needs no base model."""


class Representation(Protocol):
    """The interface between a method and its heads; ``FrozenEncoder`` implements it."""

    content_hash: str

    @property
    def width(self) -> int:
        """D, the number of values per date."""
        ...

    @property
    def bands(self) -> tuple[str, ...]:
        """The Sentinel-2 bands that it reads."""
        ...

    @property
    def processing_level(self) -> str:
        """``L1C`` or ``L2A``, as in training."""
        ...

    def sequence(self, series: Series) -> npt.NDArray[np.float32]:
        """Represents every date of every series, (N, T, D); zero at invalid dates."""
        ...

    def inputs(self, series: Series) -> HeadInputs:
        """Returns the inputs of the encoder, for ``train_sequence_head(..., encoder=...)``."""
        ...

    def trainable(self) -> nn.Module:
        """Returns a copy of the encoder for fine-tuning or training from scratch."""
        ...

    def flops_per_series(self, num_dates: int) -> int:
        """Counts the floating-point operations for one series of ``num_dates`` valid dates."""
        ...


@dataclass(frozen=True)
class Method:
    """One method of the comparison.

    Attributes:
        name: name on the command line and in tables of numbers.
        title: name in printed tables.
        pretrains: False for a method without pre-training.
        downstream: the part that learns the crops.
        recipe: returns the settings for a scale, a seed and the switches of known faults.
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
        """Returns its settings, with changes given as nested mappings.

        Args:
            scale: tiny, small or paper.
            seed: seed of every random draw.
            variant: ``corrected``, ``paper`` (with the faults of earlier code), or single
                switches.
            **changes: changes of single settings, such as ``encoder={"num_layers": 8}``.

        Raises:
            SettingsError: a change does not fit.
        """
        chosen = self.recipe(scale, seed, corrections(variant))
        chosen = chosen.model_copy(update={"smoke_test": scale == "tiny"})
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
        """Writes the run directory; see :func:`windrow.pipelines.pretrain.pretrain`.

        Args:
            settings: from :meth:`settings`.
            store: the series store; with PlanetScope where the method needs it.
            run_path: the run directory, which must not exist unless ``resume``.
            execution: device and precision.
            on_progress: called with every line of metrics.
            resume: continue from the run's checkpoint.

        Returns:
            the cost of the pre-training.

        Raises:
            WindrowError: for the same reasons as :func:`windrow.pipelines.pretrain.pretrain`.
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
        """Loads the representation from a run directory.

        Raises:
            WeightsError: the run is not finished, or its weights cannot be read.
        """
        return load(run_path, device=device)


def _merged(
    values: Mapping[str, JsonSerializable], changes: Mapping[str, JsonSerializable]
) -> dict[str, JsonSerializable]:
    merged = dict(values)
    for name, change in changes.items():
        inner = merged.get(name)
        if isinstance(change, Mapping) and isinstance(inner, Mapping):
            merged[name] = _merged(inner, change)
        else:
            merged[name] = change
    return merged
