"""Crops that are likely at a place follow from its latitude and climate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.simulation.crop_table import CROP_TABLE, TABLE_NAMES, table_number
from windrow.simulation.places.place import Place
from windrow.simulation.worlds.likely_crops import KINDS, likely_crops


def names(longitude, latitude, num=12):
    place = Place(longitude=longitude, latitude=latitude, year=2020)
    return [kind.name for kind in likely_crops(place, num=num)]


def test_kinds_hold_crops_of_the_table_once():
    crops = [crop for kind in KINDS for crop in kind.crops]
    assert len(crops) == len(set(crops))
    assert set(crops) <= set(TABLE_NAMES)


@pytest.mark.parametrize(
    ("longitude", "latitude", "there", "absent"),
    [
        (11.6, 48.2, {"wheat", "maize", "grassland", "barley", "rapeseed"}, {"rice", "cassava"}),
        (34.3, 0.6, {"maize", "cassava", "millet", "groundnut"}, {"wheat", "rapeseed", "barley"}),
        (25.5, 65.0, {"grassland"}, {"maize", "soybean"}),
    ],
)
def test_known_places(longitude, latitude, there, absent):
    found = set(names(longitude, latitude))
    assert there <= found
    assert not absent & found


def test_olives_grow_under_dry_summers_alone():
    assert "olive" in names(-5.0, 37.5, num=40)
    assert "olive" not in names(-90.0, 37.5, num=40)


@settings(max_examples=60, deadline=None)
@given(st.floats(-180, 180), st.floats(-60, 65), st.integers(1, 40))
def test_crops_are_usual_at_the_latitude(longitude, latitude, num):
    place = Place(longitude=longitude, latitude=latitude, year=2020)
    found = likely_crops(place, num=num)
    assert 1 <= len(found) <= num
    np.testing.assert_allclose(sum(kind.share for kind in found), 1.0)
    shares = [kind.share for kind in found]
    assert shares == sorted(shares, reverse=True)
    for kind in found:
        for crop in kind.crops:
            low, high = CROP_TABLE[table_number(crop)].latitudes
            assert low <= abs(latitude) <= high
