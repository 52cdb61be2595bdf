"""Layers of a map folder, read in strips of whole rows, and the areas of pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.data.map_folder import LayerName, MapGrid, MapHeader
from windrow.errors import DataError
from windrow.sources.rasters.geotiff_header import raster_environment, reason_of

STRIP_PIXELS = 4 * 2**20
"""At most so many pixels of a layer are held, unless one row has more."""

NUM_VALUES = 256
"""Values that a byte may have."""

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class ClassSizes:
    """How much of a map each class covers.

    Attributes:
        num_pixels: (C,) pixels of each class.
        area: (C,) square metres.
        probability: (C,) mean probability of the class over its pixels, 0..1; nan where the map
            has no layer of probabilities or the class no pixel.
        num_without_data: pixels without a class.
    """

    num_pixels: npt.NDArray[np.int64]
    area: npt.NDArray[np.float64]
    probability: npt.NDArray[np.float64]
    num_without_data: int


@contextmanager
def opened(folder: str | Path, header: MapHeader, name: LayerName) -> Iterator[Any]:
    """Opens a layer as rasterio does, and checks it against the description of the map.

    Only GeoTIFFs are opened: no other driver of GDAL is reached.

    Raises:
        DataError: it is no GeoTIFF, is damaged, or differs from its description.
    """
    import rasterio
    from rasterio.errors import RasterioError

    path, layer, grid = Path(folder) / header.layers[name].file, header.layers[name], header.grid
    try:
        with raster_environment(), rasterio.open(path, driver="GTiff") as source:
            shape = source.height, source.width, source.count
            if shape != (grid.height, grid.width, layer.num_bands) or set(source.dtypes) != {
                layer.dtype
            }:
                raise DataError(
                    "a layer differs from the description of the map",
                    where=path,
                    found=f"height, width, bands {shape}, {source.dtypes[0]}",
                    expected=f"{(grid.height, grid.width, layer.num_bands)}, {layer.dtype}",
                )
            yield source
    except RasterioError as error:
        raise DataError(
            "a layer of the map cannot be read", where=path, found=reason_of(error)
        ) from None


def strips(source: Any, grid: MapGrid) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Reads a layer of one band from top to bottom.

    Args:
        source: an opened layer.
        grid: its grid.

    Yields:
        The first row, and the values (rows, width) of whole rows.
    """
    rows = rows_of_strip(source, grid)
    for row in range(0, grid.height, rows):
        yield row, read_rows(source, grid, row, min(rows, grid.height - row))


def rows_of_strip(source: Any, grid: MapGrid) -> int:
    """Returns the number of rows of a strip: whole blocks of the file where they fit."""
    most = max(1, STRIP_PIXELS // grid.width)
    block = int(source.block_shapes[0][0])
    return most // block * block if most >= block else most


def read_rows(source: Any, grid: MapGrid, row: int, number: int) -> npt.NDArray[Any]:
    """Reads whole rows of the first band.

    Returns:
        (number, width).
    """
    return np.asarray(source.read(1, window=((row, row + number), (0, grid.width))))


def check_classes(values: npt.NDArray[np.uint8], header: MapHeader, folder: str | Path) -> None:
    """Checks that the class layer holds no value without a class.

    Raises:
        DataError: it does.
    """
    most = int(values.max(initial=0))
    if most > len(header.classes):
        raise DataError(
            "the class layer holds a value without a class",
            where=Path(folder) / header.layers["class"].file,
            found=most,
            expected=f"at most {len(header.classes)}",
        )


def row_areas(grid: MapGrid, where: object) -> npt.NDArray[np.float64]:
    """Computes the area of a pixel of each row.

    In a projected CRS it follows from the transform; projections that keep no areas, such as UTM,
    are off by less than 0.1 % within their zone. In a geographic CRS it is geodesic.

    Args:
        grid: where the pixels lie.
        where: the map, for messages.

    Returns:
        (height,) square metres.

    Raises:
        DataError: the CRS is not known, or a map in degrees is rotated.
    """
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    a, b, c, d, e, f = grid.transform
    if grid.crs is None:
        raise DataError("a map without a CRS has no areas", where=where)
    try:
        crs = CRS.from_user_input(grid.crs)
    except CRSError:
        raise DataError("the CRS of the map is unknown", where=where, found=grid.crs) from None
    if not crs.is_geographic:
        metres = crs.axis_info[0].unit_conversion_factor
        return np.full(grid.height, abs(a * e - b * d) * metres**2)
    if b or d:
        raise DataError("a map in degrees is rotated", where=where, hint="write it north up")
    geod = crs.get_geod()
    assert geod is not None
    found = np.empty(grid.height)
    for row in range(grid.height):
        top, bottom = f + row * e, f + (row + 1) * e
        ring = [c, c + a, c + a, c], [top, top, bottom, bottom]
        found[row] = abs(geod.polygon_area_perimeter(*ring)[0])
    return found


def class_sizes(
    folder: str | Path, header: MapHeader, *, on_progress: OnProgress | None = None
) -> ClassSizes:
    """Counts the pixels of each class and adds up their areas.

    Args:
        folder: the map.
        header: its description.
        on_progress: called with the rows done and wanted.

    Raises:
        DataError: a layer is damaged, or the map has no CRS.
    """
    areas = row_areas(header.grid, folder)
    num, area = np.zeros(NUM_VALUES, dtype=np.int64), np.zeros(NUM_VALUES)
    percent = np.zeros(NUM_VALUES)
    known = np.zeros(NUM_VALUES, dtype=np.int64)
    for row, classes, probability in class_strips(folder, header):
        rows = np.arange(len(classes))[:, None] * NUM_VALUES
        table = np.bincount((rows + classes).ravel(), minlength=len(classes) * NUM_VALUES)
        table = table.reshape(-1, NUM_VALUES)
        num += table.sum(axis=0)
        area += areas[row : row + len(classes)] @ table
        if probability is not None:
            good = ~np.isnan(probability)
            known += np.bincount(classes[good], minlength=NUM_VALUES)
            percent += np.bincount(classes[good], probability[good], NUM_VALUES)
        if on_progress is not None:
            on_progress(row + len(classes), header.grid.height)
    used = slice(1, len(header.classes) + 1)
    mean = np.where(known > 0, percent / np.maximum(known, 1), np.nan)
    return ClassSizes(num[used], area[used], mean[used], int(num[0]))


def class_strips(
    folder: str | Path, header: MapHeader
) -> Iterator[tuple[int, npt.NDArray[np.uint8], npt.NDArray[np.float32] | None]]:
    """Reads classes and their probabilities together.

    Yields:
        The first row; the classes (rows, width); their probabilities 0..1, nan where they are not
        known, or None where the map has no such layer.
    """
    with opened(folder, header, "class") as source:
        if "probability" not in header.layers:
            for row, classes in strips(source, header.grid):
                check_classes(classes, header, folder)
                yield row, classes, None
            return
        layer = header.layers["probability"]
        with opened(folder, header, "probability") as beside:
            for row, classes in strips(source, header.grid):
                check_classes(classes, header, folder)
                stored = read_rows(beside, header.grid, row, len(classes))
                share = stored.astype(np.float32) * np.float32(layer.scale / 100)
                share[stored == layer.no_data] = np.nan
                yield row, classes, share


def classes_at(
    folder: str | Path,
    header: MapHeader,
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Reads the class of the pixel in which each point lies.

    Args:
        folder: the map.
        header: its description.
        x: (N,) coordinates in the CRS of the map.
        y: (N,).

    Returns:
        (N,) values of the class layer, -1 outside the map; (N,) numbers of pixels, row by row.
    """
    from rasterio import Affine

    grid = header.grid
    column, row = ~Affine(*grid.transform) * (x, y)
    inside = (column >= 0) & (column < grid.width) & (row >= 0) & (row < grid.height)
    rows = np.where(inside, np.floor(row), -1).astype(np.int64)
    columns = np.where(inside, np.floor(column), -1).astype(np.int64)
    found = np.full(len(x), -1, dtype=np.int64)
    with opened(folder, header, "class") as source:
        height = rows_of_strip(source, grid)
        for strip in np.unique(rows[inside] // height):
            here = inside & (rows // height == strip)
            first = int(strip) * height
            values = read_rows(source, grid, first, min(height, grid.height - first))
            check_classes(values, header, folder)
            found[here] = values[rows[here] - first, columns[here]]
    return found, np.where(inside, rows * grid.width + columns, -1)
