"""When the crops of the table are sown, green up, ripen and are harvested at a place.

Days are on an axis that starts at northern day 0 of the year in which the twelve months begin;
days before it are negative, days of the next year lie beyond 364.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.simulation.crop_table.crop import TableCrop
from windrow.simulation.fields.stands import Draws
from windrow.simulation.fields.weather import Weather
from windrow.simulation.keyed_random import Floats
from windrow.simulation.places.calendars import YEAR
from windrow.simulation.places.climate import Climate

_LEAST_DAYS = 45.0
_SOWING_BELOW = 12.5
_WHEAT_DEGREE_DAYS = 1980.0
_AFTER_RIPE = 8.0


@dataclass(frozen=True, eq=False)
class Cycles:
    """One crop cycle of each of some fields, all (n,), days on the axis.

    Attributes:
        sown: day of sowing or planting.
        up: day on which half of the peak is reached.
        down: day on which half of the leaves are dead.
        harvest: day of harvest.
    """

    sown: Floats
    up: Floats
    down: Floats
    harvest: Floats

    def moved(self, days: npt.ArrayLike) -> Cycles:
        """Computes the same cycles some days later."""
        by = np.asarray(days, dtype=np.float64)
        return Cycles(self.sown + by, self.up + by, self.down + by, self.harvest + by)

    def at(self, rows: npt.NDArray[np.bool_]) -> Cycles:
        """Computes the cycles of some of the fields."""
        return Cycles(self.sown[rows], self.up[rows], self.down[rows], self.harvest[rows])

    def within(self, first: float) -> Cycles:
        """Computes each cycle moved by whole years.

        Thus its middle lies in the year from ``first``.
        """
        middle = (self.up + np.minimum(self.down, self.harvest)) / 2
        return self.moved(YEAR * np.ceil((first - middle) / YEAR))

    def before(self, day: Floats) -> Cycles:
        """Computes each cycle moved by whole years: the last one harvested before a day."""
        return self.moved(YEAR * np.floor((day - self.harvest) / YEAR))

    def after(self, day: Floats) -> Cycles:
        """Computes each cycle moved by whole years: the first one sown after a day."""
        return self.moved(YEAR * np.ceil((day - self.sown) / YEAR))


def make_cycles(
    crop: TableCrop, climate: Climate, weather: Weather, draws: Draws, *, part: str
) -> Cycles:
    """Makes a cycle of a crop on each of some fields, sown in the year in which the axis starts.

    Args:
        crop: what is grown.
        climate: of the place, with its calendar.
        weather: of the year: how late the season and its ripening are.
        draws: of the fields.
        part: which cycle of a field it is; another part, other draws.
    """
    early = 0.6 * draws.normal(f"{part} earliness")

    def varied(purpose: str, deviation: float) -> Floats:
        return np.asarray(deviation * (early + 0.8 * draws.normal(f"{part} {purpose}")))

    shift = weather.season_shift
    if crop.growth == "wintering":
        return _wintering(crop, climate, varied, shift=shift, harvest_shift=weather.harvest_shift)
    mean, deviation = crop.sowing
    sown = _season_starts(crop, climate, draws, part) + shift + varied("sowing", deviation)
    if crop.season == "cool" and not climate.mild:
        # The harder the winter, the later the fields can be driven on.
        sown = sown + 30.0 * float(np.clip((-3.0 - climate.temperature.min()) / 12, 0, 1))
    if not (crop.season == "cool" and climate.mild):
        sown = sown + mean
    initial, development, _, late = crop.stages
    speed = 1.0 if crop.regrowth else _slowness(climate, sown, crop.duration)
    pace = np.exp(0.05 * draws.normal(f"{part} duration"))
    ripe = weather.harvest_shift if not crop.cut_green else 0.5 * weather.harvest_shift
    up = sown + (initial + development / 2) * speed * pace
    down = sown + (crop.duration - late / 2) * speed * pace + 0.7 * ripe
    harvest = sown + crop.duration * speed * pace + ripe + varied("harvest", 5.0)
    harvest = np.maximum(harvest, np.maximum(up + 12, sown + _LEAST_DAYS))
    if not crop.cut_green:
        down = np.minimum(down, harvest - 5)
    return Cycles(sown=sown, up=up, down=np.maximum(down, up + 8), harvest=np.rint(harvest))


def _wintering(
    crop: TableCrop,
    climate: Climate,
    varied: Callable[[str, float], Floats],
    *,
    shift: float,
    harvest_shift: float,
) -> Cycles:
    season = climate.calendar.cold
    mean, deviation = crop.sowing
    # Short seasons begin before their table does, and the shortest end before it.
    early = 15.0 * float(np.clip((290 - season.length) / 30, 0, 1))
    sooner = 18.0 * float(np.clip((200 - season.length) / 30, 0, 1))
    # What is sown in autumn knows nothing of the spring to come.
    start = max(season.start - early, _cooled(climate))
    sown = start + mean + varied("sowing", deviation) + 0.3 * shift
    end = _ripe(climate, season.start + season.length - sooner)
    end = end + crop.harvest[0] + shift + harvest_shift
    harvest = np.maximum(end + varied("harvest", crop.harvest[1]), sown + 90)
    length = harvest - sown
    up = harvest - np.minimum(crop.before_harvest[0], 0.62 * length) + varied("green-up", 3.0)
    down = harvest - np.minimum(crop.before_harvest[1], 0.2 * length) + varied("senescence", 2.0)
    down = np.maximum(down, up + 8)
    if not crop.cut_green:
        harvest = np.maximum(harvest, down + 6)
    return Cycles(sown=sown, up=up, down=down, harvest=np.rint(harvest))


def _cooled(climate: Climate) -> float:
    """Computes northern day of late summer from which it is cool enough to sow.

    0 where it stays warm.
    """
    # Where summers are hot, sowing does not wait as long.
    below = _SOWING_BELOW + 0.9 * max(float(climate.temperature.max()) - 18.0, 0.0)
    warm = np.flatnonzero(climate.temperature > below)
    return 0.0 if climate.mild or not len(warm) else float(warm[-1])


def _ripe(climate: Climate, end: float) -> float:
    """Computes end of the cold season.

    The calendar's, moved towards the day on which wheat is ripe.

    Wheat takes about 1,980 degree days above nought from the season's start; where winters are mild
    our coarse temperatures say less, and the calendar is believed more.
    """
    start = round(climate.calendar.cold.start)
    days = np.arange(start, start + YEAR)
    heat = np.cumsum(np.maximum(climate.temperature[days % YEAR], 0.0))
    if heat[-1] < _WHEAT_DEGREE_DAYS:
        return end
    ripe = start + int(np.searchsorted(heat, _WHEAT_DEGREE_DAYS)) + _AFTER_RIPE
    trust = 0.3 if climate.mild else 0.65
    return float(end + trust * np.clip(ripe - end, -60, 40))


def _season_starts(crop: TableCrop, climate: Climate, draws: Draws, part: str) -> Floats:
    """Computes start of the season that each field's crop follows, (n,).

    In the tropics short crops are grown in either rainy season; where winters are mild, cool crops
    in the cold season.
    """
    calendar = climate.calendar
    chance = draws.uniform(f"{part} which season")
    if crop.season == "cool" and climate.mild:
        return np.full_like(chance, calendar.cold.start + 14.0) + 25.0 * (chance - 0.5)
    if climate.tropical and crop.duration < 160:
        return np.where(chance < 0.3, calendar.cold.start - 10.0, calendar.warm.start)
    return np.full_like(chance, calendar.warm.start)


def _slowness(climate: Climate, sown: Floats, duration: float) -> float:
    """Computes duration at the season's temperature relative to that at 16 degrees."""
    days = np.arange(round(float(np.median(sown))), round(float(np.median(sown)) + duration))
    mean = float(climate.temperature[days % YEAR].mean()) if len(days) else 16.0
    return float(np.clip(1 - 0.02 * (mean - 16.0), 0.68, 1.1))
