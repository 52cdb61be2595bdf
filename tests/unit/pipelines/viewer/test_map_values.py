"""Tiles and counts of a map against the arrays that it was written from."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from map_factory import write_small_map
from windrow.errors import DataError
from windrow.pipelines.viewer.map_values import NO_VALUE, MapValues

SHAPE = (300, 521)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maps") / "map"
    classes = np.random.default_rng(1).integers(0, 4, SHAPE).astype(np.uint8)
    header = write_small_map(folder, classes, names=("wheat", "maize", "meadow"))
    layers = {}
    for name in ("class", "probability", "unlikeness"):
        with rasterio.open(folder / f"{name}.tif") as source:
            layers[name] = source.read(1)
    return MapValues(folder, header), layers, header, folder


def naive_planes(layers):
    """The planes; halves of a step round to the even one in both."""
    unlike = layers["unlikeness"].astype(np.int64)
    half, odd = np.divmod(unlike, 2)  # a step is 0.02, a stored number 0.01
    steps = np.minimum(half + odd * (half % 2), 254)
    steps[unlike == 65535] = NO_VALUE
    return np.stack([layers["class"], layers["probability"], steps]).astype(np.uint8)


def test_tiles_of_the_finest_level_are_the_layers(written):
    values, layers, _, _ = written
    assert values.num_levels == 3
    found = np.zeros((3, *SHAPE), dtype=np.uint8)
    for row in range(2):
        for column in range(3):
            part = (slice(256 * row, 256 * row + 256), slice(256 * column, 256 * column + 256))
            found[:, *part] = values.tile(0, row, column)
    np.testing.assert_array_equal(found, naive_planes(layers))
    np.testing.assert_array_equal(values.whole(), found)


def test_a_coarse_tile_holds_pixels_of_its_place(written):
    values, layers, _, _ = written
    tile = values.tile(2, 0, 0)
    assert tile.shape == (3, 75, 131)
    whole = naive_planes(layers)
    for row, column in ((0, 0), (40, 70), (74, 129)):
        around = whole[:, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4].reshape(3, -1).T
        assert tile[:, row, column].tolist() in around.tolist()


@pytest.mark.parametrize("place", [(3, 0, 0), (0, 2, 0), (0, 0, 3), (-1, 0, 0), (99, 0, 0)])
def test_a_tile_that_is_not_there_is_refused(written, place):
    with pytest.raises(DataError, match="no such tile"):
        written[0].tile(*place)


def test_pixels_are_counted_by_class_and_confidence(written):
    values, layers, header, _ = written
    counts = values.histogram()
    for each in header.classes:
        for percent in (34, 60, 99):
            both = (layers["class"] == each.value) & (layers["probability"] == percent)
            assert counts[each.value - 1, percent] == both.sum()
    assert counts.sum(axis=1).tolist() == [each.num_pixels for each in header.classes]


def test_a_pixel_has_the_numbers_of_its_layers(written):
    values, layers, _, _ = written
    row, column = np.argwhere(layers["class"] > 0)[17]
    found = values.pixel(int(row), int(column))
    assert found.map_class == layers["class"][row, column]
    assert found.probability == pytest.approx(layers["probability"][row, column] / 100)
    assert found.unlikeness == pytest.approx(layers["unlikeness"][row, column] / 100)
    row, column = np.argwhere(layers["class"] == 0)[5]
    empty = values.pixel(int(row), int(column))
    assert (empty.map_class, empty.probability, empty.unlikeness) == (None, None, None)
    assert empty.clear_dates == 0


def test_a_pixel_outside_and_a_value_without_a_class_are_refused(written, tmp_path):
    values, _, _, _ = written
    with pytest.raises(DataError, match="outside the map"):
        values.pixel(300, 0)
    classes = np.full((4, 5), 3, dtype=np.uint8)
    header = write_small_map(tmp_path / "map", classes, names=("wheat", "maize"))
    with pytest.raises(DataError, match="value without a class"):
        MapValues(tmp_path / "map", header).tile(0, 0, 0)


def test_a_map_without_unlikeness_has_no_values_of_it(written):
    _, layers, header, folder = written
    kept = {name: layer for name, layer in header.layers.items() if name != "unlikeness"}
    values = MapValues(folder, header.model_copy(update={"layers": kept}))
    tile = values.tile(0, 0, 0)
    assert (tile[2] == NO_VALUE).all()
    np.testing.assert_array_equal(tile[0], layers["class"][:256, :256])
    assert values.pixel(0, 0).unlikeness is None
