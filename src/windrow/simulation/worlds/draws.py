"""Random draws of a world: place, climate, crops and their shares, clouds, soils and product."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from windrow.simulation.crop_table import CROP_TABLE, table_number
from windrow.simulation.keyed_random import keyed, normal, spread, uniform
from windrow.simulation.places.calendars import HALF_YEAR, YEAR, Calendar
from windrow.simulation.places.climate import Climate, Rain
from windrow.simulation.places.place import Place
from windrow.simulation.scenarios import SCENARIOS
from windrow.simulation.settings import ScenarioSettings, SnowSpell
from windrow.simulation.worlds.settings import WorldSettings

_SNOW = ((8, 20, 0.5), (25, 45, 0.6), (50, 66, 0.6), (72, 84, 0.4), (338, 352, 0.4))
_STEP = 2.0
_NORTH = 72.0


class WorldDraws:
    """The draws of one world, by purpose.

    Args:
        seed: seed of the simulation.
        number: number of the world.
    """

    def __init__(self, seed: int, number: int) -> None:
        self.seed, self.number = seed, number

    def between(self, purpose: str, limits: tuple[float, float]) -> float:
        """Draws a uniform number between the limits."""
        low, high = limits
        return low + (high - low) * float(uniform(keyed(self.seed, purpose, self.number)))

    def whole(self, purpose: str, limits: tuple[int, int]) -> int:
        """Draws a whole number between the limits, both included."""
        return min(int(self.between(purpose, (limits[0], limits[1] + 1))), limits[1])

    def chance(self, purpose: str, share: float) -> bool:
        """Draws True with the probability ``share``."""
        return self.between(purpose, (0.0, 1.0)) < share

    def spread(self, purpose: str, deviation: float, most: float) -> float:
        """Draws a normal number around zero, cut at +-``most``."""
        drawn = float(spread(keyed(self.seed, purpose, self.number), 0.0, deviation))
        return float(np.clip(drawn, -most, most))

    def order(self, purpose: str, num: int) -> list[int]:
        """Draws a random order of 0 to num - 1."""
        drawn = uniform(keyed(self.seed, purpose, self.number, np.arange(num)))
        return [int(k) for k in np.argsort(drawn)]


@cache
def _land() -> npt.NDArray[np.bool_]:
    """Marks the two-degree cells that are land, from the north-western corner."""
    from safetensors.numpy import load

    content = (files("windrow.simulation.places") / "calendars.safetensors").read_bytes()
    return np.asarray(load(content)["land"], dtype=bool)


def draw_place(settings: WorldSettings, draws: WorldDraws) -> Place:
    """Draws a place on land, and its twelve months of observation."""
    sign = -1.0 if draws.chance("southern", settings.southern_share) else 1.0
    low, high = settings.latitude
    # There is hardly any farmed land beyond 45 degrees south.
    latitude = sign * draws.between("latitude", (low, min(high, 45.0) if sign < 0 else high))
    row = int((_NORTH - latitude) / _STEP)
    columns = np.flatnonzero(_land()[row])
    place = draws.between("longitude", (0.0, float(len(columns))))
    longitude = -180 + _STEP * (columns[int(place)] + place % 1)
    found = Place(
        longitude=float(np.clip(longitude, -178, 178)),
        latitude=latitude,
        year=draws.whole("year", settings.years),
        product="L1C" if draws.chance("product", settings.l1c_share) else "L2A",
        altitude_m=draws.between("altitude_m", settings.altitude_m),
        irrigated=draws.between("irrigated", settings.irrigated),
    )
    if draws.chance("calendar year", settings.calendar_year_share):
        return found
    return found.model_copy(update={"season_start": _season_start(draws, found.calendar)})


def _season_start(draws: WorldDraws, calendar: Calendar) -> int:
    """Draws a day within two months of the start of a growing season."""
    season = calendar.cold if draws.chance("cold season first", 0.5) else calendar.warm
    northern = season.start + draws.between("season start", (-60.0, 30.0))
    return round(northern + (HALF_YEAR if calendar.southern else 0)) % YEAR


def draw_climate(settings: WorldSettings, draws: WorldDraws, place: Place) -> Climate:
    """Gives the mean climate of a place. Its rain is drawn if the latitude allows another kind."""
    away = abs(place.latitude)
    rain: Rain = place.rain
    if 29 <= away < 45:
        dry = draws.chance("dry summers", settings.dry_summer_share)
        rain = "dry summer" if dry else "even"
        if not dry and away < 35 and draws.chance("wet season", 0.5):
            rain = "wet season"
    return place.climate(
        continentality=draws.between("continentality", settings.continentality),
        drought=draws.between("drought", settings.drought),
        rain=rain,
    )


def draw_crops(settings: WorldSettings, draws: WorldDraws, climate: Climate) -> list[str]:
    """Draws the names of a world's crops, mostly common ones that are usual at its latitude."""
    wanted = draws.whole("number of crops", settings.num_crops)
    order = [settings.crops[k] for k in draws.order("crops", len(settings.crops))]
    usual = [name for name in order if _usual(name, climate)]
    if len(usual) >= 2 and not draws.chance("unusual", settings.unusual_share):
        order = usual
    if not draws.chance("cover", settings.cover_share):
        farmed = [k for k in order if CROP_TABLE[table_number(k)].growth != "cover"]
        order = farmed or order
    if draws.chance("common crops", settings.common_share):
        common = [name for name in order if name in settings.common_crops]
        others = [name for name in order if name not in settings.common_crops]
        first = max(wanted - 2, 0)
        order = [*common[:first], *others, *common[first:]]
    return order[:wanted]


def _usual(name: str, climate: Climate) -> bool:
    low, high = CROP_TABLE[table_number(name)].latitudes
    return low <= climate.latitude <= high


def draw_shares(settings: WorldSettings, draws: WorldDraws, num: int) -> npt.NDArray[np.float64]:
    """Draws the shares of the crops from a Dirichlet distribution with a lower bound."""
    generator = np.random.default_rng(int(keyed(draws.seed, "shares", draws.number)))
    drawn = generator.dirichlet(np.full(num, settings.crop_evenness))
    kept = np.maximum(drawn, settings.least_share)
    return np.asarray(kept / kept.sum(), dtype=np.float64)


def _cloud_share(settings: WorldSettings, draws: WorldDraws) -> tuple[float, ...]:
    """Draws the share of cloudy dates by month, a seasonal cycle around a mean."""
    month = np.arange(12)
    swing = draws.between("cloud season", (0.0, settings.cloud_season))
    wettest = draws.between("wettest month", (0.0, 12.0))
    noise = 0.08 * normal(keyed(draws.seed, "clouds of a month", draws.number, month))
    share = draws.between("cloud share", settings.cloud_share) + noise
    share = share + swing * np.cos(2 * np.pi * (month - wettest) / 12)
    return tuple(float(s) for s in np.clip(share, 0.05, 0.93))


def draw_scenario(settings: WorldSettings, draws: WorldDraws, place: Place) -> ScenarioSettings:
    """Draws weather, soil, clouds and sensor of a world at the mirrored, northern latitude."""
    cold = abs(place.latitude) > 38
    snow = _SNOW if cold and draws.chance("snow", settings.snow_share) else ()
    usual = SCENARIOS["brandenburg-2018"].to_dict()
    drawn = {
        name: draws.between(name, getattr(settings, name))
        for name in (
            "relief", "field_m", "season_spread", "drought", "leaf_area_scale",
            "winter_leaf_area", "management_spread", "mask_margin", "mask_shadow", "two_orbits",
            "gain_noise",
        )
    }  # fmt: skip
    return ScenarioSettings.from_dict(
        usual
        | drawn
        | {
            "name": f"world-{draws.seed}-{draws.number}",
            "year": place.year,
            "product": place.product,
            "unit": "field",
            "longitude": float(np.clip(place.longitude, -178, 178)),
            "latitude": abs(place.latitude),
            "altitude_m": place.altitude_m,
            "pixels_per_field": settings.parts_per_field,
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
