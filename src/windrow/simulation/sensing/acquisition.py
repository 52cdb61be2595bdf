"""What both sensors record: Sentinel-2 on two orbits, PlanetScope Fusion every day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.sensors import SCALE, SENTINEL2, SENTINEL2_BANDS
from windrow.simulation.emulator import Float32
from windrow.simulation.fields.landscape import Footprints, Integers, Landscape, neighbourhood
from windrow.simulation.fields.weather import DAYS, NUM_DAYS, Weather
from windrow.simulation.keyed_random import Floats, keyed, noise, normal, spread, uniform
from windrow.simulation.sensing.atmospheric_correction import observe
from windrow.simulation.sensing.clouds import make_clouds
from windrow.simulation.surface.geometry import (
    NUM_DATES,
    Overpasses,
    direction_factor,
    illumination,
    make_overpasses,
)
from windrow.simulation.surface.soil import SNOW
from windrow.simulation.surface.surface import Surface, Surroundings, interpolation

_BANDS_OF = {
    metres: np.array([k for k, b in enumerate(SENTINEL2_BANDS) if SENTINEL2[b].metres == metres])
    for metres in (20, 60)
}

LEAST_SNOW = 0.05
"""Share of flat ground under snow from which on a PlanetScope scene is taken for cloudy."""


def _components(values: npt.NDArray[Any], index: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """Parts (M, ...) put at their place (n, K, ...); zero where a pixel has no such part."""
    full = np.zeros((*index.shape, *values.shape[1:]), dtype=values.dtype)
    full[index] = values
    return full


def _weighted(weights: Float32, parts: npt.NDArray[Any]) -> Float32:
    """Computes sum over K of weights (n, K) times parts (n, K, ...), in a fixed order."""
    total: Any = 0.0
    for k in range(weights.shape[1]):
        total = total + weights[:, k].reshape(-1, *[1] * (parts.ndim - 2)) * parts[:, k]
    return np.asarray(total, dtype=np.float32)


def coarse_reflectance(
    shares: Float32, *, own: Integers, pixels: Float32, fields: Float32
) -> Float32:
    """Computes what coarser pixels see.

    Their own field as it is here, others as they are on the whole.

    Args:
        shares: (n, F) of the fields.
        own: (n,) field of each pixel.
        pixels: (n, T, bands) reflectance of the own field at the pixel.
        fields: (F, T, bands) of one point a field.

    Returns:
        (n, T, bands) reflectance.
    """
    others = shares.copy()
    rows = np.arange(len(own))
    others[rows, own] = 0.0
    around = np.tensordot(others, fields, axes=1)
    return np.asarray(shares[rows, own][:, None, None] * pixels + around, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Sentinel2:
    """Sentinel-2 over n pixels; dates beyond the acquired ones are padding.

    Attributes:
        reflectance: (n, 146, 12) int16.
        cloud_free: (n, 146, 12) int16, the surface under it.
        day_of_year: (n, 146) int16.
        valid: (n, 146) bool.
        cloud_probability: (n, 146) uint8.
        leaf_area_index: (n, 146) float16.
        chlorophyll: (n, 146) float16, mean of the leaves, micrograms a cm2.
        cover_fraction: (n, 146) float16.
    """

    reflectance: npt.NDArray[np.int16]
    cloud_free: npt.NDArray[np.int16]
    day_of_year: npt.NDArray[np.int16]
    valid: npt.NDArray[np.bool_]
    cloud_probability: npt.NDArray[np.uint8]
    leaf_area_index: npt.NDArray[np.float16]
    chlorophyll: npt.NDArray[np.float16]
    cover_fraction: npt.NDArray[np.float16]


def acquire_sentinel2(
    landscape: Landscape,
    weather: Weather,
    surface: Surface,
    *,
    surroundings: Surroundings,
    seen: Footprints,
    present: npt.NDArray[np.bool_],
    rows: Integers,
    columns: Integers,
) -> Sentinel2:
    """Sentinel-2's year over pixels whose parts ``present`` (n, K) are the surface's, in order."""
    overpasses = make_overpasses(landscape)
    days = overpasses.days
    before, after = interpolation(surface.knots, days)

    def on_dates(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        share = after.reshape(-1, *[1] * (values.ndim - 2))
        parts = values[:, before] * (1 - share) + values[:, before + 1] * share
        return _components(parts, present)

    reflectance = on_dates(surface.reflectance[..., :12])
    area = on_dates(surface.green)
    green = _weighted(seen.fine, area)
    cover = _weighted(seen.fine, on_dates(surface.cover))
    pigment = _weighted(seen.fine, area * on_dates(surface.chlorophyll))
    mixed = _weighted(seen.fine, reflectance)
    fields = surroundings.on(days)
    for metres in (20, 60):
        bands = _BANDS_OF[metres]
        mixed[..., bands] = coarse_reflectance(
            neighbourhood(landscape, rows, columns, metres=metres),
            own=seen.field[:, 0],
            pixels=reflectance[:, 0][..., bands],
            fields=fields[..., bands],
        )
    snow = snow_cover(landscape, weather, rows=rows, columns=columns, days=days, green=green)
    truth = under_snow(landscape, overpasses, mixed, snow)
    around = fields.mean(axis=0)  # sites are spread evenly: fields count alike
    everywhere = np.broadcast_to(weather.snow[days], (1, len(days)))
    clouds = make_clouds(landscape, weather, overpasses, rows=rows, columns=columns, snow=snow)
    measured = observe(
        landscape,
        overpasses,
        clouds,
        surface=truth,
        surroundings=under_snow(landscape, overpasses, around[None], everywhere)[0],
        rows=rows,
        columns=columns,
    )
    keys = keyed(
        landscape.seed,
        "sentinel2 noise",
        landscape.number,
        rows[:, None, None],
        columns[:, None, None],
        days[:, None],
        np.arange(12),
    )
    measured = measured + noise(keys) * (0.0012 + 0.008 * measured)
    return Sentinel2(
        reflectance=padded(to_integers(measured)),
        cloud_free=padded(to_integers(truth)),
        day_of_year=padded(np.tile(days.astype(np.int16), (len(rows), 1))),
        valid=padded(np.ones((len(rows), len(days)), dtype=bool)),
        cloud_probability=padded(clouds.probability),
        leaf_area_index=padded(green.astype(np.float16)),
        chlorophyll=padded((pigment / np.maximum(green, 1e-6)).astype(np.float16)),
        cover_fraction=padded(cover.astype(np.float16)),
    )


def to_integers(reflectance: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
    """Computes reflectance x 10,000; never below one, which the products keep for no data."""
    scaled = np.clip(np.rint(reflectance * SCALE), 1, 20_000)
    return np.asarray(scaled, dtype=np.int16)


def padded(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Values by date (n, T, ...) with empty dates behind, as many as a year can have."""
    widths = [(0, 0), (0, max(NUM_DATES - values.shape[1], 0))] + [(0, 0)] * (values.ndim - 2)
    return np.pad(values, widths)


def snow_cover(
    landscape: Landscape,
    weather: Weather,
    *,
    rows: Integers,
    columns: Integers,
    days: Integers,
    green: Float32,
) -> Floats:
    """Snow hides low stands; some stems and soil stay visible (n, T)."""
    keys = keyed(landscape.seed, "snow patch", landscape.number, rows, columns)
    patchy = np.clip(0.97 + spread(keys, 0, 0.05), 0, 1)[:, None]
    hidden = 1 - 0.08 * np.clip(green / 2.0, 0, 1.5)
    return np.asarray(weather.snow[days] * patchy * hidden)


def under_snow(
    landscape: Landscape, overpasses: Overpasses, surface: Float32, snow: Floats
) -> Float32:
    """Computes the surface (n, T, 12) as its direction shows it, with its share under snow."""
    colour = _snow_colour(landscape, overpasses.days)
    bare = surface * direction_factor(overpasses)
    return np.asarray(bare * (1 - snow[..., None]) + snow[..., None] * colour, dtype=np.float32)


def _snow_colour(landscape: Landscape, days: Integers) -> Floats:
    """Computes fresh to old and dirty snow: a level by date, (T, 12)."""
    level = np.exp(spread(keyed(landscape.seed, "snow level", landscape.number, days), -0.04, 0.13))
    return np.asarray(np.clip(level[:, None] * SNOW[:12], 0, 1.1))


def fusion_operator(landscape: Landscape, weather: Weather) -> Floats:
    """Computes Planet Fusion as a matrix (365, 365).

    Days with a clear scene, gaps filled, smoothed.

    Each day is interpolated linearly between the clear scenes around it, then averaged in time
    with Gaussian weights. The product's own method is not published in detail; this is assumed.
    A scene with snow is no clear scene: the usable-data mask of PlanetScope assesses snow as
    cloud (Planet Imagery Product Specifications, 2021), so snow days are gaps to be filled.
    """
    smoothing = landscape.settings.planetscope_smoothing_days
    lucky = uniform(keyed(landscape.seed, "planetscope scene", landscape.number, DAYS))
    usable = (weather.cloudiness < weather.cloud_threshold) & (weather.snow < LEAST_SNOW)
    clear = np.flatnonzero(usable & (lucky < 0.85))
    if len(clear) == 0:
        clear = np.array([NUM_DAYS // 2])
    after = np.clip(np.searchsorted(clear, DAYS), 0, len(clear) - 1)
    before = np.clip(np.searchsorted(clear, DAYS, side="right") - 1, 0, len(clear) - 1)
    gap = clear[after] - clear[before]
    share = np.where(gap > 0, (DAYS - clear[before]) / np.maximum(gap, 1), 0.0)
    filled = np.zeros((NUM_DAYS, NUM_DAYS))
    np.add.at(filled, (DAYS, clear[before]), 1 - share)
    np.add.at(filled, (DAYS, clear[after]), share)
    weights = np.exp(-0.5 * ((DAYS[:, None] - DAYS) / smoothing) ** 2)
    return np.asarray((weights / weights.sum(axis=1, keepdims=True)) @ filled)


def acquire_planetscope(
    landscape: Landscape,
    weather: Weather,
    surface: Surface,
    *,
    seen: Footprints,
    present: npt.NDArray[np.bool_],
    rows: Integers,
    columns: Integers,
) -> npt.NDArray[np.int16]:
    """Computes PlanetScope Fusion's year around each pixel, (n, 365, 36) int16, band-major."""
    seed, number, settings = landscape.seed, landscape.number, landscape.settings
    fusion = fusion_operator(landscape, weather)
    before, after = interpolation(surface.knots, DAYS)
    daily = np.zeros((NUM_DAYS, len(surface.knots)))
    np.add.at(daily, (DAYS, before), 1 - after)
    np.add.at(daily, (DAYS, before + 1), after)
    parts = np.matmul((fusion @ daily).astype(np.float32), surface.reflectance[..., 12:])
    full = _components(parts, present)
    seen_by = [_weighted(seen.planetscope[:, pixel], full) for pixel in range(9)]
    values = np.stack(seen_by, axis=-1)  # (n, 365, 4, 9)
    # Direct light is about 0.85 of all; a day that is filled in has the light of its neighbours.
    slope = 1 + 0.85 * (illumination(landscape, rows, columns, DAYS) - 1)
    values = values * (slope @ fusion.T).astype(np.float32)[:, :, None, None]

    raw = np.clip(
        normal(keyed(seed, "planetscope gain", number, DAYS[:, None], np.arange(4))), -3, 3
    )
    gain = np.exp((fusion @ raw) * np.array(settings.planetscope_gain_noise))
    values = values * gain.astype(np.float32)[:, :, None]
    values = values * _texture(landscape, seen)[:, None]
    keys = keyed(
        seed,
        "planetscope noise",
        number,
        seen.planetscope_row[:, None, :],
        seen.planetscope_column[:, None, :],
        DAYS[:, None],
    )
    quarters = np.ascontiguousarray(keys).view(np.uint16).reshape(*keys.shape, 4)
    jitter = (quarters.astype(np.float32) - np.float32(32767.5)) * np.float32(np.sqrt(12) / 65536)
    values = values * (1 + np.float32(0.007) * np.moveaxis(jitter, -1, -2))
    return to_integers(values).reshape(len(values), NUM_DAYS, 36)


def _texture(landscape: Landscape, seen: Footprints) -> Float32:
    """Computes what lasts between PlanetScope pixels, (n, 4, 9): brightness and vigour, by band."""
    pixel_keys = (landscape.number, seen.planetscope_row, seen.planetscope_column)
    brightness = noise(keyed(landscape.seed, "texture", *pixel_keys))
    vigour = noise(keyed(landscape.seed, "texture of vigour", *pixel_keys))
    signs = np.array([-0.6, -0.5, -0.75, 0.6], dtype=np.float32)
    sizes = np.array(landscape.settings.planetscope_pixel_noise, dtype=np.float32)
    mixed = 0.75 * brightness[:, None, :] + signs[:, None] * vigour[:, None, :]
    return np.asarray(np.exp(sizes[:, None] * mixed), dtype=np.float32)
