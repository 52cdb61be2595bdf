"""A folder of simulated places: existing places are read, missing ones are simulated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from pydantic import Field

from windrow.config import Settings
from windrow.data.place_fields import PlaceFields, place_fields, read_place_fields
from windrow.data.place_fields import write_place_fields as write_place
from windrow.data.ten_day_grid import season_days
from windrow.errors import SettingsError
from windrow.files import write_text
from windrow.processes import begin_in_pool, one_thread_each
from windrow.simulation.worlds.scenario_worlds import (
    ScenarioWorldSettings,
    simulate_scenario_world,
)
from windrow.simulation.worlds.settings import WorldSettings
from windrow.simulation.worlds.world import simulate_world

SETTINGS_FILE = "worlds.yaml"

FIRST_SCENARIO_WORLD = 1_000_000
"""First number of the places of temperate farmland; lower numbers are places on the Earth."""

FIRST_VALIDATION_WORLD = 500_000
"""First number of the validation places within their kind.

Validation places therefore stay the same when a recipe trains on more places or on fewer.
"""


class WorldCacheSettings(Settings):
    """The settings that determine the places of a folder."""

    worlds: WorldSettings = Field(description="places anywhere on the Earth")
    scenario_worlds: ScenarioWorldSettings = Field(description="places of temperate farmland")
    clear_below: int = Field(ge=1, le=256, description="cloud probability of a clear date")
    seed: int = Field(ge=0)


def make_place(settings: WorldCacheSettings, number: int) -> PlaceFields:
    """Simulates world ``number``, with days counted from 1 January as north of the equator.

    Numbers from ``FIRST_SCENARIO_WORLD`` on are places of temperate farmland.

    Args:
        settings: the settings that determine the places.
        number: number of the world.
    """
    if number >= FIRST_SCENARIO_WORLD:
        world = simulate_scenario_world(
            settings.scenario_worlds, settings.seed, number=number - FIRST_SCENARIO_WORLD
        )
    else:
        world = simulate_world(settings.worlds, settings.seed, number=number)
    place = place_fields(
        world.series,
        world.crop,
        crop_names=tuple(world.crop_names),
        latitude=world.latitude,
        clear_below=settings.clear_below,
    )
    days = season_days(place.day_of_year, season_start=world.season_start, latitude=world.latitude)
    return place.with_days(days.astype(np.int16))


def read_worlds(
    folder: str | Path,
    settings: WorldCacheSettings,
    numbers: Sequence[int],
    *,
    num_workers: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[PlaceFields]:
    """Reads worlds from the folder; missing worlds are simulated and written there first.

    Args:
        folder: the folder; created if it does not exist.
        settings: the settings that determine the worlds; a folder with other settings is refused.
        numbers: numbers of the worlds.
        num_workers: number of processes that simulate, one thread each; 1 uses this process.
        on_progress: called with the number of worlds done and their total.

    Returns:
        the worlds in the order of ``numbers``.

    Raises:
        SettingsError: the folder holds worlds of other settings.
        DataError: a file of the folder is damaged.
        OutputError: the folder cannot be written.
    """
    path = Path(folder)
    _claim(path, settings)
    missing = [number for number in numbers if not _file(path, number).is_file()]
    if num_workers == 1 or len(missing) < 2:
        for done, number in enumerate(missing, start=1):
            _make_file(path, settings, number)
            if on_progress is not None:
                on_progress(done, len(missing))
    else:
        with (
            one_thread_each(),
            ProcessPoolExecutor(
                num_workers, mp_context=get_context("spawn"), initializer=begin_in_pool
            ) as pool,
        ):
            jobs = [pool.submit(_make_file, path, settings, number) for number in missing]
            try:
                for done, job in enumerate(jobs, start=1):
                    job.result()
                    if on_progress is not None:
                        on_progress(done, len(missing))
            finally:
                for job in jobs:
                    job.cancel()
    return [read_place_fields(_file(path, number)) for number in numbers]


def _claim(path: Path, settings: WorldCacheSettings) -> None:
    file = path / SETTINGS_FILE
    if not file.is_file():
        write_text(file, settings.to_yaml())
        return
    if WorldCacheSettings.from_yaml(file) != settings:
        raise SettingsError(
            "the folder holds worlds of other settings",
            where=file,
            hint="name another folder with --worlds, or remove this one",
        )


def _file(folder: Path, number: int) -> Path:
    return folder / f"world-{number:06d}.safetensors"


def _make_file(folder: Path, settings: WorldCacheSettings, number: int) -> None:
    write_place(_file(folder, number), make_place(settings, number))
