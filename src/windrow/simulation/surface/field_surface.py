"""The reflectance of whole fields: the mean of a few parts, each with its vigour, delay and soil.

As :mod:`windrow.simulation.surface.surface`, without a map: what varies within a field is drawn a
part, not read off smooth patches.
"""

from __future__ import annotations

import numpy as np

from windrow.simulation.emulator import Float32
from windrow.simulation.fields.growth import GrownFields
from windrow.simulation.fields.landscape import Integers, Landscape
from windrow.simulation.fields.stands import TRAITS
from windrow.simulation.fields.weather import NUM_DAYS, Weather
from windrow.simulation.keyed_random import Floats, keyed, spread
from windrow.simulation.surface.canopy import canopy_reflectance
from windrow.simulation.surface.geometry import sun_zenith
from windrow.simulation.surface.measured_soils import SEALED, dry_soils, mixed_soils
from windrow.simulation.surface.soil import PETALS, STRAW, WATER
from windrow.simulation.surface.surface import Surface, structure

KNOT_DAYS = 5
"""Days between the states at which the canopy of a field is computed."""


def mean_surface(ground: Landscape, weather: Weather, grown: GrownFields) -> Surface:
    """Computes the mean surface of each field, (F, K, ...).

    Parts as many as ``pixels_per_field``.
    """
    seed, number = ground.seed, ground.number
    num, parts = ground.num_fields, ground.settings.pixels_per_field
    field = np.repeat(np.arange(num), parts)
    part = np.tile(np.arange(parts), num)
    knots = np.arange(0, NUM_DAYS + KNOT_DAYS, KNOT_DAYS)

    def varied(purpose: str) -> Floats:
        return spread(keyed(seed, f"part {purpose}", number, field, part), 0.0, 1.0)

    year = grown.year
    when = _delayed(grown, field, knots, 3.0 * varied("delay"))
    before = when.astype(np.int64) % NUM_DAYS
    after, share = (before + 1) % NUM_DAYS, when - np.floor(when)

    def read(values: Floats) -> Floats:
        first, second = values[field[:, None], before], values[field[:, None], after]
        return np.asarray(first + (second - first) * share)

    vigour = np.exp(0.16 * varied("vigour"))[:, None]
    green, dead = read(year.green) * vigour, read(year.dead) * vigour
    traits = {name: read(year.traits[name]) for name in TRAITS}
    traits["chlorophyll"] = traits["chlorophyll"] * np.exp(0.07 * varied("greenness"))[:, None]
    yellow = spread(keyed(seed, "carotenoids", number, field), 0, 0.35)
    traits["carotenoids"] = (1.5 + 0.18 * traits["chlorophyll"]) * np.exp(yellow)[:, None]
    zenith = np.clip(sun_zenith(ground.settings.latitude, knots), 20, 76)[None, :]
    below = _ground(
        ground,
        weather,
        field=field,
        brighter=np.exp(0.09 * varied("soil")),
        knots=knots,
        straw=read(year.straw),
        rough=read(year.rough),
        water=read(year.water),
    )
    sealed = grown.sealed[field][:, None, None]
    grey = np.exp(spread(keyed(seed, "roofs", number, field), 0.0, 0.25))[:, None, None]
    below = (1 - sealed) * below + sealed * SEALED * grey
    seen, cover = canopy_reflectance(green, dead, traits, below, zenith)
    flower = read(year.flower)[..., None]
    reflectance = seen * (1 - flower) + flower * PETALS
    # Shadows of crowns are longer under a low sun.
    shade = grown.shade[field][:, None] * cover * np.clip(0.6 + (zenith - 30) / 90, 0.6, 1.2)
    low_sun = 1 - 0.28 * np.clip((zenith - 66) / 6, 0, 1)
    reflectance = reflectance * ((1 - shade) * low_sun * structure(ground, field, knots))[..., None]

    def mean(values: Floats | Float32) -> Float32:
        each = values.reshape(num, parts, *values.shape[1:])
        return np.asarray(each.mean(axis=1), dtype=np.float32)

    area = mean(green)
    pigment = mean(traits["chlorophyll"] * green / np.maximum(green + dead, 1e-6) * green)
    return Surface(
        knots=knots,
        reflectance=mean(reflectance),
        green=area,
        cover=mean(cover),
        chlorophyll=np.asarray(pigment / np.maximum(area, 1e-6), dtype=np.float32),
    )


def _delayed(grown: GrownFields, field: Integers, knots: Integers, delay: Floats) -> Floats:
    """Computes the field's day that each part of it lives on each knot, (M, K).

    Parts grow a few days earlier or later, but a field is harvested on one day; grass and trees
    keep one time.
    """
    when = knots - np.where(grown.whole[field], 0.0, delay)[:, None]
    harvest = grown.year.harvest_day[field][:, None].astype(np.float64)
    near = (harvest >= 0) & (np.abs(knots - harvest) < 20)
    held = np.where(knots < harvest, np.minimum(when, harvest - 1), np.maximum(when, harvest))
    return np.asarray(np.where(near, held, when) % NUM_DAYS)


def _ground(
    ground: Landscape,
    weather: Weather,
    *,
    field: Integers,
    brighter: Floats,
    knots: Integers,
    straw: Floats,
    rough: Floats,
    water: Floats,
) -> Floats:
    """Computes soil, straw and water below the leaves, (M, K, 16)."""
    seed, number = ground.seed, ground.number
    moisture = weather.moisture[np.minimum(knots, NUM_DAYS - 1)][None, :]
    drained = spread(keyed(seed, "moisture of field", number, field), 0, 0.15)[:, None]
    wet = np.clip(moisture + drained, 0, 1)
    darker = brighter[:, None] * (1 - 0.12 * rough)
    below = mixed_soils(dry_soils(ground)[field], wet, darker)
    lying = straw[..., None]
    below = (1 - lying) * below + lying * STRAW * (1 - 0.3 * moisture[..., None])
    murky = np.exp(spread(keyed(seed, "murky", number, field), -0.2, 0.4))[:, None, None]
    flooded = water[..., None]
    return np.asarray((1 - flooded) * below + flooded * WATER * murky)
