"""Masking of dates for the pretext task (section 4 of the paper).

Each step divides the valid dates of each series at random into three parts. The scored part is cut
7:1:1 into dates with random values, dates with the values of another series of the batch, and
unchanged dates. The cloud part predicts the cloud level. The rest stays visible and is not scored.
Every draw depends on (seed, step, series, date) alone. A resumed run therefore needs no saved
state, and nothing is read from the device, so that a step can be captured in a graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional as F

from windrow.config import Settings
from windrow.tasks.keyed_random import StepDraws

CloudInput = Literal["masked", "visible"]

RANDOM, OTHER, UNCHANGED, CLOUD, VISIBLE, INVALID, QUERY = range(7)
"""Roles of a date. The first three are the scored part. A query is a day without an observation,
which is scored too (:func:`with_queries`)."""

NUM_SCORED_ROLES = 3

_ROLE, _PARTNER, _FIRST_BAND = (0, 1), (1, 2), 2
"""Channels of the draws of a date."""

_QUERY = (1 << 11, (1 << 11) + 1)
"""Channel of the days of queries, after those of the bands that a series loses."""

_LAST = 1 << 62
_ORDER_BITS = (1 << 62) - (1 << 16)
"""Random bits that order the dates, below ``_LAST`` and above the position of the date."""


class MaskingSettings(Settings):
    """Shares of the masked dates, and the values that replace them."""

    mask_ratio: float = Field(gt=0, le=1, description="share of the valid dates that is scored")
    cloud_ratio: float = Field(ge=0, lt=1, description="share that predicts the cloud level")
    proportions: tuple[int, int, int] = Field(
        description="of the scored dates: random values, another series' values, unchanged"
    )
    cloud_input: CloudInput = Field(description="input of the encoder at the cloud dates")

    @model_validator(mode="after")
    def _shares_fit(self) -> MaskingSettings:
        if _exact(self.mask_ratio) + _exact(self.cloud_ratio) > 1:
            raise ValueError("mask_ratio and cloud_ratio add up to more than 1")
        if min(self.proportions) < 0 or sum(self.proportions) == 0:
            raise ValueError("proportions must not be negative, and not all zero")
        return self


@dataclass(frozen=True)
class Masked:
    """A masked batch, the input of the encoder.

    Attributes:
        values: (N, T, B) values, replaced at the masked dates.
        roles: (N, T) int64, one of the seven roles.
        token: (N, T) bool, dates whose patch is the mask token; None if there are none.
        present: (N, B) bool, bands that the encoder may use; None if it may use all.
    """

    values: Tensor
    roles: Tensor
    token: Tensor | None
    present: Tensor | None = None

    def series(self, rows: slice) -> Masked:
        """Selects some of the series."""
        token = None if self.token is None else self.token[rows]
        present = None if self.present is None else self.present[rows]
        return Masked(self.values[rows], roles=self.roles[rows], token=token, present=present)

    def chosen_dates(self, date: Tensor) -> Masked:
        """Selects dates by their positions on the date axis, (N, W) int64."""
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
        """Dates scored in equation (1), (N, T) bool."""
        return (self.roles < NUM_SCORED_ROLES) | (self.roles == QUERY)

    @property
    def cloud(self) -> Tensor:
        """Dates scored in equation (3), (N, T) bool."""
        return self.roles == CLOUD


def part_counts(num_dates: int, settings: MaskingSettings) -> tuple[int, int, int, int, int]:
    """Shares ``num_dates`` valid dates out to the roles by the largest remainder.

    The shares are taken as exact decimals, so that the rounding of binary fractions has no effect.
    Among equal remainders the earlier role comes first. At least one date is scored: if rounding
    leaves none, the largest unscored part gives one date away.

    Returns:
        Counts of (random, other, unchanged, cloud, visible), which sum to ``num_dates``.

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
    """Draws a role for every date.

    Args:
        valid: (N, T) bool.
        settings: shares of the roles.
        draws: random numbers of the N series.

    Returns:
        (N, T) int64; ``INVALID`` at invalid dates.
    """
    num_dates = valid.shape[1]
    dates = torch.arange(num_dates, device=valid.device).expand(valid.shape)
    # The date in the last bits makes the keys distinct, so that the sort meets no ties.
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
    """Masks dates of a batch.

    Random values are uniform in reflectance 0..1 before standardisation. Values of another series
    come from the same position on the date axis. The other series is drawn uniformly among those
    whose date is valid there. If there is none, the date gets random values instead.

    Args:
        values: (N, T, B) standardised reflectance.
        valid: (N, T) bool.
        mean: (B,) means of the standardisation.
        std: (B,) deviations of the standardisation.
        settings: shares of the roles, and the input at the cloud dates.
        draws: random numbers of the N series.
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


def with_queries(masked: Masked, num_queries: int) -> Masked:
    """Appends days whose patch is the mask token, so that only their date is known.

    Args:
        masked: the masked batch.
        num_queries: number Q of days, which stand at the end of the date axis.
    """
    token = torch.zeros_like(masked.roles, dtype=torch.bool)
    if masked.token is not None:
        token = masked.token
    return Masked(
        values=F.pad(masked.values, (0, 0, 0, num_queries)),
        roles=F.pad(masked.roles, (0, num_queries), value=QUERY),
        token=F.pad(token, (0, num_queries), value=True),
        present=masked.present,
    )


def draw_query_steps(num_steps: int, num_queries: int, draws: StepDraws) -> Tensor:
    """Draws the days of the queries of every series, uniformly and with repetition.

    Args:
        num_steps: number P of days to draw from.
        num_queries: number Q of days of a series.
        draws: random numbers of the N series.

    Returns:
        (N, Q) int64, 0..P - 1.
    """
    uniform = draws.uniform(num_queries, channels=_QUERY)[..., 0]
    # In float32 the product can round up to ``num_steps``.
    return (uniform * num_steps).long().clamp(max=num_steps - 1)


def _draw_partners(valid: Tensor, draws: StepDraws) -> tuple[Tensor, Tensor]:
    """Draws another series for every valid date, uniformly among those valid at the same position.

    Returns:
        Positions in the batch, (N, T) int64, and a mask of the dates with such a series, (N, T).
    """
    num_series, num_dates = valid.shape
    num_valid = valid.sum(dim=0)
    rank = valid.long().cumsum(dim=0) - 1
    others = (num_valid - 1).clamp(min=1)
    # In float32 the product can round up to ``others``, which would be the series itself.
    uniform = draws.uniform(num_dates, channels=_PARTNER)[..., 0]
    shift = 1 + torch.minimum((uniform * others).long(), others - 1)
    position = (rank + shift) % num_valid.clamp(min=1)
    # (N + 1, T): the series by their rank at a position. Invalid dates go to the last row.
    rows = torch.arange(num_series, device=valid.device)[:, None].expand(valid.shape)
    by_rank = torch.zeros((num_series + 1, num_dates), dtype=torch.int64, device=valid.device)
    by_rank.scatter_(0, rank.masked_fill(~valid, num_series), rows)
    return by_rank.gather(0, position), valid & (num_valid > 1)


def _exact(ratio: float) -> Fraction:
    return Fraction(str(ratio))


@lru_cache(maxsize=64)
def _bounds(max_dates: int, settings: MaskingSettings, device: torch.device) -> Tensor:
    """Tabulates the end of each role by the number of valid dates, (max_dates + 1, 4)."""
    counts = torch.tensor([part_counts(n, settings) for n in range(max_dates + 1)])
    return counts.cumsum(dim=1)[:, :-1].to(device)
