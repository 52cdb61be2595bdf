"""Random numbers that are a function of what they are for, and of nothing else.

A number is the hash of (seed, stream, step, series, date, channel). So a step can be computed on
any device, in a captured graph, in part (the series of one process of several) or again after a
restart, and the draws are the same bits; there is no state to keep.

The hash is that of :mod:`windrow.splitmix64`, applied once for each part of the key.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from windrow.splitmix64 import INCREMENT, MULTIPLIERS, finalise

CHANNELS = 1 << 20
"""Most channels of a date; the counter of a number is ``date * CHANNELS + channel``."""


def _signed(word: int) -> int:
    """The 64-bit word as torch's int64 holds it."""
    return word - (1 << 64) if word >= 1 << 63 else word


_INCREMENT = _signed(INCREMENT)
_MULTIPLIERS = (_signed(MULTIPLIERS[0]), _signed(MULTIPLIERS[1]))


def _shifted(words: Tensor, bits: int) -> Tensor:
    """A logical shift to the right; torch's own repeats the sign."""
    return (words >> bits) & ((1 << (64 - bits)) - 1)


def mix(words: Tensor) -> Tensor:
    """SplitMix64's finaliser of int64 words; a bijection whose bits look random.

    Example:
        >>> hex(mix(torch.tensor([1])).item())
        '0x5692161d100b05e5'
    """
    return finalise(words, shifted=_shifted, multipliers=_MULTIPLIERS)


@dataclass(frozen=True)
class StepDraws:
    """The random numbers of the series of a step.

    Attributes:
        keys: (N,) int64, one a series.

    Example:
        >>> draws = seeded_draws(0, 1, step=7, series=torch.tensor([5, 9]))
        >>> alone = seeded_draws(0, 1, step=7, series=torch.tensor([9]))
        >>> torch.equal(draws.uniform(4, channels=(0, 3))[1:], alone.uniform(4, channels=(0, 3)))
        True
    """

    keys: Tensor

    def bits(self, num_dates: int, *, channels: tuple[int, int]) -> Tensor:
        """Whole numbers, every one of the 2^64 equally likely.

        Args:
            num_dates: T; the numbers of a date do not depend on how many there are.
            channels: the first, and the first after them; a channel holds independent numbers.

        Returns:
            (N, T, channels) int64.
        """
        device = self.keys.device
        date = torch.arange(num_dates, device=device)[:, None] * CHANNELS
        counter = (date + torch.arange(*channels, device=device)) * _INCREMENT
        return mix(self.keys[:, None, None] + counter)

    def uniform(self, num_dates: int, *, channels: tuple[int, int]) -> Tensor:
        """Multiples of 2^-24 in [0, 1); see :meth:`bits`.

        Returns:
            (N, T, channels) float32.
        """
        return _shifted(self.bits(num_dates, channels=channels), 40).float() * 2.0**-24

    def generator(self) -> torch.Generator:
        """One sequence of numbers for the whole step, where series need not be told apart.

        It is a function of the keys; making it waits for the device.
        """
        seed = int(mix(self.keys.sum()).item()) & ((1 << 63) - 1)
        return torch.Generator(device=self.keys.device).manual_seed(seed)


def seeded_draws(seed: int, stream: int, *, step: int | Tensor, series: Tensor) -> StepDraws:
    """The draws of a step.

    Args:
        seed: of the run.
        stream: what the numbers are for; different streams are independent.
        step: a whole number, or () int64 on the device of ``series``.
        series: (N,) int64, the positions of the series in their set.
    """
    base = int(np.random.SeedSequence([seed, stream]).generate_state(1, np.uint64)[0])
    if isinstance(step, int):
        step = torch.full((), step, dtype=torch.int64, device=series.device)
    of_step = mix(step * _INCREMENT + _signed(base))
    return StepDraws(mix(of_step + series * _INCREMENT))
