"""Both sensors by radiative transfer: landscapes in, simulated series out.

Read in this order: :mod:`~windrow.simulation.keyed_random` (draws keyed by position),
:mod:`~windrow.simulation.crops`, :mod:`~windrow.simulation.settings` and
:mod:`~windrow.simulation.scenarios` (the numbers),
:mod:`~windrow.simulation.fields.landscape` (where fields lie),
:mod:`~windrow.simulation.fields.weather` and
:mod:`~windrow.simulation.fields.phenology` (what happens on them),
:mod:`~windrow.simulation.emulator` (of the radiative transfer in leaves and canopies),
:mod:`~windrow.simulation.surface.soil`, :mod:`~windrow.simulation.surface.canopy` and
:mod:`~windrow.simulation.surface.surface` (what fields reflect),
:mod:`~windrow.simulation.sensing.atmosphere` and
:mod:`~windrow.simulation.sensing.acquisition` (what satellites see of it), and
:mod:`~windrow.simulation.generate` (the top: :func:`simulate`, :func:`simulate_parts` and
:func:`simulate_store`);
:mod:`~windrow.simulation.denethor_rasters` writes one landscape as rasters, and
:mod:`~windrow.simulation.worlds.world` makes random places of scattered fields to learn from.
Worlds have a crop table (:mod:`~windrow.simulation.crop_table`) and seasons
(:mod:`~windrow.simulation.places.calendars`) of the whole Earth;
:mod:`~windrow.simulation.worlds.imposed` shows them under a user's own dates and clouds.
"""

from windrow.simulation.crop_table import CROP_TABLE, TABLE_NAMES, TableCrop
from windrow.simulation.denethor_rasters import simulate_denethor
from windrow.simulation.generate import (
    simulate,
    simulate_landscape,
    simulate_parts,
    simulate_pixels,
    simulate_store,
)
from windrow.simulation.places.calendars import Calendar, calendar_at
from windrow.simulation.places.place import Place
from windrow.simulation.scenarios import (
    DEFAULT_SCENARIO,
    SCENARIOS,
    scenario_settings,
)
from windrow.simulation.settings import CropClass, ScenarioSettings
from windrow.simulation.worlds.imposed import simulate_like
from windrow.simulation.worlds.settings import EARTH, WorldSettings
from windrow.simulation.worlds.world import World, simulate_place, simulate_world

__all__ = [
    "CROP_TABLE",
    "DEFAULT_SCENARIO",
    "EARTH",
    "SCENARIOS",
    "TABLE_NAMES",
    "Calendar",
    "CropClass",
    "Place",
    "ScenarioSettings",
    "TableCrop",
    "World",
    "WorldSettings",
    "calendar_at",
    "scenario_settings",
    "simulate",
    "simulate_denethor",
    "simulate_landscape",
    "simulate_like",
    "simulate_parts",
    "simulate_pixels",
    "simulate_place",
    "simulate_store",
    "simulate_world",
]
