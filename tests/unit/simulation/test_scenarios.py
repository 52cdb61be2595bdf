"""Twins of the tasks: what differs between places, years, products and units."""

import numpy as np
import pytest

from windrow.data.series import concatenate
from windrow.errors import SettingsError
from windrow.simulation import (
    SCENARIOS,
    ScenarioSettings,
    simulate_denethor,
    simulate_landscape,
    simulate_parts,
    simulate_pixels,
)
from windrow.simulation.fields.landscape import make_landscape, sampled_pixels
from windrow.simulation.surface.geometry import make_overpasses


def small(name, **changes):
    values = SCENARIOS[name].to_dict() | {"landscape_m": 600, "field_m": 150.0} | changes
    return ScenarioSettings.from_dict(values)


@pytest.fixture(scope="module")
def brittany():
    return concatenate(list(simulate_parts("brittany-2018", num_series=240, seed=2)))


def test_brittany_is_field_means_at_the_top_of_the_atmosphere(brittany):
    assert brittany.processing_level == "L1C"
    assert brittany.planetscope is None
    assert brittany.planetscope_day is None
    np.testing.assert_array_equal(brittany.id, brittany.field_id)
    assert len(np.unique(brittany.id)) == len(brittany)
    assert set(brittany.label.tolist()) == set(range(6))
    assert brittany.longitude.max() < -2
    orbits = [
        len(set(make_overpasses(make_landscape(SCENARIOS["brittany-2018"], 2, k)).orbit.tolist()))
        for k in range(40)
    ]
    assert 0.3 < np.mean(np.array(orbits) == 2) < 0.8


def test_a_field_mean_is_the_mean_of_its_pixels():
    settings = small("brittany-2018", pixels_per_field=5)
    fields = simulate_landscape(settings, seed=3, landscape=1)
    rows, columns = sampled_pixels(make_landscape(settings, 3, 1))
    pixels = simulate_pixels(settings, seed=3, landscape=1, rows=rows, columns=columns)
    assert len(fields) == len(np.unique(pixels.field_id)) < len(pixels)
    for position in (0, len(fields) - 1):
        own = pixels.field_id == fields.id[position]
        for found, each in (
            (fields.reflectance, pixels.reflectance),
            (fields.cloud_probability, pixels.cloud_probability),
            (fields.truth["cloud_free_reflectance"], pixels.truth["cloud_free_reflectance"]),
        ):
            wanted = each[own].astype(float).mean(axis=0)
            np.testing.assert_allclose(found[position], wanted, atol=0.5 + 1e-9)
        assert (pixels.label[own] == fields.label[position]).all()
        np.testing.assert_array_equal(
            pixels.truth["cut_day"][own][0], fields.truth["cut_day"][position]
        )


def test_the_products_differ_by_the_air_alone():
    surface = simulate_landscape(small("brandenburg-2018"), seed=5, landscape=0)
    top = simulate_landscape(small("brandenburg-2018", product="L1C"), seed=5, landscape=0)
    for name in ("cloud_free_reflectance", "leaf_area_index"):
        np.testing.assert_array_equal(surface.truth[name], top.truth[name])
    np.testing.assert_array_equal(surface.planetscope, top.planetscope)
    clear = surface.valid & (surface.cloud_probability < 30)
    blue = [part.reflectance[clear][:, 0].astype(float) for part in (surface, top)]
    assert np.median(blue[1] - blue[0]) > 500
    vapour = [part.reflectance[clear][:, 9].astype(float) for part in (surface, top)]
    assert np.median(vapour[1] / vapour[0]) < 0.6


def test_another_year_or_country_is_another_domain(brittany):
    first, second = (
        concatenate(list(simulate_parts(name, num_series=300, seed=4)))
        for name in ("brandenburg-2018", "brandenburg-2019")
    )
    assert (first.year[0], second.year[0]) == (2018, 2019)
    assert first.legend == second.legend

    def area(part, names, first_day, last_day):
        label = [part.legend.names.index(name) for name in names]
        days = part.valid & (part.day_of_year >= first_day) & (part.day_of_year < last_day)
        rows = np.isin(part.label, label)
        return part.truth["leaf_area_index"][rows[:, None] & days].astype(float).mean()

    def harvest(part, name):
        return np.median(part.truth["harvest_day"][part.label == part.legend.names.index(name)])

    assert harvest(second, "Wheat") > harvest(first, "Wheat") + 3
    assert harvest(brittany, "wheat") > harvest(first, "Wheat") + 5
    meadows = area(brittany, ["permanent meadows"], 0, 60), area(first, ["Meadows"], 0, 60)
    assert meadows[0] > 1.3 * meadows[1]


def test_cuts_and_harvests_are_of_the_crops_that_have_them(brittany):
    names = np.array(brittany.legend.names)[brittany.label]
    grass = np.isin(names, ["permanent meadows", "temporary meadows"])
    harvest, cuts = brittany.truth["harvest_day"], brittany.truth["cut_day"]
    assert (harvest[grass] == -1).all()
    assert (harvest[~grass] > 100).all()
    assert (cuts[~grass] == -1).all()
    assert cuts.shape == (len(brittany), 6)
    number = (cuts[grass] >= 0).sum(axis=1)
    assert 1 < number.mean() < 5
    for row in cuts[grass]:
        days = row[row >= 0]
        assert (np.diff(days) >= 14).all()
        assert (row[len(days) :] == -1).all()


def test_other_products_are_not_written_as_denethor(tmp_path):
    with pytest.raises(SettingsError, match="DENETHOR has other classes or another product"):
        simulate_denethor(tmp_path / "a", scenario="brittany-2018", seed=0)
    with pytest.raises(SettingsError, match=r"; pixels; L1C; expected its nine classes"):
        simulate_denethor(tmp_path / "a", scenario="brandenburg-2018-l1c", seed=0)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    "crop", ["soybean", "sunflower", "cotton", "rice", "fallow", "orchard", "vineyard", "nuts"]
)
def test_every_crop_of_the_table_grows(crop):
    classes = ({"name": crop, "code": "1", "share": 1.0, "crops": {crop: 1.0}},)
    part = simulate_landscape(small("bavaria-2018", classes=classes), seed=1, landscape=0)
    assert part.legend.names == (crop,)
    area = part.truth["leaf_area_index"].astype(float)
    summer = part.valid & (part.day_of_year > 170) & (part.day_of_year < 240)
    winter = part.valid & (part.day_of_year < 40)
    assert area[summer].mean() > 1.2 * area[winter].mean()
    if crop == "rice":
        flooded = part.valid & (part.day_of_year > 125) & (part.day_of_year < 150)
        water = part.truth["cloud_free_reflectance"][flooded].astype(float)
        assert np.median(water[:, 10]) < 600  # a bare field of the region has about 2,000
