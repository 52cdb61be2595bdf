"""A Sentinel-2 product of a surface: the air and the clouds of each date, and the correction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from windrow.sensors import SENTINEL2_BANDS
from windrow.simulation.atmosphere import (
    AirColumn,
    Terms,
    atmosphere_terms,
    believed,
    surface_reflectance,
    top_of_atmosphere,
)
from windrow.simulation.canopy import Float32
from windrow.simulation.clouds import Clouds, cloud_edges, shaded
from windrow.simulation.geometry import Overpasses
from windrow.simulation.landscape import Landscape
from windrow.simulation.random import Floats, keyed, normal, spread

_SCALE_HEIGHT_M = 8_400.0


def air_column(landscape: Landscape, overpasses: Overpasses) -> AirColumn:
    """The clear atmosphere over a landscape on each date.

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
) -> Float32:
    """Reflectance (n, T, 12) of the scenario's product over a surface (n, T, 12).

    The air of a landscape is everywhere the same; clouds are not. Surface reflectance (L2A) is the
    top of atmosphere (L1C) corrected with an optical depth that errs, without regard to adjacency.

    Args:
        landscape: where.
        overpasses: the T dates.
        clouds: over the n pixels.
        surface: what lies under it.
        surroundings: (T, 12) mean reflectance of the landscape.
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
    clear = top_of_atmosphere(shaded(surface, clouds, terms), surroundings, terms)
    clear = (clear + cloud_edges(clouds)) * _gain(landscape, overpasses)
    # A pixel's series knows no other pixel: a cloud is surrounded by its like.
    cloudy = top_of_atmosphere(clouds.spectrum, clouds.spectrum, above)
    if landscape.settings.product == "L2A":
        clear, cloudy = _corrected(landscape, column, high, clear, cloudy)
    opacity = clouds.opacity[..., None]
    return np.asarray(clear * (1 - opacity) + opacity * cloudy)


def _corrected(
    landscape: Landscape, column: AirColumn, high: AirColumn, clear: Float32, cloudy: Float32
) -> tuple[Float32, Float32]:
    """Both parts after the correction, which finds the vapour above each pixel for itself."""
    seed, number = landscape.seed, landscape.number
    keys = np.arange(len(column.aerosol))
    missed, deviation = landscape.settings.aerosol_missed
    known = believed(
        column,
        missed=spread(keyed(seed, "aerosol missed", number, keys), missed, deviation),
        vapour_error=spread(keyed(seed, "vapour error", number, keys), 0.0, 0.1),
    )
    over_land: Terms = atmosphere_terms(known)
    over_cloud = replace(over_land, vapour=atmosphere_terms(high).vapour)
    return surface_reflectance(clear, over_land), surface_reflectance(cloudy, over_cloud)


def _gain(landscape: Landscape, overpasses: Overpasses) -> Float32:
    """What calibration leaves, (T, 12): common to all bands, by band, and by orbit's unit."""
    seed, number, deviation = landscape.seed, landscape.number, landscape.settings.gain_noise
    days = overpasses.days
    common = normal(keyed(seed, "gain", number, days))[:, None]
    band = normal(keyed(seed, "band gain", number, days[:, None], np.arange(12)))
    total = 0.8 * np.clip(common, -2.5, 2.5) + 0.4 * np.clip(band, -3, 3)
    total = total * np.where(np.array(SENTINEL2_BANDS) == "B09", 1.6, 1.0)
    return np.asarray(np.exp(deviation * total), dtype=np.float32)
