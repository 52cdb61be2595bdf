"""Counter-based random numbers, which depend on their key alone.

A number is the hash of (seed, stream, step, series, date, channel). There is no state. A step can
therefore be computed on any device, in a captured graph, in part (the series of one process of
several) or again after a restart, and the draws have the same bits.

The hash is that of :mod:`windrow.splitmix64`, applied once for each part of the key.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from windrow.splitmix64 import INCREMENT, MULTIPLIERS, finalise

CHANNELS = 1 << 20
"""Largest number of channels per date. The counter of a number is ``date * CHANNELS + channel``."""


def _signed(word: int) -> int:
    """Converts an unsigned 64-bit word to the int64 with the same bits."""
    return word - (1 << 64) if word >= 1 << 63 else word


_INCREMENT = _signed(INCREMENT)
_MULTIPLIERS = (_signed(MULTIPLIERS[0]), _signed(MULTIPLIERS[1]))


def _shifted(words: Tensor, bits: int) -> Tensor:
    """Shifts words to the right and fills with zeros, whereas torch repeats the sign."""
    return (words >> bits) & ((1 << (64 - bits)) - 1)


def mix(words: Tensor) -> Tensor:
    """Applies the finaliser of SplitMix64 to int64 words. It is a bijection with random-like bits.

    Example:
        >>> hex(mix(torch.tensor([1])).item())
        '0x5692161d100b05e5'
    """
    return finalise(words, shifted=_shifted, multipliers=_MULTIPLIERS)


@dataclass(frozen=True)
class StepDraws:
    """The random numbers of one training step.

    Attributes:
        keys: (N,) int64, one per series.

    Example:
        >>> draws = seeded_draws(0, 1, step=7, series=torch.tensor([5, 9]))
        >>> alone = seeded_draws(0, 1, step=7, series=torch.tensor([9]))
        >>> torch.equal(draws.uniform(4, channels=(0, 3))[1:], alone.uniform(4, channels=(0, 3)))
        True
    """

    keys: Tensor

    def bits(self, num_dates: int, *, channels: tuple[int, int]) -> Tensor:
        """Draws uniform 64-bit integers.

        Args:
            num_dates: number of dates T. The numbers of a date do not depend on it.
            channels: first channel, and the first channel not used. Channels are independent.

        Returns:
            (N, T, channels) int64.
        """
        device = self.keys.device
        date = torch.arange(num_dates, device=device)[:, None] * CHANNELS
        counter = (date + torch.arange(*channels, device=device)) * _INCREMENT
        return mix(self.keys[:, None, None] + counter)

    def uniform(self, num_dates: int, *, channels: tuple[int, int]) -> Tensor:
        """Draws uniform multiples of 2^-24 in [0, 1); see :meth:`bits`.

        Returns:
            (N, T, channels) float32.
        """
        return _shifted(self.bits(num_dates, channels=channels), 40).float() * 2.0**-24

    def generator(self) -> torch.Generator:
        """Makes one generator for the whole step, for draws that are not made per series.

        It depends on the keys. Making it waits for the device.
        """
        seed = int(mix(self.keys.sum()).item()) & ((1 << 63) - 1)
        return torch.Generator(device=self.keys.device).manual_seed(seed)


def seeded_draws(seed: int, stream: int, *, step: int | Tensor, series: Tensor) -> StepDraws:
    """Gives the random numbers of one training step.

    Args:
        seed: seed of the run.
        stream: number of the purpose. Different streams are independent.
        step: a whole number, or () int64 on the device of ``series``.
        series: (N,) int64 positions of the series in their set.
    """
    base = int(np.random.SeedSequence([seed, stream]).generate_state(1, np.uint64)[0])
    if isinstance(step, int):
        step = torch.full((), step, dtype=torch.int64, device=series.device)
    of_step = mix(step * _INCREMENT + _signed(base))
    return StepDraws(mix(of_step + series * _INCREMENT))
