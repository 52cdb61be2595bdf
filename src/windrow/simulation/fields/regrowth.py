"""Grass: meadows, leys, fallows, and the ground cover below trees, all in one go.

Logistic growth at a pace that warmth and water set; cuts and mulching take it down, frost and
drought wear it off. The same equation as in :mod:`windrow.simulation.fields.grassland`, whose
season is that of one place, with the season of any.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.simulation.crop_table import CROP_TABLE
from windrow.simulation.curves import logistic
from windrow.simulation.fields.landscape import Integers, Landscape
from windrow.simulation.fields.stands import MOST_CUTS, Draws, FieldYear
from windrow.simulation.keyed_random import Floats
from windrow.simulation.places.calendars import YEAR
from windrow.simulation.places.climate import Climate

_RUN_UP_DAYS = 70
_RATE = 0.125
_NEVER = 10_000.0


@dataclass(frozen=True, eq=False)
class _Swards:
    """Numbers of the table for each of the fields that grass grows on, (n,)."""

    rows: Integers
    peak: Floats
    deviation: Floats
    winter: Floats
    cuts: Floats
    interval: Floats


def grow_grass_and_ground(
    year: FieldYear, ground: Landscape, climate: Climate, days: Integers, supply: Floats
) -> None:
    """Adds grass to all fields that have any: grassland, fallows, and below trees.

    Args:
        year: the fields, by day of the twelve months.
        ground: where they lie; ``crop`` is a number of the crop table.
        climate: usual year of the place.
        days: (365,) days of the twelve months.
        supply: (F, 365) of water.
    """
    swards = _swards(ground)
    if swards is None:
        return
    draws = Draws(ground, swards.rows)
    spread = draws.range("sward", 0.0, 1.0)
    most = np.maximum(swards.peak + swards.deviation * spread, 0.25 * swards.peak)
    wet = supply[swards.rows]
    cut = _cut_days(swards, climate, draws, days)
    residual = np.minimum(np.clip(draws.range("residual", 0.75, 0.25), 0.25, 1.5), 0.5 * most)
    vigour = _RATE * np.exp(0.15 * draws.normal("vigour of grass"))
    low = np.clip(draws.mild * swards.winter, 0.04, 0.8 * most)
    area = 0.5 * most * wet[:, 0] * climate.warmth[days[0] % YEAR] + low
    green = np.zeros((len(swards.rows), YEAR))
    for step in range(-_RUN_UP_DAYS, YEAR):
        day, column = (days[0] + step) % YEAR, max(step, 0)
        rate = vigour * climate.warmth[day] * wet[:, column] ** 2
        frost = 0.016 * float(logistic(3.0 - climate.temperature[day], 1.5)) / draws.mild
        loss = frost + 0.04 * (1 - wet[:, column]) ** 2
        area = area + area * (rate * (1 - area / most) - loss * (area > 0.6 * low))
        area = np.where((cut == days[0] + step).any(axis=1), np.minimum(area, residual), area)
        if step >= 0:
            green[:, step] = area
    litter = np.clip(draws.range("litter", 0.12, 0.07), 0.01, 0.5)
    cold = logistic(5.0 - climate.temperature[days % YEAR], 1.5)
    aged = litter[:, None] * (1 + 2.2 * cold + 3.0 * (1 - wet))
    dead = aged * np.sqrt(np.maximum(green, 0)) + 0.35 * (1 - wet) * most[:, None]
    for number in np.unique(ground.crop[swards.rows]):
        here = np.flatnonzero(ground.crop[swards.rows] == number)
        own = Draws(ground, swards.rows[here])
        leaf = CROP_TABLE[number].leaf
        if CROP_TABLE[number].growth != "grass":
            leaf = _ALLEY
        traits = own.traits(leaf, "sward")
        year.add_stand(swards.rows[here], green[here], dead[here], traits)
        dry = 1 - np.minimum(0.6 * (1 - wet[here]), 0.6)
        year.traits["water"][swards.rows[here]] *= dry


_ALLEY = next(crop for crop in CROP_TABLE if crop.name == "pasture").leaf


def _swards(ground: Landscape) -> _Swards | None:
    """Computes the fields with grass and the numbers that its growth takes, or None."""
    table = [CROP_TABLE[k] for k in ground.crop]
    has = [c.growth == "grass" or (c.growth != "wintering" and c.ground_cover > 0) for c in table]
    rows = np.flatnonzero(has)
    if not len(rows):
        return None
    found = [table[k] for k in rows]
    grass = np.array([c.growth == "grass" for c in found])
    below = np.array([c.ground_cover for c in found])
    return _Swards(
        rows=rows,
        peak=np.where(grass, [c.peak[0] for c in found], below),
        deviation=np.where(grass, [c.peak[1] for c in found], 0.3 * below),
        winter=np.where(grass, [c.winter_lai[0] for c in found], 0.3 * below),
        cuts=np.array([c.cuts[0] for c in found]),
        interval=np.array([c.cuts[1] for c in found]),
    )


def _cut_days(
    swards: _Swards, climate: Climate, draws: Draws, days: npt.NDArray[np.int64]
) -> Floats:
    """Days of the cuts on the axis of the twelve months, (n, K); never where there is none.

    The first cut is seven weeks after growth sets in; where it never rests, at any time.
    """
    growing = climate.warmth * climate.water
    smooth = np.convolve(np.tile(growing, 3), np.ones(15) / 15, mode="same")[YEAR : 2 * YEAR]
    resting = smooth < 0.4 * smooth.max()
    starts = np.flatnonzero(resting & ~np.roll(resting, -1))
    onset = np.full(len(swards.rows), float(starts[0]) if len(starts) else 0.0)
    if not len(starts):
        onset = YEAR * draws.uniform("first growth")
    number = np.rint(np.clip(swards.cuts + draws.range("cuts", 0.0, 1.0), 0, MOST_CUTS))
    number = np.where(swards.cuts > 0, number, 0)
    first = onset + 40 + 0.2 * swards.interval + 11.0 * draws.normal("first cut")
    gaps = swards.interval[:, None] * np.exp(
        0.22 * np.stack([draws.normal(f"cut {i}") for i in range(MOST_CUTS - 1)], axis=1)
    )
    drawn = first[:, None] + np.pad(np.cumsum(gaps, axis=1), ((0, 0), (1, 0)))
    drawn = np.rint(drawn)
    grows = growing[(drawn.astype(np.int64) - 12) % YEAR] > 0.25
    once = (np.arange(MOST_CUTS) < number[:, None]) & grows & (drawn - drawn[:, :1] < 300)
    drawn = np.where(once, drawn, np.inf)
    years = [drawn + YEAR * k for k in (-1, 0, 1, 2)]
    found = np.concatenate(years, axis=1)
    inside = (found >= days[0] - _RUN_UP_DAYS) & (found < days[0] + YEAR)
    return np.where(inside, found, _NEVER)
