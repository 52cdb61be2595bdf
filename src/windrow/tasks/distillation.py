"""Distillation of a frozen teacher into a small student, without labels.

The student reads fewer dates than the teacher and has its own shape. It learns to predict the
teacher's representation of every date that it reads, and the teacher's means over each month and
over the year, which are taken over *all* dates. Hinton et al. (2015) match outputs. There are no
classes here, so we match hidden representations through a linear layer, as Romero et al. (2015) do.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor, nn

from windrow.config import Settings
from windrow.data.day_of_year import NUM_MONTHS
from windrow.models.encoders.transformer import Encoder, EncoderSettings
from windrow.tasks.losses import pool_months

SMALLEST_SPREAD = 0.05
"""Lower bound of a value's deviation over the series, as a share of the mean deviation. It keeps
values that hardly vary between series from being amplified."""


class DistillationLossSettings(Settings):
    """Weights of the parts of the distillation loss."""

    date_weight: float = Field(ge=0, description="weight of the loss of single dates")
    month_weight: float = Field(ge=0, description="weight of the loss of monthly means")
    mean_weight: float = Field(ge=0, description="weight of the loss of the yearly mean")


@dataclass(frozen=True, eq=False)
class Taught:
    """The teacher's representations of N series, with T dates that the student reads.

    Attributes:
        z: (N, T, D) representation of each date.
        month: (N, 12, D) means over all of the teacher's dates in each month.
        has_month: (N, 12) bool, months in which the teacher has a date.
        mean: (N, D) means over all of the teacher's dates.
    """

    z: Tensor
    month: Tensor
    has_month: Tensor
    mean: Tensor

    def series(self, index: Tensor) -> Taught:
        """Selects the series at these positions."""
        return Taught(self.z[index], self.month[index], self.has_month[index], self.mean[index])


@dataclass(frozen=True, eq=False)
class Spread:
    """Deviations of the teacher's representation over the series, the unit of the loss.

    The teacher's monthly means differ much more between months than between series. A loss without
    this unit would reward little more than the calendar.

    Attributes:
        date: (D,) deviations over series and dates.
        month: (12, D) deviations over series.
        mean: (D,) deviations over series.
    """

    date: Tensor
    month: Tensor
    mean: Tensor

    @classmethod
    def of(cls, taught: Taught, valid: Tensor) -> Spread:
        """Computes the spread of the training set.

        Args:
            taught: the teacher's representations.
            valid: (N, T) bool, True for the dates that the student reads.
        """
        count = taught.has_month.sum(dim=0)[:, None].clamp(min=1)
        present = taught.has_month[..., None]
        month = taught.month.float()
        centre = torch.where(present, month, 0.0).sum(dim=0) / count
        squares = torch.where(present, (month - centre) ** 2, 0.0).sum(dim=0) / count
        return cls(
            date=_bounded(taught.z[valid].float().std(dim=0, correction=0)),
            month=_bounded(squares.sqrt()),
            mean=_bounded(taught.mean.float().std(dim=0, correction=0)),
        )


def _bounded(deviation: Tensor) -> Tensor:
    return deviation.clamp(min=max(SMALLEST_SPREAD * deviation.mean().item(), 1e-6))


class Student(nn.Module):
    """A small encoder, and a linear projection to the teacher's representation.

    Args:
        settings: shape of the student.
        num_bands: number of bands B.
        teacher_width: width of the teacher's representation. If the student has the same width,
            there is no projection, and the student can replace the teacher.
    """

    def __init__(self, settings: EncoderSettings, *, num_bands: int, teacher_width: int) -> None:
        super().__init__()
        self.encoder = Encoder(settings, num_bands=num_bands)
        self.projector: nn.Module = nn.Identity()
        if teacher_width != settings.width:
            self.projector = nn.Linear(settings.width, teacher_width)

    def forward(self, values: Tensor, day_of_year: Tensor, valid: Tensor) -> Tensor:
        """Predicts the teacher's representation.

        Args:
            values: (N, T, B) standardised reflectance.
            day_of_year: (N, T) int64.
            valid: (N, T) bool.

        Returns:
            (N, T, D) for the teacher's width D.
        """
        projected: Tensor = self.projector(self.encoder(values, day_of_year, valid))
        return projected


def build_student(
    settings: EncoderSettings, *, num_bands: int, teacher_width: int, seed: int
) -> Student:
    """Builds a student with weights from ``seed``, without a change of torch's random state.

    Args:
        settings: shape of the student.
        num_bands: number of bands B.
        teacher_width: width of the teacher's representation.
        seed: seed of the initial weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Student(settings, num_bands=num_bands, teacher_width=teacher_width)


def distillation_losses(
    z: Tensor,
    taught: Taught,
    *,
    valid: Tensor,
    month: Tensor,
    spread: Spread,
    settings: DistillationLossSettings,
) -> dict[str, Tensor]:
    """Computes the mean squared errors of dates, months and the year in units of their spread.

    Args:
        z: (N, T, D) output of the student, projected to the teacher's width.
        taught: the teacher's representations.
        valid: (N, T) bool, True for the dates that the student reads; at least one per series.
        month: (N, T) int64, 0..11.
        spread: spread of the training set.
        settings: weights of the parts.

    Returns:
        ``loss``, ``date``, ``month`` and ``mean``. A month counts if student and teacher both have
        a date in it. Predicting the average of all series would give a part of 1.
    """
    z = z.float()
    date = ((z - taught.z.float()) / spread.date).square().mean(dim=-1)
    months, has_month = pool_months(z, month, valid)
    both = has_month & taught.has_month
    monthly = ((months - taught.month.float()) / spread.month).square().mean(dim=-1)
    mean = (months * _dates_a_month(month, valid)).sum(dim=1) / valid.sum(dim=1)[:, None]
    yearly = ((mean - taught.mean.float()) / spread.mean).square().mean()
    parts = {
        "date": _mean_where(date, valid),
        "month": _mean_where(monthly, both),
        "mean": yearly,
    }
    total = (
        settings.date_weight * parts["date"]
        + settings.month_weight * parts["month"]
        + settings.mean_weight * parts["mean"]
    )
    return {"loss": total, **parts}


def _dates_a_month(month: Tensor, valid: Tensor) -> Tensor:
    """Counts the valid dates of each month, (N, 12, 1)."""
    chosen = (month[..., None] == torch.arange(NUM_MONTHS, device=month.device)) & valid[..., None]
    return chosen.sum(dim=1)[..., None]


def _mean_where(values: Tensor, chosen: Tensor) -> Tensor:
    return torch.where(chosen, values, 0.0).sum() / chosen.sum().clamp(min=1)
