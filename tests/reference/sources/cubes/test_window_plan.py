"""Reading by windows against indexing the whole raster."""

from datetime import date

import numpy as np
import pytest

from denethor_files import write_raster
from windrow.data.planetscope_windows import planetscope_window
from windrow.data.series import NO_DATA
from windrow.sources.denethor.planetscope import make_plan, open_stack, read_day
from windrow.sources.formats.npy_stack import PixelChoice

pytest.importorskip("rasterio", reason="rasterio is not installed")

SIDE = 1_100


@pytest.mark.parametrize("pairing", ["corner", "centred"])
@pytest.mark.parametrize(
    ("profile", "num_pixels"),
    [
        ({}, 500),
        ({"tiled": True, "blockxsize": 256, "blockysize": 128, "compress": "deflate"}, 3),
        ({"tiled": True, "blockxsize": 64, "blockysize": 64, "interleave": "band"}, 2_000),
        ({"blockysize": 300, "tiled": False}, 50),
    ],
)
def test_windows_give_what_indexing_gives(tmp_path, pairing, profile, num_pixels):
    draw = np.random.default_rng(num_pixels)
    values = draw.integers(0, 32_768, (4, SIDE, SIDE)).astype(np.uint16)
    values[:, draw.random((SIDE, SIDE)) < 0.1] = 0
    values[2, draw.random((SIDE, SIDE)) < 0.002] = 40_000
    path = write_raster(tmp_path / "sr.tif", values, **profile)
    side = SIDE * 3 // 10
    flat = np.sort(draw.permutation(side * side)[: num_pixels - 2])
    flat = np.concatenate([[0], flat[(flat > 0) & (flat < side * side - 1)], [side * side - 1]])
    pixels = PixelChoice(*(axis.astype(np.int32) for axis in np.divmod(flat, side)))
    stack = open_stack({date(2018, 5, 1): path}, quality={}, quality_bands=(), year=2018)
    plan = make_plan(stack, pixels, pairing=pairing)
    rows, columns = planetscope_window(pixels.row, pixels.column, size=SIDE, pairing=pairing)
    wanted = values[:, rows, columns].astype(np.int64)
    bright = (wanted == 40_000).any(axis=0)
    missing = (wanted == 0).all(axis=0) | bright
    wanted = np.where(missing, NO_DATA, wanted)
    wanted = wanted.transpose(1, 0, 2).reshape(len(flat), 36)
    found, num_out = read_day(stack, 0, plan)
    np.testing.assert_array_equal(found, wanted)
    assert num_out == bright.sum()
    assert stack.days == (120,)
    # no window is larger than the two blocks by two that hold 256 x 512 pixels
    assert max(piece.window[2] * piece.window[3] for piece in plan.pieces) <= 512 * SIDE


def test_files_without_wanted_pixels_in_a_block_are_not_read_there(tmp_path):
    values = np.ones((4, SIDE, SIDE), dtype=np.uint16)
    profile = {"tiled": True, "blockxsize": 128, "blockysize": 128}
    path = write_raster(tmp_path / "sr.tif", values, **profile)
    stack = open_stack({date(2018, 5, 1): path}, quality={}, quality_bands=(), year=2018)
    pixels = PixelChoice(np.array([3, 300], dtype=np.int32), np.array([5, 310], dtype=np.int32))
    plan = make_plan(stack, pixels, pairing="corner")
    assert [piece.window for piece in plan.pieces] == [(9, 15, 3, 3), (999, 1032, 3, 3)]
