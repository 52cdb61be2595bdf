"""The three contrastive pretext tasks and the base class that they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from windrow import sensors
from windrow.data.batches.contrastive import PixelPairs, YearPairs
from windrow.data.normalization import Normalization
from windrow.data.series import Series
from windrow.errors import SettingsError
from windrow.evaluation.retrieval import retrieval_figures
from windrow.models.contrastive import PixelContrast, Scarf, YearContrast
from windrow.models.encoders.resmlp import ResmlpSettings
from windrow.models.encoders.transformer import EncoderSettings
from windrow.models.flops import contrastive_flops, encoder_flops, projector_flops
from windrow.pipelines.pretext.protocol import (
    ContrastiveFigures,
    DeviceSteps,
    Part,
    PretextInputs,
    check_levels,
)
from windrow.tasks.contrastive import (
    ContrastiveLossSettings,
    PixelContrastiveSettings,
    ScarfSettings,
    YearContrastiveSettings,
    contrastive_loss,
    corrupt,
)
from windrow.tasks.keyed_random import StepDraws, seeded_draws

_EVALUATION, _VALIDATION_ORDER = 3, 5
"""Streams of random draws; they differ from the streams of the steps."""

_VALIDATION_BATCHES = 4
_SECOND_VIEW = 1_000
"""First channel of the random draws of the second view; the first view uses lower channels."""

Views = tuple[Tensor, Tensor]


class ContrastivePretext(ABC):
    """Base of the contrastive tasks: draws, losses, held-out items and retrieval.

    Args:
        inputs: settings and series.
        loss: the loss that compares the two views.
        target_normalization: normalisation of PlanetScope; None where the task does not use it.
    """

    module: nn.Module
    num_items: int
    _num_held_out: int

    def __init__(
        self,
        inputs: PretextInputs,
        *,
        loss: ContrastiveLossSettings,
        target_normalization: Normalization | None,
    ) -> None:
        check_levels(inputs.training, inputs.held_out)
        self._settings = inputs.settings
        self._execution = inputs.execution
        self._held_out = inputs.held_out
        self._loss = loss
        self._device = torch.device(inputs.execution.device)
        self.normalization = inputs.normalization()
        self.target_normalization = target_normalization
        self.device_steps: DeviceSteps | None = None
        self.shares_batches = False
        self.notes: tuple[str, ...] = ()

    def losses(self, part: Part, index: Tensor, draws: StepDraws) -> dict[str, Tensor]:
        """Computes the loss of a batch of pairs; ``draws`` determines dropout too."""
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            if self.module.training:
                torch.manual_seed(draws.generator().initial_seed())
            with self._execution.autocast():
                first, second = self._project(part, index, draws)
        return {"loss": contrastive_loss(first, second, self._loss)}

    def validation_batches(self) -> list[Tensor]:
        """Returns full batches of held-out items, drawn once; one smaller batch if they are few.

        The loss depends on the number of compared pairs, so an incomplete batch is left out.
        """
        batch_size = self._settings.batch_size
        draws = np.random.default_rng([self._settings.seed, _VALIDATION_ORDER])
        order = torch.from_numpy(draws.permutation(self._num_held_out))
        if len(order) < batch_size:
            return [order]
        whole = min(len(order) // batch_size, _VALIDATION_BATCHES) * batch_size
        return list(torch.split(order[:whole], batch_size))

    def evaluate(self, path: Path) -> ContrastiveFigures:
        """Measures top-1 retrieval among the held-out items of the first validation batch."""
        index = self.validation_batches()[0].to(self._device)
        draws = seeded_draws(self._settings.seed, _EVALUATION, step=0, series=index)
        was_training = self.module.training
        self.module.eval()
        with torch.no_grad(), self._execution.autocast():
            first, second = self._project("held_out", index, draws)
        self.module.train(was_training)
        return {
            "simulated": self._held_out.simulated,
            "num_series": len(self._held_out),
            "retrieval": retrieval_figures(first, second, self._subsets(index)),
        }

    @abstractmethod
    def _project(self, part: Part, index: Tensor, draws: StepDraws) -> Views:
        """Projects the two views of a batch of items."""

    def _subsets(self, index: Tensor) -> dict[str, Tensor | None]:
        return {}

    def _comparison_flops(self, projection_width: int) -> int:
        return contrastive_flops(
            self._loss.kind,
            batch_size=self._settings.batch_size,
            projection_width=projection_width,
        )

    def _build(self, module: type[nn.Module], *arguments: Any, **sizes: int) -> nn.Module:
        """Builds a module with the weights of the seed; torch's own generator is not advanced."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._settings.seed)
            return module(*arguments, **sizes).to(self._device)


class PixelPretext(ContrastivePretext):
    """Base of the tasks on single dates: a ResMLP on items that pair a series with a date.

    Raises:
        SettingsError: the encoder is not a ResMLP.
    """

    def __init__(
        self,
        inputs: PretextInputs,
        *,
        loss: ContrastiveLossSettings,
        target_normalization: Normalization | None,
    ) -> None:
        shape = inputs.settings.encoder
        if not isinstance(shape, ResmlpSettings):
            raise _wrong_encoder(shape.kind, "resmlp")
        super().__init__(inputs, loss=loss, target_normalization=target_normalization)
        self._shape = shape
        self._num_bands = len(inputs.training.bands)
        self._items = {
            part: PixelPairs(
                series,
                normalization=self.normalization,
                target_normalization=self.target_normalization,
                device=self._device,
            )
            for part, series in (("training", inputs.training), ("held_out", inputs.held_out))
        }
        self.num_items = self._items["training"].num_items
        self._num_held_out = self._items["held_out"].num_items

    def _subsets(self, index: Tensor) -> dict[str, Tensor | None]:
        row, date = (each.cpu().numpy() for each in self._items["held_out"].positions(index))
        day = self._held_out.calendar_day[row, date]
        first, end = self._settings.growing_season
        clear: Tensor | None = None
        if self._held_out.cloud_probability is not None:
            cloud = self._held_out.cloud_probability[row, date]
            clear = torch.from_numpy(cloud < self._settings.clear_below).to(self._device)
        growing = torch.from_numpy((day >= first) & (day < end)).to(self._device)
        return {"clear": clear, "growing_season": growing}


class ResmlpPretext(PixelPretext):
    """Bi-modal task: the views are the two sensors at one pixel and day (Patnala et al. 2024).

    Args:
        inputs: settings and series.

    Raises:
        DataError: the series cannot be trained on.
        SettingsError: the encoder is not a ResMLP.
    """

    def __init__(self, inputs: PretextInputs) -> None:
        task = inputs.settings.task
        assert isinstance(task, PixelContrastiveSettings)
        self._task = task
        super().__init__(
            inputs, loss=task.loss, target_normalization=inputs.planetscope_normalization()
        )
        self.module = self._build(
            PixelContrast,
            self._shape,
            num_bands=self._num_bands,
            num_values=sensors.NUM_PLANETSCOPE_VALUES,
            projection_width=task.projection_width,
        )

    def _project(self, part: Part, index: Tensor, draws: StepDraws) -> Views:
        batch = self._items[part].batch(index)
        assert batch.planetscope is not None
        first, second = batch.sentinel2, batch.planetscope
        if self._task.corruption is not None:
            first = corrupt(first, self._task.corruption, draws)
            second = corrupt(second, self._task.corruption, draws, channel=_SECOND_VIEW)
        projected: Views = self.module(first, second)
        return projected

    def flops_per_item(self) -> int:
        """Operations of both branches, both projectors and the comparison, for one pair."""
        width = self._task.projection_width
        branches = sum(
            encoder_flops(self._shape, num_bands=size, num_dates=1)
            + projector_flops(self._shape.width, width)
            for size in (self._num_bands, sensors.NUM_PLANETSCOPE_VALUES)
        )
        return branches + self._comparison_flops(width)


class ScarfPretext(PixelPretext):
    """Uni-modal task: a Sentinel-2 date and a corrupted copy of it (SCARF, Bahri et al. 2021).

    The copy takes some of its bands from other items.

    Args:
        inputs: settings and series.

    Raises:
        DataError: the series cannot be trained on.
        SettingsError: the encoder is not a ResMLP.
    """

    def __init__(self, inputs: PretextInputs) -> None:
        task = inputs.settings.task
        assert isinstance(task, ScarfSettings)
        self._task = task
        super().__init__(inputs, loss=task.loss, target_normalization=None)
        self.module = self._build(
            Scarf,
            self._shape,
            num_bands=self._num_bands,
            projection_width=task.projection_width,
        )

    def _project(self, part: Part, index: Tensor, draws: StepDraws) -> Views:
        first = self._items[part].batch(index).sentinel2
        second = corrupt(
            first, self._task.corruption, draws, in_place=self._task.views == "in_place"
        )
        projected: Views = self.module(first, second)
        return projected

    def flops_per_item(self) -> int:
        """Operations of two passes of branch and projector and the comparison, for one date."""
        width = self._task.projection_width
        branch = encoder_flops(self._shape, num_bands=self._num_bands, num_dates=1)
        pair = 2 * (branch + projector_flops(self._shape.width, width))
        return pair + self._comparison_flops(width)


class YearPretext(ContrastivePretext):
    """Spectro-temporal task: the views are a pixel's years in the two sensors (section 5.4).

    The items are series.

    Args:
        inputs: settings and series.

    Raises:
        DataError: the series cannot be trained on.
        SettingsError: the encoder is not a transformer.
    """

    def __init__(self, inputs: PretextInputs) -> None:
        settings = inputs.settings
        task, shape = settings.task, settings.encoder
        assert isinstance(task, YearContrastiveSettings)
        if not isinstance(shape, EncoderSettings):
            raise _wrong_encoder(shape.kind, "transformer")
        self._task, self._shape = task, shape
        moments = inputs.planetscope_normalization()
        super().__init__(inputs, loss=task.loss, target_normalization=moments)
        self._items = {
            "training": self._years(inputs.training, moments),
            "held_out": self._years(inputs.held_out, moments),
        }
        self.num_items = len(inputs.training)
        self._num_held_out = len(inputs.held_out)
        self._num_bands = len(inputs.training.bands)
        self.module = self._build(
            YearContrast,
            shape,
            num_bands=self._num_bands,
            num_values=sensors.NUM_PLANETSCOPE_VALUES,
            projection_width=task.projection_width,
        )

    def _years(self, series: Series, moments: Normalization) -> YearPairs:
        return YearPairs(
            series,
            normalization=self.normalization,
            target_normalization=moments,
            planetscope_every=self._task.planetscope_every,
            device=self._device,
        )

    def _project(self, part: Part, index: Tensor, draws: StepDraws) -> Views:
        first, second = self._items[part].batch(index)
        projected: Views = self.module(
            (first.values, first.day_of_year, first.valid),
            (second.values, second.day_of_year, second.valid),
            all_valid=(first.all_valid, second.all_valid),
        )
        return projected

    def flops_per_item(self) -> int:
        """Operations of both transformers, both projectors and the comparison, for one year."""
        width = self._task.projection_width
        sizes = (self._num_bands, sensors.NUM_PLANETSCOPE_VALUES)
        branches = sum(
            encoder_flops(self._shape, num_bands=size, num_dates=num_dates)
            + projector_flops(self._shape.width, width)
            for size, num_dates in zip(sizes, self._items["training"].num_dates, strict=True)
        )
        return branches + self._comparison_flops(width)


def _wrong_encoder(found: str, expected: str) -> SettingsError:
    return SettingsError(
        "this pretext task needs another encoder",
        where="setting encoder.kind",
        found=found,
        expected=expected,
    )
