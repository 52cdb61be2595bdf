"""Simulated land covers of a place, for the classes that no label names."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from windrow.classifiers.cover_settings import CoverSettings
from windrow.classifiers.crop_names import crops_of_class
from windrow.classifiers.land_covers import CROP, CoverExamples
from windrow.classifiers.place_classifier import PlaceEncoder
from windrow.config import Settings
from windrow.data.season import first_days
from windrow.data.series import Series
from windrow.data.ten_day_grid import grid_of_series, join_grids
from windrow.errors import DataError
from windrow.simulation.crop_table import TABLE_NAMES
from windrow.simulation.places.place import Place
from windrow.simulation.worlds.imposed import simulate_like
from windrow.simulation.worlds.settings import EARTH

MOST_LENDERS = 2_048
"""Largest number of series whose dates and clouds are lent to simulated fields."""

_HALF = 2
"""One half of the simulated crops are those that the labels name, the other usual ones."""


class LandCoverSettings(Settings):
    """Which land covers are added to the classes of the labels.

    Attributes:
        names: names of the land covers in the simulator's table.
        num_worlds: number of draws of weather, soils and management.
        num_fields: number of fields of a draw, of land covers and as many of crops.
        forest: settings of the forest that tells them from crops.
    """

    names: tuple[str, ...]
    num_worlds: int
    num_fields: int
    forest: CoverSettings


@dataclass(frozen=True, eq=False)
class SimulatedCovers:
    """Land covers to add, or the reason why there are none.

    Attributes:
        examples: the simulated fields; None where none are added.
        line: what is said of them.
    """

    examples: CoverExamples | None
    line: str


def simulate_covers(
    series: Series,
    labels: Iterable[str | None],
    crops: Mapping[str, Sequence[str]],
    *,
    encoder: PlaceEncoder,
    settings: LandCoverSettings,
    seed: int,
) -> SimulatedCovers:
    """Simulates land covers and crops at the place of series, with their dates and clouds.

    A land cover that a label names is left out.

    Args:
        series: N series of one place and year.
        labels: their classes.
        crops: crops of the table by class.
        encoder: the network, which decides what is clear.
        settings: which land covers, and how many fields.
        seed: every random draw follows from it.

    Raises:
        DataError: it is not known where the series lie.
    """
    if series.longitude is None or series.latitude is None:
        raise DataError(
            "land covers are simulated where the fields lie, which is not known",
            hint="name the CRS of the cube, or give the table columns lon and lat",
        )
    classes = {name for name in labels if name is not None}
    named = {crop for name in classes for crop in crops_of_class(name, settings.names)}
    names = tuple(name for name in settings.names if name not in named)
    if not names:
        return SimulatedCovers(None, "land covers: all are named by labels")
    place, lenders = _place_of(series), _lenders(series)
    grown_here = {crop for own in crops.values() for crop in own}
    known = sorted(grown_here.intersection(TABLE_NAMES).difference(settings.names))
    few = EARTH.model_copy(update={"num_fields": settings.num_fields, "cover_share": 0.0})
    grids, label = [], []
    for number in range(settings.num_worlds):
        usual = number % _HALF == 0 or not known
        for grown in (names, None if usual else known):
            world = simulate_like(lenders, place, few, seed=seed, crops=grown, number=number)
            drawn = [world.crop_names[crop] for crop in world.crop]
            kept = [row for row, name in enumerate(drawn) if name not in named]
            part = replace(world.series, season_start=series.season_start)
            grids.append(
                grid_of_series(
                    part.select(np.array(kept, dtype=np.intp)),
                    clear_below=encoder.header.clear_below,
                    latitude=place.latitude,
                )
            )
            label += [names.index(drawn[row]) if drawn[row] in names else CROP for row in kept]
    grid = functools.reduce(join_grids, grids)
    examples = CoverExamples(names, grid, np.array(label, dtype=np.int64), settings.forest)
    return SimulatedCovers(
        examples, f"land covers, from simulated fields alone: {', '.join(names)}"
    )


def _place_of(series: Series) -> Place:
    assert series.longitude is not None
    assert series.latitude is not None
    year = int(np.median(series.year))
    first = first_days(year, series.season_start)
    ahead = int((first - np.datetime64(f"{year}-01-01")).astype(int))
    return Place(
        longitude=float(np.median(series.longitude)),
        latitude=float(np.median(series.latitude)),
        year=year,
        season_start=min(ahead, 364),
    )


def _lenders(series: Series) -> Series:
    seen = np.flatnonzero(series.valid.any(axis=1))
    if not len(seen):
        raise DataError("no series has a valid date")
    chosen = np.linspace(0, len(seen) - 1, min(len(seen), MOST_LENDERS)).astype(np.intp)
    return series.select(seen[chosen])
