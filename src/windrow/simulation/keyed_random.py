"""Random draws keyed by position: functions of (seed, purpose, landscape, field or pixel, day).

A draw is a hash of its key (:mod:`windrow.splitmix64`). Any part of a simulation can therefore be
made alone, in any order and on any number of workers, with the same bytes.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.splitmix64 import INCREMENT, mix

Keys = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

_INCREMENT = np.uint64(INCREMENT)


def keyed(seed: int, purpose: str, *positions: npt.ArrayLike) -> Keys:
    """Computes the keys of draws, broadcast over the positions.

    Args:
        seed: any whole number, taken modulo 2^64.
        purpose: name of the drawn quantity, such as ``"sowing"``. Purposes never share a draw.
        positions: whole numbers or arrays of them that broadcast (landscape, field, day, ...).

    Example:
        >>> keyed(0, "sowing", 3, [0, 1]).tolist() == keyed(0, "sowing", 3, [[0, 1]])[0].tolist()
        True
        >>> int(keyed(0, "sowing", 3, 1)) == int(keyed(0, "harvest", 3, 1))
        False
    """
    with np.errstate(over="ignore"):
        start = np.uint64((seed ^ (zlib.crc32(purpose.encode()) << 32)) % 2**64)
        keys = mix(np.asarray(start + _INCREMENT))
        for position in positions:
            part = np.asarray(position).astype(np.int64).view(np.uint64)
            keys = mix((keys ^ (part * _INCREMENT)) + _INCREMENT)
        return np.asarray(keys, dtype=np.uint64)


def uniform(keys: Keys) -> Floats:
    """Draws uniform numbers in [0, 1), one per key.

    Example:
        >>> draws = uniform(keyed(1, "doc", np.arange(10_000)))
        >>> abs(float(draws.mean()) - 0.5) < 0.01
        True
    """
    return np.asarray((keys >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def normal(keys: Keys) -> Floats:
    """Draws standard normal numbers, one per key (Box and Muller 1958, from the key's halves)."""
    first = ((keys >> np.uint64(32)).astype(np.float64) + 0.5) * 2.0**-32
    second = (keys & np.uint64(0xFFFFFFFF)).astype(np.float64) * 2.0**-32
    return np.asarray(np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second))


def spread(keys: Keys, mean: npt.ArrayLike, deviation: npt.ArrayLike) -> Floats:
    """Draws normal numbers cut at 2.2 deviations, because agronomy has no long tails."""
    return np.asarray(mean + np.asarray(deviation) * np.clip(normal(keys), -2.2, 2.2))


def noise(keys: Keys) -> npt.NDArray[np.float32]:
    """Draws cheap noise of mean 0 and deviation 1, within +-3.47.

    The sum of a key's four 16-bit quarters (Irwin and Hall 1927) is close to normal except in the
    tails. It serves as sensor noise, which needs millions of draws.
    """
    quarters = np.ascontiguousarray(keys).view(np.uint16).reshape(*keys.shape, 4)
    total = quarters.sum(axis=-1, dtype=np.int32).astype(np.float32)
    return np.asarray((total - np.float32(131070.0)) * np.float32(np.sqrt(3.0) / 65536.0))


def choose(keys: Keys, shares: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Draws positions 0..K-1 with these shares, which need not sum to one."""
    edges = np.cumsum(np.asarray(shares, dtype=np.float64))
    return np.asarray(np.searchsorted(edges / edges[-1], uniform(keys), side="right"))


def patches(
    seed: int,
    purpose: str,
    keys_before: tuple[npt.ArrayLike, ...],
    *,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    scale: float,
) -> Floats:
    """Evaluates a smooth random surface of mean 0 and variance 1.

    The surface is value noise: normal draws on a square lattice, blended between the corners with
    smoothstep weights and divided by the norm of the weights, so that the variance is one
    everywhere.

    Args:
        seed: seed of the surface.
        purpose: name of the surface.
        keys_before: further keys, such as the landscape and the day; they broadcast with ``x``.
        x: coordinates in metres.
        y: coordinates in metres.
        scale: mesh of the lattice in metres, about the size of a patch.
    """
    across, along = np.broadcast_arrays(
        np.asarray(x, dtype=np.float64) / scale, np.asarray(y, dtype=np.float64) / scale
    )
    column, row = np.floor(across), np.floor(along)
    blend_x, blend_y = across - column, along - row
    blend_x = blend_x * blend_x * (3 - 2 * blend_x)
    blend_y = blend_y * blend_y * (3 - 2 * blend_y)
    total: Any = 0.0
    norm: Any = 0.0
    for step_x in (0, 1):
        for step_y in (0, 1):
            weight = (blend_x if step_x else 1 - blend_x) * (blend_y if step_y else 1 - blend_y)
            corner = normal(keyed(seed, purpose, *keys_before, column + step_x, row + step_y))
            total = total + weight * corner
            norm = norm + weight**2
    return np.asarray(total / np.sqrt(norm))
