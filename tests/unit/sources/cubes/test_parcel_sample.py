"""Which pixels of a parcel are learned from: inner ones, equally many of each, any tiling."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import cube_factory as factory
from windrow.errors import SettingsError
from windrow.sources.cubes import parcel_sample
from windrow.sources.cubes.parcel_sample import choose_pixels
from windrow.sources.cubes.targets import EveryPixel, ParcelPixels, PatchPixels, patches_of_codes
from windrow.sources.labels.parcel_polygons import read_parcels
from windrow.sources.rasters.grid import Grid, Window
from windrow.sources.reader import IngestOptions, ReadingSummary

GRID = Grid(factory.HEIGHT, factory.WIDTH, tuple(factory.transform())[:6], factory.CRS)


@dataclass(frozen=True)
class Chosen:
    pixels: dict[tuple[int, int], int]
    summary: ReadingSummary


def chosen(targets, grid: Grid = GRID, **options) -> Chosen:
    summary = ReadingSummary("cube")
    sample = choose_pixels(targets, grid, IngestOptions(**options), summary)
    found = sample.pixels(Window(0, 0, grid.height, grid.width))
    rows, columns = found.rows.tolist(), found.columns.tolist()
    return Chosen(
        dict(zip(zip(rows, columns, strict=True), found.field.tolist(), strict=True)), summary
    )


def patches(codes) -> PatchPixels:
    return patches_of_codes(
        np.asarray(codes), legend=None, where="codes", summary=ReadingSummary("cube")
    )


def naive_inner(owner, edge: int) -> dict[tuple[int, int], int]:
    """Pixel by pixel: all pixels around it within the images are of its field."""
    height, width = owner.shape
    inner = {}
    for row, column in zip(*np.nonzero(owner >= 0), strict=True):
        near = owner[
            max(0, row - edge) : min(height, row + edge + 1),
            max(0, column - edge) : min(width, column + edge + 1),
        ]
        if (near == owner[row, column]).all():
            inner[int(row), int(column)] = int(owner[row, column])
    whole = set(owner[owner >= 0].tolist()) - set(inner.values())
    kept = {
        (int(row), int(column)): int(owner[row, column])
        for row, column in zip(*np.nonzero(owner >= 0), strict=True)
        if owner[row, column] in whole
    }
    return {**inner, **kept}


@settings(deadline=None)  # the first call imports scipy
@given(
    codes=arrays(np.int64, (9, 11), elements=st.sampled_from([0, 3, 3, 3, 3, 3, 8])),
    edge=st.integers(1, 2),
    tile=st.sampled_from([2, 5, 100]),
)
def test_inner_pixels_are_those_of_a_naive_loop_in_any_tiling(codes, edge, tile):
    if not (codes > 0).any():
        codes[0, 0] = 3
    targets = patches(codes)
    grid = Grid(9, 11, GRID.transform, GRID.crs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parcel_sample, "TILE", tile)
        found = chosen(targets, grid, edge_pixels=edge)
    expected = naive_inner(targets.patch, edge)
    assert found.pixels == expected
    left = found.summary.counts["edge_pixels_left_out"]
    assert left == int((targets.patch >= 0).sum()) - len(expected)


def test_each_parcel_gives_at_most_so_many_pixels_and_the_same_again():
    codes = np.zeros((30, 40), dtype=np.int64)
    codes[:, :35] = 1200
    codes[4:7, 37:40] = 9120
    grid = Grid(30, 40, GRID.transform, GRID.crs)
    found = chosen(patches(codes), grid, pixels_per_parcel=9, seed=3)
    assert np.bincount(list(found.pixels.values())).tolist() == [9, 9]
    assert found.pixels == chosen(patches(codes), grid, pixels_per_parcel=9, seed=3).pixels
    other = chosen(patches(codes), grid, pixels_per_parcel=9, seed=4).pixels
    assert found.pixels != other
    assert all(codes[at] == (1200 if field == 0 else 9120) for at, field in found.pixels.items())


@pytest.mark.parametrize("crs", [factory.CRS, "EPSG:4326", "EPSG:3035"])
def test_parcels_of_any_crs_lose_their_edge_and_small_ones_keep_all(tmp_path: Path, crs: str):
    pytest.importorskip("geopandas")
    path = factory.write_parcels(tmp_path / "parcels.gpkg", factory.parcels(crs))
    targets = ParcelPixels(read_parcels(path, GRID, IngestOptions(), ReadingSummary("x")), GRID)
    found = chosen(targets, edge_pixels=1)
    by_id = {
        int(targets.field_ids[number]): sorted(at for at, n in found.pixels.items() if n == number)
        for number in range(3)
    }
    assert by_id[11] == [(2, 2), (3, 2)]  # of 4 x 3 pixels
    assert by_id[12] == factory.PARCEL_PIXELS[12]  # 2 x 2 pixels, all on its edge
    assert by_id[13] == [(8, 3), (8, 4)]
    assert found.summary.counts["parcels_without_an_inner_pixel_that_keep_all_pixels"] == 1
    assert found.summary.counts["edge_pixels_left_out"] == 20


def test_a_point_takes_the_pixel_it_lies_in(tmp_path: Path):
    geopandas = pytest.importorskip("geopandas")
    x, y = factory.LEFT + 34.0, factory.TOP - 71.0
    points = geopandas.GeoDataFrame(
        {"crop": ["maize", "wheat"]},
        geometry=geopandas.points_from_xy([x, x + 30], [y, y]),
        crs=factory.CRS,
    ).to_crs("EPSG:4326")
    path = factory.write_parcels(tmp_path / "points.geojson", points)
    targets = ParcelPixels(read_parcels(path, GRID, IngestOptions(), ReadingSummary("x")), GRID)
    found = chosen(targets, edge_pixels=1)
    assert sorted(found.pixels) == [(7, 3), (7, 6)]
    assert found.summary.counts["points"] == 2
    assert found.summary.counts["parcels_without_an_inner_pixel_that_keep_all_pixels"] == 0


def test_pixels_without_parcels_have_no_edge():
    with pytest.raises(SettingsError, match="pixels are chosen from labelled parcels"):
        choose_pixels(EveryPixel(), GRID, IngestOptions(edge_pixels=1), ReadingSummary("x"))
