"""The reader of DENETHOR (Kondmann et al. 2021): two tiles of Brandenburg in three layouts.

Labels are DL-DE/BY-2.0, (c) GeoBasis-DE/LGB. Series are pixels of Sentinel-2 inside the parcels,
each with its nine PlanetScope pixels of every day.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy.typing as npt

from windrow.data.series import Series
from windrow.data.splits import PartSettings, SplitSettings
from windrow.errors import DataError, SettingsError
from windrow.sources.denethor.labels import read_parcels
from windrow.sources.denethor.layout import TILES, Layout, TileFiles, find_layout, is_denethor
from windrow.sources.denethor.planetscope import PlanetScopeStack, open_stack, require_rasterio
from windrow.sources.denethor.sampling import draw_sample, part_of_parcels, split_table
from windrow.sources.denethor.sentinel2 import Sentinel2Cube, detect_scale, open_cube
from windrow.sources.denethor.tile import OpenTile, prepare_tile, sentinel2_grid, tile_parts
from windrow.sources.reader import (
    IngestOptions,
    Reading,
    ReadingSummary,
    ResolvedOptions,
    refuse_options,
)

OPTIONS = frozenset(
    {
        "labels",
        "label_column",
        "scale",
        "bands",
        "year",
        "tile",
        "pairing",
        "planetscope",
        "quality_bands",
        "protocol",
        "part",
        "num_series",
    }
)
NAMES = {"a": "the original", "b": "Radiant MLHub", "c": "Source Cooperative"}

_PRODUCTS: tuple[Literal["daily", "5day"], ...] = ("daily", "5day")

recognises = is_denethor


@dataclass(frozen=True)
class _Request:
    """What was asked of a folder."""

    root: Path
    layout: Layout
    options: IngestOptions
    split: SplitSettings | None
    part: PartSettings | None


def read(path: Path, options: IngestOptions) -> Reading:
    """Opens the tiles of a folder; what is read, and how, follows from names and headers.

    Raises:
        WindrowError: rasterio is missing.
        SettingsError: an option does not fit.
        DataError: a file is missing, damaged, or does not fit the others; names it.
    """
    refuse_options(
        options,
        OPTIONS,
        product="DENETHOR",
        reasons={"season_start": "each of its tiles is one calendar year"},
    )
    require_rasterio()
    split, part = _split(options)
    layout = find_layout(path)
    request = _Request(path, layout, options, split, part)
    summary = ReadingSummary(str(path))
    wanted = _tiles(request)
    summary.say("layout", f"({layout.letter}) {NAMES[layout.letter]}")
    if layout.simulated:
        summary.say("simulated", "SIMULATED.txt: no satellite ever saw this place")
    summary.say("processing_level", "L2A (the product's)")
    tables: dict[str, dict[str, npt.NDArray[Any]]] = {}
    tiles: list[OpenTile] = []
    for number, files in enumerate(wanted):
        own = summary if len(wanted) == 1 else ReadingSummary(str(path))
        opened, table = _open(files, request, number, own)
        tiles.append(opened)
        tables["fields" if len(wanted) == 1 else f"fields_{files.name}"] = table
    provenance = {
        "product": "denethor",
        "layout": layout.letter,
        "tiles": [tile.name for tile in tiles],
        "pairing": tiles[0].pairing,
        "split": split.to_dict() if split else None,
        "part": part.name if part else None,
        "seed": options.seed,
    }
    _merge(summary, tiles)
    return Reading(
        parts=_parts(tiles, options.scratch, summary),
        summary=summary,
        provenance=provenance,
        preparation=_preparation(tiles, options.scratch),
        tables=tables,
    )


def _split(options: IngestOptions) -> tuple[SplitSettings | None, PartSettings | None]:
    split = options.split if isinstance(options, ResolvedOptions) else None
    if split is None:
        for name in ("protocol", "part"):
            if getattr(options, name) is not None:
                raise SettingsError(
                    f"--{name} {getattr(options, name)} does not concern DENETHOR",
                    expected="--protocol task1 or task2, and a --part of it",
                )
        return None, None
    names = [part.name for part in split.parts]
    if options.part not in names:
        raise SettingsError(
            f"which part of {options.protocol} to write",
            found=options.part or "no --part",
            expected=" or ".join(names),
            hint="give --part; each part becomes a store of its own",
        )
    return split, split.parts[names.index(options.part)]


def _tiles(request: _Request) -> list[TileFiles]:
    tiles, split = request.layout.tiles, request.split
    names = [tile.name for tile in tiles]
    wanted = request.options.tile or (split.tile if split and len(names) > 1 else None)
    found = list(tiles)
    if wanted is not None:
        plain = wanted.replace("_", "-").removeprefix("33N/").removeprefix("33N-")
        name = {code.removeprefix("33N/"): each for each, code in TILES.items()}.get(plain, plain)
        found = [tile for tile in tiles if tile.name == name]
    if not found:
        raise DataError(
            f"no tile {wanted!r} here" if wanted else "no tile here",
            where=request.root,
            found=", ".join(names) or "no file of a tile",
        )
    if split and found[0].name not in (split.tile, "tile"):
        raise SettingsError(
            f"protocol {request.options.protocol} is of the {split.tile} tile",
            where=request.root,
            found=f"the {found[0].name} tile",
        )
    return found


def _open(
    files: TileFiles, request: _Request, number: int, summary: ReadingSummary
) -> tuple[OpenTile, dict[str, npt.NDArray[Any]]]:
    options, root = request.options, request.root
    summary.say("tile", f"{files.name}{f', {TILES[files.name]}' if files.name in TILES else ''}")
    cube = open_cube(files, root, bands=options.bands, summary=summary)
    year = _year(cube, options)
    summary.say("year", str(year))
    summary.say("dates", f"{min(cube.dates).date()} to {max(cube.dates).date()}")
    stack = _stack(files, options, year, summary)
    pairing = options.pairing or "corner"
    grid = sentinel2_grid(cube, stack, summary)
    if stack is not None:
        how = "as given" if options.pairing else "the formula of earlier public code"
        summary.say("pairing", f"{pairing} ({how})")
    labels = options.labels or _labels(files, root)
    parcels = read_parcels(labels, grid, label_column=options.label_column, summary=summary)
    parts = part_of_parcels(parcels, request.split, seed=options.seed, summary=summary)
    sample = draw_sample(
        parcels,
        parts,
        part=request.part,
        num_series=options.num_series,
        seed=options.seed,
        summary=summary,
    )
    scale = detect_scale(cube, sample.pixels, options.scale)
    summary.say("scale", f"{scale} ({'as given' if options.scale else 'detected'})")
    summary.count("parcels_with_pixels", len(parcels.field_id))
    summary.count("distinct_pixels", len(sample.pixels))
    summary.count("series", len(sample))
    opened = OpenTile(
        name=files.name,
        number=number,
        year=year,
        cube=cube,
        stack=stack,
        grid=grid,
        parcels=parcels,
        sample=sample,
        scale=scale,
        pairing=pairing,
        simulated=request.layout.simulated,
        summary=summary,
    )
    return opened, split_table(parcels, parts, grid)


def _labels(files: TileFiles, root: Path) -> Path:
    if len(files.labels) != 1:
        raise DataError(
            f"the {files.name} tile has {'no' if not files.labels else 'several'} label files",
            where=root,
            found=", ".join(str(p.relative_to(root)) for p in files.labels) or None,
            expected="labels.geojson, crops_*.geojson or *crop-labels*.geojson",
            hint="name the file with --labels",
        )
    return files.labels[0]


def _year(cube: Sentinel2Cube, options: IngestOptions) -> int:
    year = options.year or cube.dates[0].year
    other = next((each for each in cube.dates if each.year != year), None)
    if other is not None:
        raise DataError(
            "a date lies outside the year",
            where=cube.timestamps,
            found=other.date(),
            expected=year,
        )
    return year


def _stack(
    files: TileFiles, options: IngestOptions, year: int, summary: ReadingSummary
) -> PlanetScopeStack | None:
    sets: dict[str, tuple[dict[date, Path], dict[date, Path]]] = {
        "daily": (files.planetscope, files.quality),
        "5day": (files.planetscope_5day, files.quality_5day),
    }
    name = options.planetscope
    if name == "auto":
        name = next((each for each in _PRODUCTS if sets[each][0]), "none")
    if isinstance(name, Path):
        raise SettingsError(
            "PlanetScope files of DENETHOR lie in its own folders",
            where=name,
            expected="--planetscope auto, daily, 5day or none",
        )
    if name == "none":
        how = "as wanted" if options.planetscope == "none" else "no file found"
        summary.say("planetscope", f"none ({how})")
        return None
    paths, quality = sets[name]
    if not paths:
        raise DataError(f"no {name} PlanetScope file", found=f"tile {files.name}")
    stack = open_stack(paths, quality=quality, quality_bands=options.quality_bands or (), year=year)
    how = "daily" if stack.step == 1 else f"every {stack.step} days"
    summary.say(
        "planetscope",
        f"{len(stack.paths)} files, {how}, of {stack.grid.height} x {stack.grid.width} pixels of "
        f"{stack.grid.pixel:g} m, {min(paths)} to {max(paths)}",
    )
    bands = ", ".join(map(str, stack.quality_bands))
    summary.say("quality_bands", f"bands {bands} above 0 make no data" if bands else "not used")
    return stack


def _preparation(tiles: list[OpenTile], scratch: Path | None) -> Iterator[tuple[int, int]]:
    if scratch is None:
        return
    total = sum(tile.num_days for tile in tiles)
    before = 0
    for tile in tiles:
        for done in prepare_tile(tile, scratch / tile.name):
            yield before + done, total
        before += tile.num_days


def _parts(
    tiles: list[OpenTile], scratch: Path | None, summary: ReadingSummary
) -> Iterator[Series]:
    num_dates = max(tile.cube.num_dates for tile in tiles)
    if scratch is not None:
        for tile in tiles:
            yield from tile_parts(tile, scratch / tile.name, num_dates=num_dates)
    else:
        with tempfile.TemporaryDirectory(prefix="windrow-") as temporary:
            for tile in tiles:
                yield from tile_parts(tile, Path(temporary) / tile.name, num_dates=num_dates)
    _merge(summary, tiles)


def _merge(summary: ReadingSummary, tiles: list[OpenTile]) -> None:
    if len(tiles) == 1:
        return
    for tile in tiles:
        for name, text in tile.summary.facts.items():
            summary.say(f"{tile.name}_{name}", text)
        for name, number in tile.summary.counts.items():
            summary.count(f"{name}_of_the_{tile.name}_tile", number)
