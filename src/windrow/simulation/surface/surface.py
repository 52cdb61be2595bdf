"""The reflectance of the surface: each pixel's part of a field, through the year, without air.

The state of a field (:mod:`windrow.simulation.fields.phenology`) is varied within the field by
smooth patches (vigour, delay, chlorophyll, soil), and its reflectance is computed every few days
(*knots*) as that of a canopy over its ground.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.simulation.crops import CROPS
from windrow.simulation.emulator import BANDS, Float32
from windrow.simulation.fields.landscape import COARSE_M, Integers, Landscape
from windrow.simulation.fields.stands import TRAITS, FieldYear
from windrow.simulation.fields.weather import NUM_DAYS, Weather
from windrow.simulation.keyed_random import Floats, keyed, patches, spread
from windrow.simulation.surface.canopy import canopy_reflectance
from windrow.simulation.surface.geometry import sun_zenith
from windrow.simulation.surface.soil import PETALS, STRAW, WATER, soil

_PATCH_M = 55.0
_AROUND_DAYS = np.arange(0, NUM_DAYS + 5, 6)


@dataclass(frozen=True, eq=False)
class Surface:
    """M parts of pixels at K knots.

    Attributes:
        knots: (K,) days of year, the last may lie past the year's end.
        reflectance: (M, K, 16) in the bands of :data:`windrow.simulation.emulator.BANDS`.
        green: (M, K) green leaf area index.
        cover: (M, K) share of the ground under the canopy.
        chlorophyll: (M, K) of the leaves, dying ones included, micrograms a cm2.
    """

    knots: Integers
    reflectance: Float32
    green: Float32
    cover: Float32
    chlorophyll: Float32


@dataclass(frozen=True, eq=False)
class Surroundings:
    """All fields of a landscape, whose light the air scatters into every view.

    Attributes:
        days: (K,) days of year, evenly spaced.
        fields: (F, K, 12) reflectance of one point a field in Sentinel-2's bands.
    """

    days: Integers
    fields: Float32

    def on(self, days: npt.ArrayLike, *, bands: slice = slice(None)) -> Float32:
        """Computes the fields interpolated to other days, (F, T, bands)."""
        before, after = interpolation(self.days, days)
        known = self.fields[..., bands]
        share = after[:, None]
        return np.asarray(known[:, before] * (1 - share) + known[:, before + 1] * share)


def knot_days(settings_knot_days: int) -> Integers:
    """Days 0, k, 2k, ... until the year is covered."""
    return np.arange(0, NUM_DAYS - 1 + settings_knot_days, settings_knot_days)


def interpolation(knots: Integers, days: npt.ArrayLike) -> tuple[Integers, Float32]:
    """Computes position of the knot before each day, and the weight of the one after it."""
    step = int(knots[1] - knots[0])
    day = np.asarray(days, dtype=np.int64)
    before = np.minimum(day // step, len(knots) - 2)
    return before, ((day - knots[before]) / step).astype(np.float32)


def make_surface(
    landscape: Landscape,
    weather: Weather,
    year: FieldYear,
    *,
    rows: Integers,
    columns: Integers,
    field: Integers,
    knots: Integers | None = None,
) -> Surface:
    """Makes the surface of M parts: what ``field`` looks like at Sentinel-2 pixel (row, column)."""
    if knots is None:
        knots = knot_days(landscape.settings.knot_days)
    varied = _patches(landscape, rows, columns, field)
    when = _delayed(landscape, year, field, knots, varied["delay"])
    before = np.minimum(when.astype(np.int64), NUM_DAYS - 2)
    part = when - before

    def read(values: Floats) -> Floats:
        first, second = values[field[:, None], before], values[field[:, None], before + 1]
        return np.asarray(first + (second - first) * part)

    vigour = np.exp(0.16 * varied["vigour"])[:, None]
    green, dead = read(year.green) * vigour, read(year.dead) * vigour
    traits = {name: read(year.traits[name]) for name in TRAITS}
    traits["chlorophyll"] = traits["chlorophyll"] * np.exp(0.07 * varied["vigour2"])[:, None]
    yellow = spread(keyed(landscape.seed, "carotenoids", landscape.number, field), 0, 0.35)
    traits["carotenoids"] = (1.5 + 0.18 * traits["chlorophyll"]) * np.exp(yellow)[:, None]
    ground = _ground(landscape, weather, field, varied["soil"], knots)
    straw = read(year.straw)[..., None]
    rough = read(year.rough)[..., None]
    ground = ground * (1 - 0.12 * rough)
    wet = weather.moisture[np.minimum(knots, NUM_DAYS - 1)][None, :, None]
    ground = (1 - straw) * ground + straw * STRAW * (1 - 0.3 * wet)
    zenith = np.clip(sun_zenith(landscape.settings.latitude, knots), 20, 76)[None, :]
    water = read(year.water)[..., None]
    ground = (1 - water) * ground + water * WATER
    seen, cover = canopy_reflectance(green, dead, traits, ground, zenith)
    flower = read(year.flower)[..., None] * np.clip(green / 1.5, 0, 1)[..., None]
    reflectance = seen * (1 - flower) + flower * PETALS
    # Clods, rows and trees throw shadows that a flat model lacks; long ones darken winter.
    reflectance = reflectance * (1 - 0.28 * np.clip((zenith - 66) / 6, 0, 1))[..., None]
    reflectance = reflectance * structure(landscape, field, knots)[..., None]
    return Surface(
        knots=knots,
        reflectance=np.asarray(reflectance, dtype=np.float32),
        green=np.asarray(green, dtype=np.float32),
        cover=np.asarray(cover, dtype=np.float32),
        chlorophyll=np.asarray(traits["chlorophyll"] * green / (green + dead), dtype=np.float32),
    )


def make_surroundings(landscape: Landscape, weather: Weather, year: FieldYear) -> Surroundings:
    """Makes one point a field, every six days."""
    fields = np.arange(landscape.num_fields)
    points = landscape.sites @ np.linalg.inv(landscape.metric)
    columns, rows = np.floor(points / COARSE_M).astype(np.int64).T
    surface = make_surface(
        landscape, weather, year, rows=rows, columns=columns, field=fields, knots=_AROUND_DAYS
    )
    return Surroundings(days=surface.knots, fields=surface.reflectance[..., :12])


def structure(landscape: Landscape, field: Integers, knots: Integers) -> Floats:
    """Computes how much brighter or darker a field is than a flat stand of its leaves, (M, K).

    Rows, ridges, lodging and clods cast shadows within the field; they last for a while. The
    deviation, an eighth in all, is assumed and tuned on the spread of brightness between real
    fields of one date that all bands share.
    """
    seed, number = landscape.seed, landscape.number
    lasting = spread(keyed(seed, "structure", number, field), 0, 0.10)[:, None]
    stage = knots / 40.0
    first = np.floor(stage).astype(np.int64)
    part = stage - first
    passing = [
        spread(keyed(seed, "structure of a stage", number, field[:, None], first + step), 0, 0.10)
        for step in (0, 1)
    ]
    norm = np.sqrt(part**2 + (1 - part) ** 2)
    return np.exp(lasting + (passing[0] * (1 - part) + passing[1] * part) / norm)


def _delayed(
    landscape: Landscape, year: FieldYear, field: Integers, knots: Integers, delay: Floats
) -> Floats:
    """Computes the field's day that each part of it lives on each knot, (M, K).

    Patches grow a few days earlier or later, but a field is harvested on one day; a meadow is cut
    often, and its parts keep one time.
    """
    grass = np.array([crop.kind in {"grass", "trees"} for crop in CROPS])[landscape.crop[field]]
    when = knots - np.where(grass, 0.0, 3.0 * delay)[:, None]
    harvest = year.harvest_day[field][:, None].astype(np.float64)
    held = np.where(knots < harvest, np.minimum(when, harvest - 1), np.maximum(when, harvest))
    when = np.where(grass[:, None], when, held)
    return np.asarray(np.clip(when, 0, NUM_DAYS - 1))


def _patches(
    landscape: Landscape, rows: Integers, columns: Integers, field: Integers
) -> dict[str, Floats]:
    x, y = (columns + 0.5) * COARSE_M, (rows + 0.5) * COARSE_M
    keys = (landscape.number, field)
    varied: dict[str, Floats] = {}
    for name in ("vigour", "vigour2", "delay", "soil"):
        coarse = patches(landscape.seed, f"patch {name}", keys, x=x, y=y, scale=_PATCH_M)
        own = spread(keyed(landscape.seed, f"pixel {name}", landscape.number, rows, columns), 0, 1)
        varied[name] = 0.85 * coarse + 0.5 * own
    return varied


def _ground(
    landscape: Landscape, weather: Weather, field: Integers, patch: Floats, knots: Integers
) -> Floats:
    seed, number = landscape.seed, landscape.number
    mean, deviation = landscape.settings.soil_brightness
    region = float(spread(keyed(seed, "soil", number), mean, deviation))
    brightness = region * np.exp(spread(keyed(seed, "soil of field", number, field), 0, 0.12))
    slope = spread(keyed(seed, "soil slope", number, field), 0.0, 0.08)
    moisture = weather.moisture[np.minimum(knots, NUM_DAYS - 1)]
    level = (brightness * np.exp(0.09 * patch))[:, None]
    drained = spread(keyed(seed, "moisture of field", number, field), 0, 0.15)[:, None]
    return soil(level, slope[:, None], np.clip(moisture[None, :] + drained, 0, 1))


assert len(BANDS) == len(STRAW)
