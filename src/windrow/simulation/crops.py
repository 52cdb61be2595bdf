"""The table of crops: each variety is a calendar and ranges with their sources.

Days are days of the year (0 = 1 January) in an average year of eastern Germany; a scenario shifts
them. Every range is a mean and a deviation, drawn per field and cut at 2.2 deviations. Calendars
are set after the phenological observations of the German weather service (DWD, annual reporters:
emergence, flowering, yellow ripeness, harvest) as remembered orders of magnitude, and tuned on
summary statistics of real fields (see docs/simulation.md); leaf and canopy ranges are those in use
for inversions of PROSAIL over crops (Duan et al. 2014; Danner et al. 2019; Weiss et al. 2016),
narrowed by crop. What has no source is *assumed*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from windrow.data.legend import DENETHOR
from windrow.errors import SettingsError

Range = tuple[float, float]
"""Mean and deviation."""


@dataclass(frozen=True)
class Leaf:
    """Leaf and canopy traits of a variety, all as mean and deviation between fields.

    Attributes:
        chlorophyll: a + b, micrograms a cm2.
        brown: brown pigment of green leaves; grows as they die.
        water: equivalent water thickness, cm.
        dry_matter: g a cm2.
        structure: PROSPECT's N.
        angle: mean leaf inclination, degrees.
        cover: largest share of the ground that the canopy can hide, seen from above (gaps, rows).
    """

    chlorophyll: Range
    brown: Range
    water: Range
    dry_matter: Range
    structure: Range
    angle: Range
    cover: Range


@dataclass(frozen=True)
class Variety:
    """One way in which a class is grown.

    Attributes:
        name: what it is.
        label: its class in DENETHOR's legend.
        share: its share of the class.
        kind: ``winter`` (sown in the autumn before), ``spring`` (sown in spring) or ``grass``.
        winter_lai: leaf area on 1 January; for spring crops of weeds or a catch crop before them.
        green_up: day on which half of the peak is reached, and the pace in days of the logistic.
        peak: largest green leaf area index.
        senescence: day on which half of the peak is dead, and the pace in days.
        harvest: day of harvest.
        leaf: traits.
        flowering: day of full flower and largest share of the view that petals fill.
        second_crop: share of fields with a catch crop or volunteers after the harvest.
        cuts: of grass: mean number of cuts, first cut's day, days between cuts.
        established: of grass: share of stands that are older than a year.
        pace: days, see ``green_up`` and ``senescence``.
        source: where the numbers come from.
    """

    name: str
    label: str
    share: float
    kind: Literal["winter", "spring", "grass"]
    winter_lai: Range
    green_up: Range
    pace: tuple[float, float]
    peak: Range
    senescence: Range
    harvest: Range
    leaf: Leaf
    flowering: tuple[float, float] | None = None
    second_crop: float = 0.7
    cuts: tuple[float, float, float] = (0.0, 150.0, 45.0)
    established: float = 1.0
    source: str = "DWD calendars; ranges narrowed by crop, assumed"

    @property
    def label_index(self) -> int:
        """Position of the class in DENETHOR's legend."""
        return DENETHOR.names.index(self.label)


def check_calendar(variety: Variety) -> None:
    """Refuses a calendar that cannot be lived.

    Raises:
        SettingsError: an unknown class, a day outside the year, or events out of order.
    """

    def refuse(what: str, found: object, expected: str) -> None:
        raise SettingsError(what, where=f"crop {variety.name}", found=found, expected=expected)

    if variety.label not in DENETHOR.names:
        refuse("unknown class", variety.label, "one of " + ", ".join(DENETHOR.names))
    if variety.kind == "grass":
        if variety.cuts[0] < 0 or variety.cuts[2] < 14 or not 60 <= variety.cuts[1] < 330:
            refuse("impossible cuts", variety.cuts, "none or more, from day 60 on, 14 days apart")
        return
    days = (variety.green_up[0], variety.senescence[0], variety.harvest[0])
    if not 0 < days[0] < days[1] < days[2] + 20 or days[2] > 345:
        refuse(
            "impossible calendar",
            "green-up {:g}, senescence {:g}, harvest {:g}".format(*days),
            "green-up before senescence before harvest, within the year",
        )
    if min(variety.pace) <= 0 or variety.peak[0] <= 0:
        refuse("impossible growth", (variety.pace, variety.peak), "positive pace and peak")


_CEREAL = Leaf(
    (44, 7), (0.06, 0.04), (0.020, 0.003), (0.0050, 0.0008), (1.5, 0.1), (60, 4), (0.94, 0.03)
)
_RYE = Leaf(
    (40, 6), (0.10, 0.05), (0.018, 0.003), (0.0052, 0.0008), (1.5, 0.1), (62, 4), (0.94, 0.03)
)
_BARLEY = Leaf(
    (41, 6), (0.07, 0.04), (0.019, 0.003), (0.0048, 0.0008), (1.5, 0.1), (57, 5), (0.94, 0.03)
)
_CORN = Leaf(
    (61, 6), (0.02, 0.02), (0.018, 0.003), (0.0052, 0.0007), (1.45, 0.1), (54, 5), (0.95, 0.03)
)
_RAPE = Leaf(
    (46, 7), (0.03, 0.03), (0.024, 0.004), (0.0050, 0.0008), (1.65, 0.1), (50, 5), (0.96, 0.02)
)
_BEET = Leaf(
    (46, 6), (0.04, 0.03), (0.024, 0.004), (0.0048, 0.0008), (1.5, 0.1), (44, 6), (0.96, 0.03)
)
_POTATO = Leaf(
    (42, 6), (0.05, 0.04), (0.020, 0.004), (0.0045, 0.0008), (1.5, 0.1), (48, 6), (0.93, 0.04)
)
_MEADOW = Leaf(
    (40, 6), (0.12, 0.06), (0.018, 0.003), (0.0052, 0.0010), (1.55, 0.1), (54, 6), (0.93, 0.04)
)
_CLOVER = Leaf(
    (44, 6), (0.08, 0.05), (0.020, 0.003), (0.0046, 0.0008), (1.55, 0.1), (48, 7), (0.94, 0.04)
)
_LEY = Leaf(
    (41, 6), (0.10, 0.05), (0.019, 0.003), (0.0048, 0.0008), (1.5, 0.1), (56, 6), (0.92, 0.05)
)
CATCH_CROP = Leaf(
    (38, 8), (0.06, 0.05), (0.018, 0.003), (0.0045, 0.0008), (1.5, 0.1), (50, 8), (0.92, 0.06)
)
"""Mustard, phacelia, volunteers and weeds: whatever is green between two crops."""

CROPS: tuple[Variety, ...] = (
    Variety(
        "winter wheat", "Wheat", 0.9, "winter", (0.45, 0.35), (107, 8), (11, 6),
        (4.0, 0.8), (185, 6), (210, 7), _CEREAL, second_crop=0.85,
    ),
    Variety(
        "spelt", "Wheat", 0.1, "winter", (0.7, 0.4), (100, 8), (11, 7),
        (3.6, 0.7), (181, 6), (208, 7), _RYE, second_crop=0.5,
    ),
    Variety(
        "winter rye", "Rye", 1.0, "winter", (0.75, 0.45), (92, 8), (10, 9),
        (3.8, 0.8), (176, 7), (206, 7), _RYE, second_crop=0.8,
    ),
    Variety(
        "winter barley", "Barley", 0.68, "winter", (1.2, 0.5), (97, 8), (11, 6),
        (3.8, 0.8), (162, 6), (185, 6), _BARLEY, second_crop=0.85,
    ),
    Variety(
        "spring barley", "Barley", 0.32, "spring", (0.35, 0.4), (127, 7), (7, 6),
        (3.8, 0.7), (184, 6), (206, 7), _BARLEY, second_crop=0.65,
    ),
    Variety(
        "oats", "Oats", 1.0, "spring", (0.35, 0.4), (124, 7), (7, 7),
        (3.9, 0.7), (190, 7), (213, 7), _CEREAL, second_crop=0.6,
    ),
    Variety(
        "silage maize", "Corn", 0.6, "spring", (0.85, 0.45), (160, 8), (5.2, 12),
        (3.9, 0.7), (255, 10), (250, 10), _CORN, second_crop=0.35,
    ),
    Variety(
        "grain maize", "Corn", 0.4, "spring", (0.85, 0.45), (159, 8), (5.2, 11),
        (3.9, 0.7), (254, 9), (272, 11), _CORN, second_crop=0.25,
    ),
    Variety(
        "winter rapeseed", "Oil Seeds", 1.0, "winter", (1.7, 0.6), (97, 7), (12, 7),
        (4.4, 0.8), (168, 5), (193, 6), _RAPE, flowering=(124, 0.13), second_crop=0.85,
    ),
    Variety(
        "sugar beet", "Root Crops", 0.6, "spring", (0.4, 0.4), (152, 8), (7, 25),
        (4.0, 0.8), (290, 20), (292, 18), _BEET, second_crop=0.1,
    ),
    Variety(
        "potato", "Root Crops", 0.4, "spring", (0.4, 0.4), (157, 8), (6, 9),
        (3.6, 0.8), (232, 14), (255, 13), _POTATO, second_crop=0.5,
    ),
    Variety(
        "mown meadow", "Meadows", 0.8, "grass", (1.35, 0.5), (95, 8), (10, 10),
        (3.1, 0.6), (250, 10), (300, 10), _MEADOW, cuts=(3.0, 142, 45),
    ),
    Variety(
        "pasture", "Meadows", 0.2, "grass", (1.2, 0.5), (95, 8), (10, 10),
        (2.3, 0.6), (250, 10), (300, 10), _MEADOW, cuts=(1.5, 155, 50),
    ),
    Variety(
        "clover grass", "Forage Crops", 0.55, "grass", (1.2, 0.6), (92, 8), (10, 10),
        (3.6, 0.7), (250, 10), (300, 10), _CLOVER, cuts=(3.6, 130, 38), established=0.7,
    ),
    Variety(
        "alfalfa", "Forage Crops", 0.15, "grass", (0.5, 0.3), (108, 8), (10, 10),
        (3.9, 0.7), (250, 10), (300, 10), _CLOVER, cuts=(3.4, 140, 40), established=0.7,
    ),
    Variety(
        "arable grass", "Forage Crops", 0.3, "grass", (1.1, 0.6), (95, 10), (10, 10),
        (3.2, 0.7), (250, 10), (300, 10), _LEY, cuts=(3.4, 132, 40), established=0.55,
    ),
)  # fmt: skip
"""All varieties of the nine classes."""

for _variety in CROPS:
    check_calendar(_variety)
