"""The three losses of bi-modal BERT: equations (1), (2) and (3), with the variants of Table 4.

The equations are written for one series. Each loss is therefore computed per series and averaged
over the series that have something to score.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional as F

from windrow.config import Settings
from windrow.data.day_of_year import NUM_MONTHS

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Integer

Reduction = Literal["sum", "mean"]
Auxiliary = Literal["cross_entropy", "mse"]


class LossSettings(Settings):
    """Forms and weights of the losses."""

    reduction: Reduction = Field(
        description="reduction of equation (1) over the values of a target day"
    )
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
"""Function that averages a () count over the processes that share a batch."""


def _alone(count: Tensor) -> Tensor:
    return count


def reconstruction_loss(
    prediction: Float[Tensor, "series date lag value"],
    target: Float[Tensor, "series date lag value"],
    scored: Bool[Tensor, "series date lag value"],
    *,
    reduction: Reduction,
    mean_count: CountMean = _alone,
) -> Tensor:
    """Computes equation (1), half the squared error of the scored dates.

    The loss is ``1 / (2 |T|) sum_i ||q(z_i) - x_i||^2``, averaged over the target days of a date.
    With ``sum`` the norm sums the K values of a day, as in the printed equation. With ``mean`` it
    averages them, as in the paper's text. The average runs over the scored values alone, so that
    a missing value does not count as a good prediction.

    Args:
        prediction: (N, T, L, K).
        target: (N, T, L, K).
        scored: (N, T, L, K) bool, True for the values that count.
        reduction: ``sum`` or ``mean`` over the K values.
        mean_count: averages a count over the processes that share the batch, so that the mean of
            their losses is the loss of the whole batch.

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


def pool_months(
    z: Float[Tensor, "series date width"],
    month: Integer[Tensor, "series date"],
    valid: Bool[Tensor, "series date"],
) -> tuple[Float[Tensor, "series 12 width"], Bool[Tensor, "series 12"]]:
    """Averages z over the valid dates of each month.

    Args:
        z: (N, T, D).
        month: (N, T) int64, 0..11.
        valid: (N, T) bool.

    Returns:
        The means (N, 12, D), zero for a month without a date, and a mask of the months with a
        date, (N, 12).
    """
    months = torch.arange(NUM_MONTHS, device=month.device)
    chosen = ((month[..., None] == months) & valid[..., None]).to(z.dtype)
    counts = chosen.sum(dim=1)
    total = torch.einsum("ntm,ntd->nmd", chosen, z)
    return total / counts.clamp(min=1)[..., None], counts > 0


def season_loss(
    prediction: Float[Tensor, "series 12 output"],
    present: Bool[Tensor, "series 12"],
    *,
    auxiliary: Auxiliary,
    mean_count: CountMean = _alone,
) -> Tensor:
    """Computes equation (2), the loss of the month predicted from each month's mean representation.

    The mean runs over the months that have a date. The variant of Table 4 regresses the month's
    position in the year, 0 (January) to 1 (December), with the squared error.

    Args:
        prediction: (N, 12, 12) logits, or (N, 12, 1) with ``mse``.
        present: (N, 12) bool, months with a date.
        auxiliary: form of the loss.
        mean_count: see :func:`reconstruction_loss`.

    Returns:
        () mean over the series.
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
    """Computes equation (3), the loss of the cloud level predicted at the cloud dates.

    The variant of Table 4 regresses the level, scaled to 0..1, with the squared error.

    Args:
        prediction: (N, T, num_levels) logits, or (N, T, 1) with ``mse``.
        level: (N, T) int64, 0..num_levels - 1.
        chosen: (N, T) bool, the cloud dates.
        num_levels: number of levels of the cloud probability, 32.
        auxiliary: form of the loss.
        mean_count: see :func:`reconstruction_loss`.

    Returns:
        () mean over the series.
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
    """Averages the series' own means, without series whose count is 0."""
    num_series = mean_count((count > 0).sum())
    # With several processes the mean count can be below one. Without any count the sum is zero.
    num_series = num_series.masked_fill(num_series == 0, 1)
    return (total / count.clamp(min=1)).sum() / num_series
