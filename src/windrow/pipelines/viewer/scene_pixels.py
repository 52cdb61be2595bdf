"""Sentinel-2 series of the pixels of a map, read from the cube that the map was made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.data.map_folder import MapHeader
from windrow.errors import DataError
from windrow.sources.cubes.open_cube import OpenCube
from windrow.sources.rasters.crs import same_crs
from windrow.sources.rasters.grid import TOLERANCE, Window, windows
from windrow.sources.values.reflectance import RangeTally

RGB_BANDS = ("B04", "B03", "B02")

MOST_RGB_PIXELS = 400_000
"""Largest number of pixels of the picture in true colours."""

_BRIGHT = 98.0
"""Percentile of the picture that is shown as white."""


@dataclass(frozen=True, eq=False)
class PixelStack:
    """Series of N pixels that share T dates.

    Attributes:
        reflectance: (T, B, N) int16, reflectance x 10,000, 0 where not valid.
        valid: (T, N) bool.
        cloud: (T, N) uint8, cloud probability 0..255; None without a cloud measure.
        clear: (T, N) bool, valid and not cloudy.
    """

    reflectance: npt.NDArray[np.int16]
    valid: npt.NDArray[np.bool_]
    cloud: npt.NDArray[np.uint8] | None
    clear: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Picture:
    """The scene in true colours.

    Attributes:
        step: pixels of the map along one of the picture.
        values: (rows, columns, 3) uint8, red, green and blue; 0 0 0 without a clear date.
    """

    step: int
    values: npt.NDArray[np.uint8]


class ScenePixels:
    """Reads pixels of a cube by their rows and columns in a map.

    Args:
        cube: the cube.
        header: the map.
        clear_below: a date is clear if its cloud probability 0..255 is below this.

    Raises:
        DataError: the cube has another grid than the map.
    """

    def __init__(self, cube: OpenCube, header: MapHeader, *, clear_below: int | None) -> None:
        _check_grid(cube, header)
        self.facts = cube.facts
        self._cube = cube
        self._clear_below = clear_below

    @property
    def has_picture(self) -> bool:
        """Whether the cube has the bands of true colours."""
        return all(band in self.facts.bands for band in RGB_BANDS)

    def read(self, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> PixelStack:
        """Reads pixels; the window around them is read at once.

        Args:
            rows: (N,) rows in the map.
            columns: (N,) columns.

        Raises:
            DataError: a file is damaged.
        """
        row, column = int(rows.min()), int(columns.min())
        window = Window(row, column, int(rows.max()) - row + 1, int(columns.max()) - column + 1)
        return self._read(window, rows - row, columns - column)

    def blocks(self, most: int) -> Iterator[tuple[Window, PixelStack]]:
        """Reads all pixels, at most so many at a time.

        Yields:
            The window, and its pixels row by row.
        """
        for window in windows(self.facts.grid, self.facts.native, 1, limit=most):
            rows, columns = np.divmod(np.arange(window.height * window.width), window.width)
            yield window, self._read(window, rows, columns)

    def picture(self, *, on_progress: Callable[[int, int], None] | None = None) -> Picture:
        """Computes the median of the clear dates in true colours, on a coarser grid if need be.

        Args:
            on_progress: called with the windows done and their number.

        Raises:
            DataError: a file is damaged.
        """
        grid, facts = self.facts.grid, self.facts
        step = 1
        while -(-grid.height // step) * -(-grid.width // step) > MOST_RGB_PIXELS:
            step += 1
        shape = (-(-grid.height // step), -(-grid.width // step))
        order = [facts.bands.index(band) for band in RGB_BANDS]
        median = np.zeros((*shape, 3), dtype=np.float32)
        a_pixel = facts.itemsize * len(facts.dates) * (len(facts.bands) + 1)
        parts = list(windows(grid, facts.native, a_pixel))
        for done, window in enumerate(parts, 1):
            at_rows = _centres(window.row, window.height, step, grid.height)
            at_columns = _centres(window.column, window.width, step, grid.width)
            if len(at_rows) and len(at_columns):
                rows = np.repeat(at_rows - window.row, len(at_columns))
                columns = np.tile(at_columns - window.column, len(at_rows))
                stack = self._read(window, rows, columns)
                median[np.ix_(at_rows // step, at_columns // step)] = _medians(
                    stack.reflectance[:, order], stack.clear
                ).reshape(len(at_rows), len(at_columns), 3)
            if on_progress is not None:
                on_progress(done, len(parts))
        return Picture(step, _stretched(median))

    def _read(
        self, window: Window, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
    ) -> PixelStack:
        reflectance, valid, cloud = self._cube.read(window, rows, columns, RangeTally())
        clear = valid
        if cloud is not None and self._clear_below is not None:
            clear = valid & (cloud < self._clear_below)
        return PixelStack(reflectance, valid, cloud, clear)


def _check_grid(cube: OpenCube, header: MapHeader) -> None:
    grid, wanted = cube.facts.grid, header.grid
    size = abs(wanted.transform[0]) + abs(wanted.transform[1])
    far = np.abs(np.subtract(grid.transform, wanted.transform)).max() > TOLERANCE * size
    other = (
        None not in (grid.crs, wanted.crs)
        and not same_crs(str(grid.crs), str(wanted.crs))
    )  # fmt: skip
    if (grid.height, grid.width) != (wanted.height, wanted.width) or far or other:
        raise DataError(
            "the cube has another grid than the map",
            where=cube.facts.names[0],
            found=f"{grid.height} x {grid.width} pixels from {grid.transform[2]:g},"
            f" {grid.transform[5]:g}",
            expected=f"{wanted.height} x {wanted.width} pixels from {wanted.transform[2]:g},"
            f" {wanted.transform[5]:g}",
            hint="give the cube that the map was made of",
        )


def _centres(first: int, number: int, step: int, size: int) -> npt.NDArray[np.intp]:
    """Returns the pixels of a window that stand for a cell of the coarser grid: its middle."""
    cells = np.arange(-(-size // step))
    middle = np.minimum(cells * step + step // 2, size - 1)
    return middle[(middle >= first) & (middle < first + number)].astype(np.intp)


def _medians(
    reflectance: npt.NDArray[np.int16], clear: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Computes the medians (N, 3) over the clear dates of (T, 3, N); 0 without one."""
    seen = clear.any(axis=0)
    found = np.zeros((clear.shape[1], 3), dtype=np.float32)
    values = np.where(clear[:, None, seen], reflectance[..., seen], np.float32(np.nan))
    if seen.any():
        found[seen] = np.nanmedian(values, axis=0).T
    return found


def _stretched(median: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Scales the three bands alike; pixels with data are at least 1."""
    seen = np.asarray(median.any(axis=2))
    if not seen.any():
        return np.zeros(median.shape, dtype=np.uint8)
    white = max(float(np.percentile(median[seen], _BRIGHT)), 1.0)
    bytes_ = np.clip(np.rint(255 * np.sqrt(np.clip(median / white, 0, 1))), 1, 255)
    return np.where(seen[..., None], bytes_, 0).astype(np.uint8)
