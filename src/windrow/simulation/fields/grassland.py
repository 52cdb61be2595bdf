"""Meadows, leys, fallows and the grass between trees: growth that is cut or mulched."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from windrow.simulation.crops import CATCH_CROP, Crop
from windrow.simulation.curves import logistic
from windrow.simulation.fields.stands import MOST_CUTS, NEVER, Draws, FieldYear
from windrow.simulation.fields.weather import DAYS, NUM_DAYS, Weather
from windrow.simulation.keyed_random import Floats


def grow_grass(
    year: FieldYear,
    rows: npt.NDArray[np.int64],
    crop: Crop,
    draws: Draws,
    weather: Weather,
) -> None:
    """Adds meadows to some fields of a year: logistic growth, cut; young stands begin this year."""
    alley = crop.kind == "trees"  # the table's peak and green-up are those of the trees
    most = np.maximum(draws.range("peak", *((1.5, 0.4) if alley else crop.peak)), 0.9)
    start = _start_of_stand(year, rows, crop, draws)
    days = _cut_days(crop, draws, weather)
    residual = np.clip(draws.range("residual", 0.75, 0.25), 0.25, 1.5)
    green_up = draws.range("green-up", *((95, 8) if alley else crop.green_up))
    green_up = green_up + weather.season_shift
    season = 0.125 * logistic(DAYS - green_up[:, None] + 6, 7.0) * logistic(278.0 - DAYS, 11.0)
    summer = np.exp(-(((DAYS - 205) / 32.0) ** 2))
    thirst = np.clip(draws.range("thirst", 0.75, 0.25), 0, 1.1) * weather.drought
    rate = season * (1 - np.minimum(thirst[:, None] * summer, 0.97))
    frost = 0.010 * np.exp(-(((DAYS - 30) / 30.0) ** 2)) + 0.015 * logistic(
        DAYS - 276.0, 9.0
    ) * logistic(335.0 - DAYS, 9.0)
    wither = 0.018 * thirst[:, None] * summer
    frost = frost / draws.mild
    area = np.maximum(draws.mild * draws.range("winter", *crop.winter_lai), 0.1)
    green = np.zeros((len(rows), NUM_DAYS))
    for day in DAYS:
        area = np.where(day < start, 0.0, np.where(day == start, 0.15, area))
        area = area + area * (rate[:, day] * (1 - area / most) - frost[day] - wither[:, day])
        cut = (days == day).any(axis=1)
        area = np.where(cut, np.minimum(area, residual), area)
        green[:, day] = area
    brown = np.clip(draws.range("litter", 0.12, 0.07), 0.01, 0.5)
    autumn = 2.6 * logistic(DAYS - 282.0, 9.0)
    aged = brown[:, None] * (1 + 1.2 * thirst[:, None] * summer + autumn)
    dead = aged * np.sqrt(np.maximum(green, 0))
    traits = draws.traits(crop.leaf, "crop")
    year.add_stand(rows, green, dead, traits)
    year.traits["chlorophyll"][rows] *= 1 - 0.15 * logistic(DAYS - 258.0, 10.0)
    year.traits["water"][rows] *= 1 - np.minimum(0.7 * thirst[:, None] * summer, 0.6)
    happened = np.sort(np.where(days > np.maximum(start, 0)[:, None], days, NEVER), axis=1)
    year.cut_day[rows] = np.where(happened < NUM_DAYS, happened, -1)


def grow_trees(
    year: FieldYear,
    rows: npt.NDArray[np.int64],
    crop: Crop,
    draws: Draws,
    weather: Weather,
) -> None:
    """Adds rows of trees or vines above the grass of their alleys; wood stays brown in winter."""

    def day(purpose: str, mean: float, deviation: float) -> Floats:
        return np.asarray(draws.range(purpose, mean + weather.season_shift, deviation))

    up = day("leaf-out", *crop.green_up)[:, None]
    down = day("leaf fall", *crop.senescence)[:, None]
    peak = np.maximum(draws.range("crown", *crop.peak), 0.5)[:, None]
    leaves = peak * logistic(DAYS - up, crop.pace[0])
    alive = logistic(down - DAYS, crop.pace[1])
    fallen = logistic(down + 14.0 - DAYS, 6.0)
    wood = 0.12 * peak * np.ones_like(leaves)
    dead = wood + 0.5 * leaves * (1 - alive) * fallen
    year.add_stand(rows, leaves * alive, dead, draws.traits(crop.leaf, "crown"))
    if crop.flowering is not None:
        full = day("blossom", crop.flowering[0], 4.0)[:, None]
        year.flower[rows] = crop.flowering[1] * np.exp(-(((DAYS - full) / 7.0) ** 2))
    harvest = np.rint(day("fruit harvest", *crop.harvest))
    year.harvest_day[rows] = np.clip(harvest, 0, NUM_DAYS - 1).astype(np.int64)


def _cut_days(crop: Crop, draws: Draws, weather: Weather) -> Floats:
    """Days of the cuts, (rows, MOST_CUTS); NEVER where there is none."""
    mean, first, interval = crop.cuts
    number = np.rint(np.clip(draws.range("cuts", mean, 1.0), 0, MOST_CUTS))
    moved = first + weather.season_shift + 11.0 * draws.normal("first cut")
    gaps = interval * np.exp(
        0.22 * np.stack([draws.normal(f"cut {i}") for i in range(MOST_CUTS - 1)], axis=1)
    )
    days = np.rint(moved[:, None] + np.pad(np.cumsum(gaps, axis=1), ((0, 0), (1, 0))))
    allowed = (np.arange(MOST_CUTS) < number[:, None]) & (days < 310)
    return np.where(allowed, days, NEVER)


def _start_of_stand(
    year: FieldYear, rows: npt.NDArray[np.int64], crop: Crop, draws: Draws
) -> npt.NDArray[np.int64]:
    """Computes day on which a stand begins: -1 for those older than the year."""
    young = draws.uniform("young stand") >= crop.established
    start = np.rint(draws.range("stand begins", 112, 18)).astype(np.int64)
    start = np.where(young, start, -1)
    cover = np.maximum(draws.range("cover before", 0.4, 0.4), 0.02) * young
    gone = np.maximum(start - 20, 0)
    green = cover[:, None] * (gone[:, None] > DAYS)
    year.add_stand(rows, green, np.zeros_like(green), draws.traits(CATCH_CROP, "before"))
    return start
