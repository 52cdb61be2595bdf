"""The description of a map folder: what is read, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from map_factory import write_small_map
from windrow.data.map_folder import HEADER, read_map_header, standard_layers
from windrow.errors import DataError

CLASSES = np.array([[1, 2, 2], [0, 1, 3]], dtype=np.uint8)
NAMES = ("Maize", "Grass", "Potato")


def test_a_map_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = write_small_map(tmp_path / "map", CLASSES, names=NAMES)
    read = read_map_header(tmp_path / "map")
    assert read == written
    assert read.class_names == NAMES
    assert [each.num_pixels for each in read.classes] == [2, 2, 1]
    assert read.num_without_data == 1


def test_every_probability_is_a_layer_of_a_band_per_class() -> None:
    layers = standard_layers(7, every_probability=True)
    assert layers["probabilities"].num_bands == 7
    assert "probabilities" not in standard_layers(7, every_probability=False)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "windrow map"}', "[" * 5000])
def test_a_damaged_description_is_refused(tmp_path: Path, content: str) -> None:
    write_small_map(tmp_path / "map", CLASSES, names=NAMES)
    (tmp_path / "map" / HEADER).write_text(content)
    with pytest.raises(DataError):
        read_map_header(tmp_path / "map")


def test_an_unfinished_map_and_a_missing_layer_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no map here"):
        read_map_header(tmp_path)
    write_small_map(tmp_path / "map", CLASSES, names=NAMES)
    (tmp_path / "map" / "entropy.tif").unlink()
    with pytest.raises(DataError, match="layer of the map is missing"):
        read_map_header(tmp_path / "map")


def test_a_layer_outside_the_folder_is_refused(tmp_path: Path) -> None:
    write_small_map(tmp_path / "map", CLASSES, names=NAMES)
    values = json.loads((tmp_path / "map" / HEADER).read_text())
    values["layers"]["class"]["file"] = "../class.tif"
    (tmp_path / "map" / HEADER).write_text(json.dumps(values))
    with pytest.raises(DataError, match="damaged"):
        read_map_header(tmp_path / "map")
