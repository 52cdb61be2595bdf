"""Trees, palms, vines and forests: leaves that come with warmth or rain, and those that stay."""

from __future__ import annotations

import numpy as np

from windrow.simulation.crop_table.crop import TableCrop
from windrow.simulation.curves import logistic
from windrow.simulation.fields.landscape import Integers
from windrow.simulation.fields.stands import Draws, FieldYear
from windrow.simulation.keyed_random import Floats
from windrow.simulation.places.calendars import YEAR
from windrow.simulation.places.climate import Climate

_WITHERING_DAYS = 14


def grow_trees(
    year: FieldYear,
    rows: Integers,
    crop: TableCrop,
    *,
    draws: Draws,
    climate: Climate,
    days: Integers,
    supply: Floats,
) -> None:
    """Adds the crowns of some fields; what grows below them is added with the grass.

    Args:
        year: the fields, by day of the twelve months.
        rows: (n,) which of them.
        crop: an entry of the table that grows as ``trees`` or ``cover``.
        draws: of these fields.
        climate: usual year of the place.
        days: (365,) days of the twelve months.
        supply: (n, 365) of water.
    """
    usual = _leaf_season(climate, crop.leaf_out)
    moved = draws.range("leaf-out", 0.0, 6.0)
    when = days[None, :] - moved[:, None]
    leaves = _read(usual, when)
    before = np.maximum(_read(usual, when - _WITHERING_DAYS), leaves)
    stays = np.clip(draws.range("evergreen", crop.evergreen, 0.06 * (crop.evergreen > 0)), 0, 1)
    share = stays[:, None] + (1 - stays[:, None]) * leaves
    peak = np.maximum(draws.range("crown", *crop.peak), 0.3 * crop.peak[0])[:, None]
    green = peak * share * (0.75 + 0.25 * supply)
    withering = 0.5 * peak * (1 - stays[:, None]) * (before - leaves)
    wood = 0.12 * peak * np.ones_like(green)
    year.add_stand(rows, green, wood + withering, draws.traits(crop.leaf, "crown"))
    out = np.flatnonzero((usual < 0.5) & (np.roll(usual, -1) >= 0.5))
    if crop.flowering is not None and len(out):
        offset, most = crop.flowering
        full = out[0] + 100 * offset - 3 + moved
        away = (days[None, :] - full[:, None] + YEAR / 2) % YEAR - YEAR / 2
        year.flower[rows] = most * np.exp(-((away / 7.0) ** 2))


def _leaf_season(climate: Climate, leaf_out: float) -> Floats:
    """Computes share of the leaves that are out by northern day, (365,).

    Warmth and rain bring them.
    """
    warm = logistic(climate.temperature - leaf_out, 1.2)
    wet = logistic(climate.water - 0.45, 0.08) if climate.tropical else np.ones(YEAR)
    return np.asarray(np.minimum(warm, wet))


def _read(values: Floats, when: Floats) -> Floats:
    """Values by northern day at any days of years that come round."""
    return np.asarray(np.interp(when % YEAR, np.arange(YEAR + 1), np.r_[values, values[0]]))
