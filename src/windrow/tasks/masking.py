"""Which dates the pretext task hides, and what stands in their place (section 4 of the paper).

Per series and step, without replacement, among its valid dates: the scored part, cut 7:1:1 into
dates with random values, with the values of another series of the batch, and unchanged ones; the
cloud part; and the rest, which stays visible and is not scored. Every draw is a function of
(seed, step), so that nothing has to be remembered to resume.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from windrow.config import Settings

CloudInput = Literal["masked", "visible"]

RANDOM, OTHER, UNCHANGED, CLOUD, VISIBLE, INVALID = range(6)
"""Roles of a date. The first three are the scored part."""

NUM_SCORED_ROLES = 3


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
    """

    values: Tensor
    roles: Tensor
    token: Tensor | None

    @property
    def scored(self) -> Tensor:
        """(N, T) bool, the set of equation (1)."""
        return self.roles < NUM_SCORED_ROLES

    @property
    def cloud(self) -> Tensor:
        """(N, T) bool, the set of equation (3)."""
        return self.roles == CLOUD


def seeded_generator(*key: int, device: str | torch.device = "cpu") -> torch.Generator:
    """A generator whose draws are a function of the key alone, such as (seed, stream, step)."""
    state = np.random.SeedSequence(list(key)).generate_state(1, np.uint64)
    return torch.Generator(device=device).manual_seed(int(state[0] >> np.uint64(1)))


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


def draw_roles(valid: Tensor, settings: MaskingSettings, generator: torch.Generator) -> Tensor:
    """A role for every date.

    Args:
        valid: (N, T) bool.
        settings: the shares.
        generator: on the device of ``valid``.

    Returns:
        (N, T) int64; ``INVALID`` at invalid dates.
    """
    draws = torch.rand(valid.shape, generator=generator, device=valid.device)
    draws = draws.masked_fill(~valid, 2.0)
    place = draws.argsort(dim=1, stable=True).argsort(dim=1)
    bounds = _bounds(valid.shape[1], settings).to(valid.device)[valid.sum(dim=1)]
    roles = (place[..., None] >= bounds[:, None, :]).sum(dim=-1)
    return roles.masked_fill(~valid, INVALID)


def mask_batch(
    values: Tensor,
    valid: Tensor,
    *,
    mean: Tensor,
    std: Tensor,
    settings: MaskingSettings,
    generator: torch.Generator,
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
        generator: on the device of the tensors.
    """
    roles = draw_roles(valid, settings, generator)
    uniform = torch.rand(values.shape, generator=generator, device=values.device, dtype=mean.dtype)
    noise = ((uniform - mean) / std).to(values.dtype)
    partner, has_partner = _draw_partners(valid, generator)
    steps = torch.arange(values.shape[1], device=values.device)
    other = torch.where(has_partner[..., None], values[partner, steps], noise)
    replaced = torch.where((roles == RANDOM)[..., None], noise, values)
    replaced = torch.where((roles == OTHER)[..., None], other, replaced)
    token = roles == CLOUD if settings.cloud_input == "masked" else None
    return Masked(values=replaced, roles=roles, token=token)


def _draw_partners(valid: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Another series for every valid date, even among those that are valid at the same step.

    Returns:
        (N, T) int64 positions in the batch, and (N, T) bool where there is such a series.
    """
    steps = torch.arange(valid.shape[1], device=valid.device)
    num_valid = valid.sum(dim=0)
    rank = valid.long().cumsum(dim=0) - 1
    draws = torch.rand(valid.shape, generator=generator, device=valid.device)
    others = (num_valid - 1).clamp(min=1)
    # In float32 the product can round up to ``others`` itself, which would be the series again.
    shift = 1 + torch.minimum((draws * others).long(), others - 1)
    place = (rank + shift) % num_valid.clamp(min=1)
    valid_first = torch.argsort(~valid, dim=0, stable=True)
    return valid_first[place.clamp(min=0), steps], valid & (num_valid > 1)


def _exact(ratio: float) -> Fraction:
    return Fraction(str(ratio))


@lru_cache(maxsize=64)
def _bounds(max_dates: int, settings: MaskingSettings) -> Tensor:
    """(max_dates + 1, 4): where each role ends, by the number of valid dates."""
    counts = torch.tensor([part_counts(n, settings) for n in range(max_dates + 1)])
    return counts.cumsum(dim=1)[:, :-1]
