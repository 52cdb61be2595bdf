"""The three losses of bi-modal BERT: equations (1), (2) and (3), with the variants of Table 4.

Each is taken per series and averaged over the series that have something to score, as the
equations are written for one series.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional as F

from windrow.config import Settings
from windrow.data.day_of_year import NUM_MONTHS

Reduction = Literal["sum", "mean"]
Auxiliary = Literal["cross_entropy", "mse"]


class LossSettings(Settings):
    """Which form the losses take, and how they are weighed."""

    reduction: Reduction = Field(description="of equation (1) over the values of a target day")
    auxiliary: Auxiliary = Field(description="form of the season and cloud losses (Table 4)")
    reconstruction_weight: float = Field(ge=0)
    season_weight: float = Field(ge=0)
    cloud_weight: float = Field(ge=0)

    @model_validator(mode="after")
    def _something_is_learned(self) -> LossSettings:
        if self.reconstruction_weight + self.season_weight + self.cloud_weight == 0:
            raise ValueError("the weights of all losses are 0, so nothing would be learned")
        return self


CountMean = Callable[[Tensor], Tensor]
"""The mean of a () count over the processes that share a batch."""


def _alone(count: Tensor) -> Tensor:
    return count


def reconstruction_loss(
    prediction: Tensor,
    target: Tensor,
    scored: Tensor,
    *,
    reduction: Reduction,
    mean_count: CountMean = _alone,
) -> Tensor:
    """Equation (1): half the squared error of the scored dates.

    ``1 / (2 |T|) sum_i ||q(z_i) - x_i||^2``, averaged over the target days of a date. With
    ``sum`` the norm sums the K values of a day, as it is printed; with ``mean`` it averages them,
    as the text says. Values without a target count nowhere: the average runs over those that are
    scored, so that nothing missing looks like a good prediction.

    Args:
        prediction: (N, T, L, K).
        target: (N, T, L, K).
        scored: (N, T, L, K) bool.
        reduction: see above.
        mean_count: where several processes share the batch, so that the mean of their losses is
            the loss of the whole.

    Returns:
        () mean over the series.

    Example:
        >>> ones, zeros = torch.ones(1, 2, 3, 36), torch.zeros(1, 2, 3, 36)
        >>> scored = ones > 0
        >>> reconstruction_loss(ones, zeros, scored, reduction="sum").item()
        18.0
        >>> reconstruction_loss(ones, zeros, scored, reduction="mean").item()
        0.5
    """
    error = ((prediction - target) ** 2).masked_fill(~scored, 0.0)
    per_series = _mean_of_series(error.sum(dim=(1, 2, 3)), scored.sum(dim=(1, 2, 3)), mean_count)
    size = prediction.shape[-1] if reduction == "sum" else 1
    return 0.5 * size * per_series


def pool_months(z: Tensor, month: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of z over the valid dates of each month.

    Args:
        z: (N, T, D).
        month: (N, T) int64, 0..11.
        valid: (N, T) bool.

    Returns:
        (N, 12, D), zero for a month without a date, and (N, 12) bool, whether it has one.
    """
    months = torch.arange(NUM_MONTHS, device=month.device)
    chosen = ((month[..., None] == months) & valid[..., None]).to(z.dtype)
    counts = chosen.sum(dim=1)
    total = torch.einsum("ntm,ntd->nmd", chosen, z)
    return total / counts.clamp(min=1)[..., None], counts > 0


def season_loss(
    prediction: Tensor, present: Tensor, *, auxiliary: Auxiliary, mean_count: CountMean = _alone
) -> Tensor:
    """Equation (2): the month of each month's mean representation.

    The mean runs over the months that have a date. Table 4's variant regresses the month's
    position in the year, 0 (January) to 1 (December), by the squared error.

    Args:
        prediction: (N, 12, 12) logits, or (N, 12, 1) with ``mse``.
        present: (N, 12) bool.
        auxiliary: the form.
        mean_count: as in :func:`reconstruction_loss`.
    """
    months = torch.arange(NUM_MONTHS, device=prediction.device).expand(present.shape)
    return _auxiliary_loss(prediction, months, present, NUM_MONTHS, auxiliary, mean_count)


def cloud_loss(
    prediction: Tensor,
    level: Tensor,
    chosen: Tensor,
    *,
    num_levels: int,
    auxiliary: Auxiliary,
    mean_count: CountMean = _alone,
) -> Tensor:
    """Equation (3): the cloud level of the dates set apart for it.

    Table 4's variant regresses the level, scaled to 0..1, by the squared error.

    Args:
        prediction: (N, T, num_levels) logits, or (N, T, 1) with ``mse``.
        level: (N, T) int64, 0..num_levels - 1.
        chosen: (N, T) bool.
        num_levels: of the cloud probability, 32.
        auxiliary: the form.
        mean_count: as in :func:`reconstruction_loss`.
    """
    return _auxiliary_loss(prediction, level, chosen, num_levels, auxiliary, mean_count)


def _auxiliary_loss(  # noqa: PLR0917
    prediction: Tensor,
    wanted: Tensor,
    chosen: Tensor,
    num_classes: int,
    auxiliary: Auxiliary,
    mean_count: CountMean,
) -> Tensor:
    if auxiliary == "cross_entropy":
        error = F.cross_entropy(prediction.flatten(0, 1), wanted.flatten(), reduction="none")
        error = error.view(wanted.shape)
    else:
        scaled = wanted.to(prediction.dtype) / (num_classes - 1)
        error = (prediction[..., 0] - scaled) ** 2
    error = error.masked_fill(~chosen, 0.0)
    return _mean_of_series(error.sum(dim=1), chosen.sum(dim=1), mean_count)


def _mean_of_series(total: Tensor, count: Tensor, mean_count: CountMean) -> Tensor:
    """Mean over the series of their own means; those without a count are left out."""
    num_series = mean_count((count > 0).sum())
    # With several processes the mean can be less than one; none at all leaves a sum of zero.
    num_series = num_series.masked_fill(num_series == 0, 1)
    return (total / count.clamp(min=1)).sum() / num_series
