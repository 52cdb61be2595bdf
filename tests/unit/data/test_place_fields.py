"""Fields of a place on disk."""

import numpy as np
import pytest

from place_factory import make_place
from windrow.data.place_fields import read_place_fields, write_place_fields
from windrow.errors import DataError


def test_a_place_comes_back_as_it_was(tmp_path):
    place = make_place(12, latitude=-31.5)
    write_place_fields(tmp_path / "place.safetensors", place)
    found = read_place_fields(tmp_path / "place.safetensors")
    for name in ("reflectance", "day_of_year", "clear", "crop"):
        np.testing.assert_array_equal(getattr(found, name), getattr(place, name))
    assert (found.crop_names, found.level, found.latitude) == (place.crop_names, "L2A", -31.5)


def test_a_damaged_file_is_refused_in_one_line(tmp_path):
    file = tmp_path / "place.safetensors"
    write_place_fields(file, make_place(12))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"cannot be read.*place\.safetensors"):
        read_place_fields(file)


def test_crops_are_taken_out_by_name():
    place = make_place(20)
    left = place.without_crops(("hemp", "maize"))
    assert sorted(set(left.crop.tolist())) == [0, 2, 3]
    assert len(left) == 12
    with pytest.raises(DataError, match="unknown crop 'vine'"):
        place.without_crops(("vine",))
