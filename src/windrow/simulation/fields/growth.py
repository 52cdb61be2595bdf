"""Twelve months of the fields of a world: crops in rotation, grass, trees and what is no crop.

A field with an annual crop has more than its cycle in the twelve months: what grew before is
harvested, and what comes after is sown, within them. Everything is computed by day of the twelve
months and turned to northern days at the end, which weather, sun and air are given by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from windrow.simulation.crop_table import CROP_TABLE, TableCrop, table_number
from windrow.simulation.crops import CATCH_CROP
from windrow.simulation.curves import logistic
from windrow.simulation.fields.cycles import Cycles, make_cycles
from windrow.simulation.fields.landscape import Integers, Landscape
from windrow.simulation.fields.regrowth import grow_grass_and_ground
from windrow.simulation.fields.stands import TRAITS, Draws, FieldYear
from windrow.simulation.fields.trees import grow_trees
from windrow.simulation.fields.weather import Weather
from windrow.simulation.keyed_random import Floats
from windrow.simulation.places.calendars import YEAR
from windrow.simulation.places.climate import Climate

ANNUAL = ("wintering", "annual")
"""Kinds of growth that are sown and harvested."""

_NEVER = 10_000.0


@dataclass(frozen=True, eq=False)
class Season:
    """Where and when fields grow.

    Attributes:
        climate: usual year of the place.
        first: northern day on which the twelve months begin.
        rotation: numbers of the annual crops that grow in turn.
        irrigated: share of the fields that rain does not limit.
        weeds: leaf area of weeds and volunteers relative to well-kept fields.
        catch_crops: share of the long gaps between crops in which something is sown.
    """

    climate: Climate
    first: int
    rotation: tuple[int, ...]
    irrigated: float
    weeds: float
    catch_crops: float

    @property
    def days(self) -> npt.NDArray[np.int64]:
        """(365,) days of the twelve months on the axis of the cycles."""
        return self.first + np.arange(YEAR)


@dataclass(frozen=True, eq=False)
class GrownFields:
    """The fields of a region by northern day, and what does not change through the year.

    Attributes:
        year: leaf area, traits, straw, water and flowers by northern day.
        shade: (F,) darkening by the shadows of crowns.
        sealed: (F,) share of the ground under roofs and roads.
        whole: (F,) whether all parts of a field keep one time.
    """

    year: FieldYear
    shade: Floats
    sealed: Floats
    whole: npt.NDArray[np.bool_]


def grow_fields(ground: Landscape, weather: Weather, season: Season) -> GrownFields:
    """Computes twelve months of all fields of a region.

    ``ground.crop`` is a number of the crop table.
    """
    num = ground.num_fields
    year = FieldYear.bare(num)
    everything = np.arange(num)
    draws = Draws(ground, everything)
    faint = np.full_like(year.green, 1e-4)
    year.add_stand(everything, faint, np.zeros_like(faint), draws.traits(CATCH_CROP, "weeds"))
    supply = _supply(season, draws)
    crops = [(k, np.flatnonzero(ground.crop == k)) for k in np.unique(ground.crop)]
    for number, rows in crops:
        crop = CROP_TABLE[number]
        own = Draws(ground, rows)
        if crop.growth in ANNUAL:
            _rotate(year, ground, rows, crop, season=season, weather=weather, supply=supply[rows])
        elif crop.growth in ("trees", "cover"):
            grow_trees(
                year,
                rows,
                crop,
                draws=own,
                climate=season.climate,
                days=season.days,
                supply=supply[rows],
            )
        if crop.growth == "cover":
            cover = np.clip(own.range("water", crop.water, 0.12 if crop.water < 1 else 0), 0, 1)
            year.water[rows] = np.where(crop.water > 0, cover, 0.0)[:, None]
    grow_grass_and_ground(year, ground, season.climate, season.days, supply)
    year.green *= ground.settings.leaf_area_scale
    table = [CROP_TABLE[k] for k in ground.crop]
    own_sealed = np.clip(draws.range("sealed", 1.0, 0.25), 0.3, 1.5)
    return GrownFields(
        year=_by_northern_day(year, season.first),
        shade=np.array([crop.shade for crop in table]),
        sealed=np.clip(np.array([crop.sealed for crop in table]) * own_sealed, 0, 0.97),
        whole=np.array([crop.growth not in ANNUAL for crop in table]),
    )


def _supply(season: Season, draws: Draws) -> Floats:
    """Computes the water supply of each field, (F, 365).

    It is given for each day of the twelve months.
    """
    water = season.climate.water[season.days % YEAR]
    thirst = np.clip(draws.range("thirst", 0.85, 0.2), 0.2, 1.1)
    thirst = np.where(draws.uniform("irrigated") < season.irrigated, 0.1, thirst)
    return np.asarray(np.clip(1 - thirst[:, None] * (1 - water), 0.02, 1.0))


def _rotate(
    year: FieldYear,
    ground: Landscape,
    rows: Integers,
    crop: TableCrop,
    *,
    season: Season,
    weather: Weather,
    supply: Floats,
) -> None:
    """Adds the labelled crop in its cycle, and the crops before and after it.

    The crop before was harvested earlier, and the crop after is sown later.
    """
    draws = Draws(ground, rows)
    main = make_cycles(crop, season.climate, weather, draws, part="main")
    main = main.within(float(season.first))
    next_sown = np.full(len(rows), _NEVER)
    for turn, chosen in _turns(crop, rows, draws, season):
        other = CROP_TABLE[chosen.crop]
        own = Draws(ground, rows[chosen.rows])
        cycles = make_cycles(other, season.climate, weather, own, part=turn)
        if turn == "before":
            cycles = cycles.before(main.sown[chosen.rows] + 12)
            end = np.minimum(cycles.harvest, main.sown[chosen.rows] - 4)
            cycles = replace(cycles, harvest=end)
        else:
            cycles = cycles.after(main.harvest[chosen.rows] + 6)
            next_sown[chosen.rows] = cycles.sown
        _add_cycle(
            year,
            rows[chosen.rows],
            other,
            cycles,
            season=season,
            draws=own,
            supply=supply[chosen.rows],
            part=turn,
        )
        if turn == "before":
            _after_harvest(
                year,
                rows[chosen.rows],
                other,
                harvest=end,
                next_sown=main.sown[chosen.rows],
                season=season,
                draws=own,
                part=turn,
            )
    _add_cycle(year, rows, crop, main, season=season, draws=draws, supply=supply, part="main")
    companion = crop.companion
    if companion is not None:
        beside = CROP_TABLE[table_number(companion)]
        cycles = make_cycles(beside, season.climate, weather, draws, part="companion")
        behind = np.clip(draws.range("companion sown", 10, 8), 0, 35)
        cycles = cycles.moved(main.sown + behind - cycles.sown)
        thin = replace(beside, peak=(0.6 * beside.peak[0], 0.6 * beside.peak[1]))
        _add_cycle(
            year, rows, thin, cycles, season=season, draws=draws, supply=supply, part="companion"
        )
    _after_harvest(
        year,
        rows,
        crop,
        harvest=main.harvest,
        next_sown=next_sown,
        season=season,
        draws=draws,
        part="main",
    )
    _add_weeds(year, rows, main, season, draws)
    day = main.harvest - season.first
    year.harvest_day[rows] = np.where((day >= 0) & (day < YEAR), day, -1).astype(np.int64)


@dataclass(frozen=True, eq=False)
class _Chosen:
    crop: int
    rows: Integers


def _turns(
    crop: TableCrop, rows: Integers, draws: Draws, season: Season
) -> Sequence[tuple[str, _Chosen]]:
    """Computes which crop stands on which of the fields before and after the labelled one."""
    own = table_number(crop.name)
    choices = (own,) if crop.regrowth else season.rotation
    found = []
    for turn in ("before", "after"):
        if not choices:
            continue
        drawn = (draws.uniform(f"{turn} crop") * len(choices)).astype(np.int64)
        for position, number in enumerate(choices):
            members = np.flatnonzero(drawn == position)
            if len(members):
                found.append((turn, _Chosen(crop=number, rows=members)))
    return found


def _add_cycle(
    year: FieldYear,
    rows: Integers,
    crop: TableCrop,
    cycles: Cycles,
    *,
    season: Season,
    draws: Draws,
    supply: Floats,
    part: str,
) -> None:
    """Computes the leaf area of one cycle, as far as it lies within the twelve months."""
    days = season.days
    seen = (cycles.harvest > season.first) & (cycles.sown < season.first + YEAR)
    peak = np.maximum(draws.range(f"{part} peak", *crop.peak), 0.2 * crop.peak[0])
    grown = (days > cycles.up[:, None] - 30) & (days < cycles.down[:, None])
    wet = (supply * grown).sum(axis=1) / np.maximum(grown.sum(axis=1), 1)
    peak = peak * np.where(grown.any(axis=1), 0.45 + 0.55 * np.sqrt(wet), 1.0) * seen
    pace_up, pace_down = (
        p * np.exp(0.15 * draws.normal(f"{part} pace {i}")) for i, p in enumerate(crop.pace)
    )
    stands = (cycles.harvest[:, None] > days) & (cycles.sown[:, None] < days)
    rise = logistic(days - cycles.up[:, None], pace_up[:, None])
    fall = logistic(cycles.down[:, None] - days, pace_down[:, None])
    green = peak[:, None] * rise
    if crop.growth == "wintering":
        winter = np.maximum(draws.mild * draws.range(f"{part} winter", *crop.winter_lai), 0.05)
        emerged = logistic(days - cycles.sown[:, None] - 30, 8.0)
        frost = np.clip(draws.range(f"{part} frost", 0.35, 0.2), 0, 0.8)
        cold = logistic(2.0 - season.climate.temperature[(days - 20) % YEAR], 1.0)
        alive = (winter * seen)[:, None] * (1 - frost[:, None] * cold)
        green = green + alive * (1 - rise) * emerged
    dying = green * (1 - fall) * stands
    year.add_stand(rows, green * fall * stands, 0.6 * dying, draws.traits(crop.leaf, part))
    if crop.flowering is not None:
        share, most = crop.flowering
        full = cycles.up + share * (cycles.down - cycles.up) + 3 * draws.normal(f"{part} flower")
        petals = most * np.exp(0.35 * draws.normal(f"{part} petals")) * seen
        bloom = petals[:, None] * np.exp(-(((days - full[:, None]) / 8.5) ** 2)) * stands
        year.flower[rows] = np.maximum(year.flower[rows], bloom)
    if crop.flooded:
        first, last = cycles.sown + 4, cycles.harvest - 24
        water = 0.95 * ((first[:, None] <= days) & (last[:, None] > days)) * seen[:, None]
        year.water[rows] = np.maximum(year.water[rows], water)


def _after_harvest(
    year: FieldYear,
    rows: Integers,
    crop: TableCrop,
    *,
    harvest: Floats,
    next_sown: Floats,
    season: Season,
    draws: Draws,
    part: str,
) -> None:
    """Adds what grows between harvest and the next sowing.

    Stubble, volunteers and weeds stand until tillage, then a catch crop.
    """
    if crop.regrowth:
        return
    days = season.days
    seedbed = np.minimum(next_sown - np.clip(draws.range(f"{part} seedbed", 12, 8), 2, 40), _NEVER)
    tillage = harvest + np.clip(draws.range(f"{part} tillage", 28, 16), 1, 70)
    tillage = np.where(draws.uniform(f"{part} stubble kept") < 0.35, harvest + 150.0, tillage)
    tillage = np.minimum(tillage, np.maximum(seedbed, harvest + 1))
    straw = np.clip(draws.range(f"{part} stubble", crop.stubble, 0.15), 0.0, 1.0)
    _lay_straw(year, rows, days, start=harvest, share=straw, end=tillage)
    recent = _recent_growth(season)
    weeds = 0.7 * season.weeds * np.exp(0.6 * draws.normal(f"{part} volunteers"))
    out = harvest + np.clip(draws.range(f"{part} volunteers out", 21, 7), 7, 50)
    end = np.where(tillage > harvest + 100, seedbed, tillage + 12)
    stands = (days > out[:, None] - 12) & (end[:, None] > days)
    green = weeds[:, None] * recent * logistic(days - out[:, None], 6.0) * stands
    year.add_stand(rows, green, np.zeros_like(green), draws.traits(CATCH_CROP, f"{part} weeds"))
    gap = seedbed - tillage
    sown = (gap > 70) & (draws.uniform(f"{part} catch crop") < season.catch_crops)
    up = tillage + np.clip(draws.range(f"{part} catch up", 34, 9), 15, 60)
    most = np.maximum(draws.range(f"{part} catch peak", 2.6, 0.9), 0.3) * sown
    frost = logistic(1.0 - season.climate.temperature[(days - 15) % YEAR], 1.0)
    killed = np.clip(draws.range(f"{part} killed", 0.6, 0.25), 0, 0.95)
    alive = 1 - killed[:, None] * frost
    stands = (days > up[:, None] - 25) & (seedbed[:, None] > days)
    green = most[:, None] * np.sqrt(recent) * logistic(days - up[:, None], 6.0) * stands
    dead = 0.5 * green * (1 - alive)
    year.add_stand(rows, green * alive, dead, draws.traits(CATCH_CROP, f"{part} catch"))


def _recent_growth(season: Season) -> Floats:
    """Computes how much could have grown of late, 0 to 1, by day of the twelve months.

    The mean of warmth times water over 45 days, or most of that over half a year: what has grown
    outlasts a winter or a dry spell for a while.
    """
    growing = (season.climate.warmth * season.climate.water)[season.days % YEAR]

    def mean(num_days: int) -> Floats:
        before = np.r_[growing[1 - num_days :], growing]
        return np.convolve(before, np.ones(num_days) / num_days, mode="valid")

    return np.maximum(mean(45), 0.75 * mean(180))


def _add_weeds(year: FieldYear, rows: Integers, main: Cycles, season: Season, draws: Draws) -> None:
    """Weeds between the plants and around the field, but for the weeks about sowing and harvest."""
    days = season.days
    away = np.abs((days - main.sown[:, None] + YEAR / 2) % YEAR - YEAR / 2)
    most = 0.3 * season.weeds * np.exp(0.6 * draws.normal("weeds"))
    since = days - main.harvest[:, None]
    mown = np.where(since >= 0, 1 - np.exp(-np.maximum(since, 0) / 20.0), 1.0)
    green = most[:, None] * _recent_growth(season) * logistic(away - 28.0, 5.0) * mown
    dead = 0.15 * most[:, None] * np.ones_like(green)
    year.add_stand(rows, green, dead, draws.traits(CATCH_CROP, "between"))


def _lay_straw(
    year: FieldYear, rows: Integers, days: Integers, *, start: Floats, share: Floats, end: Floats
) -> None:
    """Computes straw from the harvest until tillage, and the rough ground after it."""
    age = days - start[:, None]
    lies = (age >= 0) & (end[:, None] > days)
    straw = np.where(lies, share[:, None] * np.exp(-np.maximum(age, 0) / 90.0), 0.0)
    year.straw[rows] = np.maximum(year.straw[rows], straw)
    since = days - end[:, None]
    fresh = np.where((since >= 0) & (since < 60), np.exp(-np.clip(since, 0, 60) / 15.0), 0.0)
    year.rough[rows] = np.maximum(year.rough[rows], fresh)


def _by_northern_day(year: FieldYear, first: int) -> FieldYear:
    """Computes the same fields with their days turned from the twelve months to northern days."""

    def turned(values: Floats) -> Floats:
        return np.roll(values, first % YEAR, axis=1)

    found = replace(
        year,
        green=turned(year.green),
        dead=turned(year.dead),
        traits={name: turned(year.traits[name]) for name in TRAITS},
        flower=turned(year.flower),
        straw=turned(year.straw),
        rough=turned(year.rough),
        water=turned(year.water),
        harvest_day=np.where(year.harvest_day >= 0, (year.harvest_day + first) % YEAR, -1),
    )
    return found
