"""Which dates the pretext task hides, and what stands in their place (section 4 of the paper).

Per series and step, without replacement, among its valid dates: the scored part, cut 7:1:1 into
dates with random values, with the values of another series of the batch, and unchanged ones; the
cloud part; and the rest, which stays visible and is not scored. Every draw is a function of
(seed, step, series, date), so that nothing has to be remembered to resume, and nothing is read
from the device: a step can be captured in a graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from windrow.config import Settings
from windrow.tasks.keyed_random import StepDraws

CloudInput = Literal["masked", "visible"]

RANDOM, OTHER, UNCHANGED, CLOUD, VISIBLE, INVALID = range(6)
"""Roles of a date. The first three are the scored part."""

NUM_SCORED_ROLES = 3

_ROLE, _PARTNER, _FIRST_BAND = (0, 1), (1, 2), 2
"""Channels of a date's draws."""

_LAST = 1 << 62
_ORDER_BITS = (1 << 62) - (1 << 16)
"""Random bits of the order of the dates: below ``_LAST``, above the number of the date."""


class MaskingSettings(Settings):
    """How much is hidden, and how."""

    mask_ratio: float = Field(gt=0, le=1, description="share of the valid dates that is scored")
    cloud_ratio: float = Field(ge=0, lt=1, description="share that predicts the cloud level")
    proportions: tuple[int, int, int] = Field(
        description="of the scored dates: random values, another series' values, unchanged"
    )
    cloud_input: CloudInput = Field(description="what the encoder sees at the cloud dates")

    @model_validator(mode="after")
    def _shares_fit(self) -> MaskingSettings:
        if _exact(self.mask_ratio) + _exact(self.cloud_ratio) > 1:
            raise ValueError("mask_ratio and cloud_ratio add up to more than 1")
        if min(self.proportions) < 0 or sum(self.proportions) == 0:
            raise ValueError("proportions must not be negative, and not all zero")
        return self


@dataclass(frozen=True)
class Masked:
    """A batch as the encoder sees it.

    Attributes:
        values: (N, T, B) with the hidden dates replaced.
        roles: (N, T) int64, one of the six roles.
        token: (N, T) bool, dates whose patch is the mask token; None where there is none.
        present: (N, B) bool, the bands that the encoder may see; None where all are.
    """

    values: Tensor
    roles: Tensor
    token: Tensor | None
    present: Tensor | None = None

    def series(self, rows: slice) -> Masked:
        """Only some of the series."""
        token = None if self.token is None else self.token[rows]
        present = None if self.present is None else self.present[rows]
        return Masked(self.values[rows], roles=self.roles[rows], token=token, present=present)

    def chosen_dates(self, date: Tensor) -> Masked:
        """Only some of the dates; ``date`` (N, W) int64 positions on the date axis."""
        token = None if self.token is None else self.token.gather(1, date)
        wide = date[..., None].expand(*date.shape, self.values.shape[2])
        return Masked(
            values=self.values.gather(1, wide),
            roles=self.roles.gather(1, date),
            token=token,
            present=self.present,
        )

    @property
    def scored(self) -> Tensor:
        """(N, T) bool, the set of equation (1)."""
        return self.roles < NUM_SCORED_ROLES

    @property
    def cloud(self) -> Tensor:
        """(N, T) bool, the set of equation (3)."""
        return self.roles == CLOUD


def part_counts(num_dates: int, settings: MaskingSettings) -> tuple[int, int, int, int, int]:
    """How many of ``num_dates`` valid dates get each role, by the largest remainder.

    The shares are taken as the decimals they are written as, so that no rounding of binary
    fractions decides. Of equal remainders the earlier role comes first. At least one date is
    scored: where rounding leaves none, the largest unscored part gives one.

    Returns:
        counts of (random, other, unchanged, cloud, visible), which sum to ``num_dates``.

    Example:
        >>> paper = MaskingSettings(
        ...     mask_ratio=0.9, cloud_ratio=0.1, proportions=(7, 1, 1), cloud_input="masked"
        ... )
        >>> part_counts(144, paper)
        (101, 15, 14, 14, 0)
        >>> part_counts(10, paper)
        (7, 1, 1, 1, 0)
    """
    mask, cloud = _exact(settings.mask_ratio), _exact(settings.cloud_ratio)
    shares = [mask * part / sum(settings.proportions) for part in settings.proportions]
    shares += [cloud, 1 - mask - cloud]
    quotas = [share * num_dates for share in shares]
    counts = [int(quota) for quota in quotas]
    by_remainder = sorted(range(5), key=lambda role: (counts[role] - quotas[role], role))
    for role in by_remainder[: num_dates - sum(counts)]:
        counts[role] += 1
    if num_dates and sum(counts[:NUM_SCORED_ROLES]) == 0:
        giver = max((CLOUD, VISIBLE), key=lambda role: counts[role])
        taker = max(range(NUM_SCORED_ROLES), key=lambda role: quotas[role])
        counts[giver] -= 1
        counts[taker] += 1
    return (counts[0], counts[1], counts[2], counts[3], counts[4])


def draw_roles(valid: Tensor, settings: MaskingSettings, draws: StepDraws) -> Tensor:
    """A role for every date.

    Args:
        valid: (N, T) bool.
        settings: the shares.
        draws: of the N series.

    Returns:
        (N, T) int64; ``INVALID`` at invalid dates.
    """
    num_dates = valid.shape[1]
    dates = torch.arange(num_dates, device=valid.device).expand(valid.shape)
    # The date in the last bits makes the keys distinct, so that no tie is left to the sort.
    bits = draws.bits(num_dates, channels=_ROLE)[..., 0]
    keys = (bits & _ORDER_BITS) | dates | torch.where(valid, 0, _LAST)
    position = torch.empty_like(dates).scatter_(1, keys.argsort(dim=1), dates)
    bounds = _bounds(num_dates, settings, valid.device)[valid.sum(dim=1)]
    roles = (position[..., None] >= bounds[:, None, :]).sum(dim=-1)
    return roles.masked_fill(~valid, INVALID)


def mask_batch(
    values: Tensor,
    valid: Tensor,
    *,
    mean: Tensor,
    std: Tensor,
    settings: MaskingSettings,
    draws: StepDraws,
) -> Masked:
    """Hides dates of a batch.

    Random values are uniform in reflectance 0..1 before standardisation. The values of another
    series are those of the same step, drawn evenly among the other series whose date is valid
    there; where there is none, the date gets random values instead.

    Args:
        values: (N, T, B) standardised reflectance.
        valid: (N, T) bool.
        mean: (B,) of the standardisation.
        std: (B,) of the standardisation.
        settings: the shares, and what stands at the cloud dates.
        draws: of the N series.
    """
    num_dates, num_bands = values.shape[1:]
    roles = draw_roles(valid, settings, draws)
    channels = (_FIRST_BAND, _FIRST_BAND + num_bands)
    uniform = draws.uniform(num_dates, channels=channels).to(mean.dtype)
    noise = ((uniform - mean) / std).to(values.dtype)
    partner, has_partner = _draw_partners(valid, draws)
    steps = torch.arange(num_dates, device=values.device)
    other = torch.where(has_partner[..., None], values[partner, steps], noise)
    replaced = torch.where((roles == RANDOM)[..., None], noise, values)
    replaced = torch.where((roles == OTHER)[..., None], other, replaced)
    token = roles == CLOUD if settings.cloud_input == "masked" else None
    return Masked(values=replaced, roles=roles, token=token)


def _draw_partners(valid: Tensor, draws: StepDraws) -> tuple[Tensor, Tensor]:
    """Another series for every valid date, even among those that are valid at the same step.

    Returns:
        (N, T) int64 positions in the batch, and (N, T) bool where there is such a series.
    """
    num_series, num_dates = valid.shape
    num_valid = valid.sum(dim=0)
    rank = valid.long().cumsum(dim=0) - 1
    others = (num_valid - 1).clamp(min=1)
    # In float32 the product can round up to ``others`` itself, which would be the series again.
    uniform = draws.uniform(num_dates, channels=_PARTNER)[..., 0]
    shift = 1 + torch.minimum((uniform * others).long(), others - 1)
    position = (rank + shift) % num_valid.clamp(min=1)
    # (N + 1, T): the series by their rank at a step; what is invalid goes to the last row.
    rows = torch.arange(num_series, device=valid.device)[:, None].expand(valid.shape)
    by_rank = torch.zeros((num_series + 1, num_dates), dtype=torch.int64, device=valid.device)
    by_rank.scatter_(0, rank.masked_fill(~valid, num_series), rows)
    return by_rank.gather(0, position), valid & (num_valid > 1)


def _exact(ratio: float) -> Fraction:
    return Fraction(str(ratio))


@lru_cache(maxsize=64)
def _bounds(max_dates: int, settings: MaskingSettings, device: torch.device) -> Tensor:
    """(max_dates + 1, 4): where each role ends, by the number of valid dates."""
    counts = torch.tensor([part_counts(n, settings) for n in range(max_dates + 1)])
    return counts.cumsum(dim=1)[:, :-1].to(device)
