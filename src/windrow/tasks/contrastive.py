"""The contrastive losses, and the corruption of the views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional as F

from windrow.config import Settings
from windrow.tasks.keyed_random import StepDraws

if TYPE_CHECKING:
    from jaxtyping import Float


class ContrastiveLossSettings(Settings):
    """Settings of the comparison of two views. Each kind ignores the number of the other kind."""

    kind: Literal["nt_xent", "barlow_twins"] = Field(description="kind of the loss")
    temperature: float = Field(gt=0, description="temperature of NT-Xent")
    redundancy_weight: float = Field(ge=0, description="lambda of Barlow Twins")


class CorruptionSettings(Settings):
    """Bounds of the share of a view's features that is replaced."""

    lowest: float = Field(ge=0, le=1)
    highest: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _ordered(self) -> CorruptionSettings:
        if self.lowest > self.highest:
            raise ValueError("the lowest share of corruption is above the highest")
        return self


class PixelContrastiveSettings(Settings):
    """Settings of bi-modal ResMLP, whose two views are the two sensors at one pixel and day."""

    kind: Literal["pixel_contrastive"] = "pixel_contrastive"
    loss: ContrastiveLossSettings
    projection_width: int = Field(ge=1, description="width of the two-layer projectors")
    corruption: CorruptionSettings | None = Field(description="of both inputs; None for none")


class ScarfSettings(Settings):
    """Settings of uni-modal SCARF, whose two views are a date and its corrupted copy.

    The corrupted copy takes some bands from other dates.
    """

    kind: Literal["scarf"] = "scarf"
    loss: ContrastiveLossSettings
    projection_width: int = Field(ge=1, description="width of the two-layer projector")
    corruption: CorruptionSettings
    views: Literal["copy", "in_place"] = Field(
        description="in_place also corrupts the first view, an error of earlier code"
    )


class YearContrastiveSettings(Settings):
    """Settings of the spectro-temporal task, whose two views are a pixel's years by two sensors."""

    kind: Literal["year_contrastive"] = "year_contrastive"
    loss: ContrastiveLossSettings
    projection_width: int = Field(ge=1, description="width of the two-layer projectors")
    planetscope_every: int = Field(ge=1, description="stride over the PlanetScope days")


def contrastive_loss(first: Tensor, second: Tensor, settings: ContrastiveLossSettings) -> Tensor:
    """Computes the loss of two projections (n, P) in float32.

    Args:
        first: (n, P) projections.
        second: (n, P) projections of their partners.
        settings: kind and numbers of the loss.

    Returns:
        () float32.
    """
    with torch.autocast(first.device.type, enabled=False):
        if settings.kind == "nt_xent":
            return nt_xent(first.float(), second.float(), temperature=settings.temperature)
        return barlow_twins(
            first.float(), second.float(), redundancy_weight=settings.redundancy_weight
        )


def nt_xent(
    first: Float[Tensor, "pair width"], second: Float[Tensor, "pair width"], *, temperature: float
) -> Float[Tensor, ""]:
    """Computes the temperature-scaled cross entropy of SimCLR (Chen et al. 2020, eq. 1).

    For view i of the 2n views, its partner p(i) and cosine similarities s the loss is
    ``-log(exp(s[i, p(i)] / t) / sum_(k != i) exp(s[i, k] / t))``. The function averages it over
    all views, with one matrix product.

    Args:
        first: (n, P) projections.
        second: (n, P) projections of their partners.
        temperature: temperature t.

    Returns:
        () in nats.

    Example:
        >>> alike = torch.eye(2)
        >>> round(nt_xent(alike, alike, temperature=1.0).item(), 4)  # -log(e / (e + 2))
        0.5514
    """
    num_pairs = len(first)
    views = F.normalize(torch.cat((first, second)), dim=1)
    logits = views @ views.T / temperature
    logits.fill_diagonal_(-torch.inf)
    partner = torch.arange(2 * num_pairs, device=views.device).roll(num_pairs)
    return F.cross_entropy(logits, partner)


def barlow_twins(
    first: Float[Tensor, "pair width"],
    second: Float[Tensor, "pair width"],
    *,
    redundancy_weight: float,
) -> Float[Tensor, ""]:
    """Computes the loss of Barlow Twins (Zbontar et al. 2021, eq. 1 and 2).

    C[i, j] is the correlation over the batch of value i of one view with value j of the other.
    The loss is ``sum_i (1 - C[i, i])^2 + lambda sum_(i != j) C[i, j]^2``.

    Args:
        first: (n, P) projections.
        second: (n, P) projections of their partners.
        redundancy_weight: weight lambda of the second sum.

    Returns:
        () loss.

    Example:
        >>> view = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
        >>> round(barlow_twins(view, view, redundancy_weight=1.0).item(), 4)
        0.0
    """
    correlation = _standardised(first).T @ _standardised(second) / len(first)
    diagonal = correlation.diagonal()
    off_diagonal = correlation.square().sum() - diagonal.square().sum()
    return (1 - diagonal).square().sum() + redundancy_weight * off_diagonal


def _standardised(values: Tensor) -> Tensor:
    """Standardises each column over the batch. A constant column becomes zero."""
    centred = values - values.mean(dim=0)
    return centred / centred.square().mean(dim=0).add(1e-12).sqrt()


def corrupt(
    values: Tensor,
    settings: CorruptionSettings,
    draws: StepDraws,
    *,
    channel: int = 0,
    in_place: bool = False,
) -> Tensor:
    """Replaces some features of every row by those of other rows (Bahri et al. 2021).

    Each row draws a share uniformly between the two bounds. The rounded share of its features is
    drawn without replacement. Each of them takes its value from another row of the batch, drawn
    uniformly and independently, which samples the feature's own distribution.

    Args:
        values: (n, B) features.
        settings: bounds of the share.
        draws: random numbers of the n rows.
        channel: first of the ``1 + 2 B`` channels used.
        in_place: True writes into ``values`` and returns it, the error of earlier code.

    Returns:
        (n, B) corrupted features.
    """
    num_rows, num_features = values.shape
    first = channel + 1
    share = draws.uniform(1, channels=(channel, first))[:, 0]
    share = settings.lowest + (settings.highest - settings.lowest) * share
    order = draws.uniform(1, channels=(first, first + num_features))[:, 0]
    rank = order.argsort(dim=1).argsort(dim=1)
    chosen = rank < (share * num_features).round()
    luck = draws.uniform(1, channels=(first + num_features, first + 2 * num_features))[:, 0]
    others = max(num_rows - 1, 1)
    shift = 1 + (luck * others).long().clamp(max=others - 1)
    rows = (torch.arange(num_rows, device=values.device)[:, None] + shift) % num_rows
    corrupted = torch.where(chosen, values.gather(0, rows), values)
    if in_place:
        return values.copy_(corrupted)
    return corrupted
