"""``windrow reconstruct``: daily PlanetScope-like reflectance from a Sentinel-2 cube."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from windrow.cli.parse import parse
from windrow.cli.progress import progress
from windrow.errors import SettingsError
from windrow.sources.reader import CubeOptions


@dataclass(frozen=True)
class Reconstruct:
    """Predicts cloud-free reflectance as PlanetScope would see it, on every day.

    The result has four bands, and 3 x 3 pixels for each Sentinel-2 pixel. It is a prediction: the
    fine detail is learned from the pairs that the weights were trained on. docs/reconstruct.md
    holds its errors.
    """

    cube: Annotated[Path, tyro.conf.Positional]
    """A netCDF or Zarr cube, a folder of GeoTIFFs, or STAC items, of one season."""
    weights: Path
    """The run directory of 'windrow pretrain'. Runs with --any-day predict every day; others
    predict at the dates of the cube, and days between are interpolated and flagged."""
    out: Path
    """The folder of the Zarr group to write; must not exist."""
    first_day: str | None = None
    """First day, as YYYY-MM-DD; by default the first date of the cube."""
    last_day: str | None = None
    """Last day; by default the last date of the cube."""
    interpolate: bool = False
    """Interpolate days between the dates, also where the weights could predict them."""
    block_pixels: int = 1_024
    """Largest number of Sentinel-2 pixels in a block. A process holds one block in memory, about
    0.3 MB a pixel for a year."""
    workers: int | None = None
    """Number of processes; by default one per core."""
    resume: bool = False
    """Go on with a reconstruction that was stopped."""
    options: Annotated[CubeOptions, tyro.conf.arg(name="")] = field(default_factory=CubeOptions)
    """How to read the cube, where it should not be detected."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow reconstruct``."""
    chosen = parse(Reconstruct, arguments, prog="windrow reconstruct")
    if chosen.workers is not None and chosen.workers < 1:
        raise SettingsError("--workers is out of range", found=chosen.workers, expected="1 or more")
    from windrow.pipelines.daily.job import DailyRequest
    from windrow.pipelines.daily.reconstruct import reconstruct

    with progress("reconstructing", "blocks") as advance:
        found = reconstruct(
            DailyRequest(
                chosen.cube,
                chosen.weights,
                cube_options=chosen.options,
                first_day=chosen.first_day,
                last_day=chosen.last_day,
                use_queries=not chosen.interpolate,
                block_pixels=chosen.block_pixels,
            ),
            out=chosen.out,
            num_workers=chosen.workers,
            resume=chosen.resume,
            on_progress=advance,
        )
    print("\n".join(found.lines))
    for name, number in found.counts.items():
        print(f"{name.replace('_', ' ')}: {number:,}")
    print(chosen.out)
