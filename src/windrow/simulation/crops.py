"""The table of crops: each entry is a calendar and ranges with their sources.

Days are days of the year (0 = 1 January) in an average year of the place named in the source
(eastern Germany where none is); a scenario shifts them. Every range is a mean and a deviation,
drawn per field and cut at 2.2 deviations. Calendars of the German crops are set after the
phenological observations of the German weather service (DWD, annual reporters: emergence,
flowering, yellow ripeness, harvest) as remembered orders of magnitude, and tuned on summary
statistics of real fields (see docs/simulation.md); those of the others add up the lengths of
growth stages of FAO Irrigation and Drainage Paper 56, table 11 (Allen et al. 1998): half of the
peak in the middle of development, half dead in the middle of the late season. Leaf and canopy
ranges are those in use for inversions of PROSAIL over crops (Duan et al. 2014; Danner et al. 2019;
Weiss et al. 2016), narrowed by crop; leaf area lies within the crops of Asner et al. (2003). What
has no source is *assumed*.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from windrow.errors import SettingsError

Range = tuple[float, float]
"""Mean and deviation."""


@dataclass(frozen=True)
class Leaf:
    """Leaf and canopy traits of a crop, all as mean and deviation between fields.

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
class Crop:
    """One way in which ground is used for a year.

    Attributes:
        name: what it is; scenarios choose crops by it.
        kind: ``winter`` (sown in the autumn before), ``spring`` (sown in spring), ``grass`` or
            ``trees`` (rows of trees or vines over grass).
        winter_lai: leaf area on 1 January; for spring crops of weeds or a catch crop before them.
        green_up: day on which half of the peak is reached, and the pace in days of the logistic.
        peak: largest green leaf area index; of trees: of their own leaves, a hectare.
        senescence: day on which half of the peak is dead, and the pace in days.
        harvest: day of harvest.
        leaf: traits.
        flowering: day of full flower and largest share of the view that petals fill.
        second_crop: share of fields with a catch crop or a sown cover after the harvest.
        volunteers: leaf area of what shattered grain and weeds grow in the stubble.
        stubble: share of the ground under straw and stubble after the harvest.
        cut_green: harvested while still green (silage, roots), not after ripening.
        flooded: first and last day of standing water under the canopy, or None.
        cuts: of grass: mean number of cuts, first cut's day, days between cuts.
        established: of grass: share of stands that are older than a year.
        pace: days, see ``green_up`` and ``senescence``.
        source: where the numbers come from.
    """

    name: str
    kind: Literal["winter", "spring", "grass", "trees"]
    winter_lai: Range
    green_up: Range
    pace: tuple[float, float]
    peak: Range
    senescence: Range
    harvest: Range
    leaf: Leaf
    flowering: tuple[float, float] | None = None
    second_crop: float = 0.7
    volunteers: float = 0.6
    stubble: float = 0.75
    cut_green: bool = False
    flooded: tuple[float, float] | None = None
    cuts: tuple[float, float, float] = (0.0, 150.0, 45.0)
    established: float = 1.0
    source: str = "DWD calendars; ranges narrowed by crop, assumed"


def check_calendar(crop: Crop) -> None:
    """Refuses a calendar that cannot be lived.

    Raises:
        SettingsError: a day outside the year, events out of order, or growth that is none.
    """

    def refuse(what: str, found: object, expected: str) -> None:
        raise SettingsError(what, where=f"crop {crop.name}", found=found, expected=expected)

    if min(crop.pace) <= 0 or crop.peak[0] <= 0:
        refuse("impossible growth", (crop.pace, crop.peak), "positive pace and peak")
    shares = (crop.second_crop, crop.stubble, crop.established)
    if not all(0 <= share <= 1 for share in shares):
        refuse("impossible shares", shares, "second_crop, stubble and established within 0 and 1")
    if crop.kind in ("grass", "trees") and (
        crop.cuts[0] < 0 or crop.cuts[2] < 14 or not 60 <= crop.cuts[1] < 330
    ):
        refuse("impossible cuts", crop.cuts, "none or more, from day 60 on, 14 days apart")
    if crop.kind == "grass":
        return
    days = (crop.green_up[0], crop.senescence[0], crop.harvest[0])
    green_harvest = crop.cut_green or crop.kind == "trees"
    in_order = 0 < days[0] < min(days[1:]) and (green_harvest or days[1] < days[2])
    if not in_order or max(days) > 345:
        refuse(
            "impossible calendar",
            "green-up {:g}, senescence {:g}, harvest {:g}".format(*days),
            "green-up before senescence before harvest, within the year",
        )
    if crop.flowering is not None and not days[0] - 30 < crop.flowering[0] < days[2]:
        refuse("impossible flowering", crop.flowering, "between green-up and harvest")
    if crop.flooded is not None and not 0 <= crop.flooded[0] < crop.flooded[1] <= days[2]:
        refuse("impossible flooding", crop.flooded, "first before last, not after the harvest")


_CEREAL = Leaf(
    (42, 7), (0.07, 0.025), (0.025, 0.006), (0.0049, 0.0006), (1.5, 0.08), (60, 4), (0.90, 0.03)
)
_RYE = Leaf(
    (38, 6), (0.10, 0.03), (0.022, 0.006), (0.0052, 0.0006), (1.5, 0.08), (62, 4), (0.91, 0.03)
)
_BARLEY = Leaf(
    (34, 6), (0.08, 0.025), (0.025, 0.006), (0.0046, 0.0006), (1.48, 0.08), (60, 4), (0.90, 0.03)
)
_CORN = Leaf(
    (53, 8), (0.04, 0.02), (0.021, 0.0045), (0.0045, 0.0006), (1.48, 0.08), (60, 4), (0.91, 0.03)
)
_RAPE = Leaf(
    (33, 6), (0.05, 0.02), (0.033, 0.007), (0.0045, 0.0006), (1.42, 0.08), (58, 4), (0.91, 0.03)
)
_BEET = Leaf(
    (46, 6), (0.04, 0.03), (0.024, 0.004), (0.0048, 0.0008), (1.5, 0.1), (44, 6), (0.96, 0.03)
)
_POTATO = Leaf(
    (42, 6), (0.05, 0.04), (0.020, 0.004), (0.0045, 0.0008), (1.5, 0.1), (48, 6), (0.93, 0.04)
)
_MEADOW = Leaf(
    (40, 7), (0.10, 0.03), (0.019, 0.005), (0.0047, 0.0007), (1.48, 0.08), (57, 4), (0.94, 0.03)
)
_CLOVER = Leaf(
    (40, 7), (0.06, 0.025), (0.021, 0.005), (0.0045, 0.0007), (1.5, 0.08), (51, 5), (0.94, 0.03)
)
_FALLOW = Leaf(
    (33, 7), (0.25, 0.10), (0.014, 0.003), (0.0058, 0.0010), (1.6, 0.1), (54, 8), (0.82, 0.08)
)
_SOY = Leaf(
    (46, 6), (0.03, 0.03), (0.018, 0.003), (0.0046, 0.0008), (1.45, 0.1), (45, 6), (0.96, 0.02)
)
_SUNFLOWER = Leaf(
    (46, 6), (0.05, 0.04), (0.020, 0.003), (0.0052, 0.0008), (1.5, 0.1), (35, 5), (0.90, 0.04)
)
_COTTON = Leaf(
    (48, 6), (0.05, 0.04), (0.020, 0.003), (0.0056, 0.0008), (1.5, 0.1), (42, 6), (0.90, 0.05)
)
_RICE = Leaf(
    (41, 6), (0.06, 0.04), (0.016, 0.003), (0.0046, 0.0008), (1.4, 0.1), (65, 4), (0.96, 0.02)
)
_TREE = Leaf(
    (48, 7), (0.15, 0.08), (0.015, 0.003), (0.0085, 0.0015), (1.6, 0.1), (52, 6), (0.72, 0.10)
)
_VINE = Leaf(
    (42, 7), (0.15, 0.08), (0.016, 0.003), (0.0065, 0.0012), (1.55, 0.1), (56, 6), (0.60, 0.10)
)
_LEY = Leaf(
    (38, 7), (0.08, 0.025), (0.021, 0.005), (0.0047, 0.0007), (1.5, 0.08), (57, 4), (0.93, 0.03)
)
CATCH_CROP = Leaf(
    (30, 6), (0.05, 0.025), (0.022, 0.005), (0.0049, 0.0006), (1.5, 0.08), (53, 6), (0.93, 0.04)
)
"""Mustard, phacelia, volunteers and weeds: whatever is green between two crops."""

CROPS: tuple[Crop, ...] = (
    Crop(
        "winter wheat", "winter", (0.45, 0.35), (111, 7), (9, 6),
        (4.0, 0.8), (185, 6), (210, 7), _CEREAL, second_crop=0.85,
    ),
    Crop(
        "spelt", "winter", (0.6, 0.35), (105, 7), (9, 7),
        (3.6, 0.7), (181, 6), (208, 7), _RYE, second_crop=0.5,
    ),
    Crop(
        "winter rye", "winter", (0.7, 0.4), (98, 7), (9, 9),
        (3.8, 0.8), (176, 7), (206, 7), _RYE, second_crop=0.8,
    ),
    Crop(
        "winter barley", "winter", (0.9, 0.4), (107, 7), (10, 6),
        (3.9, 0.8), (171, 5), (188, 6), _BARLEY, second_crop=0.85,
    ),
    Crop(
        "spring barley", "spring", (0.35, 0.4), (127, 7), (7, 6),
        (3.8, 0.7), (184, 6), (206, 7), _BARLEY, second_crop=0.65,
    ),
    Crop(
        "oats", "spring", (0.35, 0.4), (124, 7), (7, 7),
        (3.9, 0.7), (190, 7), (213, 7), _CEREAL, second_crop=0.6,
    ),
    Crop(
        "silage maize", "spring", (0.6, 0.4), (169, 7), (5.2, 12),
        (4.4, 0.8), (260, 9), (259, 9), _CORN, second_crop=0.35, cut_green=True,
    ),
    Crop(
        "grain maize", "spring", (0.6, 0.4), (168, 7), (5.2, 11),
        (4.4, 0.8), (258, 9), (277, 10), _CORN, second_crop=0.25, cut_green=True,
    ),
    Crop(
        "winter rapeseed", "winter", (1.3, 0.5), (103, 6), (10, 6),
        (5.8, 0.8), (176, 5), (196, 5), _RAPE, flowering=(124, 0.13), second_crop=0.6,
        volunteers=1.7,
    ),
    Crop(
        "sugar beet", "spring", (0.4, 0.4), (152, 8), (7, 25),
        (4.0, 0.8), (290, 20), (292, 18), _BEET, second_crop=0.1, cut_green=True,
    ),
    Crop(
        "potato", "spring", (0.4, 0.4), (157, 8), (6, 9),
        (3.6, 0.8), (232, 14), (255, 13), _POTATO, second_crop=0.5, cut_green=True,
    ),
    Crop(
        "mown meadow", "grass", (1.35, 0.5), (95, 8), (10, 10),
        (3.1, 0.6), (250, 10), (300, 10), _MEADOW, cuts=(3.0, 142, 45),
    ),
    Crop(
        "pasture", "grass", (1.2, 0.5), (95, 8), (10, 10),
        (2.3, 0.6), (250, 10), (300, 10), _MEADOW, cuts=(1.5, 155, 50),
    ),
    Crop(
        "clover grass", "grass", (1.2, 0.6), (92, 8), (10, 10),
        (3.6, 0.7), (250, 10), (300, 10), _CLOVER, cuts=(3.6, 130, 38), established=0.7,
    ),
    Crop(
        "alfalfa", "grass", (0.5, 0.3), (108, 8), (10, 10),
        (3.9, 0.7), (250, 10), (300, 10), _CLOVER, cuts=(3.4, 140, 40), established=0.7,
    ),
    Crop(
        "arable grass", "grass", (1.1, 0.6), (95, 10), (10, 10),
        (3.2, 0.7), (250, 10), (300, 10), _LEY, cuts=(3.4, 132, 40), established=0.55,
    ),
    Crop(
        "ryegrass ley", "grass", (1.6, 0.5), (80, 8), (10, 10),
        (3.4, 0.7), (250, 10), (300, 10), _LEY, cuts=(3.6, 118, 40), established=0.75,
        source="Brittany: first cut for silage at the end of April, assumed",
    ),
    Crop(
        "fallow", "grass", (0.7, 0.4), (108, 12), (10, 10),
        (1.9, 0.6), (250, 10), (300, 10), _FALLOW, cuts=(0.7, 205, 60), established=0.5,
        source="mulched after the protected season, if at all; assumed",
    ),
    Crop(
        "soybean", "spring", (0.3, 0.3), (160, 7), (7, 7),
        (4.2, 0.8), (247, 7), (260, 8), _SOY, second_crop=0.3, stubble=0.5,
        source="FAO 56 table 11: 20, 30, 60 and 25 days from 5 May",
    ),
    Crop(
        "sunflower", "spring", (0.3, 0.3), (152, 8), (7, 7),
        (2.9, 0.7), (227, 8), (248, 9), _SUNFLOWER, flowering=(190, 0.10), second_crop=0.35,
        stubble=0.45,
        source="FAO 56 table 11: 25, 35, 45 and 25 days from 20 April, a week of drying",
    ),
    Crop(
        "cotton", "spring", (0.1, 0.1), (160, 9), (9, 11),
        (3.2, 0.8), (272, 9), (300, 10), _COTTON, second_crop=0.1, stubble=0.45, volunteers=0.2,
        source="FAO 56 table 11: 30, 50, 60 and 55 days from 15 April (Mediterranean)",
    ),
    Crop(
        "rice", "spring", (0.1, 0.1), (170, 7), (8, 8),
        (4.6, 0.8), (260, 7), (275, 8), _RICE, second_crop=0.05, volunteers=0.3,
        flooded=(120.0, 245.0),
        source="FAO 56 table 11: 30, 30, 60 and 30 days from 5 May, paddies drained a month "
        "before the harvest",
    ),
    Crop(
        "orchard", "trees", (1.0, 0.4), (115, 6), (7, 8),
        (2.6, 0.6), (300, 7), (258, 14), _TREE, flowering=(112, 0.04), cuts=(3.5, 140, 40),
        source="FAO 56 table 11: deciduous orchard from the middle of March, mown alleys assumed",
    ),
    Crop(
        "nuts", "trees", (0.8, 0.4), (125, 6), (7, 8),
        (3.4, 0.7), (295, 8), (280, 8), _TREE, cuts=(2.0, 150, 50),
        source="FAO 56 table 11: walnut from April, mown alleys assumed",
    ),
    Crop(
        "vineyard", "trees", (0.6, 0.4), (150, 7), (8, 9),
        (1.7, 0.4), (285, 8), (268, 9), _VINE, cuts=(2.5, 145, 40),
        source="FAO 56 table 11: grapes of high latitudes from the end of April, alleys assumed",
    ),
)  # fmt: skip
"""All crops; their position is their number within the simulator."""

NAMES: tuple[str, ...] = tuple(crop.name for crop in CROPS)
"""Names of all crops."""

for _crop in CROPS:
    check_calendar(_crop)


def crop_number(name: str) -> int:
    """Computes position of a crop in :data:`CROPS`.

    Raises:
        SettingsError: there is no crop of this name; the message lists them.

    Example:
        >>> CROPS[crop_number("sugar beet")].kind
        'spring'
    """
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1, cutoff=0.5)
        raise SettingsError(
            f"unknown crop {name!r}",
            expected="one of " + ", ".join(NAMES),
            hint=f"did you mean {near[0]}?" if near else "add it to the table of crops",
        )
    return NAMES.index(name)
