"""The layers of a map as bytes that a page colours by itself.

A page gets three planes of bytes: the class (0 without data), the probability in percent and the
unlikeness in steps of 0.02 (255 without a value). It can then hide pixels of low confidence or of
a class without asking again. Large maps are read in tiles, coarse ones from the overviews.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from windrow.data.map_folder import LayerName, MapHeader
from windrow.errors import DataError
from windrow.mapping.map_layers import check_classes, class_strips, opened

TILE = 256
"""Rows and columns of a tile."""

NO_VALUE = 255
"""Byte of a pixel without a probability or unlikeness."""

UNLIKENESS_STEP = 0.02
"""Unlikeness of one step of its plane; the plane ends at 5.08."""

PLANES: tuple[LayerName, ...] = ("class", "probability", "unlikeness")

Window = tuple[tuple[int, int], tuple[int, int]]
"""First row and the one after the last; the same of columns."""


@dataclass(frozen=True)
class PixelValues:
    """The layers of one pixel; None where the map has no such layer, or the pixel no data.

    Attributes:
        map_class: value of the class layer.
        probability: of the class, 0..1.
        entropy: of the probabilities, 0..1; 1 where all classes are alike.
        unlikeness: distance from what was labelled; 1 is the farthest tenth of the labels.
        clear_dates: number of clear dates.
    """

    map_class: int | None
    probability: float | None
    entropy: float | None
    unlikeness: float | None
    clear_dates: int | None


class MapValues:
    """Reads the layers of a map.

    Args:
        folder: the map.
        header: its description.

    Raises:
        DataError: a layer is damaged or differs from its description.
    """

    def __init__(self, folder: str | Path, header: MapHeader) -> None:
        self._folder = folder
        self._header = header
        for name in header.layers:
            with opened(folder, header, name):
                pass

    @property
    def num_levels(self) -> int:
        """Number of levels of tiles; a pixel of level k is 2^k pixels of the map wide."""
        grid = self._header.grid
        level = 0
        while max(grid.height, grid.width) > TILE << level:
            level += 1
        return level + 1

    def tile(self, level: int, row: int, column: int) -> npt.NDArray[np.uint8]:
        """Reads one tile.

        Args:
            level: 0 for the pixels of the map, k for pixels of 2^k.
            row: of the tile, from the top.
            column: of the tile, from the left.

        Returns:
            The planes (3, height, width), at most 256 by 256.

        Raises:
            DataError: there is no such tile, or a layer is damaged.
        """
        grid = self._header.grid
        size = TILE << level if 0 <= level < self.num_levels else 0
        top, left = row * size, column * size
        if not size or not (0 <= top < grid.height and 0 <= left < grid.width):
            raise DataError("the map has no such tile", found=f"{level}/{row}/{column}")
        window = (
            (top, min(grid.height, top + size)),
            (left, min(grid.width, left + size)),
        )
        shape = tuple(-(-(stop - start) >> level) for start, stop in window)
        return self._planes(window, (shape[0], shape[1]))

    def whole(self) -> npt.NDArray[np.uint8]:
        """Reads the planes of the whole map, (3, height, width)."""
        grid = self._header.grid
        return self._planes(((0, grid.height), (0, grid.width)), (grid.height, grid.width))

    def histogram(self) -> npt.NDArray[np.int64]:
        """Counts pixels by class and confidence, a strip of the map at a time.

        Returns:
            (C, 101) numbers of pixels whose class has 0, 1, ... 100 percent; pixels without a
            probability count as 100 percent.
        """
        num_classes = len(self._header.classes)
        counts = np.zeros((num_classes + 1) * 101, dtype=np.int64)
        for _, classes, probability in class_strips(self._folder, self._header):
            percent = np.full(classes.shape, 100, dtype=np.int64)
            if probability is not None:
                known = ~np.isnan(probability)
                percent[known] = np.rint(100 * probability[known]).astype(np.int64)
            cell = classes.astype(np.int64) * 101 + np.clip(percent, 0, 100)
            counts += np.bincount(cell.ravel(), minlength=len(counts))
        return counts.reshape(-1, 101)[1:]

    def classes_in(self, window: Window) -> npt.NDArray[np.uint8]:
        """Reads the class layer of a window, (rows, columns)."""
        with opened(self._folder, self._header, "class") as source:
            values: npt.NDArray[np.uint8] = np.asarray(source.read(1, window=window))
        check_classes(values, self._header, self._folder)
        return values

    def pixel(self, row: int, column: int) -> PixelValues:
        """Reads the layers of one pixel.

        Raises:
            DataError: it lies outside the map, or a layer is damaged.
        """
        grid = self._header.grid
        if not (0 <= row < grid.height and 0 <= column < grid.width):
            raise DataError(
                "the pixel lies outside the map",
                found=f"row {row}, column {column}",
                expected=f"rows 0 to {grid.height - 1}, columns 0 to {grid.width - 1}",
            )
        found: dict[LayerName, float | None] = {}
        for name, layer in self._header.layers.items():
            if name == "probabilities":
                continue
            with opened(self._folder, self._header, name) as source:
                stored = int(source.read(1, window=((row, row + 1), (column, column + 1)))[0, 0])
            missing = stored == layer.no_data
            scale = layer.scale / 100 if layer.unit == "%" else layer.scale
            found[name] = None if missing else stored * scale
        map_class, clear = found["class"], found.get("clear_dates")
        return PixelValues(
            None if map_class is None else int(map_class),
            found.get("probability"),
            found.get("entropy"),
            found.get("unlikeness"),
            None if clear is None else int(clear),
        )

    def plane(self, name: LayerName) -> npt.NDArray[np.unsignedinteger] | None:
        """Reads the stored numbers of a whole layer of one band; None without such a layer."""
        if name not in self._header.layers:
            return None
        with opened(self._folder, self._header, name) as source:
            return np.asarray(source.read(1))

    def _planes(self, window: Window, shape: tuple[int, int]) -> npt.NDArray[np.uint8]:
        planes = np.full((len(PLANES), *shape), NO_VALUE, dtype=np.uint8)
        for at, name in enumerate(PLANES):
            layer = self._header.layers.get(name)
            if layer is None:
                continue
            with opened(self._folder, self._header, name) as source:
                stored = np.asarray(source.read(1, window=window, out_shape=shape))
            if name == "class":
                check_classes(stored, self._header, self._folder)
                planes[at] = stored
                continue
            steps = 1.0 if name == "probability" else round(1 / UNLIKENESS_STEP)
            values = np.minimum(np.rint(stored * (layer.scale * steps)), NO_VALUE - 1)
            planes[at] = np.where(stored == layer.no_data, NO_VALUE, values)
        return planes
