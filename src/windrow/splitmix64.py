"""SplitMix64, the hash behind every keyed random number.

A generator with a state would tie every number to the order in which numbers are drawn. A keyed
number is a hash of what it is for (a counter-based generator in the sense of Salmon et al. 2011):
it can be drawn alone, in any order and on any number of processes, and is the same bits. The hash
is the finaliser of SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number
generators"; the constants are Stafford's variant 13).

The simulation draws with numpy (:mod:`windrow.simulation.keyed_random`), the pretext tasks with
torch (:mod:`windrow.tasks.keyed_random`); both hash by :func:`finalise`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

INCREMENT = 0x9E3779B97F4A7C15
"""2^64 by the golden ratio, odd: the step between the words that are hashed."""

MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
SHIFTS = (30, 27, 31)

Words = TypeVar("Words")


def finalise(
    words: Words,
    *,
    shifted: Callable[[Words, int], Words],
    multipliers: tuple[Any, Any],
) -> Words:
    """Returns the finaliser of any kind of 64-bit words, in whose arithmetic products wrap around.

    Args:
        words: what is hashed.
        shifted: shifts words to the right by so many bits, filling with zeros.
        multipliers: :data:`MULTIPLIERS` as these words hold them.

    Returns:
        words of the same shape; different words have different hashes.
    """
    values: Any = words
    values = (values ^ shifted(values, SHIFTS[0])) * multipliers[0]
    values = (values ^ shifted(values, SHIFTS[1])) * multipliers[1]
    hashed: Words = values ^ shifted(values, SHIFTS[2])
    return hashed


_MULTIPLIERS = (np.uint64(MULTIPLIERS[0]), np.uint64(MULTIPLIERS[1]))


def _shifted(words: npt.NDArray[np.uint64], bits: int) -> npt.NDArray[np.uint64]:
    return words >> np.uint64(bits)


def mix(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Returns the finaliser of uint64 words.

    Example:
        >>> hex(mix(np.array([1], dtype=np.uint64))[0])
        '0x5692161d100b05e5'
    """
    return finalise(words, shifted=_shifted, multipliers=_MULTIPLIERS)
