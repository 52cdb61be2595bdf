"""The contrastive losses, and what is done to the views before they are compared."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional as F

from windrow.config import Settings
from windrow.tasks.keyed_random import StepDraws


class ContrastiveLossSettings(Settings):
    """How two views are compared; each kind leaves the other's number aside."""

    kind: Literal["nt_xent", "barlow_twins"] = Field(description="which loss")
    temperature: float = Field(gt=0, description="of NT-Xent")
    redundancy_weight: float = Field(ge=0, description="lambda of Barlow Twins")


class CorruptionSettings(Settings):
    """Which share of the features of a view is replaced."""

    lowest: float = Field(ge=0, le=1)
    highest: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _ordered(self) -> CorruptionSettings:
        if self.lowest > self.highest:
            raise ValueError("the lowest share of corruption is above the highest")
        return self


class PixelContrastiveSettings(Settings):
    """ResMLP, bi-modal: the two sensors at one pixel and day are the two views."""

    kind: Literal["pixel_contrastive"] = "pixel_contrastive"
    loss: ContrastiveLossSettings
    projection_width: int = Field(ge=1, description="of the two-layer projectors")
    corruption: CorruptionSettings | None = Field(description="of both inputs; None leaves them")


class ScarfSettings(Settings):
    """SCARF, uni-modal: a date and the same date with some bands of others are the two views."""

    kind: Literal["scarf"] = "scarf"
    loss: ContrastiveLossSettings
    projection_width: int = Field(ge=1, description="of the two-layer projector")
    corruption: CorruptionSettings
    views: Literal["copy", "in_place"] = Field(
        description="in_place corrupts the very tensor it is compared with, a fault of earlier code"
    )


class YearContrastiveSettings(Settings):
    """Spectro-temporal: the two sensors' years of one pixel are the two views."""

    kind: Literal["year_contrastive"] = "year_contrastive"
    loss: ContrastiveLossSettings
    projection_width: int = Field(ge=1, description="of the two-layer projectors")
    planetscope_every: int = Field(ge=1, description="every so many-th PlanetScope day is seen")


def contrastive_loss(first: Tensor, second: Tensor, settings: ContrastiveLossSettings) -> Tensor:
    """The loss that the settings name, of projections (n, P) each; always in full precision."""
    with torch.autocast(first.device.type, enabled=False):
        if settings.kind == "nt_xent":
            return nt_xent(first.float(), second.float(), temperature=settings.temperature)
        return barlow_twins(
            first.float(), second.float(), redundancy_weight=settings.redundancy_weight
        )


def nt_xent(first: Tensor, second: Tensor, *, temperature: float) -> Tensor:
    """The normalised, temperature-scaled cross entropy of SimCLR (Chen et al. 2020, eq. 1).

    With the 2n views and their cosine similarities s, view i and its partner p(i) cost
    ``-log(exp(s[i, p(i)] / t) / sum_(k != i) exp(s[i, k] / t))``; the mean over all views. One
    matrix product.

    Args:
        first: (n, P) projections.
        second: (n, P) projections of their partners.
        temperature: t.

    Returns:
        () nats.

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


def barlow_twins(first: Tensor, second: Tensor, *, redundancy_weight: float) -> Tensor:
    """Barlow Twins (Zbontar et al. 2021, eq. 1 and 2).

    With C the correlation of each value of one view with each of the other over the batch:
    ``sum_i (1 - C[i, i])^2 + lambda sum_(i != j) C[i, j]^2``.

    Args:
        first: (n, P) projections.
        second: (n, P) projections of their partners.
        redundancy_weight: lambda.

    Returns:
        ().

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
    """Each column at mean zero and deviation one over the batch; a constant one at zero."""
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

    For each row a share is drawn evenly between the two bounds, and so many of its features,
    rounded, are drawn without replacement; each is taken from another row of the batch, drawn
    evenly and anew for every feature, which samples the feature's own distribution.

    Args:
        values: (n, B).
        settings: the bounds of the share.
        draws: of the n rows.
        channel: first of the ``1 + 2 B`` channels that are drawn from.
        in_place: writes into ``values`` and hands them back: the fault of earlier code.

    Returns:
        (n, B).
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
