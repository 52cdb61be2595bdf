"""Reads the pixels of a cube, block by block, on the ten-day calendar of the classifier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.data.season import days_of_season
from windrow.data.series import Series
from windrow.data.ten_day_grid import TenDayGrid, grid_of_pixels
from windrow.errors import DataError
from windrow.sources.cubes.open_cube import OpenCube
from windrow.sources.cubes.series import degrees
from windrow.sources.rasters.grid import Window
from windrow.sources.values.reflectance import RangeTally

_SAMPLED_BLOCKS = 32
"""Number of stored blocks that the sample of a scene is read from; all others stay unread."""


@dataclass(frozen=True, eq=False)
class BlockPixels:
    """The pixels of a block.

    Attributes:
        grid: ten-day grid of the n seen pixels.
        seen: (P,) bool, pixels of the block, row by row, that have a clear date.
        clear_dates: (P,) int64, number of clear dates.
        num_observations: pixels times dates that hold data.
        num_out_of_range: pixels times dates that were left out as impossible reflectance.
    """

    grid: TenDayGrid
    seen: npt.NDArray[np.bool_]
    clear_dates: npt.NDArray[np.int64]
    num_observations: int
    num_out_of_range: int


class Scene:
    """A cube to be classified.

    Args:
        opened: the cube, and what its numbers mean.
        bands: bands to read, in order.
        clear_below: a date is clear if its cloud probability 0..255 is below this; None takes every
            date with data.
        latitude: latitude by which the seasons are shifted, degrees; None counts as northern.
    """

    def __init__(
        self,
        opened: OpenCube,
        *,
        bands: tuple[str, ...],
        clear_below: int | None,
        latitude: float | None,
    ) -> None:
        self._opened = opened
        self._bands = bands
        self._rows = [opened.facts.bands.index(band) for band in bands]
        self._clear_below = clear_below
        self._latitude = latitude
        dates = opened.facts.dates
        self._calendar_day = (dates - dates.astype("M8[Y]")).astype("m8[D]").astype(np.int64)

    def read(self, window: Window) -> BlockPixels:
        """Reads all pixels of a window.

        Raises:
            DataError: a file is damaged; names it.
        """
        rows, columns = np.divmod(np.arange(window.height * window.width), window.width)
        tally = RangeTally()
        reflectance, valid, cloud = self._opened.read(window, rows, columns, tally)
        use = valid
        if cloud is not None and self._clear_below is not None:
            use = valid & (cloud < self._clear_below)
        seen = np.asarray(use.any(axis=0))
        chosen = reflectance[:, self._rows]
        if not seen.all():
            chosen, kept = chosen[..., seen], use[:, seen]
        else:
            kept = use
        grid = grid_of_pixels(
            chosen,
            bands=self._bands,
            use=kept,
            calendar_day=self._calendar_day,
            latitude=self._latitude,
        )
        return BlockPixels(grid, seen, use.sum(axis=0), tally.num_known, tally.num_out)

    def sample(self, num_pixels: int) -> Series:
        """Reads pixels spread over the scene, which show the place to the classifier.

        They depend on the scene alone, never on the blocks of a map.

        Args:
            num_pixels: largest number of pixels.

        Raises:
            DataError: none of them has a clear date.
        """
        facts = self._opened.facts
        parts = []
        for window, rows, columns in self._lattice(num_pixels):
            reflectance, valid, cloud = self._opened.read(window, rows, columns, RangeTally())
            use = valid
            if cloud is not None and self._clear_below is not None:
                use = valid & (cloud < self._clear_below)
            seen = np.asarray(use.any(axis=0))
            parts.append(
                (
                    reflectance[:, self._rows][..., seen].transpose(2, 0, 1),
                    valid[:, seen].T,
                    None if cloud is None else cloud[:, seen].T,
                    (rows + window.row)[seen],
                    (columns + window.column)[seen],
                )
            )
        rows, columns = (np.concatenate([part[at] for part in parts]) for at in (3, 4))
        if len(rows) == 0:
            raise DataError(
                "no pixel of the sample has a clear date",
                where=facts.names[0],
                hint="check the cloud measure, or name another with --cloud-measure",
            )
        clouds = [part[2] for part in parts if part[2] is not None]
        days, years = days_of_season(facts.dates, facts.season_start)
        place = degrees(facts.grid, rows, columns)
        identity = (rows * facts.grid.width + columns).astype(np.int64)
        return Series(
            reflectance=np.concatenate([part[0] for part in parts]),
            day_of_year=np.tile(days, (len(rows), 1)),
            valid=np.concatenate([part[1] for part in parts]),
            bands=self._bands,
            processing_level=facts.processing_level,
            id=identity,
            field_id=identity,
            year=np.full(len(rows), years[0], dtype=np.int16),
            cloud_probability=np.concatenate(clouds) if clouds else None,
            longitude=None if place is None else place[0],
            latitude=None if place is None else place[1],
            season_start=facts.season_start,
        )

    def _lattice(
        self, num_pixels: int
    ) -> Iterator[tuple[Window, npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
        """Yields stored blocks spread over the grid, each with rows and columns of a lattice."""
        facts = self._opened.facts
        grid = facts.grid
        height, width = min(facts.native[0], grid.height), min(facts.native[1], grid.width)
        down, across = -(-grid.height // height), -(-grid.width // width)
        num_blocks = min(down * across, _SAMPLED_BLOCKS)
        for number in np.unique(np.linspace(0, down * across - 1, num_blocks).astype(np.int64)):
            row, column = divmod(int(number), across)
            window = Window(
                row * height,
                column * width,
                min(height, grid.height - row * height),
                min(width, grid.width - column * width),
            )
            wanted = min(max(1, num_pixels // num_blocks), window.height * window.width)
            tall = max(1, round((wanted * window.height / window.width) ** 0.5))
            tall = min(tall, window.height, wanted)
            wide = min(window.width, max(1, wanted // tall))
            rows = ((np.arange(tall) + 0.5) * window.height / tall).astype(np.intp)
            columns = ((np.arange(wide) + 0.5) * window.width / wide).astype(np.intp)
            yield window, np.repeat(rows, wide), np.tile(columns, tall)
