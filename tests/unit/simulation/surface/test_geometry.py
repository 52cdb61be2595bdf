"""Angles, orbits and directional reflectance."""

import numpy as np
import pytest

from windrow.simulation.fields.landscape import make_landscape
from windrow.simulation.keyed_random import patches
from windrow.simulation.scenarios import SCENARIOS
from windrow.simulation.surface.geometry import (
    NUM_DATES,
    direction_factor,
    directional_reflectance,
    illumination,
    make_overpasses,
    sun_azimuth,
    sun_zenith,
)

SETTINGS = SCENARIOS["bavaria-2018"]


def overpasses_of(number, **changes):
    return make_overpasses(make_landscape(SETTINGS.model_copy(update=changes), 0, number))


def test_sun_azimuth_against_the_spherical_triangle():
    for day in (10, 100, 172, 300):
        zenith, azimuth = np.radians([sun_zenith(48.0, day), sun_azimuth(48.0, day)])
        declination = np.arcsin(
            np.sin(np.radians(48)) * np.cos(zenith)
            + np.cos(np.radians(48)) * np.sin(zenith) * np.cos(azimuth)
        )
        wanted = np.radians(23.45) * np.sin(2 * np.pi * (284 + day + 1) / 365)
        assert declination == pytest.approx(wanted, abs=1e-9)


def test_kernels_are_nought_at_the_zenith():
    isotropic = directional_reflectance(0.0, 0.0, 0.0)
    assert isotropic[1] == pytest.approx(0.0774)
    assert isotropic[7] == pytest.approx(0.3093)


def test_kernels_by_hand():
    """Band B04 at sun 45, view 10, azimuth 90 degrees, step by step."""
    s, v = np.radians([45.0, 10.0])
    phase = np.arccos(np.cos(s) * np.cos(v))
    volume = ((np.pi / 2 - phase) * np.cos(phase) + np.sin(phase)) / (np.cos(s) + np.cos(v))
    distance = np.sqrt(np.tan(s) ** 2 + np.tan(v) ** 2)
    root = np.sqrt(distance**2 + (np.tan(s) * np.tan(v)) ** 2)
    t = np.arccos(2 * root / (1 / np.cos(s) + 1 / np.cos(v))) if root < 1.2 else 0.0
    slopes = 1 / np.cos(s) + 1 / np.cos(v)
    geometry = (t - np.sin(t) * np.cos(t)) * slopes / np.pi - slopes
    geometry += 0.5 * (1 + np.cos(phase)) / (np.cos(s) * np.cos(v))
    wanted = 0.1690 + 0.0227 * geometry + 0.0574 * (volume - np.pi / 4)
    assert directional_reflectance(45.0, 10.0, 90.0)[3] == pytest.approx(wanted, abs=1e-9)


def test_with_the_sun_behind_the_sensor_all_is_brighter():
    behind, against = (directional_reflectance(50.0, 10.0, azimuth) for azimuth in (0.0, 180.0))
    assert (behind > against).all()
    assert 1.03 < (behind / against)[7] < 1.25


def test_two_orbits_look_from_both_sides():
    seen = [overpasses_of(number) for number in range(12)]
    for one in seen:
        assert set(one.orbit.tolist()) == {0, 1}
        assert 0.5 <= one.view_zenith.min() <= one.view_zenith.max() <= 10.3
        sides = [one.relative_azimuth[one.orbit == k].mean() for k in (0, 1)]
        assert min(sides) < 75
        assert max(sides) > 105
        factor = direction_factor(one)[:, 7]
        bright = factor[one.relative_azimuth < 90].mean()
        assert 1.01 < bright / factor[one.relative_azimuth > 90].mean() < 1.15


def test_slopes_towards_the_sun_are_brighter():
    """Against the cosine of the angle between sun and normal, at each pixel by hand."""
    landscape = make_landscape(SETTINGS, 0, 1)
    rows, columns = np.array([3, 60, 100]), np.array([5, 60, 20])
    days = np.array([20, 172])
    found = illumination(landscape, rows, columns, days)
    x, y = (columns + 0.5) * 10.0, (rows + 0.5) * 10.0
    for k in range(3):
        east, north = (
            SETTINGS.relief * float(patches(0, f"slope {way}", (1,), x=x[k], y=y[k], scale=350.0))
            for way in ("east", "north")
        )
        normal = np.array([-east, -north, 1.0])
        for date, day in enumerate(days):
            zenith, azimuth = np.radians([sun_zenith(48.2, day), sun_azimuth(48.2, day)])
            sun = np.array(
                [np.sin(zenith) * np.sin(azimuth), np.sin(zenith) * np.cos(azimuth), np.cos(zenith)]
            )
            wanted = normal @ sun / np.linalg.norm(normal) / np.cos(zenith)
            assert found[k, date] == pytest.approx(wanted, rel=1e-6)
    flat = make_landscape(SETTINGS.model_copy(update={"relief": 0.0}), 0, 1)
    np.testing.assert_array_equal(illumination(flat, rows, columns, days), 1.0)


def test_a_place_of_one_orbit_has_half_the_dates():
    one = overpasses_of(3, two_orbits=0.0)
    assert set(one.orbit.tolist()) == {0}
    assert 68 <= len(one.days) <= NUM_DATES // 2
    assert set((one.days % 5).tolist()) == {one.days[0] % 5}
