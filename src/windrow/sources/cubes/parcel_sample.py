"""A sample of the inner pixels of each parcel, to learn from: no edges, no parcel above others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.data.legend import Legend
from windrow.errors import SettingsError
from windrow.sources.cubes.targets import ParcelPixels, Pixels, Targets
from windrow.sources.rasters.grid import Grid, Window
from windrow.sources.reader import IngestOptions, ReadingSummary

TILE = 1_024
"""Side of the square in which the owners of pixels are held at a time, pixels."""


@dataclass(frozen=True, eq=False)
class SampledPixels:
    """Chosen pixels of other targets.

    Attributes:
        legend: the classes.
        field_ids: (F,) identity of each field.
        field_labels: (F,) position in the legend of each field.
        rows, columns: (n,) in the cube, sorted.
        field: (n,) position in ``field_ids``.
    """

    legend: Legend | None
    field_ids: npt.NDArray[Any]
    field_labels: npt.NDArray[np.int16]
    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    field: npt.NDArray[np.int64]

    def pixels(self, window: Window) -> Pixels:
        """Returns the chosen pixels of a window."""
        first, end = np.searchsorted(self.rows, [window.row, window.row + window.height])
        columns = self.columns[first:end] - window.column
        inside = (columns >= 0) & (columns < window.width)
        return Pixels(
            self.rows[first:end][inside] - window.row,
            columns[inside],
            self.field[first:end][inside],
        )


def choose_pixels(
    targets: Targets, grid: Grid, options: IngestOptions, summary: ReadingSummary
) -> Targets:
    """Chooses inner pixels of each field, at most so many of one field.

    A pixel is an inner one if all pixels around it, as far as ``options.edge_pixels``, are of its
    field; the border of the images is no edge. A field without an inner pixel keeps all of its
    pixels. Means of parcels are taken over all inner pixels.

    Args:
        targets: fields and their pixels.
        grid: the pixels of the cube.
        options: with ``edge_pixels``, ``pixels_per_parcel`` and ``seed``.
        summary: where is counted what is left out.

    Raises:
        SettingsError: there are no fields, but only pixels.
    """
    if targets.legend is None:
        raise SettingsError(
            "pixels are chosen from labelled parcels, and the cube has none",
            hint="give --labels, a file of parcels or points, or name a variable of crop codes"
            " with --label-column",
        )
    edge = options.edge_pixels or 0
    parts = [_owned(targets, grid, tile, edge) for tile in _tiles(grid)]
    rows, columns, field, inner = (np.concatenate([part[k] for part in parts]) for k in range(4))
    has_inner = np.zeros(len(targets.field_ids), dtype=np.bool_)
    has_inner[field[inner.astype(np.bool_)]] = True
    kept = inner.astype(np.bool_) | ~has_inner[field]
    summary.count("edge_pixels_left_out", int((~kept).sum()))
    whole = np.unique(field[~has_inner[field]])
    points = _is_point(targets)[whole]
    summary.count("points", int(points.sum()))
    summary.count("parcels_without_an_inner_pixel_that_keep_all_pixels", int((~points).sum()))
    chosen = np.flatnonzero(kept)
    if options.pixels_per_parcel is not None:
        drawn = _drawn(field[chosen], options.pixels_per_parcel, seed=options.seed)
        summary.say(
            "pixels_per_parcel",
            f"at most {options.pixels_per_parcel}, drawn at random"
            f" ({len(chosen) - len(drawn):,} others)",
        )
        chosen = chosen[drawn]
    chosen = chosen[np.lexsort((columns[chosen], rows[chosen]))]
    return SampledPixels(
        targets.legend,
        targets.field_ids,
        targets.field_labels,
        rows[chosen],
        columns[chosen],
        field[chosen],
    )


def _tiles(grid: Grid) -> list[Window]:
    return [
        Window(row, column, min(TILE, grid.height - row), min(TILE, grid.width - column))
        for row in range(0, grid.height, TILE)
        for column in range(0, grid.width, TILE)
    ]


def _owned(
    targets: Targets, grid: Grid, tile: Window, edge: int
) -> tuple[npt.NDArray[np.int64], ...]:
    """Returns row, column and field of each pixel of a tile that has a field, and if it is inner.

    Pixels around the tile are read too, so that the tiles leave no trace.
    """
    from scipy import ndimage

    row, column = max(0, tile.row - edge), max(0, tile.column - edge)
    around = Window(
        row,
        column,
        min(grid.height, tile.row + tile.height + edge) - row,
        min(grid.width, tile.column + tile.width + edge) - column,
    )
    pixels = targets.pixels(around)
    owner = np.full((around.height, around.width), -1, dtype=np.int64)
    owner[pixels.rows, pixels.columns] = pixels.field
    inner = owner >= 0
    if edge:
        size = 2 * edge + 1
        inner &= ndimage.minimum_filter(owner, size, mode="nearest") == owner
        inner &= ndimage.maximum_filter(owner, size, mode="nearest") == owner
    rows, columns = pixels.rows + row, pixels.columns + column
    own = (rows >= tile.row) & (rows < tile.row + tile.height)
    own &= (columns >= tile.column) & (columns < tile.column + tile.width)
    is_inner = inner[pixels.rows, pixels.columns].astype(np.int64)
    return tuple(
        np.asarray(values[own], dtype=np.int64)
        for values in (rows, columns, pixels.field, is_inner)
    )


def _drawn(field: npt.NDArray[np.int64], most: int, *, seed: int) -> npt.NDArray[np.intp]:
    """Draws at most so many pixels of each field; returns their positions."""
    shuffled = np.random.default_rng([seed, len(field)]).permutation(len(field))
    order = shuffled[np.argsort(field[shuffled], kind="stable")]
    _, first, count = np.unique(field[order], return_index=True, return_counts=True)
    return np.sort(order[np.arange(len(order)) - np.repeat(first, count) < most])


def _is_point(targets: Targets) -> npt.NDArray[np.bool_]:
    if not isinstance(targets, ParcelPixels):
        return np.zeros(len(targets.field_ids), dtype=np.bool_)
    kind = targets.parcels.shapes.geom_type
    return np.asarray(kind.isin(["Point", "MultiPoint"]), dtype=np.bool_)
