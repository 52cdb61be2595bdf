"""Random simulated places to learn from: each a few hundred fields of some crops under one sky.

A world is drawn from :class:`~windrow.simulation.world_settings.WorldSettings`: which crops grow
and with what shares, how early the season is, how cloudy each month, the soil, the product. World
``number`` of a seed follows from both alone, so that worlds can be made in any order and on any
number of workers.

South of the equator the year is the northern one half a year later: growth, sun and weather are
computed for the latitude's mirror image and the days counted from July.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.data.series import ProcessingLevel, Series, concatenate
from windrow.simulation.crops import NAMES
from windrow.simulation.field_series import ScatteredFields, simulate_fields
from windrow.simulation.fields.weather import NUM_DAYS
from windrow.simulation.keyed_random import choose, keyed, normal, spread, uniform
from windrow.simulation.scenarios import SCENARIOS
from windrow.simulation.settings import CropClass, ScenarioSettings, SnowSpell
from windrow.simulation.world_settings import WorldSettings

HALF_YEAR = 182
"""Days by which the seasons of the southern hemisphere are later."""

_SNOW = ((8, 20, 0.5), (25, 45, 0.6), (50, 66, 0.6), (72, 84, 0.4), (338, 352, 0.4))


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


class _WorldDraws:
    """The draws of one world, by purpose."""

    def __init__(self, seed: int, number: int) -> None:
        self.seed, self.number = seed, number

    def between(self, purpose: str, limits: tuple[float, float]) -> float:
        low, high = limits
        return low + (high - low) * float(uniform(keyed(self.seed, purpose, self.number)))

    def whole(self, purpose: str, limits: tuple[int, int]) -> int:
        return min(int(self.between(purpose, (limits[0], limits[1] + 1))), limits[1])

    def chance(self, purpose: str, share: float) -> bool:
        return self.between(purpose, (0.0, 1.0)) < share

    def spread(self, purpose: str, deviation: float, most: float) -> float:
        drawn = float(spread(keyed(self.seed, purpose, self.number), 0.0, deviation))
        return float(np.clip(drawn, -most, most))

    def order(self, purpose: str, num: int) -> list[int]:
        """A random order of 0 to num - 1."""
        drawn = uniform(keyed(self.seed, purpose, self.number, np.arange(num)))
        return [int(k) for k in np.argsort(drawn)]


def simulate_world(settings: WorldSettings, seed: int, *, number: int = 0) -> World:
    """World ``number`` of a seed.

    Args:
        settings: how widely worlds differ.
        seed: any whole number.
        number: of the world, from 0; worlds of one seed do not depend on each other.

    Example:
        >>> from windrow.simulation.world_settings import EARTH
        >>> world = simulate_world(EARTH.model_copy(update={"num_fields": 4}), 1)
        >>> world.series.reflectance.shape[0], world.series.simulated
        (4, True)
    """
    draws = _WorldDraws(seed, number)
    scenario = _scenario(settings, draws)
    num_regions = min(draws.whole("regions", settings.num_regions), settings.num_fields)
    sizes = np.diff(np.linspace(0, settings.num_fields, num_regions + 1).astype(int))
    landscapes = [number * settings.num_regions[1] + k for k in range(num_regions)]
    parts = [
        simulate_fields(
            scenario,
            _scattered(settings, scenario, seed, landscape=landscape, num_fields=int(size)),
            seed=seed,
            landscape=landscape,
        )
        for landscape, size in zip(landscapes, sizes, strict=True)
    ]
    series = concatenate(parts)
    southern = draws.chance("southern", settings.southern_share)
    start = draws.whole("season start", (0, NUM_DAYS - 1))
    ahead = HALF_YEAR if southern else 0
    rolled = _counted_from(series, (start - ahead) % NUM_DAYS)
    sign = -1.0 if southern else 1.0
    assert rolled.label is not None
    assert rolled.latitude is not None
    names = [one.name for one in scenario.classes]
    position = np.array([NAMES.index(name) for name in names], dtype=np.int64)
    return World(
        series=replace(rolled, latitude=sign * rolled.latitude),
        season_start=start,
        crop=position[rolled.label],
        crop_names=NAMES,
        latitude=sign * scenario.latitude,
        longitude=scenario.longitude,
    )


def _crops(settings: WorldSettings, draws: _WorldDraws) -> list[str]:
    """Names of the crops of a world."""
    wanted = draws.whole("number of crops", settings.num_crops)
    order = [settings.crops[k] for k in draws.order("crops", len(settings.crops))]
    if draws.chance("common crops", settings.common_share):
        allowed = [name for name in settings.common_crops if name in settings.crops]
        common = [allowed[k] for k in draws.order("which common", len(allowed))]
        others = [name for name in order if name not in settings.common_crops]
        order = [*common[: max(wanted - 2, 0)], *others, *common[max(wanted - 2, 0) :]]
    return order[:wanted]


def _shares(settings: WorldSettings, draws: _WorldDraws, num: int) -> npt.NDArray[np.float64]:
    """Shares of the crops: a Dirichlet draw, none too rare to be met."""
    generator = np.random.default_rng(int(keyed(draws.seed, "shares", draws.number)))
    drawn = generator.dirichlet(np.full(num, settings.crop_evenness))
    kept = np.maximum(drawn, settings.least_share)
    return np.asarray(kept / kept.sum(), dtype=np.float64)


def _cloud_share(settings: WorldSettings, draws: _WorldDraws) -> tuple[float, ...]:
    """Share of cloudy dates by month: a season of clouds around a mean."""
    month = np.arange(12)
    swing = draws.between("cloud season", (0.0, settings.cloud_season))
    wettest = draws.between("wettest month", (0.0, 12.0))
    noise = 0.08 * normal(keyed(draws.seed, "clouds of a month", draws.number, month))
    share = draws.between("cloud share", settings.cloud_share) + noise
    share = share + swing * np.cos(2 * np.pi * (month - wettest) / 12)
    return tuple(np.clip(share, 0.05, 0.93).tolist())


def _scenario(settings: WorldSettings, draws: _WorldDraws) -> ScenarioSettings:
    crops = _crops(settings, draws)
    classes = tuple(
        CropClass(name=name, code=name, share=float(share), crops={name: 1.0})
        for name, share in zip(crops, _shares(settings, draws, len(crops)), strict=True)
    )
    snow = _SNOW if draws.chance("snow", settings.snow_share) else ()
    usual = SCENARIOS["brandenburg-2018"].to_dict()
    drawn = {
        name: draws.between(name, getattr(settings, name))
        for name in (
            "latitude", "altitude_m", "relief", "field_m", "season_spread", "drought",
            "leaf_area_scale", "winter_leaf_area", "management_spread", "mask_margin",
            "mask_shadow", "two_orbits", "gain_noise",
        )
    }  # fmt: skip
    return ScenarioSettings.from_dict(
        usual
        | drawn
        | {
            "name": f"world-{draws.seed}-{draws.number}",
            "year": draws.whole("year", settings.years),
            "product": "L1C" if draws.chance("product", settings.l1c_share) else "L2A",
            "unit": "field",
            "longitude": draws.between("longitude", (-180.0, 178.0)),
            "pixels_per_field": settings.parts_per_field,
            "classes": [one.to_dict() for one in classes],
            "season_shift": draws.spread("season shift", settings.season_shift, 40.0),
            "harvest_shift": draws.spread("harvest shift", settings.harvest_shift, 35.0),
            "soil_brightness": (
                draws.between("soil brightness", settings.soil_brightness),
                draws.between("soil spread", settings.soil_spread),
            ),
            "cloud_share": _cloud_share(settings, draws),
            "snow": [SnowSpell(first=a, last=b, probability=p).to_dict() for a, b, p in snow],
            "aerosol": (draws.between("aerosol", settings.aerosol), 0.5),
        }
    )


def _scattered(
    settings: WorldSettings,
    scenario: ScenarioSettings,
    seed: int,
    *,
    landscape: int,
    num_fields: int,
) -> ScatteredFields:
    field = np.arange(num_fields)
    label = choose(keyed(seed, "crop", landscape, field), [share for _, _, share in scenario.uses])
    side = _WorldDraws(seed, landscape).between("side of the region", settings.region_m)
    x, y = (side * uniform(keyed(seed, f"field {axis}", landscape, field)) for axis in "xy")
    crop = np.array([number for _, number, _ in scenario.uses], dtype=np.int64)[label]
    return ScatteredFields(crop=crop, label=label, x=x, y=y)


def _counted_from(series: Series, first: int) -> Series:
    """The same series with its days counted from another day of a year that comes round."""
    days = (series.day_of_year.astype(np.int64) - first) % NUM_DAYS
    order = np.argsort(np.where(series.valid, days, NUM_DAYS), axis=1, kind="stable")
    longest = int(series.valid.sum(axis=1).max())

    def turned(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        index = order.reshape(*order.shape, *[1] * (values.ndim - 2))
        return np.take_along_axis(values, index, axis=1)[:, :longest]

    harvest = series.truth["harvest_day"].astype(np.int64)
    counted = np.where(harvest >= 0, (harvest - first) % NUM_DAYS, -1).astype(np.int16)
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
