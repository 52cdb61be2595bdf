"""Splits by field: no series of a training field is ever tested on.

The unit is a field, not a pixel, because pixels of one field are near copies of each other. Every
draw depends on the seed and the field ids, not on the order of the series.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.config import Settings
from windrow.errors import SplitError

MIN_FIELDS_A_PART = 2
"""Least number of fields of a class in each part, if the class has enough for all parts."""


class PartSettings(Settings):
    """One part of a split by field.

    Attributes:
        name: name of the part, such as ``pretraining``.
        fraction: share of the fields of each class.
        num_series: number of series in all, drawn without replacement; None takes all.
        num_per_class: number of series per class, drawn with replacement if there are fewer;
            excludes ``num_series``.
    """

    name: str
    fraction: float
    num_series: int | None
    num_per_class: int | None


class SplitSettings(Settings):
    """A split by field, and the number of series drawn from each part.

    Attributes:
        tile: the tile of the split.
        parts: the parts, whose fractions sum to one.
    """

    tile: str
    parts: tuple[PartSettings, ...]


def check_no_shared_field(train_field: npt.NDArray[Any], test_field: npt.NDArray[Any]) -> None:
    """Refuses a split in which a field stands on both sides.

    Args:
        train_field: field ids of the training series.
        test_field: field ids of the test series.

    Raises:
        SplitError: a field stands on both sides; the message names the first.

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
    """Finds the class of each labelled field.

    Args:
        field_id: (N,) field of each series.
        label: (N,) class of each series, -1 unlabelled.

    Returns:
        The F labelled fields, sorted, and the class of each, (F,) int16.

    Raises:
        SplitError: a field has series of two classes.

    Example:
        >>> fields, classes = field_classes(np.array([8, 7, 8]), np.array([1, -1, 1], np.int16))
        >>> fields.tolist(), classes.tolist()
        ([8], [1])
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

    The fields of each class are shuffled and shared out by the largest remainder. Each part gets
    at least two fields of a class if the class has two for each part, and at least one if it has
    one for each. A class with fewer fields goes to the parts with the largest fractions.

    Args:
        field_id: (N,) field of each series.
        label: (N,) class of each series; unlabelled series (-1) are in no part.
        fractions: share of each part; they sum to one.
        seed: seed of the draw.
        min_fields_a_part: least number of fields of a class in each part, if the class has
            enough; 0 allows parts without the class.

    Returns:
        Positions of the series of each part, increasing.

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


def halves_of_groups(
    group: npt.NDArray[Any],
    field_id: npt.NDArray[Any],
    label: npt.NDArray[np.int16],
    *,
    seed: int,
) -> list[npt.NDArray[np.intp]]:
    """Splits labelled series into two halves by whole groups, such as farms or blocks.

    Groups are dealt out one by one, the largest first, to the half in which they leave the classes
    more evenly shared. Groups of one size are taken in an order that follows from the seed.

    Args:
        group: (N,) group of each series.
        field_id: (N,) field of each series; fields are counted, not series.
        label: (N,) class of each series; unlabelled series (-1) are in no half.
        seed: seed of the draw.

    Returns:
        Positions of the series of both halves, increasing.

    Raises:
        SplitError: fewer than two groups have a label, or a field is in two groups.

    Example:
        >>> group, label = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 0], dtype=np.int16)
        >>> [len(half) for half in halves_of_groups(group, np.arange(5), label, seed=0)]
        [3, 2]
    """
    labelled = np.flatnonzero(label >= 0)
    groups, position = np.unique(group[labelled], return_inverse=True)
    if len(groups) < 2:
        raise SplitError(
            "all labelled fields are of one group", hint="name a column with more groups"
        )
    _, first, field = np.unique(field_id[labelled], return_index=True, return_inverse=True)
    torn = np.flatnonzero(position != position[first][field])
    if len(torn):
        raise SplitError(
            f"field {field_id[labelled][torn[0]]} is in two groups", hint="give each field one"
        )
    counts = np.zeros((len(groups), int(label.max()) + 1))
    np.add.at(counts, (position[first], label[labelled][first]), 1.0)
    size = counts.sum(axis=1)
    counts = np.column_stack([counts, size])  # as many fields in both halves, if classes allow
    counts /= np.maximum(counts.sum(axis=0), 1.0)  # every class counts alike
    order = np.random.default_rng(seed).permutation(len(groups))
    order = order[np.argsort(-size[order], kind="stable")]
    surplus = np.zeros(counts.shape[1])  # of the first half, by class
    half = np.zeros(len(groups), dtype=np.intp)
    for number in order.tolist():
        more, less = surplus + counts[number], surplus - counts[number]
        half[number] = int(np.square(less).sum() < np.square(more).sum())
        surplus = less if half[number] else more
    return [labelled[half[position] == number] for number in (0, 1)]


def draw_pixels(
    field_id: npt.NDArray[Any],
    label: npt.NDArray[np.int16],
    *,
    num_per_class: int,
    seed: int,
    num_fields: int | None = None,
    replacement: bool = False,
) -> npt.NDArray[np.intp]:
    """Draws a number of series of each class, spread over its fields as evenly as possible.

    Args:
        field_id: (N,) field of each series.
        label: (N,) class of each series, -1 unlabelled.
        num_per_class: number of series per class.
        seed: seed of the draw.
        num_fields: largest number of fields per class to draw from; None takes all.
        replacement: True draws each series from all series of the class, so that series repeat.
            Earlier public code does so from a few fields. False gives fewer series if a class
            has fewer.

    Returns:
        Positions of the series drawn, increasing; repeated under replacement.

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
    """Orders series so that they come from all fields in turn.

    The first series of every field come first, then the second of every field that has one, and
    so on. Within a round the series keep their order. The first n series are thus spread over the
    fields as evenly as possible, for every n.

    Args:
        field_id: (N,) field of each series.

    Returns:
        Positions of all series, (N,), each once.

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
    """Shares the fields of one class out to the parts by the largest remainder.

    Args:
        num_fields: number of fields of the class.
        fractions: share of each part; they sum to one.
        least: least number of fields per part, if there are enough.

    Returns:
        Number of fields of each part, (parts,).

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
    """Draws the series of k labelled fields of each class, or of all fields if a class has fewer.

    The draws are nested: with the same seed and draw number, the fields of k are among the fields
    of any larger k. Chance therefore blurs a curve over k less.

    Args:
        field_id: (N,) field of each series.
        label: (N,) class of each series, -1 unlabelled.
        k: number of fields per class.
        seed: seed of all draws.
        draw: number of the draw.

    Returns:
        Positions of the series drawn, increasing.

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
