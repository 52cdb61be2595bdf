"""Families of places: what to train on, and what to hold out for validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from windrow.data.place_fields import PlaceFields
from windrow.errors import DataError
from windrow.pipelines.world_settings import WorldPretrainingSettings
from windrow.tasks.episodes import (
    has_episode,
)

Family = Literal["places", "farmland", "crops", "climates", "levels"]


@dataclass(frozen=True, eq=False)
class Places:
    """Places for training, and families of places for validation.

    Attributes:
        training: at least one place.
        families: places by family; a family may be empty.
    """

    training: list[PlaceFields]
    families: dict[Family, list[PlaceFields]]


def split_places(
    training: list[PlaceFields],
    validation: list[PlaceFields],
    settings: WorldPretrainingSettings,
    *,
    farmland: Sequence[PlaceFields] = (),
) -> Places:
    """Removes held-out families from the training places and groups the validation places.

    Args:
        training: places to train on.
        validation: other places. A place with held-out crops goes to two families: with these
            crops (``crops``) and without them (``places``). Every other place goes to one.
        settings: the crops, latitudes and levels to hold out.
        farmland: other places of temperate farmland, which form a family of their own.

    Returns:
        training places and families.

    Raises:
        DataError: no place is left for training or for validation.
    """
    held = settings.held_out_crops

    def family(place: PlaceFields) -> Family:
        limits = settings.held_out_latitudes
        if limits is not None and limits[0] <= abs(place.latitude) <= limits[1]:
            return "climates"
        if settings.held_out_southern_l1c and place.level == "L1C" and place.latitude < 0:
            return "levels"
        return "places"

    left = [place.without_crops(held) for place in training if family(place) == "places"]
    left = [place for place in left if has_episode(place, settings.task)]
    families: dict[Family, list[PlaceFields]] = {
        "places": [],
        "farmland": [place.without_crops(held) for place in farmland],
        "crops": [],
        "climates": [],
        "levels": [],
    }
    for place in validation:
        known = place.without_crops(held)
        if family(place) == "places" and len(known) < len(place):
            families["crops"].append(place)
        families[family(place)].append(known)
    families = {
        name: [place for place in places if has_episode(place, settings.task)]
        for name, places in families.items()
    }
    if not left or not any(families.values()):
        raise DataError(
            "no place is left to train on, or to choose by",
            found=f"{len(left)} places of {len(training)}",
            hint="hold out fewer families, or simulate more worlds",
        )
    return Places(left, families)
