"""Pixels of parcels against shapely, point by point, window by window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cube_factory
from windrow.data.legend import Legend
from windrow.sources.labels.parcel_polygons import Parcels
from windrow.sources.rasters.grid import Grid, windows

geopandas = pytest.importorskip("geopandas")
shapely = pytest.importorskip("shapely")


@pytest.mark.parametrize("seed", range(4))
def test_a_pixel_belongs_to_the_parcel_of_its_centre(seed: int) -> None:
    random = np.random.default_rng(seed)
    transform = (10.0, 0.0, cube_factory.LEFT, 0.0, -10.0, cube_factory.TOP)
    grid = Grid(40, 30, transform, cube_factory.CRS)
    # Triangles in cells of their own, so that none overlap.
    shapes = []
    for row in range(4):
        for column in range(3):
            corners = random.uniform(0, 100, (3, 2))
            left, top = cube_factory.LEFT + 100 * column, cube_factory.TOP - 100 * row
            shapes.append(shapely.Polygon([(left + x, top - y) for x, y in corners]))
    parcels = Parcels(
        Path("x"),
        np.arange(12),
        np.zeros(12, dtype=np.int16),
        Legend(("a",), ("a",)),
        geopandas.GeoSeries(shapes, crs=cube_factory.CRS),
    )
    found = np.full((40, 30), -2)
    for window in windows(grid, (7, 11), 1, limit=77):
        rows = slice(window.row, window.row + window.height)
        columns = slice(window.column, window.column + window.width)
        found[rows, columns] = parcels.rasterise(grid, window)
    rows, columns = np.divmod(np.arange(1200), 30)
    x, y = grid.centres(rows, columns)
    expected = np.full(1200, -1)
    for index, shape in enumerate(shapes):
        expected[shapely.contains_xy(shape, x, y)] = index
    assert found.ravel().tolist() == expected.tolist()
