"""Band dropout in training, so that one set of weights accepts any subset of bands.

Half of the series that lose bands lose the bands that a usual product lacks. The other half keep a
random subset. A hidden band holds its mean, and the encoder gets a mask of the missing bands (see
:class:`windrow.models.encoders.embedding.SeriesEmbedding`), so that it can distinguish a missing
band from an average value.
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
"""Bands of usual products: level 2A without the 60 m bands, TimeSen2Crop, TimeSen2Crop with B08
instead of B8A, the bands shared with Landsat, and the 10 m bands."""

_FIRST_CHANNEL = 1 << 10
"""First channel of these draws, after the channels of the masks (two, and one per band)."""


def draw_present(
    bands: tuple[str, ...], draws: StepDraws, *, probability: float, min_bands: int
) -> Tensor:
    """Draws the bands that each series keeps.

    Args:
        bands: names of the B bands.
        draws: random numbers of the N series.
        probability: probability that a series loses bands.
        min_bands: smallest number of bands that a series keeps.

    Returns:
        (N, B) bool, True for the bands kept.
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
    """Gives the P usual subsets that are smaller than ``bands`` and large enough, (P, B) bool."""
    rows = [[band in product for band in bands] for product in PRODUCTS]
    fitting = [row for row in rows if min_bands <= sum(row) < len(bands)]
    return torch.tensor(fitting, dtype=torch.bool, device=device).reshape(-1, len(bands))
