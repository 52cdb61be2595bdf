"""Simulated fields under a user's own dates, clouds, bands and level."""

from dataclasses import replace

import numpy as np
import pytest

from windrow.errors import DataError
from windrow.simulation.places.place import Place
from windrow.simulation.worlds.imposed import CLEAR_BELOW, simulate_like
from windrow.simulation.worlds.settings import EARTH
from windrow.simulation.worlds.world import simulate_place

FEW = EARTH.model_copy(update={"num_fields": 30})
PLACE = Place(longitude=-61.0, latitude=-34.0, year=2020, season_start=200)


@pytest.fixture(scope="module")
def own():
    """What stands for a user's series: another place, ten bands, at the top of the atmosphere."""
    place = PLACE.model_copy(update={"product": "L1C"})
    world = simulate_place(place, EARTH.model_copy(update={"num_fields": 12}), seed=9)
    bands = [band for band in world.series.bands if band not in ("B01", "B09")]
    return world.series.with_bands(bands)


@pytest.fixture(scope="module")
def like(own):
    return simulate_like(own, PLACE, FEW, seed=4, crops=["soybean", "winter wheat", "pasture"])


def test_dates_bands_and_level_are_the_users(own, like):
    series = like.series
    assert len(series) == 30
    assert (series.bands, series.processing_level) == (own.bands, "L1C")
    rows = {row.tobytes() for row in np.where(own.valid, own.day_of_year, -1)}
    assert {row.tobytes() for row in np.where(series.valid, series.day_of_year, -1)} <= rows
    assert {like.crop_names[k] for k in like.crop} <= {"soybean", "winter wheat", "pasture"}


def test_cloudy_dates_are_the_users_and_clear_ones_are_not(own, like):
    series = like.series
    hidden = series.valid & (series.cloud_probability >= CLEAR_BELOW)
    values = {row.tobytes() for row in own.reflectance[own.valid]}
    lent = [row.tobytes() in values for row in series.reflectance[hidden]]
    assert all(lent)
    clear = series.valid & (series.cloud_probability < CLEAR_BELOW)
    clear &= series.reflectance[..., series.bands.index("B02")] <= 2800
    mine = [row.tobytes() in values for row in series.reflectance[clear]]
    assert np.mean(mine) < 0.01


def test_clear_values_go_with_the_leaf_area_that_is_told(like):
    series = like.series
    red, infrared = (series.reflectance[..., series.bands.index(b)] for b in ("B04", "B08"))
    clear = series.valid & (series.cloud_probability < CLEAR_BELOW)
    index = (infrared - red.astype(float)) / (infrared + red.astype(float))
    area = series.truth["leaf_area_index"].astype(float)
    assert index[clear & (area > 2.5)].min() > index[clear & (area < 0.2)].mean() + 0.15


def test_the_same_seed_gives_the_same_fields(own, like):
    again = simulate_like(own, PLACE, FEW, seed=4, crops=["soybean", "winter wheat", "pasture"])
    np.testing.assert_array_equal(again.series.reflectance, like.series.reflectance)


def test_without_a_cloud_measure_bright_dates_are_taken_over(own):
    plain = replace(own, cloud_probability=None)
    like = simulate_like(plain, PLACE, FEW, seed=4, crops=["soybean"])
    assert like.series.cloud_probability is None
    blue = like.series.bands.index("B02")
    assert (like.series.reflectance[like.series.valid][:, blue] > 2800).any()


def test_a_series_without_dates_is_refused(own):
    nothing = replace(own, valid=np.zeros_like(own.valid))
    with pytest.raises(DataError, match="no dates to simulate on"):
        simulate_like(nothing, PLACE, FEW, seed=1)
