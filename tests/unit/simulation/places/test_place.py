"""Places on the Earth: their seasons, and the crops that follow them."""

import numpy as np
import pytest

from windrow.errors import SettingsError
from windrow.simulation.places.calendars import calendar_at
from windrow.simulation.places.place import Place
from windrow.simulation.worlds.settings import EARTH
from windrow.simulation.worlds.world import simulate_place

FEW = EARTH.model_copy(
    update={"num_fields": 40, "num_regions": (1, 1), "season_shift": 0.0, "harvest_shift": 0.0}
)


@pytest.mark.parametrize(
    ("longitude", "latitude", "warm", "cold"),
    [
        (11.6, 48.2, 97, 272),  # Munich: maize from April, wheat from the end of September
        (-93.5, 42.0, 91, 280),  # Iowa
        (75.5, 30.5, 128, 318),  # Punjab: monsoon and rabi
        (-61.0, -34.0, 283, 204),  # the Pampas
        (147.0, -33.0, 301, 160),  # New South Wales: wheat from June
        (8.0, 12.0, 138, 290),  # northern Nigeria
    ],
)
def test_seasons_begin_when_they_do(longitude, latitude, warm, cold):
    calendar = calendar_at(longitude, latitude)
    for season, day in ((calendar.warm, warm), (calendar.cold, cold)):
        away = (calendar.day_of_year(season.start) - day + 182) % 365 - 182
        assert abs(away) <= 12
    assert calendar.southern == (latitude < 0)


def test_a_place_beyond_the_calendars_is_refused():
    with pytest.raises(SettingsError, match="beyond the calendars"):
        calendar_at(48.0, 75.0)


def harvest_day(longitude, latitude, crop):
    """Median day of the year on which a crop is harvested."""
    place = Place(longitude=longitude, latitude=latitude, year=2021)
    world = simulate_place(place, FEW, seed=5, crops=[crop])
    days = world.series.truth["harvest_day"]
    return float(np.median(days[days >= 0]))


@pytest.mark.parametrize(
    ("longitude", "latitude", "crop", "month"),
    [
        (11.6, 48.2, "winter wheat", 7.2),
        (75.5, 30.5, "winter wheat", 4.6),
        (147.0, -33.0, "winter wheat", 11.6),
        (-93.5, 42.0, "grain maize", 10.0),
        (-56.0, -13.0, "soybean", 2.2),
    ],
)
def test_harvests_come_in_their_month(longitude, latitude, crop, month):
    away = harvest_day(longitude, latitude, crop) / 30.4 + 1 - month
    assert abs((away + 6) % 12 - 6) < 1.2


def test_a_crop_that_is_not_in_the_table_is_refused_by_name():
    place = Place(longitude=0.0, latitude=45.0, year=2021)
    with pytest.raises(SettingsError, match="unknown crop 'winter weat'") as caught:
        simulate_place(place, FEW, seed=1, crops=["winter weat"])
    assert "winter wheat" in str(caught.value.hint)


def test_evergreen_forest_stays_green_and_deciduous_does_not():
    place = Place(longitude=11.6, latitude=48.2, year=2021, altitude_m=500.0)
    world = simulate_place(place, FEW, seed=2, crops=["needle forest", "broad-leaved forest"])
    names = np.array(world.crop_names)[world.crop]
    area = world.series.truth["leaf_area_index"].astype(float)
    winter = world.series.valid & (world.series.day_of_year < 45)
    needle, broad = (area[winter & (names == n)[:, None]].mean() for n in np.unique(names)[::-1])
    assert needle > 3.0
    assert broad < 1.2


def test_rice_stands_in_water_when_it_is_young():
    place = Place(longitude=105.8, latitude=10.5, year=2021, product="L2A", irrigated=1.0)
    clear = FEW.model_copy(update={"cloud_share": (0.05, 0.06), "cloud_season": 0.0})
    world = simulate_place(place, clear, seed=2, crops=["rice", "soybean"])
    names = np.array(world.crop_names)[world.crop]
    series = world.series
    infrared = series.reflectance[..., series.bands.index("B11")] / 10_000
    before = series.truth["harvest_day"][:, None] - series.day_of_year
    young = series.valid & (series.cloud_probability < 26) & (before > 75) & (before < 110)
    young &= series.truth["leaf_area_index"] < 1.5
    rice, soybean = (infrared[young & (names == n)[:, None]].mean() for n in ("rice", "soybean"))
    assert rice < 0.5 * soybean
