"""The controls without pre-training: a run directory with an untrained encoder."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from windrow.data.normalization import Normalization
from windrow.errors import SettingsError
from windrow.models.flops import encoder_flops
from windrow.pipelines.pretext.protocol import (
    DeviceSteps,
    Part,
    PretextInputs,
    UntrainedFigures,
    check_levels,
)
from windrow.tasks.keyed_random import StepDraws
from windrow.tasks.untrained import Untrained


class UntrainedPretext:
    """A task without steps: it takes only the moments of the bands from the series.

    Args:
        inputs: settings and series.

    Raises:
        DataError: there is no series with a valid date.
        SettingsError: steps are asked for.
    """

    def __init__(self, inputs: PretextInputs) -> None:
        settings = inputs.settings
        if settings.num_steps != 0:
            raise SettingsError(
                "without a pretext task there is nothing to train",
                where="setting num_steps",
                found=settings.num_steps,
                expected="0",
            )
        check_levels(inputs.training, inputs.held_out)
        self._inputs = inputs
        self.normalization = inputs.normalization()
        self.target_normalization: Normalization | None = None
        self.module = Untrained(
            settings.encoder, num_bands=len(inputs.training.bands), seed=settings.seed
        )
        self.num_items = len(inputs.training)
        self.device_steps: DeviceSteps | None = None
        self.shares_batches = False
        self.notes: tuple[str, ...] = ()

    def losses(self, part: Part, index: Tensor, draws: StepDraws) -> dict[str, Tensor]:
        """Is never called, as there is no step to train."""
        raise AssertionError("an untrained encoder has no losses")

    def validation_batches(self) -> list[Tensor]:
        """Returns no batches."""
        return []

    def evaluate(self, path: Path) -> UntrainedFigures:
        """Returns no figures, as nothing was learned."""
        return {"simulated": self._inputs.held_out.simulated, "trained": False}

    def flops_per_item(self) -> int:
        """Operations of the encoder, for a series of valid dates."""
        return encoder_flops(
            self._inputs.settings.encoder,
            num_bands=len(self._inputs.training.bands),
            num_dates=self._inputs.training.num_dates,
        )
