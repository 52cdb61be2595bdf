"""Splits by field: no series of a training field is ever tested on.

A field, not a pixel, is the unit: pixels of one field are near copies of each other. Every draw
is a function of the seed and the field ids, not of the order of the series.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.config import Settings
from windrow.errors import SplitError

MIN_FIELDS_A_PART = 2
"""A part gets at least so many fields of a class, where the class has enough for all parts."""


class PartSettings(Settings):
    """One part of a split by field.

    Attributes:
        name: such as ``pretraining``.
        fraction: share of the fields of each class.
        num_series: so many series in all, drawn without replacement; None takes all.
        num_per_class: so many series of each class, with replacement where there are fewer;
            excludes ``num_series``.
    """

    name: str
    fraction: float
    num_series: int | None
    num_per_class: int | None


class SplitSettings(Settings):
    """A split by field, and what is drawn from each part.

    Attributes:
        tile: the tile that it belongs to.
        parts: their fractions sum to one.
    """

    tile: str
    parts: tuple[PartSettings, ...]


def check_no_shared_field(train_field: npt.NDArray[Any], test_field: npt.NDArray[Any]) -> None:
    """Refuses a split that leaks.

    Args:
        train_field: field ids of the training series.
        test_field: field ids of the test series.

    Raises:
        SplitError: a field stands on both sides; names the first.

    Example:
        >>> check_no_shared_field(np.array([1, 2]), np.array([3]))
    """
    shared = np.intersect1d(train_field, test_field)
    if len(shared):
        raise SplitError(
            f"field {shared[0]} is in the training and in the test part",
            found=f"{len(shared)} shared fields",
            hint="split by field; or another column holds the fields",
        )


def field_classes(
    field_id: npt.NDArray[Any], label: npt.NDArray[np.int16]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int16]]:
    """The labelled fields, sorted, and the one class of each.

    Args:
        field_id: (N,) field of each series.
        label: (N,) class of each series, -1 unlabelled.

    Raises:
        SplitError: a field has series of two classes.
    """
    labelled = label >= 0
    fields, first, inverse = np.unique(field_id[labelled], return_index=True, return_inverse=True)
    classes = label[labelled][first]
    mixed = np.flatnonzero(label[labelled] != classes[inverse])
    if len(mixed):
        raise SplitError(
            f"field {field_id[labelled][mixed[0]]} has series of two classes",
            hint="give the field one class; or another column holds the fields",
        )
    return fields, classes


def split_fields(
    field_id: npt.NDArray[Any],
    label: npt.NDArray[np.int16],
    *,
    fractions: Sequence[float],
    seed: int,
    min_fields_a_part: int = MIN_FIELDS_A_PART,
) -> list[npt.NDArray[np.intp]]:
    """Splits labelled series by field, stratified by class.

    The fields of each class are shuffled and shared out by the largest remainder, with at least
    two fields a part where the class has two for each, and at least one where it has one for
    each; a class with fewer fields goes where its share is largest.

    Args:
        field_id: (N,) field of each series.
        label: (N,) class of each series; unlabelled series (-1) are in no part.
        fractions: share of each part; they sum to one.
        seed: seed of the draw.
        min_fields_a_part: so many fields of a class, where it has enough, even if its share of
            a part is smaller; 0 lets a part go without.

    Returns:
        positions of the series of each part, increasing.

    Raises:
        SplitError: fractions do not sum to one, or a field has two classes.

    Example:
        >>> fields, label = np.arange(8), np.repeat([0, 1], 4).astype(np.int16)
        >>> [len(part) for part in split_fields(fields, label, fractions=(0.5, 0.5), seed=0)]
        [4, 4]
    """
    if min(fractions) <= 0 or abs(sum(fractions) - 1.0) > 1e-9:
        raise SplitError("the fractions of a split must sum to 1", found=list(fractions))
    fields, classes = field_classes(field_id, label)
    part_of_field = np.full(len(fields), -1, dtype=np.intp)
    for each in np.unique(classes):
        members = np.flatnonzero(classes == each)
        shuffled = np.random.default_rng([seed, int(each)]).permutation(members)
        counts = share_out(len(members), fractions, least=min_fields_a_part)
        part_of_field[shuffled] = np.repeat(np.arange(len(fractions)), counts)
    labelled = np.flatnonzero(label >= 0)
    part = part_of_field[np.searchsorted(fields, field_id[labelled])]
    return [labelled[part == index] for index in range(len(fractions))]


def draw_pixels(
    field_id: npt.NDArray[Any],
    label: npt.NDArray[np.int16],
    *,
    num_per_class: int,
    seed: int,
    num_fields: int | None = None,
    replacement: bool = False,
) -> npt.NDArray[np.intp]:
    """So many series of each class, spread over its fields as evenly as they allow.

    Args:
        field_id: (N,) field of each series.
        label: (N,) class of each series, -1 unlabelled.
        num_per_class: series wanted of each class.
        seed: of the draw.
        num_fields: only so many fields of a class are drawn from; None takes all.
        replacement: draws every series anew from all of them, as earlier public code does from a
            few fields: many copies of few pixels. Otherwise a class has fewer where it must.

    Returns:
        positions, increasing; repeated under replacement.

    Raises:
        SplitError: a field has series of two classes.

    Example:
        >>> fields, label = np.array([0, 0, 0, 1, 2]), np.zeros(5, dtype=np.int16)
        >>> draw_pixels(fields, label, num_per_class=3, seed=0)[1:].tolist()
        [3, 4]
    """
    fields, classes = field_classes(field_id, label)
    drawn = []
    for each in np.unique(classes):
        generator = np.random.default_rng([seed, int(each)])
        chosen = generator.permutation(fields[classes == each])[:num_fields]
        members = generator.permutation(np.flatnonzero(np.isin(field_id, chosen) & (label == each)))
        if replacement:
            drawn.append(generator.choice(members, num_per_class))
            continue
        drawn.append(members[round_robin(field_id[members])][:num_per_class])
    return np.sort(np.concatenate(drawn)).astype(np.intp)


def round_robin(field_id: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """The order that takes series from all fields in turn.

    The first series of every field come first, then the second of every field that has one, and
    so on; within a round the series keep their order. The first n of any number are thus spread
    over the fields as evenly as the fields allow.

    Args:
        field_id: (N,) field of each series.

    Returns:
        (N,) positions, each once.

    Example:
        >>> round_robin(np.array([7, 7, 7, 8, 9])).tolist()
        [0, 3, 4, 1, 2]
    """
    _, field = np.unique(field_id, return_inverse=True)
    by_field = np.argsort(field, kind="stable")
    counts = np.bincount(field)
    turn = np.empty(len(field), dtype=np.intp)  # how many series of its field stand before each
    turn[by_field] = np.arange(len(field)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.argsort(turn, kind="stable")


def share_out(
    num_fields: int, fractions: Sequence[float], *, least: int = MIN_FIELDS_A_PART
) -> npt.NDArray[np.intp]:
    """How many of a class's fields each part gets, at least ``least`` if there are enough.

    Example:
        >>> share_out(10, (0.7, 0.21, 0.09)).tolist()
        [6, 2, 2]
        >>> share_out(3, (0.7, 0.3)).tolist()
        [2, 1]
    """
    wanted = np.asarray(fractions, dtype=np.float64) * num_fields
    counts = np.floor(wanted).astype(np.intp)
    order = np.argsort(-(wanted - counts), kind="stable")
    counts[order[: num_fields - int(counts.sum())]] += 1
    least = min(least, num_fields // len(fractions))
    while (counts < least).any():
        counts[np.argmin(counts)] += 1
        counts[np.argmax(counts)] -= 1
    return counts


def draw_few_labels(
    field_id: npt.NDArray[Any], label: npt.NDArray[np.int16], *, k: int, seed: int, draw: int
) -> npt.NDArray[np.intp]:
    """The series of k labelled fields of each class, all fields where a class has fewer.

    The draws are nested: the fields of k are among those of any larger k with the same seed and
    number of draw, so that a curve over k is not blurred by luck.

    Args:
        field_id: (N,) field of each series.
        label: (N,) class of each series, -1 unlabelled.
        k: number of fields a class.
        seed: seed of all draws.
        draw: number of the draw.

    Returns:
        positions of the series drawn, increasing.

    Raises:
        SplitError: a field has two classes.

    Example:
        >>> fields, label = np.arange(6), np.array([0, 0, 0, 1, 1, -1], dtype=np.int16)
        >>> draw_few_labels(fields, label, k=2, seed=0, draw=0).tolist()
        [0, 2, 3, 4]
    """
    fields, classes = field_classes(field_id, label)
    chosen = []
    for each in np.unique(classes):
        generator = np.random.default_rng([seed, draw, int(each)])
        chosen.append(generator.permutation(np.flatnonzero(classes == each))[:k])
    drawn = fields[np.concatenate(chosen)] if chosen else fields
    return np.flatnonzero(np.isin(field_id, drawn) & (label >= 0))
