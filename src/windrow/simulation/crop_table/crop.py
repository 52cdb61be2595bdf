"""An entry of the crop table of the Earth: a calendar relative to a place's seasons, and traits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from windrow.errors import SettingsError
from windrow.simulation.crops import CROPS, Leaf, Range, crop_number

Growth = Literal["wintering", "annual", "grass", "trees", "cover"]
Season = Literal["cold", "cool", "warm"]
Stages = tuple[float, float, float, float]


@dataclass(frozen=True)
class TableCrop:
    """One way in which ground is used, anywhere on the Earth.

    Attributes:
        name: of the crop, in English.
        group: crops that are left out together when a kind is kept aside.
        growth: ``wintering`` (sown in autumn where winters are cold, ripe after them),
            ``annual``, ``grass`` (grows again after each cut), ``trees`` (over a ground cover) or
            ``cover`` (no crop: forest, water, buildings).
        season: season of the place that an annual follows: ``cold``, ``warm``, or ``cool`` (the
            cold season where winters are mild, and early in the warm season elsewhere).
        sowing: day of sowing or planting after the season's start: mean and deviation.
        stages: lengths of the initial, development, mid and late stages, days at 16 degrees; half
            of the peak is reached in the middle of development, half is dead in the middle of the
            late stage.
        before_harvest: of wintering crops: days from half of the peak to the harvest, and from
            half of the leaves dead to the harvest.
        harvest: of wintering crops: day of harvest after the cold season's end.
        winter_lai: of wintering crops and grass: leaf area through the winter.
        pace: days of the logistic rise and fall.
        peak: largest green leaf area index; of trees: of their own leaves.
        leaf: traits of leaf and canopy.
        latitudes: least and largest distance from the equator where it is usual, degrees.
        flowering: share of the time from green-up to senescence at full flower, and largest share
            of the view that petals fill.
        cut_green: harvested while still green.
        flooded: stands in water for most of its time.
        stubble: share of the ground under straw after the harvest.
        regrowth: grows again after the harvest and stands the year round (sugarcane, cassava).
        companion: crop that grows between its rows, if any.
        cuts: of grass: mean number of cuts in a year, days between them.
        leaf_out: of trees: mean temperature at which half of the leaves are out, degrees.
        evergreen: of trees: share of the leaves that stays through the resting season.
        ground_cover: of trees and cover: peak leaf area of what grows below.
        shade: darkening by the shadows of crowns, 0 to 1.
        sealed: of cover: share of the ground under roofs and roads.
        water: of cover: share of the ground under water.
        source: where the numbers come from.
    """

    name: str
    group: str
    growth: Growth
    peak: Range
    leaf: Leaf
    latitudes: tuple[float, float]
    season: Season = "warm"
    sowing: Range = (0.0, 8.0)
    stages: Stages = (20.0, 35.0, 50.0, 30.0)
    before_harvest: tuple[float, float] = (99.0, 25.0)
    harvest: Range = (-12.0, 7.0)
    winter_lai: Range = (0.3, 0.2)
    pace: tuple[float, float] = (7.0, 8.0)
    flowering: tuple[float, float] | None = None
    cut_green: bool = False
    flooded: bool = False
    stubble: float = 0.6
    regrowth: bool = False
    companion: str | None = None
    cuts: tuple[float, float] = (0.0, 45.0)
    leaf_out: float = 9.5
    evergreen: float = 0.0
    ground_cover: float = 0.0
    shade: float = 0.0
    sealed: float = 0.0
    water: float = 0.0
    source: str = "assumed"

    @property
    def duration(self) -> float:
        """Days from sowing to harvest of an annual, at 16 degrees."""
        return sum(self.stages)


def check_crop(crop: TableCrop) -> None:
    """Refuses an entry that cannot grow.

    Raises:
        SettingsError: growth that is none, shares beyond 0 and 1, or stages out of order.
    """

    def refuse(what: str, found: object, expected: str) -> None:
        raise SettingsError(what, where=f"crop {crop.name}", found=found, expected=expected)

    if min(crop.pace) <= 0 or crop.peak[0] < 0:
        refuse("impossible growth", (crop.pace, crop.peak), "positive pace, peak of 0 or more")
    if min(crop.stages) < 0 or crop.duration > 365:
        refuse("impossible stages", crop.stages, "four lengths of a year at most together")
    if not 365 > crop.before_harvest[0] > crop.before_harvest[1] >= 0:
        refuse("impossible ripening", crop.before_harvest, "green-up before senescence")
    shares = (crop.stubble, crop.evergreen, crop.shade, crop.sealed, crop.water)
    if not all(0 <= share <= 1 for share in shares):
        refuse("impossible shares", shares, "within 0 and 1")
    if not 0 <= crop.latitudes[0] < crop.latitudes[1] <= 70:
        refuse("impossible latitudes", crop.latitudes, "least and largest, 0 to 70")


def leaf_of(name: str) -> Leaf:
    """Traits of a crop of :data:`windrow.simulation.crops.CROPS`."""
    return CROPS[crop_number(name)].leaf
