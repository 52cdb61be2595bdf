"""``windrow simulate``: both sensors over landscapes of fields."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from windrow.cli.progress import progress


@dataclass(frozen=True)
class Simulate:
    """Simulates paired Sentinel-2 and PlanetScope series; nothing in it was ever seen from space.

    The same seed gives the same bytes, whatever the number of workers.
    """

    out: Path
    """Where the store is written; must not exist."""
    num_series: int
    """How many series (Sentinel-2 pixels) to simulate."""
    seed: int = 0
    """Every random draw follows from it."""
    scenario: str = "brandenburg-2018"
    """Region, year and sensors, by name."""
    layout: Literal["store", "denethor"] = "store"
    """A series store, or the folders and rasters in which DENETHOR is distributed."""
    num_workers: Annotated[int, tyro.conf.arg(aliases=["-j"])] = 0
    """Processes; 0 takes one a core."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow simulate``."""
    options = tyro.cli(Simulate, args=arguments, prog="windrow simulate")
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
