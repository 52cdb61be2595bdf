"""The year of each field, by day: sowing, growth, flower, ripening, harvest, stubble, regrowth.

A field's year is a sum of *stands* (the crop itself, what grew before, what grows after), each a
rise and a fall of leaf area with the traits of its leaves; dead leaves stay until the stand ends.
Grass is a logistic growth that is cut.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.simulation.crops import CATCH_CROP, CROPS, Leaf, Variety
from windrow.simulation.landscape import Landscape
from windrow.simulation.random import Floats, keyed, normal, spread, uniform
from windrow.simulation.weather import DAYS, NUM_DAYS, Weather

NEVER = 10_000
"""A day that does not come."""

TRAITS: tuple[str, ...] = (
    "chlorophyll",
    "brown",
    "water",
    "dry_matter",
    "structure",
    "angle",
    "cover",
)


@dataclass(eq=False)
class FieldYear:
    """The state of F fields on each day of the year.

    Attributes:
        green: (F, 365) green leaf area index.
        dead: (F, 365) area index of dead leaves and stems that still stand.
        traits: by name of :data:`TRAITS`, (F, 365), of the green leaves.
        flower: (F, 365) share of the view that petals fill.
        straw: (F, 365) share of the ground under straw and stubble.
        rough: (F, 365) darkening of fresh tillage, 0..1.
        harvest_day: (F,) of the main crop or first cut; -1 where there is none.
    """

    green: Floats
    dead: Floats
    traits: dict[str, Floats]
    flower: Floats
    straw: Floats
    rough: Floats
    harvest_day: npt.NDArray[np.int64]
    _weight: Floats = field(init=False)

    def __post_init__(self) -> None:
        self._weight = np.full_like(self.green, 1e-6)

    def add_stand(self, rows: Any, green: Floats, dead: Floats, traits: dict[str, Floats]) -> None:
        """Adds a stand to some fields; traits are averaged by leaf area."""
        weight = green + 0.3 * dead
        total = self._weight[rows] + weight
        for name in TRAITS:
            mixed = self.traits[name][rows] * self._weight[rows] + traits[name][:, None] * weight
            self.traits[name][rows] = mixed / total
        self._weight[rows] = total
        self.green[rows] += green
        self.dead[rows] += dead

    def add_straw(self, rows: Any, start: Floats, share: Floats, end: Floats) -> None:
        """Straw from its day until tillage, fading by half in about 60 days."""
        age = DAYS - start[:, None]
        lies = (age >= 0) & (end[:, None] > DAYS)
        self.straw[rows] = np.maximum(
            self.straw[rows], np.where(lies, share[:, None] * np.exp(-age / 90.0), 0.0)
        )
        since = DAYS - end[:, None]
        fresh = np.where((since >= 0) & (since < 60), np.exp(-np.clip(since, 0, 60) / 15.0), 0.0)
        self.rough[rows] = np.maximum(self.rough[rows], fresh)


def logistic(days_after: npt.ArrayLike, pace: npt.ArrayLike) -> Floats:
    """0 long before, 1/2 on the day, 1 long after."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(np.asarray(days_after) / pace, -40, 40))))


class _Draws:
    """The draws of the fields of one variety in one landscape, by purpose."""

    def __init__(self, landscape: Landscape, rows: npt.NDArray[np.int64]) -> None:
        self._seed, self._number, self._rows = landscape.seed, landscape.number, rows

    def _keys(self, purpose: str) -> Any:
        return keyed(self._seed, purpose, self._number, self._rows)

    def range(self, purpose: str, mean: float, deviation: float) -> Floats:
        return spread(self._keys(purpose), mean, deviation)

    def uniform(self, purpose: str) -> Floats:
        return uniform(self._keys(purpose))

    def normal(self, purpose: str) -> Floats:
        return np.clip(normal(self._keys(purpose)), -2.2, 2.2)

    def traits(self, leaf: Leaf, stand: str) -> dict[str, Floats]:
        return {
            name: np.maximum(self.range(f"{stand} {name}", *getattr(leaf, name)), 1e-3)
            for name in TRAITS
        }


def field_years(landscape: Landscape, weather: Weather) -> FieldYear:
    """The year of all fields of a landscape."""
    shape = (landscape.num_fields, NUM_DAYS)
    year = FieldYear(
        green=np.zeros(shape),
        dead=np.zeros(shape),
        traits={name: np.zeros(shape) for name in TRAITS},
        flower=np.zeros(shape),
        straw=np.zeros(shape),
        rough=np.zeros(shape),
        harvest_day=np.full(landscape.num_fields, -1, dtype=np.int64),
    )
    # A faint stand keeps the traits defined on days on which nothing grows.
    everything = np.arange(landscape.num_fields)
    draws = _Draws(landscape, everything)
    faint = np.full(shape, 1e-4)
    year.add_stand(everything, faint, np.zeros(shape), draws.traits(CATCH_CROP, "weeds"))
    for number, variety in enumerate(CROPS):
        rows = np.flatnonzero(landscape.variety == number)
        if not len(rows):
            continue
        draws = _Draws(landscape, rows)
        if variety.kind == "grass":
            _grass(year, rows, variety, draws, weather)
        else:
            _arable(year, rows, variety, draws, weather)
    year.green *= landscape.settings.leaf_area_scale
    return year


def _arable(
    year: FieldYear,
    rows: npt.NDArray[np.int64],
    variety: Variety,
    draws: _Draws,
    weather: Weather,
) -> None:
    early = 0.6 * draws.normal("earliness")
    shift = weather.season_shift
    ripe = shift + weather.harvest_shift

    def day(purpose: str, mean_and_deviation: tuple[float, float], moved: float) -> Floats:
        mean, deviation = mean_and_deviation
        own = 0.8 * draws.normal(purpose)
        return mean + moved + deviation * (early + own)

    up = day("green-up", variety.green_up, shift)
    down = day("senescence", variety.senescence, ripe) - 4.0 * weather.drought
    harvest = np.maximum(np.rint(day("harvest", variety.harvest, ripe)), down + 6)
    if variety.label in ("Corn", "Root Crops"):  # cut while still green, too
        harvest = np.rint(np.maximum(day("harvest", variety.harvest, ripe), up + 70))
    harvest = np.minimum(harvest, 350)
    peak = np.maximum(draws.range("peak", *variety.peak), 0.8) * (1 - 0.12 * weather.drought)
    winter = np.maximum(draws.range("winter", *variety.winter_lai), 0.03)
    pace_up, pace_down = (
        p * np.exp(0.15 * draws.normal(f"pace {i}")) for i, p in enumerate(variety.pace)
    )
    rise = logistic(DAYS - up[:, None], pace_up[:, None])
    fall = logistic(down[:, None] - DAYS, pace_down[:, None])
    stands = harvest[:, None] > DAYS
    green = peak[:, None] * rise
    if variety.kind == "winter":
        green = green + winter[:, None] * (1 - rise) * _frost(draws)
    else:
        _before_spring_crop(year, rows, winter, up, draws)
    dying = green * (1 - fall) * stands
    year.add_stand(rows, green * fall * stands, 0.6 * dying, draws.traits(variety.leaf, "crop"))
    year.harvest_day[rows] = harvest.astype(np.int64)
    if variety.flowering is not None:
        full = variety.flowering[0] + shift + 3 * (early + draws.normal("flowering"))
        most = variety.flowering[1] * np.exp(0.35 * draws.normal("petals"))
        year.flower[rows] = most[:, None] * np.exp(-(((DAYS - full[:, None]) / 8.5) ** 2))
    _after_harvest(year, rows, variety, harvest, draws)


def _frost(draws: _Draws) -> Floats:
    """Leaf loss of a winter stand through February, (rows, 365): worst about day 65."""
    loss = np.clip(draws.range("frost", 0.35, 0.2), 0, 0.8)
    return 1 - loss[:, None] * np.exp(-(((DAYS - 62) / 22.0) ** 2))


def _before_spring_crop(
    year: FieldYear, rows: npt.NDArray[np.int64], cover: Floats, up: Floats, draws: _Draws
) -> None:
    """Weeds or a catch crop until the seedbed; frost kills part of it."""
    tillage = np.rint(np.minimum(draws.range("seedbed", -32, 12) + up, up - 14))
    ploughed = draws.uniform("ploughed in autumn") < 0.2
    tillage = np.asarray(np.where(ploughed, -30.0, tillage), dtype=np.float64)
    killed = np.clip(draws.range("killed", 0.5, 0.25), 0, 0.95)
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
    variety: Variety,
    harvest: Floats,
    draws: _Draws,
) -> None:
    """Stubble, volunteers until tillage, then a catch crop, the next winter crop, or nothing."""
    stubble = np.clip(draws.range("stubble", 0.75, 0.15), 0.2, 1.0)
    tillage = harvest + np.clip(draws.range("tillage", 28, 16), 1, 70)
    tillage = np.where(draws.uniform("stubble kept") < 0.25, harvest + 120.0, tillage)
    year.add_straw(rows, harvest, stubble, tillage)
    lush = 1.7 if variety.label == "Oil Seeds" else 0.6
    volunteers = lush * np.exp(0.5 * draws.normal("volunteers"))
    out = harvest + np.clip(draws.range("volunteers out", 21, 7), 7, 45)
    gone = np.where(tillage > 330, NEVER, tillage + 12)
    green = volunteers[:, None] * logistic(DAYS - out[:, None], 5.0) * (gone[:, None] > DAYS)
    year.add_stand(rows, green, np.zeros_like(green), draws.traits(CATCH_CROP, "volunteers"))

    second = draws.uniform("second crop") < variety.second_crop
    sown = np.maximum(tillage, 210 + draws.range("second sown", 6, 9))
    sown = np.where(tillage > 330, np.maximum(harvest + 10, 220), sown)
    second_up = np.maximum(sown + draws.range("second up", 25, 5), 233)
    growth = np.exp(-np.maximum(second_up - 262, 0) / 25.0)  # late ones stay thin
    second_peak = np.maximum(draws.range("second peak", 2.9, 0.9), 0.3) * growth * second
    green = second_peak[:, None] * logistic(DAYS - second_up[:, None], 5.5)
    fading = 1 - 0.45 * logistic(DAYS - 318.0, 12.0)
    year.add_stand(rows, green * fading, green * (1 - fading), draws.traits(CATCH_CROP, "second"))

    winter = ~second & (draws.uniform("winter crop") < 0.8)
    emerged = np.maximum(draws.range("winter sown", 286, 11), harvest + 14)
    leaf_area = np.maximum(draws.range("winter crop lai", 0.8, 0.4), 0.1) * winter
    green = leaf_area[:, None] * logistic(DAYS - 12 - emerged[:, None], 7.0)
    year.add_stand(rows, green, np.zeros_like(green), draws.traits(CATCH_CROP, "winter crop"))


def _grass(
    year: FieldYear,
    rows: npt.NDArray[np.int64],
    variety: Variety,
    draws: _Draws,
    weather: Weather,
) -> None:
    """Logistic growth through the seasons, cut; young stands begin this year."""
    most = np.maximum(draws.range("peak", *variety.peak), 0.9)
    start = _start_of_stand(year, rows, variety, draws)
    days = _cut_days(variety, draws, weather)
    residual = np.clip(draws.range("residual", 0.75, 0.25), 0.25, 1.5)
    green_up = draws.range("green-up", *variety.green_up) + weather.season_shift
    season = 0.125 * logistic(DAYS - green_up[:, None] + 6, 7.0) * logistic(312.0 - DAYS, 14.0)
    summer = np.exp(-(((DAYS - 205) / 32.0) ** 2))
    thirst = np.clip(draws.range("thirst", 0.75, 0.25), 0, 1.1) * weather.drought
    rate = season * (1 - np.minimum(thirst[:, None] * summer, 0.97))
    frost = 0.010 * np.exp(-(((DAYS - 30) / 30.0) ** 2)) + 0.008 * logistic(DAYS - 325.0, 8.0)
    wither = 0.014 * thirst[:, None] * summer
    area = np.maximum(draws.range("winter", *variety.winter_lai), 0.1)
    green = np.zeros((len(rows), NUM_DAYS))
    for day in DAYS:
        area = np.where(day < start, 0.0, np.where(day == start, 0.15, area))
        area = area + area * (rate[:, day] * (1 - area / most) - frost[day] - wither[:, day])
        cut = (days == day).any(axis=1)
        area = np.where(cut, np.minimum(area, residual), area)
        green[:, day] = area
    brown = np.clip(draws.range("litter", 0.12, 0.07), 0.01, 0.5)
    autumn = 1.8 * logistic(DAYS - 285.0, 9.0)
    aged = brown[:, None] * (1 + 1.2 * thirst[:, None] * summer + autumn)
    dead = aged * np.sqrt(np.maximum(green, 0))
    year.add_stand(rows, green, dead, draws.traits(variety.leaf, "crop"))
    after = days[:, 0]
    first = np.where((after >= 0) & (after < NUM_DAYS), after, -1)
    year.harvest_day[rows] = first.astype(np.int64)


def _cut_days(variety: Variety, draws: _Draws, weather: Weather) -> Floats:
    """Days of the cuts, (rows, 6); NEVER where there is none."""
    mean, first, interval = variety.cuts
    number = np.rint(np.clip(draws.range("cuts", mean, 1.0), 0, 6))
    moved = first + weather.season_shift + 11.0 * draws.normal("first cut")
    gaps = interval * np.exp(0.22 * np.stack([draws.normal(f"cut {i}") for i in range(5)], axis=1))
    days = np.rint(moved[:, None] + np.pad(np.cumsum(gaps, axis=1), ((0, 0), (1, 0))))
    allowed = (np.arange(6) < number[:, None]) & (days < 310)
    return np.where(allowed, days, NEVER)


def _start_of_stand(
    year: FieldYear, rows: npt.NDArray[np.int64], variety: Variety, draws: _Draws
) -> npt.NDArray[np.int64]:
    """Day on which a stand begins: -1 for those older than the year."""
    young = draws.uniform("young stand") >= variety.established
    start = np.rint(draws.range("stand begins", 112, 18)).astype(np.int64)
    start = np.where(young, start, -1)
    cover = np.maximum(draws.range("cover before", 0.4, 0.4), 0.02) * young
    gone = np.maximum(start - 20, 0)
    green = cover[:, None] * (gone[:, None] > DAYS)
    year.add_stand(rows, green, np.zeros_like(green), draws.traits(CATCH_CROP, "before"))
    return start
