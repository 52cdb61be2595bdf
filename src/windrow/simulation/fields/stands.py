"""What fields are made of through a year: stands of leaves, straw, tillage, petals and water.

A field's year is a sum of *stands* (the crop itself, what grew before, what grows after), each a
leaf area by day with the traits of its leaves; traits are averaged by leaf area.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.simulation.crops import Leaf
from windrow.simulation.fields.landscape import Landscape
from windrow.simulation.fields.weather import DAYS, NUM_DAYS
from windrow.simulation.keyed_random import Floats, keyed, normal, spread, uniform

NEVER = 10_000
"""A day that does not come."""

MOST_CUTS = 6
"""Cuts of grass in a year, at most."""

TRAITS: tuple[str, ...] = (
    "chlorophyll",
    "brown",
    "water",
    "dry_matter",
    "structure",
    "angle",
    "cover",
)


@dataclass(eq=False)
class FieldYear:
    """The state of F fields on each day of the year.

    Attributes:
        green: (F, 365) green leaf area index.
        dead: (F, 365) area index of dead leaves and stems that still stand.
        traits: by name of :data:`TRAITS`, (F, 365), of the green leaves.
        flower: (F, 365) share of the view that petals fill.
        straw: (F, 365) share of the ground under straw and stubble.
        rough: (F, 365) darkening of fresh tillage, 0..1.
        water: (F, 365) share of the ground under standing water.
        harvest_day: (F,) of the main crop; -1 where nothing but grass is cut.
        cut_day: (F, 6) of the cuts of grass, in order; -1 where there is none.
    """

    green: Floats
    dead: Floats
    traits: dict[str, Floats]
    flower: Floats
    straw: Floats
    rough: Floats
    water: Floats
    harvest_day: npt.NDArray[np.int64]
    cut_day: npt.NDArray[np.int64]
    _weight: Floats = field(init=False)

    def __post_init__(self) -> None:
        self._weight = np.full_like(self.green, 1e-6)

    @classmethod
    def bare(cls, num_fields: int) -> FieldYear:
        """Fields on which nothing grows or happens."""
        shape = (num_fields, NUM_DAYS)
        return cls(
            green=np.zeros(shape),
            dead=np.zeros(shape),
            traits={name: np.zeros(shape) for name in TRAITS},
            flower=np.zeros(shape),
            straw=np.zeros(shape),
            rough=np.zeros(shape),
            water=np.zeros(shape),
            harvest_day=np.full(num_fields, -1, dtype=np.int64),
            cut_day=np.full((num_fields, MOST_CUTS), -1, dtype=np.int64),
        )

    def add_stand(self, rows: Any, green: Floats, dead: Floats, traits: dict[str, Floats]) -> None:
        """Adds a stand to some fields; traits are averaged by leaf area."""
        weight = green + 0.3 * dead
        total = self._weight[rows] + weight
        for name in TRAITS:
            mixed = self.traits[name][rows] * self._weight[rows] + traits[name][:, None] * weight
            self.traits[name][rows] = mixed / total
        self._weight[rows] = total
        self.green[rows] += green
        self.dead[rows] += dead

    def add_straw(self, rows: Any, start: Floats, share: Floats, end: Floats) -> None:
        """Computes straw from its day until tillage, fading by half in about 60 days."""
        age = DAYS - start[:, None]
        lies = (age >= 0) & (end[:, None] > DAYS)
        self.straw[rows] = np.maximum(
            self.straw[rows], np.where(lies, share[:, None] * np.exp(-age / 90.0), 0.0)
        )
        since = DAYS - end[:, None]
        fresh = np.where((since >= 0) & (since < 60), np.exp(-np.clip(since, 0, 60) / 15.0), 0.0)
        self.rough[rows] = np.maximum(self.rough[rows], fresh)


class Draws:
    """The draws of some fields of one landscape, by purpose; all cut at 2.2 deviations."""

    def __init__(self, landscape: Landscape, rows: npt.NDArray[np.int64]) -> None:
        self._seed, self._number, self._rows = landscape.seed, landscape.number, rows
        self._spread = landscape.settings.management_spread
        self.mild = landscape.settings.winter_leaf_area

    def _keys(self, purpose: str) -> Any:
        return keyed(self._seed, purpose, self._number, self._rows)

    def range(self, purpose: str, mean: float, deviation: float) -> Floats:
        """Draws of this mean and deviation, which the scenario's management widens."""
        return spread(self._keys(purpose), mean, deviation * self._spread)

    def uniform(self, purpose: str) -> Floats:
        """Draws in [0, 1)."""
        return uniform(self._keys(purpose))

    def normal(self, purpose: str) -> Floats:
        """Computes standard normal draws, widened alike."""
        return self._spread * np.clip(normal(self._keys(purpose)), -2.2, 2.2)

    def traits(self, leaf: Leaf, stand: str) -> dict[str, Floats]:
        """Traits of the leaves of a stand, by name of :data:`TRAITS`."""
        return {
            name: np.maximum(self.range(f"{stand} {name}", *getattr(leaf, name)), 1e-3)
            for name in TRAITS
        }
