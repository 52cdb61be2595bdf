"""Both sensors by radiative transfer: landscapes in, simulated series out.

Read in this order: :mod:`~windrow.simulation.random` (draws keyed by position),
:mod:`~windrow.simulation.crops` and :mod:`~windrow.simulation.scenarios` (the numbers),
:mod:`~windrow.simulation.landscape` (where fields lie), :mod:`~windrow.simulation.weather` and
:mod:`~windrow.simulation.phenology` (what happens on them),
:mod:`~windrow.simulation.ground`, :mod:`~windrow.simulation.canopy` and
:mod:`~windrow.simulation.surface` (what they reflect), :mod:`~windrow.simulation.atmosphere` and
:mod:`~windrow.simulation.acquisition` (what satellites see of it), and
:mod:`~windrow.simulation.generate` (the top: :func:`simulate` and :func:`simulate_store`).
"""

from windrow.simulation.generate import (
    simulate,
    simulate_landscape,
    simulate_pixels,
    simulate_store,
)
from windrow.simulation.scenarios import (
    DEFAULT_SCENARIO,
    SCENARIOS,
    ScenarioSettings,
    scenario_settings,
)

__all__ = [
    "DEFAULT_SCENARIO",
    "SCENARIOS",
    "ScenarioSettings",
    "scenario_settings",
    "simulate",
    "simulate_landscape",
    "simulate_pixels",
    "simulate_store",
]
