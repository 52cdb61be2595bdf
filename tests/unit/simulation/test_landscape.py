import numpy as np
import pytest

from windrow.simulation.landscape import footprints, make_landscape, sampled_pixels
from windrow.simulation.scenarios import SCENARIOS

SETTINGS = SCENARIOS["brandenburg-2018"]


@pytest.fixture(scope="module")
def landscape():
    return make_landscape(SETTINGS, 11, 4)


def test_a_landscape_has_25_fields_of_varied_crops(landscape):
    assert landscape.num_fields == 25
    assert len(set(landscape.label.tolist())) >= 4


def test_fields_are_the_nearest_sites_in_the_turned_metric(landscape):
    rng = np.random.default_rng(0)
    points = rng.uniform(0, SETTINGS.landscape_m, (50, 2))
    for x, y in points:
        turned = np.array([x, y]) @ landscape.metric
        distances = [np.hypot(*(turned - site)) for site in landscape.sites]
        assert int(landscape.field_at(x, y)) == int(np.argmin(distances))


def test_class_frequencies_follow_the_settings():
    labels = np.concatenate([make_landscape(SETTINGS, 0, k).label for k in range(200)])
    found = np.bincount(labels, minlength=9) / len(labels)
    wanted = [one.share for one in SETTINGS.classes]
    np.testing.assert_allclose(found, wanted, atol=0.015)


def test_each_field_gives_its_pixels_once(landscape):
    rows, columns = sampled_pixels(landscape)
    field = landscape.field_at((columns + 0.5) * 10, (rows + 0.5) * 10)
    counts = np.bincount(field, minlength=25)
    assert counts.max() == SETTINGS.pixels_per_field
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) == len(rows) == counts.sum()


def test_footprints_sum_to_one_and_are_pure_inside_fields(landscape):
    side = landscape.side
    rows, columns = (a.ravel() for a in np.meshgrid(np.arange(0, side, 3), np.arange(0, side, 3)))
    seen = footprints(landscape, rows, columns)
    for weights in (seen.fine, seen.coarse, seen.planetscope):
        np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
        assert weights.min() >= 0
    own = landscape.field_at((columns + 0.5) * 10, (rows + 0.5) * 10)
    np.testing.assert_array_equal(seen.field[:, 0], own)
    mixed = (seen.fine[:, 0] < 0.99).mean()
    assert 0.05 < mixed < 0.35
    alone = seen.field[:, 1] < 0
    np.testing.assert_array_equal(seen.planetscope[alone][:, :, 0], 1)


def test_border_pixels_see_the_finer_sensor_purer(landscape):
    side = landscape.side
    rows, columns = (a.ravel() for a in np.meshgrid(np.arange(side), np.arange(side)))
    seen = footprints(landscape, rows, columns)
    border = (seen.fine.max(axis=1) < 0.7) & (seen.fine.max(axis=1) > 0.5)
    assert border.sum() > 50
    purity = [seen.coarse[border], seen.fine[border], seen.planetscope[border]]
    means = [float(weights.max(axis=-1).mean()) for weights in purity]
    assert means[0] < means[1] + 0.02
    assert means[2] > means[1] + 0.15
