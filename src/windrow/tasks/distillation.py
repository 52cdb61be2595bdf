"""Distillation: a small student learns what a frozen teacher makes of a series, without labels.

The student reads fewer dates than the teacher and has its own shape. It is asked for the teacher's
representation of every date that it reads, and for the teacher's means over each month and over the
year, which the teacher takes over *all* dates (Hinton et al. 2015 match outputs; here, as in Romero
et al. 2015, hidden representations through a linear layer, as there are no classes).
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
"""Of a value's deviation over the series, as a share of the mean deviation: what hardly varies
between series is not blown up."""


class DistillationLossSettings(Settings):
    """What the student is asked for."""

    date_weight: float = Field(ge=0, description="weight of the loss of single dates")
    month_weight: float = Field(ge=0, description="weight of the loss of monthly means")
    mean_weight: float = Field(ge=0, description="weight of the loss of the yearly mean")


@dataclass(frozen=True, eq=False)
class Taught:
    """What the teacher says of some series. N series, T dates that the student reads.

    Attributes:
        z: (N, T, D) of each date.
        month: (N, 12, D) means over all of the teacher's dates in each month.
        has_month: (N, 12) bool, months with a date of the teacher's.
        mean: (N, D) over all of the teacher's dates.
    """

    z: Tensor
    month: Tensor
    has_month: Tensor
    mean: Tensor

    def series(self, index: Tensor) -> Taught:
        """The same of some of the series."""
        return Taught(self.z[index], self.month[index], self.has_month[index], self.mean[index])


@dataclass(frozen=True, eq=False)
class Spread:
    """Deviations over the series of what the teacher says: the unit of the loss.

    What the teacher says of a month differs little between series beside what it differs between
    months; a loss in the teacher's own unit would ask for the calendar and little else.

    Attributes:
        date: (D,) over series and dates.
        month: (12, D) over series.
        mean: (D,) over series.
    """

    date: Tensor
    month: Tensor
    mean: Tensor

    @classmethod
    def of(cls, taught: Taught, valid: Tensor) -> Spread:
        """The spread of the training set; ``valid`` (N, T) are the dates that are read."""
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
    """A small encoder, and the linear layer that says it in the teacher's words.

    Args:
        settings: shape of the student.
        num_bands: B.
        teacher_width: width of the teacher's representation. Where it is the student's own, there
            is no layer: the student then stands in the teacher's place.
    """

    def __init__(self, settings: EncoderSettings, *, num_bands: int, teacher_width: int) -> None:
        super().__init__()
        self.encoder = Encoder(settings, num_bands=num_bands)
        self.projector: nn.Module = nn.Identity()
        if teacher_width != settings.width:
            self.projector = nn.Linear(settings.width, teacher_width)

    def forward(self, values: Tensor, day_of_year: Tensor, valid: Tensor) -> Tensor:
        """(N, T, D of the teacher)."""
        projected: Tensor = self.projector(self.encoder(values, day_of_year, valid))
        return projected


def build_student(
    settings: EncoderSettings, *, num_bands: int, teacher_width: int, seed: int
) -> Student:
    """A student with weights drawn from ``seed``; torch's own generator is left alone."""
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
    """The mean squared error of dates, months and the year, in units of their spread.

    Args:
        z: (N, T, D) of the student, in the teacher's words.
        taught: what the teacher says.
        valid: (N, T) bool, dates that are read; at least one a series.
        month: (N, T) int64, 0..11.
        spread: of the training set.
        settings: weights.

    Returns:
        ``loss``, ``date``, ``month`` and ``mean``. A month counts where both have a date in it. A
        part of 1 is what the average of all series would get.
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
    """(N, 12, 1) number of valid dates."""
    chosen = (month[..., None] == torch.arange(NUM_MONTHS, device=month.device)) & valid[..., None]
    return chosen.sum(dim=1)[..., None]


def _mean_where(values: Tensor, chosen: Tensor) -> Tensor:
    return torch.where(chosen, values, 0.0).sum() / chosen.sum().clamp(min=1)
