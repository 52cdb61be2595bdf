"""The year of each field, by day: sowing, growth, flower, ripening, harvest, stubble, regrowth.

A crop is a rise and a fall of leaf area; dead leaves stay until the stand ends. Meadows, fallows
and orchards are in :mod:`windrow.simulation.fields.grassland`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from windrow.simulation.crops import CATCH_CROP, CROPS, Crop
from windrow.simulation.curves import logistic
from windrow.simulation.fields.grassland import grow_grass, grow_trees
from windrow.simulation.fields.landscape import Landscape
from windrow.simulation.fields.stands import NEVER, Draws, FieldYear
from windrow.simulation.fields.weather import DAYS, Weather
from windrow.simulation.keyed_random import Floats


def field_years(landscape: Landscape, weather: Weather) -> FieldYear:
    """Computes the year of all fields of a landscape."""
    year = FieldYear.bare(landscape.num_fields)
    # A faint stand keeps the traits defined on days on which nothing grows.
    everything = np.arange(landscape.num_fields)
    draws = Draws(landscape, everything)
    faint = np.full_like(year.green, 1e-4)
    year.add_stand(everything, faint, np.zeros_like(faint), draws.traits(CATCH_CROP, "weeds"))
    for number, crop in enumerate(CROPS):
        rows = np.flatnonzero(landscape.crop == number)
        if not len(rows):
            continue
        draws = Draws(landscape, rows)
        if crop.kind in ("grass", "trees"):
            grow_grass(year, rows, crop, draws, weather)
        if crop.kind == "trees":
            grow_trees(year, rows, crop, draws, weather)
        if crop.kind in ("winter", "spring"):
            _arable(year, rows, crop, draws, weather)
    year.green *= landscape.settings.leaf_area_scale
    return year


def _arable(
    year: FieldYear,
    rows: npt.NDArray[np.int64],
    crop: Crop,
    draws: Draws,
    weather: Weather,
) -> None:
    early = 0.6 * draws.normal("earliness")
    shift = weather.season_shift
    ripe = shift + weather.harvest_shift

    def day(purpose: str, mean_and_deviation: tuple[float, float], moved: float) -> Floats:
        mean, deviation = mean_and_deviation
        own = 0.8 * draws.normal(purpose)
        return mean + moved + deviation * (early + own)

    up = day("green-up", crop.green_up, shift)
    down = day("senescence", crop.senescence, ripe) - 4.0 * weather.drought
    harvest = np.maximum(np.rint(day("harvest", crop.harvest, ripe)), down + 6)
    if crop.cut_green:  # cut while still green, too
        harvest = np.rint(np.maximum(day("harvest", crop.harvest, ripe), up + 70))
    harvest = np.minimum(harvest, 350)
    peak = np.maximum(draws.range("peak", *crop.peak), 0.8) * (1 - 0.12 * weather.drought)
    winter = np.maximum(draws.mild * draws.range("winter", *crop.winter_lai), 0.03)
    pace_up, pace_down = (
        p * np.exp(0.15 * draws.normal(f"pace {i}")) for i, p in enumerate(crop.pace)
    )
    rise = logistic(DAYS - up[:, None], pace_up[:, None])
    fall = logistic(down[:, None] - DAYS, pace_down[:, None])
    stands = harvest[:, None] > DAYS
    green = peak[:, None] * rise
    if crop.kind == "winter":
        green = green + winter[:, None] * (1 - rise) * _frost(draws)
    else:
        _before_spring_crop(year, rows, winter, up, draws)
    dying = green * (1 - fall) * stands
    year.add_stand(rows, green * fall * stands, 0.6 * dying, draws.traits(crop.leaf, "crop"))
    year.harvest_day[rows] = harvest.astype(np.int64)
    if crop.flowering is not None:
        full = crop.flowering[0] + shift + 3 * (early + draws.normal("flowering"))
        most = crop.flowering[1] * np.exp(0.35 * draws.normal("petals"))
        year.flower[rows] = most[:, None] * np.exp(-(((DAYS - full[:, None]) / 8.5) ** 2))
    if crop.flooded is not None:
        first, last = (day_ + shift + 3 * early for day_ in crop.flooded)
        flooded = (first[:, None] <= DAYS) & (last[:, None] > DAYS)
        year.water[rows] = 0.95 * flooded
    _after_harvest(year, rows, crop, harvest, draws)


def _frost(draws: Draws) -> Floats:
    """Computes leaf loss of a winter stand through February, (rows, 365): worst about day 65."""
    loss = np.clip(draws.range("frost", 0.35 / draws.mild, 0.2), 0, 0.8)
    return 1 - loss[:, None] * np.exp(-(((DAYS - 62) / 22.0) ** 2))


def _before_spring_crop(
    year: FieldYear, rows: npt.NDArray[np.int64], cover: Floats, up: Floats, draws: Draws
) -> None:
    """Weeds or a catch crop until the seedbed; frost kills part of it."""
    tillage = np.rint(np.minimum(draws.range("seedbed", -32, 12) + up, up - 14))
    ploughed = draws.uniform("ploughed in autumn") < 0.2
    tillage = np.asarray(np.where(ploughed, -30.0, tillage), dtype=np.float64)
    killed = np.clip(draws.range("killed", 0.65 / draws.mild, 0.2), 0, 0.95)
    alive = 1 - killed[:, None] * logistic(DAYS - 40.0, 8.0)
    growing = 1 + 0.8 * logistic(DAYS - 95.0, 8.0)
    stands = tillage[:, None] > DAYS
    green = cover[:, None] * alive * growing * stands
    dead = cover[:, None] * (1 - alive) * stands
    year.add_stand(rows, green, dead, draws.traits(CATCH_CROP, "before"))
    start = np.full(len(rows), -60.0, dtype=np.float64)
    straw = np.asarray(np.clip(draws.range("old straw", 0.35, 0.2), 0, 1), dtype=np.float64)
    year.add_straw(rows, start, straw, tillage)


def _after_harvest(
    year: FieldYear,
    rows: npt.NDArray[np.int64],
    crop: Crop,
    harvest: Floats,
    draws: Draws,
) -> None:
    """Adds what grows after the harvest.

    Stubble and volunteers stand until tillage, then a catch crop, the next winter crop, or nothing.
    """
    stubble = np.clip(draws.range("stubble", crop.stubble, 0.15), 0.2, 1.0)
    tillage = harvest + np.clip(draws.range("tillage", 28, 16), 1, 70)
    tillage = np.where(draws.uniform("stubble kept") < 0.25, harvest + 120.0, tillage)
    year.add_straw(rows, harvest, stubble, tillage)
    volunteers = crop.volunteers * np.exp(0.5 * draws.normal("volunteers"))
    out = harvest + np.clip(draws.range("volunteers out", 21, 7), 7, 50)
    gone = np.where(tillage > 330, NEVER, tillage + 12)
    green = volunteers[:, None] * logistic(DAYS - out[:, None], 5.0) * (gone[:, None] > DAYS)
    year.add_stand(rows, green, np.zeros_like(green), draws.traits(CATCH_CROP, "volunteers"))

    second = draws.uniform("second crop") < crop.second_crop
    sown = np.maximum(tillage, 206 + draws.range("second sown", 6, 9))
    sown = np.where(tillage > 330, np.maximum(harvest + 10, 220), sown)
    second_up = np.maximum(sown + draws.range("second up", 19, 5), 227)
    growth = np.exp(-np.maximum(second_up - 262, 0) / 25.0)  # late ones stay thin
    second_peak = np.maximum(draws.range("second peak", 2.9, 0.9), 0.3) * growth * second
    green = second_peak[:, None] * logistic(DAYS - second_up[:, None], 5.5)
    fading = 1 - 0.5 * logistic(DAYS - 302.0, 12.0)
    year.add_stand(rows, green * fading, green * (1 - fading), draws.traits(CATCH_CROP, "second"))

    winter = ~second & (draws.uniform("winter crop") < 0.8)
    emerged = np.maximum(draws.range("winter sown", 286, 11), harvest + 14)
    leaf_area = np.maximum(draws.range("winter crop lai", 0.8, 0.4), 0.1) * winter
    green = leaf_area[:, None] * logistic(DAYS - 12 - emerged[:, None], 7.0)
    year.add_stand(rows, green, np.zeros_like(green), draws.traits(CATCH_CROP, "winter crop"))
