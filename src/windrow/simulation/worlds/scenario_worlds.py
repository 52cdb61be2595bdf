"""Random places of temperate farmland, grown by the calendars that the scenarios are tuned with.

They stand beside the worlds of :mod:`windrow.simulation.worlds.world`, which lie anywhere on the
Earth: their 25 crops, with catch crops, volunteers and weeds between them, follow the table that is
tuned on real fields of central Europe, and vary around the scenario ``brandenburg-2018``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from pydantic import Field

from windrow.config import Settings
from windrow.data.series import concatenate
from windrow.simulation.crop_table import TABLE_NAMES
from windrow.simulation.crops import NAMES
from windrow.simulation.generate import simulate_landscape
from windrow.simulation.scenarios import SCENARIOS
from windrow.simulation.settings import CropClass, ScenarioSettings
from windrow.simulation.worlds.world import World

Between = tuple[float, float]
"""Lowest and highest value of a uniform draw."""

_STREAM = 77


class ScenarioWorldSettings(Settings):
    """How widely the places differ; each range is drawn from once a place."""

    num_fields: int = Field(ge=9, description="about so many fields")
    num_landscapes: tuple[int, int] = Field(description="fewest and most, each with its weather")
    num_crops: tuple[int, int]
    common_crops: tuple[str, ...] = Field(description="those that most places are made of")
    common_share: float = Field(ge=0, le=1, description="places of common crops and two others")
    l1c_share: float = Field(ge=0, le=1, description="places seen at the top of the atmosphere")
    latitude: Between
    season_shift: float = Field(ge=0, description="deviation of how late the season is, days")
    harvest_shift: float = Field(ge=0, description="deviation of how late ripening is, days")
    drought: Between
    leaf_area_scale: Between
    winter_leaf_area: Between
    management_spread: Between
    soil_brightness: Between
    cloud_share: Between
    snow_share: float = Field(ge=0, le=1)
    field_m: Between
    aerosol: Between


@dataclass(frozen=True)
class ScenarioPlace:
    """A random place of farmland before it is simulated.

    Attributes:
        scenario: its settings.
        seed: seed of its landscapes.
        num_landscapes: number of landscapes, each with its weather.
    """

    scenario: ScenarioSettings
    seed: int
    num_landscapes: int


def draw_scenario_place(
    settings: ScenarioWorldSettings, draw: np.random.Generator
) -> ScenarioPlace:
    """Draws a place."""
    num_landscapes = int(draw.integers(settings.num_landscapes[0], settings.num_landscapes[1] + 1))
    scenario = _scenario(settings, draw, num_landscapes)
    return ScenarioPlace(scenario, int(draw.integers(1 << 31)), num_landscapes)


def generator_of_place(seed: int, *, number: int) -> np.random.Generator:
    """Returns the generator of all draws of place ``number`` of a seed."""
    return np.random.default_rng([_STREAM, seed, number])


def simulate_scenario_world(settings: ScenarioWorldSettings, seed: int, *, number: int) -> World:
    """Simulates place ``number`` of a seed; its twelve months are those of the calendar.

    Args:
        settings: how widely places differ.
        seed: any whole number.
        number: of the place; places of one seed do not depend on each other.
    """
    draw = generator_of_place(seed, number=number)
    place = draw_scenario_place(settings, draw)
    scenario = place.scenario
    parts = [
        simulate_landscape(scenario, seed=place.seed, landscape=landscape)
        for landscape in range(place.num_landscapes)
    ]
    series = concatenate([replace(part, truth={}) for part in parts])
    order = draw.permutation(len(series))[: settings.num_fields]
    series = series.select(np.sort(order))
    assert series.label is not None
    position = np.array([TABLE_NAMES.index(one.name) for one in scenario.classes])
    return World(
        series=series,
        season_start=0,
        crop=position[series.label].astype(np.int64),
        crop_names=TABLE_NAMES,
        latitude=scenario.latitude,
        longitude=scenario.longitude,
    )


def _scenario(
    settings: ScenarioWorldSettings, draw: np.random.Generator, num_landscapes: int
) -> ScenarioSettings:
    usual = SCENARIOS["brandenburg-2018"]

    def between(limits: Between) -> float:
        return float(draw.uniform(*limits))

    def around(mean: float, deviation: float, most: float) -> float:
        return float(np.clip(draw.normal(mean, deviation), -most, most))

    field_m = between(settings.field_m)
    a_side = np.sqrt(settings.num_fields / num_landscapes) + 0.6  # some fields hold no pixel
    return usual.model_copy(
        update={
            "name": "scenario-world",
            "unit": "field",
            "pixels_per_field": 2,
            "product": "L1C" if draw.random() < settings.l1c_share else "L2A",
            "classes": _classes(settings, draw),
            "latitude": between(settings.latitude),
            "altitude_m": between((0.0, 1200.0)),
            "relief": between((0.0, 0.1)),
            "field_m": field_m,
            "landscape_m": int(30 * np.ceil(a_side * field_m / 30)),
            "season_shift": around(-4.0, settings.season_shift, 40.0),
            "season_spread": between((1.0, 6.0)),
            "harvest_shift": around(-2.0, settings.harvest_shift, 35.0),
            "drought": between(settings.drought),
            "leaf_area_scale": between(settings.leaf_area_scale),
            "winter_leaf_area": between(settings.winter_leaf_area),
            "management_spread": between(settings.management_spread),
            "soil_brightness": (between(settings.soil_brightness), between((0.015, 0.05))),
            "cloud_share": _cloud_share(settings, draw),
            "snow": usual.snow if draw.random() < settings.snow_share else (),
            "mask_margin": between((0.0, 0.25)),
            "mask_shadow": between((0.0, 0.5)),
            "two_orbits": between((0.0, 1.0)),
            "aerosol": (between(settings.aerosol), 0.5),
            "gain_noise": between((0.01, 0.04)),
        }
    )


def _classes(settings: ScenarioWorldSettings, draw: np.random.Generator) -> tuple[CropClass, ...]:
    wanted = int(draw.integers(settings.num_crops[0], settings.num_crops[1] + 1))
    crops: npt.NDArray[np.str_] = draw.choice(NAMES, wanted, replace=False)
    if draw.random() < settings.common_share:
        common = draw.choice(
            settings.common_crops, min(wanted, len(settings.common_crops)), replace=False
        )
        crops = np.unique(np.concatenate([common, crops[:2]]))
    share = np.maximum(draw.dirichlet(np.full(len(crops), 1.5)), 0.03)
    return tuple(
        CropClass(name=str(name), code=str(name), share=float(part), crops={str(name): 1.0})
        for name, part in zip(crops, share / share.sum(), strict=True)
    )


def _cloud_share(settings: ScenarioWorldSettings, draw: np.random.Generator) -> tuple[float, ...]:
    month = np.arange(12)
    swing = draw.uniform(-0.25, 0.25) * np.cos(2 * np.pi * (month - draw.uniform(0, 12)) / 12)
    share = draw.uniform(*settings.cloud_share) + swing + draw.normal(0, 0.08, 12)
    return tuple(np.clip(share, 0.05, 0.93).tolist())
