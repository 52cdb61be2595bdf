"""Image cubes: a grid, dates and bands, read pixel by pixel in windows of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypedDict

import numpy as np
import numpy.typing as npt

from windrow.data.season import CALENDAR_YEAR
from windrow.data.series import ProcessingLevel

BLOCK_BYTES = 128 * 2**20
"""At most so many bytes of raw values are held of one window."""

TOLERANCE = 0.01
"""Grids match where no pixel of one lies further from its place in the other, in pixels."""

Affine = tuple[float, float, float, float, float, float]
"""x = a column + b row + c; y = d column + e row + f, of pixel corners."""


class GridRecord(TypedDict):
    """A grid as JSON values.

    Attributes:
        height: number of rows.
        width: number of columns.
        transform: the six coefficients a, b, c, d, e, f of the affine transform.
        crs: the CRS as text; None if it is not known.
    """

    height: int
    width: int
    transform: list[float]
    crs: str | None


@dataclass(frozen=True)
class Grid:
    """Where the pixels lie.

    Attributes:
        height, width: in pixels.
        transform: of pixel corners to coordinates.
        crs: as text that pyproj understands, or None where it is not known.
    """

    height: int
    width: int
    transform: Affine
    crs: str | None

    def centres(
        self, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Coordinates of pixel centres in the grid's CRS."""
        a, b, c, d, e, f = self.transform
        x, y = columns + 0.5, rows + 0.5
        return a * x + b * y + c, d * x + e * y + f

    def described(self) -> GridRecord:
        """Returns shape, transform and CRS as JSON values, as a store keeps them."""
        return {
            "height": self.height,
            "width": self.width,
            "transform": list(self.transform),
            "crs": self.crs,
        }

    def bounds(self) -> tuple[float, float, float, float]:
        """Returns smallest x, smallest y, largest x, largest y."""
        a, b, c, d, e, f = self.transform
        corners = [(column, row) for column in (0, self.width) for row in (0, self.height)]
        xs = [a * column + b * row + c for column, row in corners]
        ys = [d * column + e * row + f for column, row in corners]
        return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True)
class Window:
    """A rectangle of pixels: first row and column, height and width."""

    row: int
    column: int
    height: int
    width: int


@dataclass(frozen=True)
class Raw:
    """Values of chosen pixels as they stand in the files.

    Attributes:
        values: (T, B, n) in the files' type.
        quality: (T, n) of the cube's quality layer, or None.
    """

    values: npt.NDArray[Any]
    quality: npt.NDArray[Any] | None


@dataclass(frozen=True)
class Packing:
    """How raw values are written, for each date and band: reflectance = raw x scale + offset.

    Attributes:
        scale: (T, B), NaN where metadata do not say it.
        offset: (T, B) in reflectance, 0 where metadata do not say it.
        no_data: (T, B) the raw value that is none, NaN where there is no such value.
    """

    scale: npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64]
    no_data: npt.NDArray[np.float64]

    @staticmethod
    def unsaid(shape: tuple[int, int], *, no_data: float = np.nan) -> Packing:
        """Returns where metadata say nothing of scale and offset."""
        return Packing(np.full(shape, np.nan), np.zeros(shape), np.full(shape, no_data))


@dataclass(frozen=True)
class CubeFacts:
    """What is known of a cube before its values are read.

    Attributes:
        grid: where its pixels lie.
        dates: (T,) days, not decreasing.
        bands: canonical names, B10 left out.
        processing_level: of all dates.
        native: height and width of the blocks in which the files are stored.
        packing: scale, offset and no data of each date and band.
        offsets: (T,) the baseline's offset that metadata name for a date, NaN where they name none.
        quality: name of the layer of clouds, or None.
        names: the file or item of each date, for messages.
        identity: text that changes when the files or items do.
        facts: what else is to be said of it.
        itemsize: bytes of a raw value.
        season_start: first day of the twelve months of the dates, as ``MM-DD``.
    """

    grid: Grid
    dates: npt.NDArray[np.datetime64]
    bands: tuple[str, ...]
    processing_level: ProcessingLevel
    native: tuple[int, int]
    packing: Packing
    offsets: npt.NDArray[np.float64]
    quality: str | None
    names: tuple[str, ...]
    identity: tuple[str, ...]
    facts: dict[str, str] = field(default_factory=dict)
    itemsize: int = 4
    season_start: str = CALENDAR_YEAR


class Cube(Protocol):
    """Something that reads chosen pixels of a window at every date."""

    @property
    def facts(self) -> CubeFacts:
        """What is known before reading."""

    def read(
        self, window: Window, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
    ) -> Raw:
        """Values of the pixels at these rows and columns within the window."""


def windows(
    grid: Grid, native: tuple[int, int], bytes_per_pixel: int, *, limit: int = BLOCK_BYTES
) -> Iterator[Window]:
    """Covers the grid once with windows of whole native blocks, as large as the limit allows.

    Example:
        >>> grid = Grid(5, 4, (1, 0, 0, 0, -1, 0), None)
        >>> [(w.row, w.column, w.height, w.width) for w in windows(grid, (2, 4), 1, limit=16)]
        [(0, 0, 4, 4), (4, 0, 1, 4)]
    """
    height, width = (min(size, native[i]) for i, size in enumerate((grid.height, grid.width)))
    while height * width * bytes_per_pixel > limit and max(height, width) > 1:
        height, width = (height, (width + 1) // 2) if width > height else ((height + 1) // 2, width)
    while width < grid.width and height * 2 * width * bytes_per_pixel <= limit:
        width = min(grid.width, 2 * width)
    while height < grid.height and 2 * height * width * bytes_per_pixel <= limit:
        height = min(grid.height, 2 * height)
    for row in range(0, grid.height, height):
        for column in range(0, grid.width, width):
            yield Window(
                row, column, min(height, grid.height - row), min(width, grid.width - column)
            )
