"""Series of fields that lie scattered over a region: means of fields without a map of pixels.

A landscape of pixels costs a second for a hundred fields, most of it for borders and for the
PlanetScope pixels around. Here a field is a point with a few parts (patches of vigour, of delay and
of soil), which are averaged; what its coarser bands see of the neighbours is a share that follows
from the field's size. Everything else (growth, canopy, air, clouds) is the same code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from windrow.data.legend import Legend
from windrow.data.series import Series
from windrow.sensors import SENTINEL2, SENTINEL2_BANDS
from windrow.simulation.crop_table import TABLE_NAMES
from windrow.simulation.emulator import Float32
from windrow.simulation.fields.growth import Season, grow_fields
from windrow.simulation.fields.landscape import Integers, Landscape
from windrow.simulation.fields.stands import FieldYear
from windrow.simulation.fields.weather import Weather, make_weather
from windrow.simulation.keyed_random import Floats, keyed, noise, spread, uniform
from windrow.simulation.sensing.acquisition import (
    padded,
    snow_cover,
    to_integers,
    under_snow,
)
from windrow.simulation.sensing.atmospheric_correction import observe
from windrow.simulation.sensing.clouds import clear_sky, make_clouds
from windrow.simulation.settings import ScenarioSettings
from windrow.simulation.surface.field_surface import mean_surface
from windrow.simulation.surface.geometry import make_overpasses
from windrow.simulation.surface.surface import Surface, interpolation

TABLE_LEGEND = Legend(names=TABLE_NAMES, codes=TABLE_NAMES)
"""The legend of all simulated fields: the whole crop table."""

_POINT_SPREAD_M = {10: 5.3, 20: 10.6, 60: 31.8}
_SPECKLE = 0.5
"""Noise of a field's mean relative to that of a pixel: neighbouring pixels share some of it."""


@dataclass(frozen=True, eq=False)
class ScatteredFields:
    """Where the fields of a region lie and what grows on them.

    Attributes:
        crop: (n,) position of each field's crop in the crop table.
        x, y: (n,) metres from the region's north-western corner, eastwards and southwards.
    """

    crop: Integers
    x: Floats
    y: Floats

    def __len__(self) -> int:
        return len(self.crop)


def simulate_fields(
    settings: ScenarioSettings,
    fields: ScatteredFields,
    season: Season,
    *,
    seed: int,
    landscape: int,
    clear_days: Integers | None = None,
) -> Series:
    """Simulates the mean series of scattered fields, which share weather, air and dates.

    Args:
        settings: the scenario, without regard to its classes and its longitude's hemisphere;
            ``pixels_per_field`` is the number of parts of a field.
        fields: where they lie and what grows on them.
        season: climate, twelve months and rotation of the place.
        seed: the seed.
        landscape: number of the region: another number, other weather and dates.
        clear_days: (T,) northern days, increasing, on which the fields are seen under a sky
            without clouds or snow, in place of drawn dates and clouds.

    Returns:
        A series a field by northern day, its ``id`` counted from ``landscape`` x 10,000.
    """
    ground = Landscape(
        settings=settings,
        seed=seed,
        number=landscape,
        sites=np.stack([fields.x, fields.y], axis=1),
        metric=np.eye(2),
        crop=fields.crop,
        label=fields.crop,
    )
    with threadpool_limits(1):
        weather = make_weather(settings, seed, landscape)
        moisture = weather.moisture * (0.35 + 0.65 * season.climate.water)
        weather = replace(weather, moisture=moisture)
        grown = grow_fields(ground, weather, season)
        surface = mean_surface(ground, weather, grown)
        if clear_days is not None:
            weather = replace(weather, snow=np.zeros_like(weather.snow))
        return _observed(ground, weather, grown.year, surface, clear_days=clear_days)


def _observed(
    ground: Landscape,
    weather: Weather,
    year: FieldYear,
    surface: Surface,
    *,
    clear_days: Integers | None,
) -> Series:
    seed, number, settings = ground.seed, ground.number, ground.settings
    overpasses = make_overpasses(ground, clear_days)
    days = overpasses.days
    before, after = interpolation(surface.knots, days)

    def on_dates(values: Float32) -> Float32:
        share = after.reshape(-1, *[1] * (values.ndim - 2))
        return np.asarray(values[:, before] * (1 - share) + values[:, before + 1] * share)

    columns, rows = (ground.sites.T // 10).astype(np.int64)
    green = on_dates(surface.green)
    mixed = _with_neighbours(ground, on_dates(surface.reflectance[..., :12]))
    snow = snow_cover(ground, weather, rows=rows, columns=columns, days=days, green=green)
    if clear_days is None:
        clouds = make_clouds(ground, weather, overpasses, rows=rows, columns=columns, snow=snow)
    else:
        clouds = clear_sky(ground.num_fields, len(days))
    everywhere = np.broadcast_to(weather.snow[days], (1, len(days)))
    measured = observe(
        ground,
        overpasses,
        clouds,
        surface=under_snow(ground, overpasses, mixed, snow),
        surroundings=under_snow(ground, overpasses, mixed.mean(axis=0)[None], everywhere)[0],
        rows=rows,
        columns=columns,
    )
    field = np.arange(ground.num_fields)
    keys = keyed(
        seed, "field noise", number, field[:, None, None], days[:, None], np.arange(len(_METRES))
    )
    measured = measured + _SPECKLE * noise(keys) * (0.0012 + 0.008 * measured)
    identity = np.int64(number) * 10_000 + field
    shape = (ground.num_fields, len(days))
    metres_a_degree = 111_320.0
    narrower = metres_a_degree * np.cos(np.radians(settings.latitude))
    return Series(
        reflectance=padded(to_integers(measured)),
        day_of_year=padded(np.broadcast_to(days.astype(np.int16), shape)),
        valid=padded(np.ones(shape, dtype=bool)),
        bands=SENTINEL2_BANDS,
        processing_level=settings.product,
        id=identity,
        field_id=identity,
        year=np.full(ground.num_fields, settings.year, dtype=np.int16),
        cloud_probability=padded(clouds.probability),
        longitude=settings.longitude + ground.sites[:, 0] / narrower,
        latitude=settings.latitude - ground.sites[:, 1] / metres_a_degree,
        label=ground.crop.astype(np.int16),
        legend=TABLE_LEGEND,
        truth={
            "leaf_area_index": padded(green.astype(np.float16)),
            "chlorophyll": padded(on_dates(surface.chlorophyll).astype(np.float16)),
            "cover_fraction": padded(on_dates(surface.cover).astype(np.float16)),
            "harvest_day": year.harvest_day.astype(np.int16),
        },
        simulated=True,
    )


_METRES = np.array([SENTINEL2[band].metres for band in SENTINEL2_BANDS])


def _with_neighbours(ground: Landscape, reflectance: Float32) -> Float32:
    """Computes each field with what its bands see beyond its borders: two other fields, (n, T, 12).

    Of a square field of side f, a Gaussian point spread of deviation s brings in 4 s / (f sqrt(2
    pi)) from outside, on the mean of its pixels; fields are half to twice the usual size.
    """
    seed, number, num = ground.seed, ground.number, ground.num_fields
    field = np.arange(num)
    size = ground.settings.field_m * np.exp(
        spread(keyed(seed, "size of field", number, field), 0.0, 0.3)
    )
    blur = np.array([_POINT_SPREAD_M[int(metres)] for metres in _METRES])
    share = np.minimum(4 * blur / (size[:, None] * np.sqrt(2 * np.pi)), 0.7)
    others = [
        (field + 1 + (uniform(keyed(seed, f"neighbour {k}", number, field)) * max(num - 1, 1)))
        .astype(np.int64) % num
        for k in range(2)
    ]  # fmt: skip
    around = 0.5 * (reflectance[others[0]] + reflectance[others[1]])
    part = share[:, None, :].astype(np.float32)
    return np.asarray((1 - part) * reflectance + part * around, dtype=np.float32)
