"""Random simulated places: keyed, wide, and whole in themselves."""

import numpy as np
import pytest

from windrow.errors import SettingsError
from windrow.simulation.crop_table import CROP_TABLE
from windrow.simulation.worlds.settings import EARTH, WorldSettings
from windrow.simulation.worlds.world import simulate_world

SMALL = EARTH.model_copy(update={"num_fields": 24})


@pytest.fixture(scope="module")
def worlds():
    return [simulate_world(SMALL, 7, number=k) for k in range(12)]


def test_a_world_follows_from_its_seed_and_number_alone(worlds):
    again = simulate_world(SMALL, 7, number=5)
    np.testing.assert_array_equal(again.series.reflectance, worlds[5].series.reflectance)
    np.testing.assert_array_equal(again.crop, worlds[5].crop)
    assert again.season_start == worlds[5].season_start
    other = simulate_world(SMALL, 8, number=5)
    assert other.latitude != again.latitude


def test_worlds_differ_in_what_they_are_drawn_for(worlds):
    assert {world.level for world in worlds} == {"L1C", "L2A"}
    assert {np.sign(world.latitude) for world in worlds} == {-1.0, 1.0}
    assert len({world.season_start for world in worlds}) > 4
    clear = [(world.series.cloud_probability < 26)[world.series.valid].mean() for world in worlds]
    assert max(clear) > 2 * min(clear) > 0


def test_the_twelve_months_are_in_order_and_trimmed(worlds):
    for world in worlds:
        series = world.series
        assert series.valid.any(axis=0).all()
        days = np.where(series.valid, series.day_of_year, -1)
        assert days.max() <= 364
        for row, valid in zip(series.day_of_year, series.valid, strict=True):
            assert (np.diff(row[valid].astype(int)) > 0).all()
        harvest = series.truth["harvest_day"]
        assert ((harvest >= -1) & (harvest < 365)).all()
        for name in ("leaf_area_index", "cover_fraction", "chlorophyll"):
            assert series.truth[name].shape == series.valid.shape


def test_leaf_area_is_gone_after_the_harvest_of_what_ripens():
    settings = SMALL.model_copy(
        update={"crops": ("winter wheat",), "common_crops": (), "num_crops": (1, 1)}
    )
    for number in range(4):
        world = simulate_world(settings, 3, number=number)
        series = world.series
        harvest = series.truth["harvest_day"][:, None]
        late = np.where(harvest >= 0, series.day_of_year - harvest, -1)
        area = series.truth["leaf_area_index"].astype(float)
        assert area[series.valid & (late > 2) & (late < 8)].max() < 1.2


def test_most_worlds_grow_what_is_usual_at_their_latitude(worlds):
    usual = []
    for world in worlds:
        low, high = np.array([CROP_TABLE[k].latitudes for k in world.crop]).T
        usual.append(bool(((low <= abs(world.latitude)) & (abs(world.latitude) <= high)).all()))
    assert np.mean(usual) > 0.6


def test_only_allowed_crops_grow():
    settings = SMALL.model_copy(update={"crops": ("rice", "cotton"), "num_crops": (2, 5)})
    world = simulate_world(settings, 1)
    assert {world.crop_names[k] for k in world.crop} <= {"rice", "cotton"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crops": ("triffid",)}, "unknown crop"),
        ({"crops": ()}, "no crop may grow"),
        ({"drought": (0.5, 0.2)}, "drought ends before it begins"),
        ({"crops": ("rice", "rice")}, "stands twice"),
        ({"num_regions": (1, 50), "num_fields": 4}, "more regions than fields"),
    ],
)
def test_settings_that_contradict_themselves_are_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        WorldSettings.from_dict(EARTH.to_dict() | changes)
