"""Bands that are hidden from a series in training, so that one set of weights reads any subset.

Half of the series that lose bands lose those that a usual product does not have; the others keep
a random subset. A hidden band has its mean, and the encoder is told that it is missing (see
:class:`windrow.models.encoders.embedding.SeriesEmbedding`), so that a missing band is never taken
for an average one.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from windrow.tasks.keyed_random import StepDraws

PRODUCTS: tuple[tuple[str, ...], ...] = (
    ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"),
    ("B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B11", "B12"),
    ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B11", "B12"),
    ("B02", "B03", "B04", "B8A", "B11", "B12"),
    ("B02", "B03", "B04", "B08"),
)
"""Usual subsets: level 2A without the bands of 60 m, TimeSen2Crop, the same with B08 for B8A, what
Landsat has too, and the bands of 10 m."""

_FIRST_CHANNEL = 1 << 10
"""Channels of these draws, behind those of the masks (two and one a band)."""


def draw_present(
    bands: tuple[str, ...], draws: StepDraws, *, probability: float, min_bands: int
) -> Tensor:
    """Which bands each series keeps.

    Args:
        bands: names of the B bands.
        draws: of the N series.
        probability: of losing bands.
        min_bands: the fewest that are left.

    Returns:
        (N, B) bool.
    """
    num_bands = len(bands)
    channels = (_FIRST_CHANNEL, _FIRST_CHANNEL + num_bands + 4)
    uniform = draws.uniform(1, channels=channels)[:, 0]
    loses, usual, size, which = (uniform[:, position : position + 1] for position in range(4))
    fewest = min(min_bands, num_bands)
    kept = (fewest + (size * (num_bands - fewest)).long()).clamp(max=num_bands)
    rank = uniform[:, 4:].argsort(dim=1).argsort(dim=1)
    present = rank < kept
    products = _products(bands, fewest, uniform.device)
    if len(products):
        row = (which[:, 0] * len(products)).long().clamp(max=len(products) - 1)
        present = torch.where(usual < 0.5, products[row], present)
    return present | (loses >= probability)


@lru_cache(maxsize=8)
def _products(bands: tuple[str, ...], min_bands: int, device: torch.device) -> Tensor:
    """(P, B) bool, the usual subsets that are smaller than the bands and large enough."""
    rows = [[band in product for band in bands] for product in PRODUCTS]
    fitting = [row for row in rows if min_bands <= sum(row) < len(bands)]
    return torch.tensor(fitting, dtype=torch.bool, device=device).reshape(-1, len(bands))
