"""Random simulated places to learn from: each a few hundred fields of some crops under one sky.

A world is drawn from :class:`~windrow.simulation.worlds.settings.WorldSettings`: where it lies,
which crops grow and with what shares, how early the season is, how cloudy each month, the soil, the
product. Its seasons are those of the real place at its longitude and latitude. World ``number`` of
a seed follows from both alone, so that worlds can be made in any order and on any number of
workers.

South of the equator the year is the northern one half a year later: growth, sun and weather are
computed for the latitude's mirror image and the days counted from July.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.data.series import ProcessingLevel, Series, concatenate
from windrow.errors import SettingsError
from windrow.simulation.crop_table import CROP_TABLE, TABLE_NAMES, table_number
from windrow.simulation.fields.growth import ANNUAL, Season
from windrow.simulation.keyed_random import choose, keyed, uniform
from windrow.simulation.places.calendars import YEAR
from windrow.simulation.places.climate import Climate
from windrow.simulation.places.place import Place
from windrow.simulation.worlds.draws import (
    WorldDraws,
    draw_climate,
    draw_crops,
    draw_place,
    draw_scenario,
    draw_shares,
)
from windrow.simulation.worlds.field_series import ScatteredFields, simulate_fields
from windrow.simulation.worlds.settings import WorldSettings


@dataclass(frozen=True, eq=False)
class World:
    """One simulated place, seen for twelve months.

    Attributes:
        series: means of the n fields. ``day_of_year`` counts from the first day of the twelve
            months, 0 to 364, whatever day of the calendar that is; ``truth`` has, by field and
            date, ``leaf_area_index``, ``cover_fraction`` and ``chlorophyll`` (micrograms a cm2)
            and, by field, ``harvest_day`` (counted alike, -1 where nothing is harvested).
        season_start: day of the calendar year, 0 to 364, on which the twelve months begin.
        crop: (n,) position of each field's crop in ``crop_names``.
        crop_names: names of all crops of the table, whether they grow here or not.
        latitude, longitude: of the middle, degrees.
    """

    series: Series
    season_start: int
    crop: npt.NDArray[np.int64]
    crop_names: tuple[str, ...]
    latitude: float
    longitude: float

    @property
    def level(self) -> ProcessingLevel:
        """Product that the fields are seen in."""
        return self.series.processing_level

    def __len__(self) -> int:
        return len(self.series)


def simulate_world(settings: WorldSettings, seed: int, *, number: int = 0) -> World:
    """Simulates world ``number`` of a seed, somewhere on the Earth.

    Args:
        settings: how widely worlds differ.
        seed: any whole number.
        number: of the world, from 0; worlds of one seed do not depend on each other.

    Example:
        >>> from windrow.simulation.worlds.settings import EARTH
        >>> world = simulate_world(EARTH.model_copy(update={"num_fields": 4}), 1)
        >>> world.series.reflectance.shape[0], world.series.simulated
        (4, True)
    """
    draws = WorldDraws(seed, number)
    place = draw_place(settings, draws)
    climate = draw_climate(settings, draws, place)
    return _simulate(settings, draws, place, climate, draw_crops(settings, draws, climate))


def simulate_place(
    place: Place,
    settings: WorldSettings,
    *,
    seed: int,
    crops: Sequence[str] | None = None,
    number: int = 0,
) -> World:
    """Fields of a given place and its twelve months.

    What the place does not decide (weather, clouds, soils, shares of the crops) is drawn from the
    settings, the season's shift with half of its deviation.

    Args:
        place: where, when and in which product.
        settings: how widely the rest differs.
        seed: any whole number.
        crops: names of the crops that grow; those usual at its latitude where not given.
        number: of the draw; others have another year's weather.

    Raises:
        SettingsError: a crop is not in the table, or there is none.

    Example:
        >>> from windrow.simulation.worlds.settings import EARTH
        >>> few = EARTH.model_copy(update={"num_fields": 6})
        >>> kenya = Place(longitude=34.6, latitude=0.4, year=2019)
        >>> world = simulate_place(kenya, few, seed=1, crops=["cassava"])
        >>> {world.crop_names[k] for k in world.crop}
        {'cassava'}
    """
    draws = WorldDraws(seed, number)
    narrowed, climate, names = drawn_around(place, settings, draws, crops)
    return _simulate(narrowed, draws, place, climate, names)


def drawn_around(
    place: Place, settings: WorldSettings, draws: WorldDraws, crops: Sequence[str] | None
) -> tuple[WorldSettings, Climate, list[str]]:
    """Computes narrowed settings, climate and crops of a given place.

    Raises:
        SettingsError: a crop is not in the table, or there is none.
    """
    halved = {
        "season_shift": settings.season_shift / 2,
        "harvest_shift": settings.harvest_shift / 2,
    }
    narrowed = settings.model_copy(update=halved)
    climate = place.climate(
        continentality=draws.between("continentality", settings.continentality),
        drought=draws.between("drought", settings.drought),
    )
    if crops is None:
        names = draw_crops(narrowed.model_copy(update={"unusual_share": 0.0}), draws, climate)
    else:
        names = list(dict.fromkeys(crops))
        for name in names:
            table_number(name)
        if not names:
            raise SettingsError("no crop grows", where="crops", expected="one or more names")
    return narrowed, climate, names


def _simulate(
    settings: WorldSettings, draws: WorldDraws, place: Place, climate: Climate, crops: list[str]
) -> World:
    scenario = draw_scenario(settings, draws, place)
    numbers = [table_number(name) for name in crops]
    season = season_of(settings, draws, place, climate=climate, numbers=numbers)
    shares = draw_shares(settings, draws, len(crops))
    num_regions = min(draws.whole("regions", settings.num_regions), settings.num_fields)
    ends = np.linspace(0, settings.num_fields, num_regions + 1).astype(int)
    parts = []
    for region, size in enumerate(np.diff(ends)):
        landscape = draws.number * settings.num_regions[1] + region
        fields = scattered(
            settings, draws.seed, landscape, num_fields=int(size), numbers=numbers, shares=shares
        )
        parts.append(
            simulate_fields(scenario, fields, season, seed=draws.seed, landscape=landscape)
        )
    series = _counted_from(concatenate(parts), place.first)
    assert series.label is not None
    assert series.latitude is not None
    sign = -1.0 if place.latitude < 0 else 1.0
    return World(
        series=replace(series, latitude=sign * series.latitude),
        season_start=place.season_start,
        crop=series.label.astype(np.int64),
        crop_names=TABLE_NAMES,
        latitude=place.latitude,
        longitude=place.longitude,
    )


def season_of(
    settings: WorldSettings,
    draws: WorldDraws,
    place: Place,
    *,
    climate: Climate,
    numbers: Sequence[int],
) -> Season:
    """Computes what decides growth at a place where crops of these numbers grow."""
    return Season(
        climate=climate,
        first=place.first,
        rotation=tuple(k for k in numbers if CROP_TABLE[k].growth in ANNUAL),
        irrigated=place.irrigated,
        weeds=draws.between("weeds", settings.weeds),
        catch_crops=draws.between("catch crops", settings.catch_crops),
    )


def scattered(
    settings: WorldSettings,
    seed: int,
    landscape: int,
    *,
    num_fields: int,
    numbers: Sequence[int],
    shares: npt.NDArray[np.float64],
) -> ScatteredFields:
    """Fields anywhere in a region's square, with crops drawn by their shares."""
    field = np.arange(num_fields)
    drawn = choose(keyed(seed, "crop", landscape, field), shares)
    side = WorldDraws(seed, landscape).between("side of the region", settings.region_m)
    x, y = (side * uniform(keyed(seed, f"field {axis}", landscape, field)) for axis in "xy")
    return ScatteredFields(crop=np.array(numbers, dtype=np.int64)[drawn], x=x, y=y)


def _counted_from(series: Series, first: int) -> Series:
    """Returns the same series with its days counted from another day of the cyclic year."""
    days = (series.day_of_year.astype(np.int64) - first) % YEAR
    order = np.argsort(np.where(series.valid, days, YEAR), axis=1, kind="stable")
    longest = int(series.valid.sum(axis=1).max())

    def turned(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        index = order.reshape(*order.shape, *[1] * (values.ndim - 2))
        return np.take_along_axis(values, index, axis=1)[:, :longest]

    harvest = series.truth["harvest_day"].astype(np.int64)
    counted = np.where(harvest >= 0, (harvest - first) % YEAR, -1).astype(np.int16)
    assert series.cloud_probability is not None
    return replace(
        series,
        reflectance=turned(series.reflectance),
        day_of_year=turned(np.where(series.valid, days, 0).astype(np.int16)),
        valid=turned(series.valid),
        cloud_probability=turned(series.cloud_probability),
        truth={
            name: counted if name == "harvest_day" else turned(values)
            for name, values in series.truth.items()
        },
    )
