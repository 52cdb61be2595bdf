"""Which pixels of a tile become series: by parcel, by part of a split, by class.

Section 4 and 6 of the paper: fields are split by class, never pixels; then so many pixels of a
part, or so many of each class, are drawn.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.data.legend import DENETHOR
from windrow.data.splits import PartSettings, SplitSettings, split_fields
from windrow.errors import SettingsError, SplitError
from windrow.sources.denethor.labels import Geometry, Parcels
from windrow.sources.denethor.planetscope import RasterGrid
from windrow.sources.formats.npy_stack import PixelChoice
from windrow.sources.reader import ReadingSummary

NO_PART = "all"


@dataclass(frozen=True)
class Sample:
    """The series to be made.

    Attributes:
        pixels: N distinct pixels, row-major.
        pixel: (S,) int64, position in ``pixels`` of each series, not decreasing.
        repeat: (S,) int64, how often the pixel stood before: 0 unless drawn with replacement.
        parcel: (S,) position of the parcel of each series.
    """

    pixels: PixelChoice
    pixel: npt.NDArray[np.int64]
    repeat: npt.NDArray[np.int64]
    parcel: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.pixel)


def part_of_parcels(
    parcels: Parcels, split: SplitSettings | None, *, seed: int, summary: ReadingSummary
) -> npt.NDArray[np.str_]:
    """Returns the name of the part of each parcel, (M,); ``all`` without a split."""
    if split is None:
        return np.full(len(parcels.field_id), NO_PART)
    positions = split_fields(
        parcels.field_id,
        parcels.label,
        fractions=[part.fraction for part in split.parts],
        seed=seed,
    )
    names = np.full(len(parcels.field_id), "", dtype=f"U{max(len(p.name) for p in split.parts)}")
    for part, chosen in zip(split.parts, positions, strict=True):
        names[chosen] = part.name
    summary.say("split", f"by field, {', '.join(p.name for p in split.parts)}, seed {seed}")
    summary.say(
        "fields_a_part",
        "; ".join(
            f"{DENETHOR.names[each]} "
            + "/".join(str(int((parcels.label[p] == each).sum())) for p in positions)
            for each in np.unique(parcels.label)
        ),
    )
    return names


def draw_sample(
    parcels: Parcels,
    part_of_parcel: npt.NDArray[np.str_],
    *,
    part: PartSettings | None,
    num_series: int | None,
    seed: int,
    summary: ReadingSummary,
) -> Sample:
    """Draws the pixels of one part.

    Args:
        parcels: the parcels of the tile.
        part_of_parcel: (M,) name of the part of each.
        part: the part to draw from; None takes all parcels.
        num_series: at most so many in all, in place of the part's own number.
        seed: seed of the draw.
        summary: where it is said what was drawn.

    Raises:
        SplitError: the part has no pixel.
        SettingsError: a number of series for a part that is drawn by class.
    """
    inside = np.ones(len(part_of_parcel), dtype=np.bool_)
    if part is not None:
        inside = part_of_parcel == part.name
    flat = parcels.at.ravel()
    candidate = np.flatnonzero((flat >= 0) & inside[flat])
    if not len(candidate):
        raise SplitError("the part has no pixel", where=parcels.source, found=part and part.name)
    summary.count("pixels_in_the_parcels_of_the_part", len(candidate))
    parcel = flat[candidate].astype(np.int64)
    label = parcels.label[parcel]
    if part is not None and part.num_per_class is not None:
        if num_series is not None:
            raise SettingsError(
                f"--num-series does not concern part {part.name!r}",
                found=num_series,
                expected=f"{part.num_per_class} series a class, as the protocol says",
            )
        chosen = _by_class(label, part, seed, summary)
    else:
        wanted = num_series or (part.num_series if part else None) or len(candidate)
        if wanted > len(candidate):
            summary.say("fewer_pixels", f"{len(candidate):,} instead of the {wanted:,} wanted")
        chosen = np.random.default_rng([seed, 0]).permutation(len(candidate))[:wanted]
    chosen.sort()
    _say_classes(label[chosen], parcels.field_id[parcel[chosen]], summary)
    unique, pixel, counts = np.unique(chosen, return_inverse=True, return_counts=True)
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    row, column = np.divmod(candidate[unique], parcels.at.shape[1])
    return Sample(
        pixels=PixelChoice(row.astype(np.int32), column.astype(np.int32)),
        pixel=pixel.astype(np.int64),
        repeat=np.arange(len(chosen)) - first[pixel],
        parcel=parcel[chosen],
    )


def _by_class(
    label: npt.NDArray[np.int16], part: PartSettings, seed: int, summary: ReadingSummary
) -> npt.NDArray[np.intp]:
    assert part.num_per_class is not None
    drawn, repeated = [], []
    for each in np.unique(label):
        members = np.flatnonzero(label == each)
        # Keyed by the part's name and the class: a draw never follows from another.
        draw = np.random.default_rng([seed, int(each), *part.name.encode()])
        if len(members) < part.num_per_class:
            drawn.append(draw.choice(members, part.num_per_class, replace=True))
            repeated.append(f"{DENETHOR.names[each]} ({len(members):,} pixels)")
        else:
            drawn.append(draw.permutation(members)[: part.num_per_class])
    if repeated:
        summary.say("drawn_with_replacement", ", ".join(repeated))
    return np.concatenate(drawn)


def _say_classes(
    label: npt.NDArray[np.int16], field: npt.NDArray[np.int64], summary: ReadingSummary
) -> None:
    summary.say(
        "classes",
        ", ".join(
            f"{DENETHOR.names[each]} {int((label == each).sum()):,} series of "
            f"{len(np.unique(field[label == each])):,} fields"
            for each in np.unique(label)
        ),
    )
    absent = [n for index, n in enumerate(DENETHOR.names) if not (label == index).any()]
    if absent:
        summary.say("classes_without_a_series", ", ".join(absent))


def split_table(
    parcels: Parcels, part_of_parcel: npt.NDArray[np.str_], grid: RasterGrid
) -> dict[str, npt.NDArray[Any]]:
    """Returns what a map of the split is drawn from: one row a parcel.

    Returns:
        ``field_id``, ``crop``, ``part``, ``num_pixels``, and ``outline``: JSON text of the outer
        rings, lists of x and y in whole metres from the tile's upper left corner, y downwards.
    """
    return {
        "field_id": parcels.field_id,
        "crop": np.asarray([DENETHOR.names[each] for each in parcels.label], dtype=np.str_),
        "part": part_of_parcel,
        "num_pixels": np.bincount(parcels.at[parcels.at >= 0], minlength=len(parcels.field_id)),
        "outline": np.asarray([_outline(s, grid) for s in parcels.geometry], dtype=np.str_),
    }


def _outline(shape: Geometry, grid: RasterGrid) -> str:
    polygons = [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
    rings = [
        [[round(x - grid.west), round(grid.north - y)] for x, y, *_ in polygon[0]]
        for polygon in polygons
        if polygon
    ]
    return json.dumps(rings, separators=(",", ":"))
