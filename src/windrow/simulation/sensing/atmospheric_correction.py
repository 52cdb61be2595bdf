"""A Sentinel-2 product of a surface: the air and the clouds of each date, and the correction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from windrow.sensors import SENTINEL2_BANDS
from windrow.simulation.emulator import Float32
from windrow.simulation.fields.landscape import COARSE_M, Integers, Landscape
from windrow.simulation.keyed_random import Floats, keyed, patches, spread, uniform
from windrow.simulation.sensing.atmosphere import (
    AirColumn,
    Terms,
    atmosphere_terms,
    believed,
    surface_reflectance,
    top_of_atmosphere,
)
from windrow.simulation.sensing.clouds import Clouds, cloud_edges, lit
from windrow.simulation.surface.geometry import Overpasses, illumination

_SCALE_HEIGHT_M = 8_400.0
_PATCH_M = 700.0
_VAPOUR_MISSED = -0.35
"""Logarithm of the water vapour that the correction sees in the other bands, to the true one: real
B08 falls behind B8A in humid months. Tuned on half A."""
_PATCHINESS = 0.13
"""Deviation of the aerosol between places some kilometres apart, relative; assumed."""

# By band from B01 to B12. The product against Gaussian responses: the true responses of B03, B05
# and B06 are skewed. Tuned on half A, where soils, canopies, snow and clouds agree on it.
_BIAS = np.array([0.95, 0.97, 0.93, 1.015, 1.015, 1.025, 1.0, 1.0, 1.0, 1.0, 0.97, 1.09])
# Share of the gain's error that a band has for itself.
_OWN_GAIN = np.array([1.0, 0.6, 0.3, 0.4, 0.15, 0.15, 0.15, 0.6, 0.15, 0.6, 0.5, 0.6])


def air_column(landscape: Landscape, overpasses: Overpasses) -> AirColumn:
    """Computes the clear atmosphere over a landscape on each date.

    Water vapour follows the season of central Europe, from 0.8 to 2.3 cm, and ozone from 0.38 in
    spring to 0.28 in autumn; both assumed.
    """
    seed, number, settings = landscape.seed, landscape.number, landscape.settings
    days = overpasses.days
    median, deviation = settings.aerosol
    summer = np.exp(-(((days - 205) / 75.0) ** 2))
    moist = np.exp(spread(keyed(seed, "water vapour", number, days), 0, 0.3))
    ozone = 0.33 + 0.05 * np.sin(2 * np.pi * days / 365)
    return AirColumn(
        aerosol=median * np.exp(spread(keyed(seed, "aerosol", number, days), 0, deviation)),
        vapour_cm=(0.8 + 1.5 * summer) * moist,
        ozone_cm=ozone + spread(keyed(seed, "ozone", number, days), 0, 0.02),
        pressure=float(np.exp(-settings.altitude_m / _SCALE_HEIGHT_M)),
        sun_zenith=overpasses.sun_zenith,
        view_zenith=overpasses.view_zenith,
        relative_azimuth=overpasses.relative_azimuth,
    )


def observe(
    landscape: Landscape,
    overpasses: Overpasses,
    clouds: Clouds,
    *,
    surface: Float32,
    surroundings: Floats,
    rows: Integers,
    columns: Integers,
) -> Float32:
    """Computes reflectance (n, T, 12) of the scenario's product over a surface (n, T, 12).

    The air of a landscape is the same but for a little aerosol; clouds are not. Surface
    reflectance (L2A) is the top of atmosphere (L1C) corrected with an optical depth that errs,
    without regard to adjacency.

    Args:
        landscape: where.
        overpasses: the T dates.
        clouds: over the n pixels.
        surface: what lies under it.
        surroundings: (T, 12) mean reflectance of the landscape.
        rows: (n,) of the pixels.
        columns: (n,) of the pixels.
    """
    column = air_column(landscape, overpasses)
    terms = atmosphere_terms(column)
    high = replace(
        column,
        pressure=0.7 * column.pressure,
        vapour_cm=0.3 * column.vapour_cm,
        aerosol=np.full_like(column.aerosol, 0.005),
    )
    above = atmosphere_terms(high)
    sunlight = illumination(landscape, rows, columns, overpasses.days)
    clear = top_of_atmosphere(lit(surface, clouds, terms, sunlight), surroundings, terms)
    clear = clear + cloud_edges(clouds) + _patchy_aerosol(landscape, column, terms, rows, columns)
    # A pixel's series knows no other pixel: a cloud is surrounded by its like.
    cloudy = top_of_atmosphere(clouds.spectrum, clouds.spectrum, above)
    if landscape.settings.product == "L2A":
        clear, cloudy = _corrected(landscape, column, high, clear, cloudy)
    opacity = clouds.opacity[..., None]
    seen = clear * (1 - opacity) + opacity * cloudy
    return np.asarray(seen * (_gain(landscape, overpasses) * _BIAS).astype(np.float32))


def _corrected(
    landscape: Landscape, column: AirColumn, high: AirColumn, clear: Float32, cloudy: Float32
) -> tuple[Float32, Float32]:
    """Computes both parts after the correction.

    The correction estimates the vapour above each pixel itself.
    """
    seed, number = landscape.seed, landscape.number
    keys = np.arange(len(column.aerosol))
    missed, deviation = landscape.settings.aerosol_missed
    known = believed(
        column,
        missed=spread(keyed(seed, "aerosol missed", number, keys), missed, deviation),
        vapour_error=spread(keyed(seed, "vapour error", number, keys), _VAPOUR_MISSED, 0.1),
    )
    over_land: Terms = atmosphere_terms(known)
    # Band 9 is what the vapour is read from, so that its own error is small.
    drier = spread(keyed(seed, "vapour of band 9", number, keys), 0.0, 0.05)
    band_9 = atmosphere_terms(replace(known, vapour_cm=column.vapour_cm * np.exp(drier))).vapour
    at_9 = np.array(SENTINEL2_BANDS) == "B09"
    over_land = replace(over_land, vapour=np.where(at_9, band_9, over_land.vapour))
    # Over bright clouds the vapour is taken for more than there is: band 9 comes out too bright.
    share = 0.1 + 0.5 * uniform(keyed(seed, "vapour over cloud", number, keys))[:, None]
    above = atmosphere_terms(high).vapour
    over_cloud = replace(over_land, vapour=above ** (1 - share) * over_land.vapour**share)
    return surface_reflectance(clear, over_land), surface_reflectance(cloudy, over_cloud)


def _patchy_aerosol(
    landscape: Landscape, column: AirColumn, terms: Terms, rows: Integers, columns: Integers
) -> Float32:
    """Computes path reflectance (n, T, 12) of aerosol that differs from the landscape's."""
    x, y = (((a + 0.5) * COARSE_M)[:, None] for a in (columns, rows))
    dates = np.arange(len(column.aerosol))[None, :]
    more = patches(landscape.seed, "aerosol", (landscape.number, dates), x=x, y=y, scale=_PATCH_M)
    thicker = atmosphere_terms(replace(column, aerosol=1.1 * column.aerosol))
    slope = 10 * (thicker.path - terms.path) * terms.gases
    return np.asarray(_PATCHINESS * more[..., None].astype(np.float32) * slope.astype(np.float32))


def _gain(landscape: Landscape, overpasses: Overpasses) -> Floats:
    """Computes what calibration leaves, (T, 12).

    Common to all bands, by band, and between both units.

    Sentinel-2A and 2B take turns on an orbit and differ by about a hundredth (Helder et al. 2018).
    """
    seed, number, deviation = landscape.seed, landscape.number, landscape.settings.gain_noise
    days = overpasses.days
    common = 0.8 * spread(keyed(seed, "gain", number, days), 0, 1)[:, None]
    own = spread(keyed(seed, "band gain", number, days[:, None], np.arange(12)), 0, _OWN_GAIN)
    unit = np.where((days // 5 + overpasses.orbit) % 2 == 0, 0.005, -0.005)[:, None]
    return np.asarray(np.exp(deviation * (common + own) + unit))
