"""The lines of ``metrics.jsonl``, as they are written and as progress callbacks get them.

Losses and other figures are means over the steps since the line before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypedDict, cast


class LineFigures(TypedDict, total=False):
    """Figures of a line. Which of them a line has depends on the task.

    Attributes:
        loss: the loss that is minimised.
        reconstruction: masked prediction: loss of the reflectance.
        season: masked prediction: loss of the month.
        cloud: masked prediction: loss of the cloud level.
        date: distillation: loss of the dates.
        month: distillation: loss of the monthly means.
        mean: distillation: loss of the yearly mean.
        mixed: episodes: cross entropy of the mixed prediction.
        prior: episodes: cross entropy of the prediction without labels.
        labels: episodes: cross entropy of the prediction from labels.
        accuracy: share of right classes, 0..1.
        learning_rate: learning rate.
        gradient_norm: norm of the whole gradient before clipping.
        series_per_second: series, or pairs, trained on per second.
    """

    loss: float
    reconstruction: float
    season: float
    cloud: float
    date: float
    month: float
    mean: float
    mixed: float
    prior: float
    labels: float
    accuracy: float
    learning_rate: float
    gradient_norm: float
    series_per_second: float


class TrainingLine(LineFigures):
    """Means over the training steps since the line before.

    Attributes:
        kind: always ``train``.
        step: number of the last of these steps; the first step of a run is 0.
        num_steps: number of steps of the whole run.
    """

    kind: Literal["train"]
    step: int
    num_steps: int


class ValidationLine(LineFigures):
    """Losses of the held-out items.

    Attributes:
        kind: always ``validation``.
        step: number of the step before the validation.
    """

    kind: Literal["validation"]
    step: int


class PlaceValidationLine(TypedDict):
    """Accuracies of a place network on held-out places.

    Attributes:
        kind: always ``validation``.
        step: number of the step before the validation.
        mean: mean accuracy over families and labels per class, 0..1.
        accuracy: accuracy by family, and in it by the number of labelled fields per class.
    """

    kind: Literal["validation"]
    step: int
    mean: float
    accuracy: dict[str, dict[str, float]]


class Note(TypedDict):
    """A remark for the user. It is not written to the file.

    Attributes:
        kind: always ``note``.
        text: the remark.
    """

    kind: Literal["note"]
    text: str


MetricLine = TrainingLine | ValidationLine | PlaceValidationLine
"""A line of ``metrics.jsonl``."""

Progress = Callable[[MetricLine | Note], None]
"""Called with every line of ``metrics.jsonl`` when it is written, and with notes for the user."""


def training_line(step: int, num_steps: int, figures: Mapping[str, float]) -> TrainingLine:
    """Builds a line of training.

    Args:
        step: number of the last step.
        num_steps: number of steps of the whole run.
        figures: figures by the names of :class:`LineFigures`.
    """
    line = {"kind": "train", "step": step, "num_steps": num_steps, **figures}
    return cast(TrainingLine, line)


def validation_line(step: int, losses: Mapping[str, float]) -> ValidationLine:
    """Builds a line of validation.

    Args:
        step: number of the step before the validation.
        losses: losses by the names of :class:`LineFigures`.
    """
    return cast(ValidationLine, {"kind": "validation", "step": step, **losses})


def no_progress(line: MetricLine | Note) -> None:
    """Ignores a line; the callback where the caller gives none."""
