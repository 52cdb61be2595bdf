import numpy as np
import pytest

from windrow.simulation.fields.landscape import (
    PSF_M,
    footprints,
    make_landscape,
    neighbourhood,
    sampled_pixels,
)
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
    for weights in (seen.fine, seen.planetscope):
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
    purity = [float(w[border].max(axis=-1).mean()) for w in (seen.fine, seen.planetscope)]
    assert purity[1] > purity[0] + 0.15
    everywhere = [
        float(neighbourhood(landscape, rows, columns, metres=m).max(axis=1).mean())
        for m in (60, 20)
    ]
    assert everywhere[0] + 0.1 < everywhere[1] < float(seen.fine.max(axis=1).mean()) - 0.01


def test_coarser_pixels_see_the_fields_of_their_own_grid(landscape):
    """The four pixels of 10 m in one of 20 m see the same; shares against a naive loop."""
    rows, columns = np.array([40, 41, 40, 41, 42]), np.array([52, 52, 53, 53, 52])
    seen = neighbourhood(landscape, rows, columns, metres=20)
    assert seen.shape == (5, 25)
    for k in (1, 2, 3):
        np.testing.assert_array_equal(seen[k], seen[0])
    steps = np.linspace(-1.8, 1.8, 7)
    wanted, total = np.zeros(25), 0.0
    for down in steps:
        for along in steps:
            weight = np.exp(-0.5 * (down**2 + along**2))
            field = landscape.field_at(530 + 10.6 * along, 410 + 10.6 * down)
            wanted[int(field)] += weight
            total += weight
    np.testing.assert_allclose(seen[0], wanted / total, atol=1e-6)


def test_point_spread_is_that_of_a_transfer_of_a_quarter():
    for metres in (10, 20, 60):
        frequency = 1 / (2 * metres)  # Nyquist
        wanted = np.sqrt(np.log(4) / 2) / (np.pi * frequency)
        assert pytest.approx(wanted, rel=0.01) == PSF_M[metres]
