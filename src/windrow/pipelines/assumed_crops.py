"""The classes of a place without a label: crops by name, or those that are likely there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from windrow.classifiers.crop_names import crops_of_class
from windrow.classifiers.place_classifier import PlaceEncoder
from windrow.data.series import Series
from windrow.errors import SettingsError
from windrow.simulation.places.place import Place
from windrow.simulation.worlds.likely_crops import likely_crops


@dataclass(frozen=True)
class CropsAt:
    """Asks for the crops that are likely at a place.

    Attributes:
        longitude: degrees east.
        latitude: degrees north.
        num_kinds: largest number of classes.
    """

    longitude: float
    latitude: float
    num_kinds: int


@dataclass(frozen=True, eq=False)
class AssumedCrops:
    """Classes that are assumed without a label.

    Attributes:
        crops: crops of the table by class.
        shares: assumed shares of the classes; None where all are alike.
        lines: what is assumed.
    """

    crops: dict[str, tuple[str, ...]]
    shares: dict[str, float] | None
    lines: tuple[str, ...]


def assumed_crops(
    asked: Sequence[str] | CropsAt, encoder: PlaceEncoder, series: Series
) -> AssumedCrops:
    """Gives the classes of a place without a label.

    Args:
        asked: names of crops, each a class, or a place.
        encoder: the place network, whose crops alone can be classes.
        series: the series of the place, for the year.

    Raises:
        SettingsError: a name is not known, the place is beyond the calendars, or the weights know
            fewer than two of the crops that are likely there.
    """
    if not isinstance(asked, CropsAt):
        return AssumedCrops(crops_by_name(asked, encoder), None, ())
    year = int(series.year[0]) if len(series) else 2018
    place = Place(longitude=asked.longitude, latitude=asked.latitude, year=max(year, 2015))
    crops: dict[str, tuple[str, ...]] = {}
    shares: dict[str, float] = {}
    for kind in likely_crops(place, num=asked.num_kinds):
        known = tuple(name for name in kind.crops if name in encoder.crop_names)
        if known:
            crops[kind.name], shares[kind.name] = known, kind.share
    if len(crops) < 2:
        raise SettingsError(
            "the weights know fewer than two of the crops that are likely there",
            found=", ".join(crops) or "none",
            hint="name the crops with --crops",
        )
    total = sum(shares.values())
    shares = {name: share / total for name, share in shares.items()}
    listed = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    where = f"longitude {asked.longitude:g}, latitude {asked.latitude:g}"
    return AssumedCrops(
        crops,
        shares,
        (
            f"crops assumed at {where}: {listed}",
            "these are guesses from latitude, climate and world areas; name the crops you know",
        ),
    )


def crops_by_name(names: Sequence[str], encoder: PlaceEncoder) -> dict[str, tuple[str, ...]]:
    """Finds the crops of the table that each name stands for.

    Raises:
        SettingsError: a name is not known.
    """
    classes = {name: crops_of_class(name, encoder.crop_names) for name in names}
    for name, found in classes.items():
        if not found:
            raise SettingsError(
                "unknown crop",
                found=name,
                expected="names separated by blanks, one of " + ", ".join(encoder.crop_names),
            )
    return classes
