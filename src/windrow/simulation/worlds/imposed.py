"""Simulation of fields with the dates, clouds, bands and level of real series.

Each simulated field is paired with one of the real series and has its dates. Where the real series
is cloudy or bright with snow, the field takes its values. Simulated and real fields therefore
differ only in the fields themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.data.series import Series
from windrow.errors import DataError
from windrow.sensors import SCALE
from windrow.simulation.crop_table import TABLE_NAMES, table_number
from windrow.simulation.keyed_random import choose, keyed
from windrow.simulation.places.calendars import YEAR
from windrow.simulation.places.place import Place
from windrow.simulation.worlds.draws import WorldDraws, draw_scenario, draw_shares
from windrow.simulation.worlds.field_series import simulate_fields
from windrow.simulation.worlds.settings import WorldSettings
from windrow.simulation.worlds.world import World, drawn_around, scattered, season_of

CLEAR_BELOW = 26
"""Smallest cloud probability of a cloudy date, a tenth of 255."""

_BRIGHT_BLUE = 0.28
"""Smallest B02 reflectance of snow and thick cloud, above that of any soil or crop."""


def simulate_like(
    series: Series,
    place: Place,
    settings: WorldSettings,
    *,
    seed: int,
    crops: Sequence[str] | None = None,
    number: int = 0,
) -> World:
    """Simulates fields of a place with the dates, clouds, bands and level of real series.

    Args:
        series: the real fields. Dates, clouds, bands, level and the values on cloudy dates are
            used. Their ``day_of_year`` counts from the place's ``season_start``.
        place: place of the fields. The level of the series replaces its ``product``.
        settings: ranges of all other quantities.
        seed: any whole number.
        crops: names of the crops; None takes crops that are usual at the latitude.
        number: number of the draw.

    Returns:
        ``settings.num_fields`` fields, each on the date axis of a series drawn at random.

    Raises:
        DataError: there is no series, or one has no valid date.
        SettingsError: a crop is not in the table.
    """
    if not len(series) or not series.valid.any(axis=1).all():
        raise DataError(
            "no dates to simulate on",
            found="no series" if not len(series) else "a series without a valid date",
            hint="leave out series that have no date",
        )
    draws = WorldDraws(seed, number)
    place = place.model_copy(update={"product": series.processing_level})
    narrowed, climate, names = drawn_around(place, settings, draws, crops)
    numbers = [table_number(name) for name in names]
    # Day 365 of a leap year counts as the day before.
    ahead = np.minimum(series.day_of_year.astype(np.int64), YEAR - 1)
    northern = (ahead + place.first) % YEAR
    days = np.unique(northern[series.valid])
    simulated = simulate_fields(
        draw_scenario(narrowed, draws, place),
        scattered(
            narrowed,
            seed,
            number,
            num_fields=settings.num_fields,
            numbers=numbers,
            shares=draw_shares(narrowed, draws, len(numbers)),
        ),
        season_of(narrowed, draws, place, climate=climate, numbers=numbers),
        seed=seed,
        landscape=number,
        clear_days=days,
    ).with_bands(series.bands)
    each = np.full(len(series), 1.0)
    lender = choose(keyed(seed, "lender", number, np.arange(settings.num_fields)), each)
    return _lent(simulated, series, place, lender=lender, column=np.searchsorted(days, northern))


def _lent(
    simulated: Series,
    series: Series,
    place: Place,
    *,
    lender: npt.NDArray[np.int64],
    column: npt.NDArray[np.int64],
) -> World:
    """Gives each simulated field the dates and clouds of its real series."""
    index = np.minimum(column, simulated.num_dates - 1)[lender]
    cloudy = _cloudy(series)[lender]

    def gathered(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        wide = index.reshape(*index.shape, *[1] * (values.ndim - 2))
        return np.take_along_axis(values, wide, axis=1)

    own = gathered(simulated.reflectance)
    reflectance = np.where(cloudy[..., None], series.reflectance[lender], own)
    valid = series.valid[lender]
    first = place.first
    harvest = simulated.truth["harvest_day"].astype(np.int64)
    counted = np.where(harvest >= 0, (harvest - first) % YEAR, -1).astype(np.int16)
    truth = {
        name: counted if name == "harvest_day" else gathered(values)
        for name, values in simulated.truth.items()
    }
    cloud = series.cloud_probability
    sign = -1.0 if place.latitude < 0 else 1.0
    assert simulated.label is not None
    assert simulated.latitude is not None
    found = replace(
        simulated,
        reflectance=reflectance.astype(np.int16),
        day_of_year=series.day_of_year[lender],
        valid=valid,
        cloud_probability=None if cloud is None else cloud[lender],
        latitude=sign * simulated.latitude,
        year=series.year[lender],
        truth=truth,
    )
    return World(
        series=found,
        season_start=place.season_start,
        crop=simulated.label.astype(np.int64),
        crop_names=TABLE_NAMES,
        latitude=place.latitude,
        longitude=place.longitude,
    )


def _cloudy(series: Series) -> npt.NDArray[np.bool_]:
    """Marks the dates on which clouds or snow hide the ground, (N, T)."""
    hidden = np.zeros(series.valid.shape, dtype=bool)
    if series.cloud_probability is not None:
        hidden |= series.cloud_probability >= CLEAR_BELOW
    if "B02" in series.bands:
        blue = series.reflectance[..., series.bands.index("B02")]
        hidden |= blue > _BRIGHT_BLUE * SCALE
    return hidden & series.valid
