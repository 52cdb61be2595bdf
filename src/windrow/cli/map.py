"""``windrow map``: a crop map of a cube, with how sure it is."""

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
class Map:
    """Writes the class of every pixel of a cube, its probability, and how sure it is."""

    cube: Annotated[Path, tyro.conf.Positional]
    """A netCDF or Zarr cube, a folder of GeoTIFFs, or STAC items, of one season."""
    out: Path
    """The folder of the map; must not exist. It will hold GeoTIFFs, styles and a legend."""
    classifier: Path | None = None
    """A folder written by 'windrow train'."""
    crops: tuple[str, ...] = ()
    """Without any label: the crops and land covers that grow there, by name."""
    every_probability: bool = False
    """Write the probability of every class as a layer too."""
    memory: float = 4.0
    """Largest memory of all processes together, GiB."""
    workers: int | None = None
    """Number of processes; by default one per core."""
    scheduler: str | None = None
    """Address of a dask scheduler, such as tcp://127.0.0.1:8786, that runs the blocks instead."""
    resume: bool = False
    """Go on with a map that was begun in the folder."""
    weights: str = "windrow-1"
    """A run directory, a .safetensors file, or the name of shipped weights."""
    options: Annotated[CubeOptions, tyro.conf.arg(name="")] = field(default_factory=CubeOptions)
    """How to read the cube, where it should not be detected."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow map``."""
    chosen = parse(Map, arguments, prog="windrow map")
    if chosen.workers is not None and chosen.workers < 1:
        raise SettingsError("--workers is out of range", found=chosen.workers, expected="1 or more")
    if not chosen.memory > 0:
        raise SettingsError("--memory is out of range", found=chosen.memory, expected="above 0")
    from windrow.experiments.recipes.classifier import mix
    from windrow.pipelines.maps.job import MapOptions, MapRequest
    from windrow.pipelines.maps.map_cube import map_cube

    with progress("mapping", "blocks") as advance:
        mapped = map_cube(
            MapRequest(
                chosen.cube,
                classifier=chosen.classifier,
                crops=chosen.crops,
                mix=mix(),
                cube_options=chosen.options,
                every_probability=chosen.every_probability,
                weights=chosen.weights,
            ),
            out=chosen.out,
            options=MapOptions(
                memory=chosen.memory,
                num_workers=chosen.workers,
                scheduler=chosen.scheduler,
                resume=chosen.resume,
            ),
            on_progress=advance,
        )
    print("\n".join(mapped.lines))
    area = mapped.header.grid.pixel_area
    for each in mapped.header.classes:
        hectares = "" if area is None else f", {each.num_pixels * area / 10_000:,.1f} ha"
        print(f"{each.name}: {each.num_pixels:,} pixels{hectares}")
    print("areas are counts of pixels: an unbiased estimate needs a reference sample")
    print(chosen.out)
