import numpy as np
import pytest

from windrow.simulation.emulator import BANDS
from windrow.simulation.surface.canopy import canopy_reflectance
from windrow.simulation.surface.geometry import sun_zenith
from windrow.simulation.surface.soil import soil

TRAITS = {
    "cover": 0.9,
    "structure": 1.5,
    "chlorophyll": 45.0,
    "carotenoids": 9.0,
    "brown": 0.05,
    "water": 0.016,
    "dry_matter": 0.005,
    "angle": 57.0,
}


def stand(green, dead):
    """Reflectance (K, 16) and cover (K,) of a stand over dry soil under a sun 40 degrees off."""
    green, dead = np.broadcast_arrays(np.atleast_2d(green), np.atleast_2d(dead))
    traits = {name: np.full(green.shape, value) for name, value in TRAITS.items()}
    ground = np.broadcast_to(soil(0.18, 0.0, 0.3), (*green.shape, len(BANDS)))
    seen, cover = canopy_reflectance(green, dead, traits, ground, np.full(green.shape, 40.0))
    return seen[0], cover[0]


def test_a_stand_without_leaves_is_its_ground():
    seen, cover = stand(0.0, 0.0)
    np.testing.assert_allclose(seen[0], soil(0.18, 0.0, 0.3), atol=1e-4)
    assert cover[0] == pytest.approx(0.85 * 1e-4, rel=1e-3)


def test_cover_grows_with_leaves_of_either_kind_up_to_that_of_the_crop():
    _, cover = stand([1.0, 0.5, 3.0, 50.0], [0.0, 0.5, 0.0, 0.0])
    expected = 0.9 * (1 - np.exp(-0.85 * np.array([1.0, 1.0, 3.0, 50.0]) / 0.9))
    np.testing.assert_allclose(cover, expected)
    assert cover[-1] == pytest.approx(0.9)


def test_a_dead_stand_is_brown_and_a_green_one_is_not():
    seen, _ = stand([4.0, 0.0], [0.0, 4.0])
    red, infrared = seen[:, BANDS.index("B04")], seen[:, BANDS.index("B08")]
    index = (infrared - red) / (infrared + red)
    assert index[0] > 0.75
    assert index[1] < 0.4


def test_soil_is_its_level_at_665_nm_and_darkens_with_water():
    dry, wet = soil([0.1, 0.1], [0.2, 0.2], [0.0, 1.0])
    assert dry[3] == pytest.approx(0.1, rel=0.002)
    assert (wet < 0.7 * dry).all()
    ratio = wet / dry
    assert ratio[BANDS.index("B12")] < ratio[BANDS.index("B02")]


def test_sun_zenith_against_the_formula():
    # Solstices at 52.5 degrees north, hour angle 22.5 degrees, by hand.
    for day, declination in ((172, 23.45), (355, -23.45)):
        phi, delta, hour = np.radians([52.5, declination, 22.5])
        cosine = np.sin(phi) * np.sin(delta) + np.cos(phi) * np.cos(delta) * np.cos(hour)
        assert float(sun_zenith(52.5, day)) == pytest.approx(np.degrees(np.arccos(cosine)), abs=0.1)
