"""The clear atmosphere against naive recomputation, other formulas and its own limits."""

from dataclasses import replace

import numpy as np
import pytest

from windrow.sensors import SENTINEL2, SENTINEL2_BANDS
from windrow.simulation.sensing.atmosphere import (
    AirColumn,
    aerosol_depth,
    atmosphere_terms,
    believed,
    rayleigh_depth,
    scattered_path,
    scattered_through,
    spherical_albedo,
    surface_reflectance,
    top_of_atmosphere,
    vapour_transmittance,
)

BAND = {name: position for position, name in enumerate(SENTINEL2_BANDS)}
GREEN_FIELD = np.array(
    [0.02, 0.03, 0.06, 0.04, 0.08, 0.25, 0.35, 0.36, 0.38, 0.38, 0.22, 0.12], dtype=np.float32
)


def column(num=1, **changes):
    values = {
        "aerosol": 0.15,
        "vapour_cm": 1.5,
        "ozone_cm": 0.33,
        "sun_zenith": 40.0,
        "view_zenith": 6.0,
        "relative_azimuth": 70.0,
    } | changes
    pressure = values.pop("pressure", 1.0)
    arrays = {k: np.broadcast_to(np.asarray(v, dtype=float), num) for k, v in values.items()}
    return AirColumn(pressure=pressure, **arrays)


def test_molecules_against_hansen_and_travis():
    um = np.array([0.443, 0.49, 0.56, 0.665, 0.865, 1.61])
    wanted = 0.008569 * um**-4 * (1 + 0.0113 * um**-2 + 0.00013 * um**-4)
    np.testing.assert_allclose(rayleigh_depth(um * 1000), wanted, rtol=0.012)


def test_aerosol_follows_its_power_law():
    assert aerosol_depth(0.2, 550.0) == pytest.approx(0.2)
    assert aerosol_depth(0.2, 1100.0) == pytest.approx(0.2 * 2**-1.3)


def test_through_molecules_light_goes_as_in_6s():
    """Vermote et al. (1997): transmittance in closed form, spherical albedo by E3 and E4."""
    expn = pytest.importorskip("scipy.special").expn
    depth, cosine = np.array([0.01, 0.05, 0.1, 0.235]), 0.7
    wanted = ((2 / 3 + cosine) + (2 / 3 - cosine) * np.exp(-depth / cosine)) / (4 / 3 + depth)
    np.testing.assert_allclose(scattered_through(depth, 0.0, cosine), wanted, rtol=1e-12)
    albedo = (3 * depth - 4 * expn(3, depth) + 6 * expn(4, depth)) / (4 + 3 * depth)
    np.testing.assert_allclose(spherical_albedo(depth, np.zeros(4)), albedo, atol=3e-5)


def test_a_thin_layer_scatters_once():
    sun, view = np.array(0.8), np.array(0.95)
    for first, phase in ((0.0, 1.2), (1.95, 0.4)):
        path = float(scattered_path(1e-4, first, phase, sun, view))
        assert path == pytest.approx(phase * 1e-4 / (4 * 0.8 * 0.95), rel=0.002)


def test_what_is_not_let_through_comes_back():
    """Isotropic scattering: plane albedo plus transmittance is one, to Sobolev's accuracy."""
    nodes, weights = np.polynomial.legendre.leggauss(32)
    nodes, weights = (nodes + 1) / 2, weights / 2
    for depth in (0.05, 0.2, 0.5):
        for cosine in (0.5, 0.8):
            back = scattered_path(depth, 0.0, 1.0, np.array(cosine), nodes)
            total = (2 * nodes * weights * back).sum()
            through = float(scattered_through(depth, 0.0, np.array(cosine)))
            assert total + through == pytest.approx(1, abs=0.09 * depth)


def test_the_top_of_the_atmosphere_against_a_naive_loop():
    air = column(2, aerosol=[0.1, 0.3], sun_zenith=[30.0, 60.0])
    terms = atmosphere_terms(air)
    around = np.stack([GREEN_FIELD * 1.3, GREEN_FIELD * 0.7])
    found = top_of_atmosphere(np.broadcast_to(GREEN_FIELD, (3, 2, 12)), around, terms)
    for date in range(2):
        mu_s, mu_v = np.cos(np.radians([air.sun_zenith[date], 6.0]))
        mass = 1 / mu_s + 1 / mu_v
        for name in ("B01", "B04", "B8A"):
            b = BAND[name]
            nm = SENTINEL2[name].centre_nm
            molecules = float(rayleigh_depth(nm))
            aerosol = air.aerosol[date] * (nm / 550) ** -1.3
            scattered = 0.93 * aerosol
            depth, lost = molecules + scattered, aerosol - scattered
            cosine = -(
                mu_s * mu_v + np.sqrt((1 - mu_s**2) * (1 - mu_v**2)) * np.cos(np.radians(70.0))
            )
            p_m = 0.75 * (1 + cosine**2)
            p_a = (1 - 0.65**2) / (1 + 0.65**2 - 1.3 * cosine) ** 1.5
            x1 = 3 * 0.65 * scattered / depth

            def layer(tau, first, phase, mu_s=mu_s, mu_v=mu_v):
                r = [1 + 1.5 * mu + (1 - 1.5 * mu) * np.exp(-tau / mu) for mu in (mu_s, mu_v)]
                once = (1 - np.exp(-tau * (1 / mu_s + 1 / mu_v))) / (4 * (mu_s + mu_v))
                again = 1 - r[0] * r[1] / (4 + (3 - first) * tau)
                again += ((3 + first) * mu_s * mu_v - 2 * (mu_s + mu_v)) * once
                return phase * once + again, [2 * x / (4 + (3 - first) * tau) for x in r]

            clean, _ = layer(molecules, 0.0, p_m)
            both, (down, up) = layer(depth, x1, (p_m * molecules + p_a * scattered) / depth)
            both *= np.exp(-0.5 * lost * mass)
            half = float(vapour_transmittance(np.array(0.75 * mass))[b])
            direct = np.exp(-(molecules + scattered * (1 - 0.65**2) + lost) / mu_v)
            down, up = down * np.exp(-lost / mu_s), up * np.exp(-lost / mu_v)
            albedo = float(spherical_albedo(np.array(depth), np.array(x1)))
            light = down * (GREEN_FIELD[b] * direct + around[date, b] * (up - direct))
            light /= 1 - albedo * around[date, b]
            wanted = terms.gases[date, b] * (
                clean + (both - clean) * half + terms.vapour[date, b] * light
            )
            assert found[0, date, b] == pytest.approx(wanted, rel=1e-5)


def test_without_an_atmosphere_the_surface_is_seen():
    surface = np.random.default_rng(0).uniform(0, 0.6, (5, 4, 12)).astype(np.float32)
    nothing = column(4, aerosol=1e-9, vapour_cm=1e-9, ozone_cm=0.0, pressure=1e-9)
    thin = top_of_atmosphere(surface, surface[0], atmosphere_terms(nothing))
    np.testing.assert_allclose(thin, surface, atol=2e-5)


def test_the_correction_undoes_the_air_where_all_land_is_alike():
    air = column(3, aerosol=[0.05, 0.2, 0.5], sun_zenith=[25.0, 50.0, 70.0])
    terms = atmosphere_terms(air)
    surface = np.broadcast_to(GREEN_FIELD, (1, 3, 12))
    back = surface_reflectance(top_of_atmosphere(surface, surface[0], terms), terms)
    np.testing.assert_allclose(back, surface, atol=1e-5)


def test_more_aerosol_is_brighter_over_dark_land_most_in_the_blue():
    depths = np.linspace(0.02, 0.8, 9)
    terms = atmosphere_terms(column(9, aerosol=depths))
    dark = np.full((1, 9, 12), 0.02, dtype=np.float32)
    seen = top_of_atmosphere(dark, dark[0], terms)[0]
    assert (np.diff(seen[:, : BAND["B09"]], axis=0) > 0).all()
    gain = seen[-1] - seen[0]
    assert gain[BAND["B01"]] > gain[BAND["B04"]] > gain[BAND["B8A"]] > gain[BAND["B12"]] > 0


def test_a_low_sun_brightens_the_blue_and_the_path_is_blue():
    suns = np.linspace(25, 75, 8)
    terms = atmosphere_terms(column(8, sun_zenith=suns))
    dark = np.full((1, 8, 12), 0.03, dtype=np.float32)
    seen = top_of_atmosphere(dark, dark[0], terms)[0]
    assert (np.diff(seen[:, BAND["B01"]]) > 0).all()
    assert 0.06 < terms.molecules[0, BAND["B01"]] < 0.1
    assert (np.diff(terms.molecules[:, :9], axis=1) < 0).all()


def test_surroundings_are_scattered_into_the_view_most_in_the_blue():
    terms = atmosphere_terms(column(1))
    dark = np.full((1, 1, 12), 0.03, dtype=np.float32)
    plain, bright = np.full((1, 12), 0.03), np.full((1, 12), 0.30)
    effect = (top_of_atmosphere(dark, bright, terms) - top_of_atmosphere(dark, plain, terms))[0, 0]
    assert effect[BAND["B02"]] > effect[BAND["B04"]] > effect[BAND["B8A"]] > effect[BAND["B11"]] > 0
    assert 0.01 < effect[BAND["B02"]] < 0.06


def test_water_takes_band_9_and_ozone_the_green():
    terms = atmosphere_terms(column(1))
    assert terms.vapour[0].argmin() == BAND["B09"]
    assert 0.25 < terms.vapour[0, BAND["B09"]] < 0.5
    assert terms.vapour[0, BAND["B8A"]] > 0.98
    assert terms.gases[0, BAND["B03"]] == pytest.approx(0.925, abs=0.02)
    assert terms.gases[0, BAND["B02"]] > 0.97
    drier = atmosphere_terms(column(1, vapour_cm=0.5))
    assert drier.vapour[0, BAND["B09"]] > terms.vapour[0, BAND["B09"]] + 0.1


def test_an_optical_depth_that_is_missed_stays_in_the_blue():
    air = column(1, aerosol=0.25)
    known = believed(air, missed=np.array([0.1]), vapour_error=np.zeros(1))
    assert known.aerosol[0] == pytest.approx(0.15)
    assert believed(air, missed=np.array([9.0]), vapour_error=np.zeros(1)).aerosol[0] == 0.01
    surface = np.broadcast_to(GREEN_FIELD, (1, 1, 12))
    toa = top_of_atmosphere(surface, surface[0], atmosphere_terms(air))
    left = (surface_reflectance(toa, atmosphere_terms(replace(known, ozone_cm=air.ozone_cm))))[0, 0]
    error = left - GREEN_FIELD
    assert 0.004 < error[BAND["B02"]] < 0.02
    assert error[BAND["B02"]] > error[BAND["B04"]] > error[BAND["B11"]]
