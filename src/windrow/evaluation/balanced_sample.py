"""A random sample that is spread over all kinds of units, with equal inclusion probabilities.

The local pivotal method (Grafström, Lundström and Schelin 2012, Biometrics 68, algorithm LPM2) lets
units that are alike compete: where one is drawn, those like it become unlikely. Each unit still has
the same probability of being drawn, so that the sample shows the true shares of all kinds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from windrow.errors import SettingsError

Floats = npt.NDArray[np.floating]
Indices = npt.NDArray[np.intp]

LARGEST_POOL = 4_096
"""Largest number of units that compete. Of more, this many are drawn at random first."""

_ROUNDING = 1e-9


def balanced_sample(features: Floats, num: int, *, seed: int) -> Indices:
    """Draws units so that each has the same probability and units alike are seldom drawn together.

    The first half of the result is again such a sample of the whole, and so is the first quarter.

    Args:
        features: (N, D) positions of the units. Near is alike.
        num: number of units to draw, 1 to N. Each has the inclusion probability ``num / N``.
        seed: seed of the draw. Equal seeds and features give equal samples.

    Returns:
        (num,) positions of the drawn units, in the order in which to use them.

    Raises:
        SettingsError: ``num`` is out of range.

    Example:
        >>> line = np.arange(100.0)[:, None]
        >>> drawn = balanced_sample(line, 10, seed=1)
        >>> len(drawn), int(np.diff(np.sort(drawn)).max()) < 30
        (10, True)
    """
    if not 1 <= num <= len(features):
        raise SettingsError("the size of a sample is out of range", found=num,
                            expected=f"1 to {len(features)}")  # fmt: skip
    generator = np.random.default_rng([12, seed])
    pool = np.arange(len(features))
    if len(pool) > LARGEST_POOL:
        pool = np.sort(generator.choice(pool, max(LARGEST_POOL, num), replace=False))
    positions = np.ascontiguousarray(features, dtype=np.float64)
    return _in_order(positions, _pivotal(positions, pool, num, generator), generator)


def _pivotal(positions: Floats, pool: Indices, num: int, generator: np.random.Generator) -> Indices:
    """Draws ``num`` units of the pool by the local pivotal method."""
    if num == len(pool):
        return pool
    probability = np.full(len(pool), num / len(pool))
    open_units = np.arange(len(pool))
    while len(open_units) > 1:
        chosen = int(generator.integers(len(open_units)))
        first = open_units[chosen]
        away = ((positions[pool[open_units]] - positions[pool[first]]) ** 2).sum(axis=1)
        away[chosen] = np.inf
        second = open_units[int(away.argmin())]
        pair = (float(probability[first]), float(probability[second]))
        probability[first], probability[second] = _compete(pair, float(generator.random()))
        decided = [
            unit
            for unit in (first, second)
            if min(probability[unit], 1 - probability[unit]) < _ROUNDING
        ]
        open_units = np.setdiff1d(open_units, decided, assume_unique=True)
    return pool[probability > 0.5]


def _compete(pair: tuple[float, float], drawn: float) -> tuple[float, float]:
    """Moves probability between two units until one of them is decided."""
    first, second = pair
    total = first + second
    if total < 1:
        return (total, 0.0) if drawn * total >= second else (0.0, total)
    if drawn * (2 - total) < 1 - second:
        return 1.0, total - 1
    return total - 1, 1.0


def _in_order(positions: Floats, drawn: Indices, generator: np.random.Generator) -> Indices:
    """Orders a sample so that its first half is spread like the whole, and so on."""
    if len(drawn) < 2:
        return drawn
    half = _pivotal(positions, drawn, (len(drawn) + 1) // 2, generator)
    rest = np.setdiff1d(drawn, half)
    first = _in_order(positions, half, generator)
    return np.concatenate([first, _in_order(positions, rest, generator)])
