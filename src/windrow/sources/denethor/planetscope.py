"""Planet Fusion rasters of a DENETHOR tile: one GeoTIFF per day, read by windows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.data.planetscope_windows import Pairing, planetscope_window
from windrow.data.series import NO_DATA
from windrow.errors import DataError, WindrowError
from windrow.sources.formats.npy_stack import PixelChoice
from windrow.sources.values.reflectance import RangeTally

_WINDOW = (256, 512)
_CACHE_MB = 64
"""GDAL would take a share of all memory; each block is read once, so little is enough."""


def require_rasterio() -> None:
    """Checks that rasterio is installed.

    Raises:
        WindrowError: it is not installed; the hint names the extra.
    """
    try:
        import rasterio  # noqa: F401
    except ImportError:
        raise WindrowError(
            "GeoTIFFs need the package rasterio", hint="pip install 'windrow[rasters]'"
        ) from None


@dataclass(frozen=True)
class RasterGrid:
    """Where the pixels of a raster lie.

    Attributes:
        crs: reference system, as rasterio names it.
        west, north: upper left corner.
        pixel: side of a pixel, in the units of the reference system.
        height, width: in pixels.
    """

    crs: str
    west: float
    north: float
    pixel: float
    height: int
    width: int

    @property
    def transform(self) -> Any:
        """The affine transform, for rasterio."""
        from rasterio import Affine

        return Affine(self.pixel, 0.0, self.west, 0.0, -self.pixel, self.north)

    def describe(self) -> str:
        """Describes size and place, for people."""
        size = f"{self.height} x {self.width} of {self.pixel:g} m"
        return f"{size} at {self.west:.0f}, {self.north:.0f}"


@dataclass(frozen=True)
class PlanetScopeStack:
    """The files of a year.

    Attributes:
        days: days of year, increasing.
        paths: one file per day.
        quality: one quality file per day, or no files.
        quality_bands: quality bands (from 1) in which a value above 0 marks a pixel as no data.
        grid: grid of all files.
        step: days between the files.
        year: year of all files.
        no_data: the no-data value of the files, or None.
    """

    days: tuple[int, ...]
    paths: tuple[Path, ...]
    quality: tuple[Path, ...]
    quality_bands: tuple[int, ...]
    grid: RasterGrid
    step: int
    year: int
    no_data: float | None


def open_stack(
    files: dict[date, Path],
    *,
    quality: dict[date, Path],
    quality_bands: tuple[int, ...],
    year: int | None,
) -> PlanetScopeStack:
    """Checks the dates and every header of a year's files.

    Args:
        files: by date, at least one.
        quality: quality files by date.
        quality_bands: which of their bands to use; none leaves the files alone.
        year: the year wanted; None takes that of the first file.

    Raises:
        DataError: a date lies outside the year, a file is missing in the middle or cannot be
            read, or files differ in size, bands or place.
    """
    require_rasterio()
    dates = sorted(files)
    year = year or dates[0].year
    for day in dates:
        if day.year != year:
            raise DataError(
                "a date lies outside the year", where=files[day], found=day, expected=year
            )
    step = _check_gaps(dates, files)
    first = _header(files[dates[0]])
    for day in dates:
        found = first if day == dates[0] else _header(files[day])
        _check_alike(found, first, files[day], files[dates[0]])
    chosen: list[Path] = []
    if quality_bands:
        missing = [day for day in dates if day not in quality]
        if missing:
            raise DataError(
                "a quality file is missing",
                where=files[missing[0]].parent,
                expected=f"qa of {missing[0].isoformat()}",
                hint="leave --quality-bands out",
            )
        chosen = [quality[day] for day in dates]
        _check_quality(chosen, quality_bands, first.grid)
    start = date(year, 1, 1)
    return PlanetScopeStack(
        days=tuple((day - start).days for day in dates),
        paths=tuple(files[day] for day in dates),
        quality=tuple(chosen),
        quality_bands=quality_bands,
        grid=first.grid,
        step=step,
        year=year,
        no_data=first.no_data,
    )


def _check_gaps(dates: list[date], files: dict[date, Path]) -> int:
    if len(dates) == 1:
        return 1
    gaps = [(after - before).days for before, after in itertools.pairwise(dates)]
    step = min(gaps)
    for before, gap in zip(dates, gaps, strict=False):
        if gap != step:
            missing = before + timedelta(days=step)
            raise DataError(
                f"the file of {missing.isoformat()} is missing",
                where=files[before].parent.parent,
                found=f"{files[before].parent.name}/{files[before].name}, then {gap} days later",
                expected=f"a file every {step} day{'s' if step > 1 else ''}",
                hint="download the missing file",
            )
    return step


@dataclass(frozen=True)
class _Header:
    grid: RasterGrid
    num_bands: int
    dtype: str
    no_data: float | None


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import rasterio
    from rasterio.errors import RasterioError

    try:
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_MB), rasterio.open(path) as raster:
            yield raster
    except (RasterioError, ValueError) as error:
        raise DataError(
            "the GeoTIFF cannot be read",
            where=path,
            found=str(error).splitlines()[0][:120] if str(error) else type(error).__name__,
            hint="it is damaged or cut short: download it again",
        ) from error


def _header(path: Path) -> _Header:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a raster without a place, which is refused below
        with _opened(path) as raster:
            transform, crs = raster.transform, raster.crs
            size, count, dtypes = raster.shape, raster.count, raster.dtypes
            no_data = raster.nodata
    if crs is None or transform.b or transform.d or not abs(transform.a + transform.e) < 1e-6:
        raise DataError(
            "the GeoTIFF has no usable place",
            where=path,
            found="no reference system" if crs is None else f"transform {tuple(transform)[:6]}",
            expected="square pixels, north up, in a reference system",
        )
    code = crs.to_epsg()
    grid = RasterGrid(
        crs=f"EPSG:{code}" if code else crs.to_wkt(),
        west=transform.c,
        north=transform.f,
        pixel=transform.a,
        height=size[0],
        width=size[1],
    )
    return _Header(grid, count, dtypes[0], no_data)


def _check_alike(found: _Header, first: _Header, path: Path, other: Path) -> None:
    num_bands = len(sensors.PLANETSCOPE_BANDS)
    if found.num_bands != num_bands:
        raise DataError(
            "a PlanetScope file has another number of bands",
            where=path,
            found=found.num_bands,
            expected=f"{num_bands}: {' '.join(sensors.PLANETSCOPE_BANDS)}",
        )
    if found.dtype not in ("int16", "uint16"):
        raise DataError(
            "a PlanetScope file mixes scales: it holds no 16-bit integers",
            where=path,
            found=found.dtype,
            expected="int16 or uint16, reflectance x 10,000",
        )
    if found.grid.crs != first.grid.crs:
        raise DataError(
            "a PlanetScope file has another reference system",
            where=path,
            found=found.grid.crs[:60],
            expected=f"{first.grid.crs[:60]}, as in {other.parent.name}/{other.name}",
        )
    if found.grid != first.grid:
        raise DataError(
            "a PlanetScope file has another size or place",
            where=path,
            found=found.grid.describe(),
            expected=f"{first.grid.describe()}, as in {other.parent.name}/{other.name}",
        )


def _check_quality(paths: list[Path], bands: tuple[int, ...], grid: RasterGrid) -> None:
    for path in paths:
        found = _header(path)
        if min(bands) < 1 or max(bands) > found.num_bands:
            raise DataError(
                "a quality file has no such band",
                where=path,
                found=f"{found.num_bands} bands",
                expected=f"bands {', '.join(map(str, bands))}",
            )
        if found.grid != grid:
            raise DataError(
                "a quality file has another size or place than its raster",
                where=path,
                found=found.grid.describe(),
                expected=grid.describe(),
            )


@dataclass(frozen=True)
class _Piece:
    """One window to read, and the pixels to take from it."""

    window: tuple[int, int, int, int]
    target: npt.NDArray[np.int32]
    row: npt.NDArray[np.int16]
    column: npt.NDArray[np.int16]


class WindowPlan:
    """The windows of a raster that contain the wanted pixels; one plan serves every day.

    Args:
        pixels: N Sentinel-2 pixels.
        grid: of the rasters.
        block: height and width of the rasters' blocks.
        pairing: which 3 x 3 pixels belong to a Sentinel-2 pixel.
    """

    def __init__(
        self, pixels: PixelChoice, grid: RasterGrid, *, block: tuple[int, int], pairing: Pairing
    ) -> None:
        self.num_pixels = len(pixels)
        side = min(grid.height, grid.width)
        rows, columns = planetscope_window(pixels.row, pixels.column, size=side, pairing=pairing)
        row, column = rows.ravel().astype(np.int32), columns.ravel().astype(np.int32)
        height, width = (
            -(-least // size) * size for least, size in zip(_WINDOW, block, strict=True)
        )
        across = -(-grid.width // width)
        number = (row // height) * across + column // width
        order = np.argsort(number, kind="stable").astype(np.int32)
        starts = np.flatnonzero(np.diff(number[order], prepend=-1))
        self.pieces: list[_Piece] = []
        for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
            target = order[start:stop]
            piece_row, piece_column = row[target], column[target]
            first = int(piece_row.min()), int(piece_column.min())
            size = int(np.ptp(piece_row)) + 1, int(np.ptp(piece_column)) + 1
            self.pieces.append(
                _Piece(
                    (*first, *size),
                    target,
                    (piece_row - first[0]).astype(np.int16),
                    (piece_column - first[1]).astype(np.int16),
                )
            )

    def gather(self, path: Path, bands: tuple[int, ...]) -> npt.NDArray[Any]:
        """Returns the values of some bands at the 3 x 3 pixels of each wanted pixel.

        (bands, N * 9).

        Raises:
            DataError: the file is damaged or cut short.
        """
        from rasterio.windows import Window

        with _opened(path) as raster:
            taken = np.empty((len(bands), self.num_pixels * 9), dtype=raster.dtypes[0])
            for piece in self.pieces:
                row, column, height, width = piece.window
                block = raster.read(list(bands), window=Window(column, row, width, height))
                taken[:, piece.target] = block[:, piece.row, piece.column]
        return taken


def make_plan(stack: PlanetScopeStack, pixels: PixelChoice, *, pairing: Pairing) -> WindowPlan:
    """Makes the windows of a stack's files, by the block size of the first."""
    with _opened(stack.paths[0]) as raster:
        block = raster.block_shapes[0]
    return WindowPlan(pixels, stack.grid, block=block, pairing=pairing)


def read_day(
    stack: PlanetScopeStack, step: int, plan: WindowPlan
) -> tuple[npt.NDArray[np.int16], int]:
    """Reads PlanetScope at the wanted pixels on one day.

    A pixel that is 0 in all bands, that a quality band names, or that is out of the range of
    reflectance in a band is ``NO_DATA``.

    Returns:
        (N, 36) int16, band-major, and the number of pixels out of range.

    Raises:
        DataError: a file is damaged or cut short, or more than 1 % of its pixels are out of range.
    """
    num_bands = len(sensors.PLANETSCOPE_BANDS)
    taken = plan.gather(stack.paths[step], tuple(range(1, num_bands + 1)))
    missing = ~taken.any(axis=0)
    if stack.no_data is not None:
        missing |= (taken == stack.no_data).all(axis=0)
    if stack.quality:
        missing |= (plan.gather(stack.quality[step], stack.quality_bands) > 0).any(axis=0)
    tally = RangeTally()
    valid = tally.add(taken, np.asarray(~missing), axis=0)
    tally.refuse(where=stack.paths[step])
    values = np.where(valid, taken, NO_DATA).astype(np.int16)
    by_pixel = np.ascontiguousarray(
        values.reshape(num_bands, plan.num_pixels, 9).transpose(1, 0, 2)
    ).reshape(plan.num_pixels, num_bands * 9)
    return by_pixel, tally.num_out
