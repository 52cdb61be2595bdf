"""The crops that are likely to grow at a place, from its latitude, its climate and world areas.

A kind of crop is possible where one of its crops is usual at the latitude, where the year is warm
enough for it to ripen and, for crops that winter, cold enough. Its weight is its area in the world
divided by the latitudes over which it is usual. Country, soil and markets are not known here: the
result is a guess to begin with, and no substitute for knowledge of the place.
"""

from __future__ import annotations

from dataclasses import dataclass

from windrow.simulation.crop_table import CROP_TABLE, table_number
from windrow.simulation.crop_table.crop import TableCrop
from windrow.simulation.places.climate import Climate, Rain
from windrow.simulation.places.place import Place

_BASE_TEMPERATURE, _REFERENCE_TEMPERATURE = 8.0, 16.0
"""Warmth is counted above the first; durations in the table hold at the second (assumed)."""

_LEAST_WARMTH = 0.6
"""Share of the warmth needed with which an annual is still possible: the climate is coarse."""

_COLD_ENOUGH = 11.0
"""Largest mean temperature of the coldest day for crops that winter, degrees (assumed)."""

_AT_THE_EDGE = 0.1
"""Weight at the edge of the range, relative to its middle (assumed)."""

_EDGE = 4.0
"""Degrees of latitude over which the weight rises from the edge of a crop's range (assumed)."""


@dataclass(frozen=True)
class CropKind:
    """Crops that are one class to a user.

    Attributes:
        name: name of the class.
        crops: names of crops of the table.
        rain: kinds of rain under which it is common (assumed).
        area: in the world, million hectares: harvested areas of about 2020 in FAOSTAT, as
            remembered orders of magnitude; those of grassland, forage and fallow are assumed.
    """

    name: str
    crops: tuple[str, ...]
    area: float
    rain: tuple[Rain, ...] = ("even", "dry summer", "wet season")


KINDS: tuple[CropKind, ...] = (
    CropKind("wheat", ("winter wheat", "spring wheat"), 200.0),
    CropKind("durum wheat", ("durum wheat",), 13.0),
    CropKind("barley", ("winter barley", "spring barley"), 51.0),
    CropKind("rye", ("winter rye",), 4.5),
    CropKind("triticale", ("triticale",), 4.0),
    CropKind("oats", ("oats",), 10.0),
    CropKind("maize", ("silage maize", "grain maize"), 215.0),
    CropKind("rice", ("rice",), 164.0, ("wet season", "dry summer")),
    CropKind("sorghum", ("sorghum",), 40.0),
    CropKind("millet", ("pearl millet", "finger millet"), 31.0),
    CropKind("teff", ("teff",), 3.0),
    CropKind("soybean", ("soybean",), 127.0, ("even", "wet season")),
    CropKind("rapeseed", ("winter rapeseed", "spring rapeseed"), 35.0, ("even",)),
    CropKind("sunflower", ("sunflower",), 28.0),
    CropKind("groundnut", ("groundnut",), 31.0),
    CropKind("linseed", ("linseed",), 3.5),
    CropKind("cotton", ("cotton",), 32.0),
    CropKind("beans", ("beans",), 35.0),
    CropKind("cowpea", ("cowpea",), 15.0),
    CropKind("chickpea", ("chickpea",), 15.0),
    CropKind("pigeon pea", ("pigeon pea",), 6.0),
    CropKind("lentil", ("lentil",), 5.0),
    CropKind("pea", ("pea",), 7.0),
    CropKind("faba bean", ("faba bean",), 2.7),
    CropKind("potato", ("potato",), 17.0),
    CropKind("sugar beet", ("sugar beet",), 4.4),
    CropKind("sweet potato", ("sweet potato",), 7.4),
    CropKind("cassava", ("cassava",), 28.0),
    CropKind("sugarcane", ("sugarcane",), 26.0),
    CropKind("onion", ("onion",), 5.5),
    CropKind("tomato", ("tomato",), 5.0),
    CropKind("cabbage", ("cabbage",), 2.4),
    CropKind("grassland", ("mown meadow", "pasture"), 300.0),
    CropKind("forage", ("clover grass", "alfalfa", "arable grass"), 100.0),
    CropKind("fallow", ("fallow", "weedy fallow"), 150.0),
    CropKind("vineyard", ("vineyard",), 7.0, ("even", "dry summer")),
    CropKind("orchard", ("orchard",), 15.0),
    CropKind("nuts", ("nuts", "almond"), 4.0),
    CropKind("olive", ("olive",), 12.0, ("dry summer",)),
    CropKind("citrus", ("citrus",), 10.0, ("dry summer", "wet season")),
    CropKind("mango", ("mango",), 6.0),
    CropKind("coffee", ("coffee", "shaded coffee"), 11.0),
    CropKind("tea", ("tea",), 5.0),
    CropKind("cocoa", ("cocoa",), 12.0),
    CropKind("banana", ("banana",), 12.0),
    CropKind("oil palm", ("oil palm",), 28.0),
    CropKind("rubber", ("rubber",), 13.0),
)
"""Kinds of crops that are assumed where no label names them."""


@dataclass(frozen=True)
class LikelyCrop:
    """A kind of crop that is likely at a place.

    Attributes:
        name: name of the class.
        crops: the crops of the table that are usual there.
        share: share of the fields, 0..1, a rough guess.
    """

    name: str
    crops: tuple[str, ...]
    share: float


def likely_crops(place: Place, *, num: int) -> tuple[LikelyCrop, ...]:
    """Lists the kinds of crops that are most likely at a place.

    Args:
        place: where it lies.
        num: largest number of kinds.

    Returns:
        The kinds, the most likely first. Their shares sum to 1.

    Example:
        >>> munich = Place(longitude=11.6, latitude=48.2, year=2018)
        >>> [kind.name for kind in likely_crops(munich, num=3)]
        ['grassland', 'wheat', 'maize']
    """
    climate = place.climate(continentality=1.0, drought=0.3)
    found = []
    for kind in KINDS:
        usual = {name: _usual_at(CROP_TABLE[table_number(name)], climate) for name in kind.crops}
        crops = tuple(name for name, weight in usual.items() if weight > 0)
        if crops and place.rain in kind.rain:
            widest = [CROP_TABLE[table_number(name)].latitudes for name in kind.crops]
            width = max(high for _, high in widest) - min(low for low, _ in widest)
            found.append(LikelyCrop(kind.name, crops, max(usual.values()) * kind.area / width))
    first = sorted(found, key=lambda kind: (-kind.share, kind.name))[:num]
    total = sum(kind.share for kind in first)
    return tuple(LikelyCrop(kind.name, kind.crops, kind.share / total) for kind in first)


def _usual_at(crop: TableCrop, climate: Climate) -> float:
    """Computes how usual a crop is at a latitude and in a climate, 0 to 1."""
    low, high = crop.latitudes
    if not low <= climate.latitude <= high:
        return 0.0
    if crop.growth == "wintering" and float(climate.temperature.min()) > _COLD_ENOUGH:
        return 0.0
    warmth = 1.0
    if crop.growth == "annual":
        warmth = min(_warmth(climate) / _needed(crop), 1.0)
        if warmth < _LEAST_WARMTH:
            return 0.0
    # The equator is no edge of a range.
    inside = min(climate.latitude - low if low > 0 else _EDGE, high - climate.latitude)
    return warmth * min(max(inside / _EDGE, _AT_THE_EDGE), 1.0)


def _warmth(climate: Climate) -> float:
    """Sums the warmth of the year, degree days."""
    return float((climate.temperature - _BASE_TEMPERATURE).clip(min=0).sum())


def _needed(crop: TableCrop) -> float:
    """Computes the warmth that an annual needs from sowing to harvest, degree days."""
    return crop.duration * (_REFERENCE_TEMPERATURE - _BASE_TEMPERATURE)
