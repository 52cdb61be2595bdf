"""One tile of DENETHOR opened: cube, stack, parcels and the pixels drawn; then its series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from windrow.data.day_of_year import days_of_year
from windrow.data.legend import DENETHOR
from windrow.data.planetscope_windows import Pairing
from windrow.data.series import Series
from windrow.data.store.zarr_store import SHARD
from windrow.errors import DataError
from windrow.sources.denethor.labels import Parcels
from windrow.sources.denethor.planetscope import (
    PlanetScopeStack,
    RasterGrid,
    make_plan,
    read_day,
)
from windrow.sources.denethor.sampling import Sample
from windrow.sources.denethor.sentinel2 import Sentinel2Cube, read_dates
from windrow.sources.formats.day_files import DayFiles, remove_others
from windrow.sources.reader import ReadingSummary, Scale
from windrow.sources.values.cloud_measure import ClearShare
from windrow.sources.values.reflectance import PLANETSCOPE_COUNT, RangeTally, factor_of

PIXEL_M = 10.0
DEFAULT_CRS = "EPSG:32633"
SERIES_A_TILE = 10**12
SERIES_A_REPEAT = 10**9
SERIES_A_ROW = 10_000
FIELDS_A_TILE = 10**7

_BLOCK = SHARD // 4
_VALID, _OUT_OF_RANGE = 1, 2
"""States of an observation in a day file; 0 is no data."""


@dataclass(frozen=True)
class OpenTile:
    """A tile ready to be read.

    Attributes:
        name: ``train``, ``test`` or ``tile``.
        number: 0, or 1 for the second tile of one store.
        year: of all dates.
        cube: Sentinel-2.
        stack: PlanetScope, or None.
        grid: of the Sentinel-2 pixels.
        parcels: the labelled parcels.
        sample: the pixels to read.
        scale: of the cube's values.
        pairing: which PlanetScope pixels belong to a Sentinel-2 pixel.
        simulated: whether no satellite ever saw it.
        summary: completed while reading.
    """

    name: str
    number: int
    year: int
    cube: Sentinel2Cube
    stack: PlanetScopeStack | None
    grid: RasterGrid
    parcels: Parcels
    sample: Sample
    scale: Scale
    pairing: Pairing
    simulated: bool
    summary: ReadingSummary

    @property
    def num_days(self) -> int:
        """Day files that reading makes."""
        return self.cube.num_dates + (len(self.stack.days) if self.stack else 0)


def sentinel2_grid(
    cube: Sentinel2Cube, stack: PlanetScopeStack | None, summary: ReadingSummary
) -> RasterGrid:
    """Returns where the Sentinel-2 pixels lie.

    From the cube's box, else from the PlanetScope rasters.

    Raises:
        DataError: neither is there, the box does not fit the cube, or the sensors do not cover
            the same ground in the same reference system.
    """
    _, height, width, _ = cube.bands.shape
    box = cube.box
    if box is None and stack is None:
        raise DataError(
            "nothing says where the tile lies",
            where=cube.bands.stored,
            expected="bbox.pkl beside it, or PlanetScope rasters",
        )
    if box is not None:
        across, down = (box.east - box.west) / width, (box.north - box.south) / height
        if abs(across - PIXEL_M) > 0.1 or abs(down - PIXEL_M) > 0.1:
            raise DataError(
                "the bounding box does not fit the cube",
                where=cube.bands.stored,
                found=f"pixels of {across:g} x {down:g} m",
                expected=f"{PIXEL_M:g} m",
            )
        crs = f"EPSG:{box.epsg}" if box.epsg else (stack.grid.crs if stack else DEFAULT_CRS)
        grid = RasterGrid(crs, box.west, box.north, PIXEL_M, height, width)
        summary.say("place", f"{grid.west:.0f}, {grid.north:.0f} in {crs} (bbox.pkl)")
    else:
        assert stack is not None
        grid = RasterGrid(stack.grid.crs, stack.grid.west, stack.grid.north, PIXEL_M, height, width)
        summary.say("place", f"{grid.west:.0f}, {grid.north:.0f} in {grid.crs} (PlanetScope)")
    if stack is not None:
        _check_same_ground(grid, stack)
    return grid


def _check_same_ground(grid: RasterGrid, stack: PlanetScopeStack) -> None:
    fine = stack.grid
    if fine.crs != grid.crs:
        raise DataError(
            "PlanetScope and Sentinel-2 lie in different reference systems",
            where=stack.paths[0],
            found=fine.crs[:60],
            expected=grid.crs[:60],
        )
    apart = max(abs(fine.west - grid.west), abs(fine.north - grid.north))
    longer = max(
        abs(fine.width * fine.pixel - grid.width * grid.pixel),
        abs(fine.height * fine.pixel - grid.height * grid.pixel),
    )
    # One Sentinel-2 pixel: products of the same tile are cut on grids of their own.
    if apart > PIXEL_M or longer > PIXEL_M:
        raise DataError(
            "PlanetScope and Sentinel-2 do not cover the same ground",
            where=stack.paths[0],
            found=fine.describe(),
            expected=grid.describe(),
        )


def prepare_tile(tile: OpenTile, scratch: Path) -> Iterator[int]:
    """Makes the day files that are not there yet, and says after each how many there are.

    Args:
        tile: the tile.
        scratch: folder of the day files; those of another choice in it are removed.

    Raises:
        DataError: a file is damaged or its values mean nothing.
        OutputError: the scratch folder cannot be written.
    """
    sentinel2 = _sentinel2_files(tile, scratch)
    planetscope = _planetscope_files(tile, scratch)
    remove_others(scratch, [sentinel2] + ([planetscope] if planetscope else []))
    for step in _fill_sentinel2(tile, sentinel2):
        yield step + 1
    if planetscope is not None:
        for step in _fill_planetscope(tile, planetscope):
            yield len(sentinel2) + step + 1


def tile_parts(tile: OpenTile, scratch: Path, *, num_dates: int) -> Iterator[Series]:
    """Returns the series of a tile, after its day files are made.

    Args:
        tile: the tile.
        scratch: folder of the day files.
        num_dates: length of the date axis, at least the tile's number of dates.

    Raises:
        DataError: a file is damaged or its values mean nothing.
        OutputError: the scratch folder cannot be written.
    """
    for _ in prepare_tile(tile, scratch):
        pass
    sentinel2 = _sentinel2_files(tile, scratch)
    planetscope = _planetscope_files(tile, scratch)
    left_out = invalid = 0
    tally = RangeTally(tile.summary)
    share = ClearShare(tile.summary, "clp, probability 0..255")
    for start in range(0, len(tile.sample), _BLOCK):
        here = slice(start, start + _BLOCK)
        part = _part(tile, sentinel2, planetscope, here, num_dates=num_dates, tally=tally)
        if part.cloud_probability is not None:
            share.add(part.cloud_probability, part.valid)
        seen = part.valid.any(axis=1)
        left_out += int((~seen).sum())
        invalid += int((~part.valid[:, : tile.cube.num_dates]).sum())
        tile.summary.count("series_without_a_usable_date_left_out", left_out)
        tile.summary.count("dates_of_series_without_data_made_invalid", invalid)
        if seen.any():
            yield part if seen.all() else part.select(np.flatnonzero(seen))
    if tile.cube.clouds is not None:
        share.say()
    tally.refuse(where=tile.cube.bands.stored, factor=factor_of(tile.scale))


def _choice(tile: OpenTile) -> str:
    pixels = tile.sample.pixels
    return sha256(pixels.row.tobytes() + pixels.column.tobytes()).hexdigest()


def _sentinel2_files(tile: OpenTile, scratch: Path) -> DayFiles:
    cube, choice = tile.cube, _choice(tile)
    sources = [
        array.stored.signature() if array else None
        for array in (cube.bands, cube.clouds, cube.is_data)
    ]
    return DayFiles(
        scratch,
        f"{tile.name}-sentinel2",
        sources=[f"{choice} {sources} {tile.scale} {step}" for step in range(cube.num_dates)],
        num_pixels=len(tile.sample.pixels),
        dtype=np.dtype(
            [("reflectance", "<i2", (len(cube.names),)), ("cloud", "u1"), ("state", "u1")]
        ),
    )


def _planetscope_files(tile: OpenTile, scratch: Path) -> DayFiles | None:
    stack = tile.stack
    if stack is None:
        return None
    choice = f"{_choice(tile)} {tile.pairing} {stack.quality_bands}"
    files = [(path, *stack.quality[i : i + 1]) for i, path in enumerate(stack.paths)]
    stats = [[(p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in paths] for paths in files]
    return DayFiles(
        scratch,
        f"{tile.name}-planetscope",
        sources=[f"{choice} {day} {found}" for day, found in zip(stack.days, stats, strict=True)],
        num_pixels=len(tile.sample.pixels),
        dtype=np.dtype(("<i2", (36,))),
    )


def _fill_sentinel2(tile: OpenTile, files: DayFiles) -> Iterator[int]:
    first = files.first_missing()
    steps = range(first, len(files))
    for step, date in zip(
        steps, read_dates(tile.cube, tile.sample.pixels, tile.scale, steps), strict=True
    ):
        record = np.empty(len(date.valid), dtype=files.dtype)
        record["reflectance"] = date.reflectance
        record["cloud"] = date.cloud_probability
        record["state"] = np.where(date.out_of_range, _OUT_OF_RANGE, date.valid)
        files.write(step, record)
        yield step


def _fill_planetscope(tile: OpenTile, files: DayFiles) -> Iterator[int]:
    missing = [step for step in range(len(files)) if not files.has(step)]
    if not missing:
        return
    assert tile.stack is not None
    plan = make_plan(tile.stack, tile.sample.pixels, pairing=tile.pairing)
    for step in missing:
        values, num_out = read_day(tile.stack, step, plan)
        tile.summary.count(
            PLANETSCOPE_COUNT, tile.summary.counts.get(PLANETSCOPE_COUNT, 0) + num_out
        )
        files.write(step, values)
        yield step


def _part(
    tile: OpenTile,
    sentinel2: DayFiles,
    planetscope: DayFiles | None,
    here: slice,
    *,
    num_dates: int,
    tally: RangeTally,
) -> Series:
    sample, cube = tile.sample, tile.cube
    pixel, parcel, repeat = sample.pixel[here], sample.parcel[here], sample.repeat[here]
    start, stop = int(pixel[0]), int(pixel[-1]) + 1
    order = np.argsort(np.array(cube.dates, dtype="datetime64[us]"), kind="stable")
    record = sentinel2.read(start, stop)[:, order][pixel - start]
    shape = len(pixel), num_dates
    reflectance = np.zeros((*shape, len(cube.names)), dtype=np.int16)
    day_of_year = np.zeros(shape, dtype=np.int16)
    valid = np.zeros(shape, dtype=np.bool_)
    cloud = np.zeros(shape, dtype=np.uint8)
    num = cube.num_dates
    valid[:, :num] = record["state"] == _VALID
    num_out = int((record["state"] == _OUT_OF_RANGE).sum())
    tally.count(int(valid.sum()) + num_out, num_out)
    reflectance[:, :num] = record["reflectance"]
    day_of_year[:, :num] = days_of_year(cube.dates)[order]
    cloud[:, :num] = record["cloud"]
    fine = None
    if planetscope is not None:
        fine = planetscope.read(start, stop)[pixel - start]
    row, column = sample.pixels.row[pixel], sample.pixels.column[pixel]
    longitude, latitude = _degrees(tile.grid, row, column)
    return Series(
        reflectance=reflectance,
        day_of_year=day_of_year,
        valid=valid,
        bands=cube.names,
        processing_level="L2A",
        id=tile.number * SERIES_A_TILE
        + repeat * SERIES_A_REPEAT
        + row.astype(np.int64) * SERIES_A_ROW
        + column,
        field_id=tile.parcels.field_id[parcel] + tile.number * FIELDS_A_TILE,
        year=np.full(len(pixel), tile.year, dtype=np.int16),
        cloud_probability=None if cube.clouds is None else cloud,
        longitude=longitude,
        latitude=latitude,
        planetscope=fine,
        planetscope_day=None if tile.stack is None else np.array(tile.stack.days, dtype=np.int16),
        label=tile.parcels.label[parcel],
        legend=DENETHOR,
        simulated=tile.simulated,
    )


def _degrees(
    grid: RasterGrid, row: npt.NDArray[np.int32], column: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    from rasterio.warp import transform

    x = grid.west + (column + 0.5) * grid.pixel
    y = grid.north - (row + 0.5) * grid.pixel
    longitude, latitude = transform(grid.crs, "EPSG:4326", x.tolist(), y.tolist())
    return np.asarray(longitude, dtype=np.float64), np.asarray(latitude, dtype=np.float64)
