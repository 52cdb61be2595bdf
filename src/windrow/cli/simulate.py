"""``windrow simulate``: both sensors over landscapes of fields."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from windrow.cli.progress import progress
from windrow.errors import SettingsError


@dataclass(frozen=True)
class Simulate:
    """Simulates paired Sentinel-2 and PlanetScope series; nothing in it was ever seen from space.

    The same seed gives the same bytes, whatever the number of workers.
    """

    out: Path
    """Where the store is written; must not exist."""
    num_series: int | None = None
    """How many series (Sentinel-2 pixels) to simulate; with --layout denethor whole landscapes."""
    seed: int = 0
    """Every random draw follows from it."""
    scenario: str = "brandenburg-2018"
    """Region, year and sensors, by name."""
    layout: Literal["store", "denethor"] = "store"
    """A series store, or the folders and rasters in which DENETHOR is distributed."""
    every_days: Literal[1, 5] = 1
    """Days between PlanetScope's files, of --layout denethor."""
    num_workers: Annotated[int, tyro.conf.arg(aliases=["-j"])] = 0
    """Processes; 0 takes one a core."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow simulate``."""
    options = tyro.cli(Simulate, args=arguments, prog="windrow simulate")
    if options.layout == "denethor":
        from windrow.simulation.denethor import simulate_landscapes

        with progress("simulating", "rows of pixels") as report:
            simulate_landscapes(
                options.out,
                scenario=options.scenario,
                num_series=options.num_series,
                seed=options.seed,
                every_days=options.every_days,
                on_progress=report,
            )
        print(options.out)
        return
    if options.num_series is None:
        raise SettingsError("how many series to simulate", hint="give --num-series")
    from windrow.simulation.generate import simulate_store

    with progress("simulating", "series") as report:
        simulate_store(
            options.out,
            scenario=options.scenario,
            num_series=options.num_series,
            seed=options.seed,
            num_workers=options.num_workers or os.cpu_count() or 1,
            on_progress=report,
        )
    print(options.out)
