"""Training of sequence heads on the representation, or from scratch on raw bands.

The training loop is the same as for the encoder. In protocol ``corrected`` the learning rate falls
when the loss on a held-out share of the training *fields* stops falling, so the test set is never
used. Earlier code used the loss on the test set. Protocol ``paper`` holds out no fields and, since
this module gets no test set, watches the training loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from windrow.config import Settings
from windrow.data.splits import split_fields
from windrow.errors import DataError
from windrow.models.flops import TRAINING_FACTOR, head_flops
from windrow.models.heads.fine_tuned import FineTunedHead, encode
from windrow.models.heads.inputs import HeadInputs
from windrow.models.heads.sequence import SequenceHead, SequenceSettings, tensors
from windrow.tasks.classification import classification_losses
from windrow.training.execution import ExecutionSettings
from windrow.training.loop import train


class SequenceTraining(Settings):
    """Settings for the training of a sequence head.

    Attributes:
        kind: ``sequence``, which distinguishes these settings from those of light heads.
        model: the base model and its size.
        epochs: passes over the training series.
        min_steps: least number of training steps, even for few series.
        batch_size: series per step.
        learning_rate: initial learning rate.
        weight_decay: weight decay of Adam.
        gradient_clip: largest norm of the gradient; None does not clip.
        protocol: ``corrected`` holds out fields for the plateau, ``paper`` does not.
        plateau_share: share of the training fields held out.
        plateau_patience: epochs without improvement before the learning rate falls.
        plateau_factor: factor by which the learning rate falls.
        plateau_watches: ``loss``, or ``accuracy`` to repeat a mistake of earlier public code. It
            treats a rising accuracy as a loss that does not fall, so that the learning rate falls
            while the head improves.
    """

    kind: Literal["sequence"] = "sequence"
    model: SequenceSettings
    epochs: int = Field(ge=1)
    min_steps: int = Field(ge=1)
    batch_size: int = Field(ge=2)
    learning_rate: float = Field(gt=0)
    weight_decay: float = Field(ge=0)
    gradient_clip: float | None = Field(gt=0)
    protocol: Literal["corrected", "paper"]
    plateau_share: float = Field(gt=0, lt=1)
    plateau_patience: int = Field(ge=0)
    plateau_factor: float = Field(gt=0, lt=1)
    plateau_watches: Literal["loss", "accuracy"] = "loss"


def train_sequence_head(
    inputs: HeadInputs,
    label: npt.NDArray[np.integer],
    field_id: npt.NDArray[Any],
    *,
    num_classes: int,
    settings: SequenceTraining,
    seed: int,
    execution: ExecutionSettings | None = None,
    on_step: Callable[[int, int, float], None] | None = None,
) -> SequenceHead:
    """Trains a base model on sequences, without a change of the caller's random state.

    Args:
        inputs: N sequences of z or of reflectance 0..1. The head standardises them.
        label: (N,) classes 0..C-1.
        field_id: (N,) field of each series.
        num_classes: number of classes C.
        settings: model and training.
        seed: seed of weights, order and dropout.
        execution: device and precision of the training; None means the CPU in float32.
            Predictions are always made in float32.
        on_step: function called after each step with step, number of steps and loss.

    Returns:
        The trained head, in evaluation mode.

    Raises:
        DataError: the inputs are vectors, or fewer than two classes occur.
    """
    _check(inputs, label)
    execution = _resolved(execution)

    def build() -> SequenceHead:
        return SequenceHead(inputs.num_features, num_classes, settings.model).to(execution.device)

    split = plateau_split(field_id, label, settings, seed)
    data = _Data(inputs, label, *split)
    return _trained(build, data, settings, seed=seed, execution=execution, on_step=on_step)


def fine_tune(
    encoder: nn.Module,
    inputs: HeadInputs,
    label: npt.NDArray[np.integer],
    field_id: npt.NDArray[Any],
    *,
    num_classes: int,
    settings: SequenceTraining,
    seed: int,
    execution: ExecutionSettings | None = None,
) -> FineTunedHead:
    """Trains an encoder and a base model together, with one learning rate.

    All else is the same as in :func:`train_sequence_head`.

    Args:
        encoder: module from :meth:`FrozenEncoder.trainable`. Its own weights are trained.
        inputs: N sequences from :meth:`FrozenEncoder.inputs`.
        label: (N,) classes 0..C-1.
        field_id: (N,) field of each series.
        num_classes: number of classes C.
        settings: model and training.
        seed: seed of the head's weights, order and dropout.
        execution: see :func:`train_sequence_head`.

    Returns:
        The encoder and its head, in evaluation mode.

    Raises:
        DataError: the inputs are vectors, or fewer than two classes occur.
    """
    _check(inputs, label)
    execution = _resolved(execution)
    device = torch.device(execution.device)

    def build() -> FineTunedHead:
        one = inputs.select(np.zeros(1, dtype=np.intp))
        moved = encoder.to(device)
        width = encode(moved, one, device=device, batch_size=1).shape[-1]
        head = SequenceHead(width, num_classes, settings.model).to(device)
        return FineTunedHead(moved, head)

    split = plateau_split(field_id, label, settings, seed)
    data = _Data(inputs, label, *split)
    return _trained(build, data, settings, seed=seed, execution=execution, on_step=None)


def training_flops(
    inputs: HeadInputs,
    label: npt.NDArray[np.integer],
    field_id: npt.NDArray[Any],
    *,
    num_classes: int,
    settings: SequenceTraining,
    seed: int,
    num_inputs: int | None = None,
    encoder_flops: float = 0.0,
) -> float:
    """Counts the operations of :func:`train_sequence_head` or :func:`fine_tune`.

    A training step costs three forward passes per series, and the plateau costs one per held-out
    series. Each pass is counted at the mean number of valid dates.

    Args:
        inputs: inputs of the training.
        label: (N,) classes of the training.
        field_id: (N,) field of each series.
        num_classes: number of classes C.
        settings: model and training.
        seed: seed of the training.
        num_inputs: number of values per date at the head, if an encoder computes them; by default
            the number in ``inputs``.
        encoder_flops: operations of an encoder trained with the head, for one series.

    Returns:
        Floating-point operations of the whole training.
    """
    assert inputs.valid is not None  # sequences always have it
    fitted, held_out = plateau_split(field_id, label, settings, seed)
    steps_a_pass, num_steps = _steps(len(fitted), settings)
    each = encoder_flops + head_flops(
        settings.model,
        num_inputs=num_inputs or inputs.num_features,
        num_classes=num_classes,
        num_dates=round(float(inputs.valid.sum(axis=1).mean())),
    )
    num_looks = num_steps // _steps_an_epoch(num_steps, settings)
    passes = TRAINING_FACTOR * num_steps / steps_a_pass
    return float(each * (passes * len(fitted) + num_looks * len(held_out)))


def _steps(num_fitted: int, settings: SequenceTraining) -> tuple[int, int]:
    """Gives the number of steps per pass, and in all."""
    steps_a_pass = ceil(num_fitted / settings.batch_size)
    return steps_a_pass, max(settings.epochs * steps_a_pass, settings.min_steps)


def _steps_an_epoch(num_steps: int, settings: SequenceTraining) -> int:
    """Gives the number of steps between checks of the plateau, at least one pass."""
    return ceil(num_steps / settings.epochs)


def _resolved(execution: ExecutionSettings | None) -> ExecutionSettings:
    return (execution or ExecutionSettings(device="cpu", precision="float32")).resolved()


def _check(inputs: HeadInputs, label: npt.NDArray[np.integer]) -> None:
    if inputs.values.ndim != 3:
        raise DataError("a sequence head needs sequences (N, T, D)", found=inputs.values.shape)
    if len(np.unique(label)) < 2:
        raise DataError("a head needs series of at least two classes", found=len(np.unique(label)))


HeadT = TypeVar("HeadT", SequenceHead, FineTunedHead)


@dataclass(frozen=True, eq=False)
class _Data:
    """Sequences and labels, with the positions for the fit and those of held-out fields."""

    inputs: HeadInputs
    label: npt.NDArray[np.integer]
    fitted: npt.NDArray[np.intp]
    held_out: npt.NDArray[np.intp]


def _trained(
    build: Callable[[], HeadT],
    data: _Data,
    settings: SequenceTraining,
    *,
    seed: int,
    execution: ExecutionSettings,
    on_step: Callable[[int, int, float], None] | None,
) -> HeadT:
    device = torch.device(execution.device)
    devices = [] if device.type == "cpu" else [device]
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        head = build()
        head.fit_standardisation(data.inputs.select(data.fitted))
        training = _Training(head, data, settings, seed=seed, execution=execution)
        training.run(on_step)
    return head.eval()


class _Training:
    """One training, with batches in seeded order and one check of the plateau per epoch."""

    def __init__(
        self,
        head: SequenceHead | FineTunedHead,
        data: _Data,
        settings: SequenceTraining,
        *,
        seed: int,
        execution: ExecutionSettings,
    ) -> None:
        self._head = head
        self._execution = execution
        self._settings = settings
        self._seed = seed
        self._fitted, self._held_out = data.fitted, data.held_out
        # The data stay on the device: indexing there is many times cheaper than loading batches.
        every = np.arange(len(data.inputs), dtype=np.intp)
        self._device = head.mean.device
        self._inputs = tensors(data.inputs, every, device=self._device)
        self._label = torch.from_numpy(data.label.astype(np.int64)).to(self._device)

    def run(self, on_step: Callable[[int, int, float], None] | None) -> None:
        settings, fitted, held_out = self._settings, self._fitted, self._held_out
        steps_a_pass, num_steps = _steps(len(fitted), settings)
        steps_an_epoch = _steps_an_epoch(num_steps, settings)
        optimizer = torch.optim.Adam(
            self._head.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        plateau = ReduceLROnPlateau(
            optimizer, factor=settings.plateau_factor, patience=settings.plateau_patience
        )
        watched = settings.plateau_watches
        recent: list[float] = []

        def compute_loss(step: int) -> dict[str, Tensor]:
            return self._losses(self._batch(fitted, step, steps_a_pass))

        def after(step: int, losses: Mapping[str, Tensor | float]) -> None:
            recent.append(float(losses[watched]))
            if (step + 1) % steps_an_epoch == 0:
                plateau.step(
                    self._figures(held_out)[watched] if len(held_out) else float(np.mean(recent))
                )
                recent.clear()
            if on_step is not None:
                on_step(step + 1, num_steps, float(losses["loss"]))

        train(
            self._head,
            optimizer=optimizer,
            compute_loss=compute_loss,
            steps=range(num_steps),
            gradient_clip=settings.gradient_clip,
            on_step=after,
        )

    def _batch(self, fitted: npt.NDArray[np.intp], step: int, steps_a_pass: int) -> Tensor:
        """Gives the rows of a step, an equal share of the pass's own permutation."""
        number, part = divmod(step, steps_a_pass)
        order = np.random.default_rng([self._seed, number]).permutation(fitted)
        return torch.from_numpy(np.array_split(order, steps_a_pass)[part]).to(self._device)

    def _losses(self, rows: Tensor) -> dict[str, Tensor]:
        with self._execution.autocast():
            return classification_losses(self._head, self._select(rows), self._label[rows])

    def _select(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        values, day_of_year, valid = self._inputs
        return values[rows], day_of_year[rows], valid[rows]

    def _figures(self, rows: npt.NDArray[np.intp]) -> dict[str, float]:
        """Computes mean cross entropy and accuracy on held-out series, in evaluation mode."""
        self._head.eval()
        size = self._settings.batch_size
        totals = {"loss": 0.0, "accuracy": 0.0}
        with torch.no_grad():
            for start in range(0, len(rows), size):
                part = torch.from_numpy(rows[start : start + size]).to(self._device)
                losses = self._losses(part)
                for name in totals:
                    totals[name] += float(losses[name]) * len(part)
        return {name: total / len(rows) for name, total in totals.items()}


def plateau_split(
    field_id: npt.NDArray[Any],
    label: npt.NDArray[np.integer],
    settings: SequenceTraining,
    seed: int,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Splits the series into those for the fit and those of held-out fields (none in ``paper``).

    A class holds out no field if its share of fields rounds to zero, because the fit needs the
    few labels more.

    Args:
        field_id: (N,) field of each series.
        label: (N,) class of each series.
        settings: protocol and share of the fields.
        seed: seed of the draw.

    Returns:
        Positions of the series to fit and of the held-out series.
    """
    if settings.protocol == "paper":
        return np.arange(len(label), dtype=np.intp), np.zeros(0, dtype=np.intp)
    share = settings.plateau_share
    fitted, held_out = split_fields(
        field_id,
        label.astype(np.int16),
        fractions=(1.0 - share, share),
        seed=seed,
        min_fields_a_part=0,
    )
    return fitted, held_out
