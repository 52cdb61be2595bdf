"""From surface to product: illumination, coarse pixels, correction, clouds."""

import numpy as np
import pytest

from windrow.sensors import SENTINEL2_BANDS
from windrow.simulation.fields.landscape import make_landscape
from windrow.simulation.scenarios import SCENARIOS
from windrow.simulation.sensing.acquisition import coarse_reflectance
from windrow.simulation.sensing.atmosphere import atmosphere_terms
from windrow.simulation.sensing.atmospheric_correction import air_column, observe
from windrow.simulation.sensing.clouds import Clouds, lit
from windrow.simulation.surface.geometry import make_overpasses

BAND = {name: position for position, name in enumerate(SENTINEL2_BANDS)}
FIELD = np.array(
    [0.02, 0.03, 0.06, 0.04, 0.08, 0.25, 0.35, 0.36, 0.38, 0.38, 0.22, 0.12], dtype=np.float32
)
PLAIN = {"relief": 0.0, "gain_noise": 0.0}


def clouds_of(num_dates, opacity=0.0, shade=0.0):
    shape = (2, num_dates)
    return Clouds(
        opacity=np.full(shape, opacity, dtype=np.float32),
        spectrum=np.full((*shape, 12), 0.8, dtype=np.float32),
        shade=np.full(shape, shade, dtype=np.float32),
        edge=np.zeros(shape, dtype=np.float32),
        probability=np.zeros(shape, dtype=np.uint8),
    )


def product(opacity=0.0, shade=0.0, **changes):
    settings = SCENARIOS["bavaria-2018"].model_copy(update=PLAIN | changes)
    landscape = make_landscape(settings, 3, 0)
    overpasses = make_overpasses(landscape)
    num = len(overpasses.days)
    surface = np.broadcast_to(FIELD, (2, num, 12))
    return observe(
        landscape,
        overpasses,
        clouds_of(num, opacity, shade),
        surface=surface,
        surroundings=surface[0],
        rows=np.array([3, 40]),
        columns=np.array([10, 70]),
    )


def test_the_correction_gives_back_the_surface_within_its_errors():
    found = np.median(product(aerosol_missed=(0.0, 0.0)), axis=(0, 1))
    ratio = found / FIELD
    assert 0.88 < ratio.min() < ratio.max() < 1.12  # the factors by band are among it
    assert abs(ratio[BAND["B8A"]] - 1) < 0.03


def test_aerosol_that_is_missed_brightens_the_blue():
    right, missed = (product(aerosol_missed=(m, 0.0)).mean(axis=(0, 1)) for m in (0.0, 0.1))
    more = missed - right
    assert 0.003 < more[BAND["B02"]] < 0.03
    assert more[BAND["B02"]] > 2 * more[BAND["B05"]]


def test_slopes_and_shadows_change_the_direct_light_alone():
    landscape = make_landscape(SCENARIOS["bavaria-2018"], 3, 0)
    overpasses = make_overpasses(landscape)
    terms = atmosphere_terms(air_column(landscape, overpasses))
    num = len(overpasses.days)
    surface = np.broadcast_to(FIELD, (2, num, 12))
    sunlight = np.array([[1.2], [0.7]]) * np.ones(num)
    found = lit(surface, clouds_of(num, shade=0.5), terms, sunlight)
    for pixel, date, band in ((0, 3, 1), (1, 70, 8), (1, 100, 11)):
        direct = terms.direct_down[date, band] / terms.down[date, band]
        light = sunlight[pixel, date] * (1 - 0.8 * 0.5) * direct + (1 - direct)
        assert found[pixel, date, band] == pytest.approx(FIELD[band] * light, rel=1e-5)


def test_shadows_are_bluer_than_what_casts_them():
    open_, shaded = (product(shade=s).mean(axis=(0, 1)) for s in (0.0, 0.9))
    left = shaded / open_
    assert left[BAND["B02"]] > left[BAND["B8A"]] + 0.1
    assert left[BAND["B8A"]] < 0.5


def test_a_cloud_hides_the_surface_in_either_product():
    for level in ("L1C", "L2A"):
        covered = product(opacity=1.0, product=level).mean(axis=(0, 1))
        assert 0.65 < covered[BAND["B04"]] < 0.95
    vapour = product(opacity=1.0, product="L2A").mean(axis=(0, 1))
    assert vapour[BAND["B09"]] > vapour[BAND["B8A"]]  # too much vapour is assumed over clouds


def test_coarse_pixels_against_a_naive_loop():
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(5), 7).astype(np.float32)
    own = rng.integers(0, 5, 7)
    pixels = rng.uniform(size=(7, 3, 2)).astype(np.float32)
    fields = rng.uniform(size=(5, 3, 2)).astype(np.float32)
    found = coarse_reflectance(shares, own=own, pixels=pixels, fields=fields)
    for n in range(7):
        wanted = np.zeros((3, 2))
        for f in range(5):
            wanted += shares[n, f] * (pixels[n] if f == own[n] else fields[f])
        np.testing.assert_allclose(found[n], wanted, rtol=1e-5)
