"""Selection of series, classes and fields for a few-label comparison.

Every class that is left out is listed with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from windrow.data.legend import UNLABELLED, Legend
from windrow.data.series import Series
from windrow.data.splits import (
    check_no_shared_field,
    field_classes,
    halves_of_groups,
    split_fields,
)
from windrow.errors import DataError, SplitError
from windrow.sources.labels.label_table import SeriesLabels, attach_labels
from windrow.sources.reader import ReadingSummary

NOT_INDEPENDENT = (
    "training and test fields share place, year and weather: the figures say nothing of other "
    "places or years"
)

# "class" is a keyword, so the fields are not declared as attributes.
LeftOutClass = TypedDict("LeftOutClass", {"class": str, "num_fields": int, "reason": str})
"""A class that a comparison leaves out: its name, its number of fields, and the reason."""


@dataclass(frozen=True, eq=False)
class FewshotTask:
    """The fields of a comparison.

    Attributes:
        series: M series of training or test fields in the remaining classes.
        label: (M,) position in ``legend``.
        legend: the remaining classes.
        train: positions of the series in training fields.
        test: positions of the series in test fields.
        left_out: the classes left out.
        notes: remarks to be shown with the figures.
        summary: how the labels were joined, and the classes left out.
        group: (M,) group of each series; no group is in both parts. A field is its own group
            unless a column is named.
        grouped_by: name of the column of groups; ``field_id`` for fields.
        place: all N series of the input, with those that are in neither part.
        used: (M,) positions of ``series`` in ``place``.
    """

    series: Series
    label: npt.NDArray[np.int16]
    legend: Legend
    train: npt.NDArray[np.intp]
    test: npt.NDArray[np.intp]
    group: npt.NDArray[Any]
    grouped_by: str
    place: Series
    used: npt.NDArray[np.intp]
    left_out: list[LeftOutClass]
    notes: list[str] = field(default_factory=list)
    summary: ReadingSummary = field(default_factory=lambda: ReadingSummary("labels"))

    @property
    def num_train_fields(self) -> int:
        """Number of fields from which training fields are drawn."""
        return len(np.unique(self.series.field_id[self.train]))

    @property
    def num_test_fields(self) -> int:
        """Number of test fields."""
        return len(np.unique(self.series.field_id[self.test]))

    @property
    def num_test_groups(self) -> int:
        """Number of groups of the test fields, the units of the intervals."""
        return len(np.unique(self.group[self.test]))


def prepare_task(
    series: Series,
    labels: SeriesLabels | None,
    *,
    min_fields: int,
    exclude: Sequence[str],
    train_where: str | None,
    test_where: str | None,
    seed: int,
    group_column: str | None = None,
) -> FewshotTask:
    """Attaches labels, leaves classes out, and splits by field or by group.

    Args:
        series: series of fields or pixels.
        labels: their labels; None takes the labels of ``series``.
        min_fields: classes with fewer fields in the whole set are left out.
        exclude: names of classes to leave out.
        train_where: condition for training fields, or None.
        test_where: condition for test fields, or None.
        seed: seed of the random halves, if there is no condition.
        group_column: column of the label table whose groups are never in both parts, or None.

    Raises:
        DataError: there are no labels, fewer than two classes are left, or the column of groups
            does not exist or has no value for a labelled series.
        SplitError: a field or a group is in both parts, or a part is empty.
    """
    notes, summary = [NOT_INDEPENDENT], ReadingSummary("labels of the series")
    if labels is not None:
        series, summary = attach_labels(series, labels)
        for name in ("series_without_a_label", "labels_without_a_series"):
            if summary.counts.get(name):
                notes.append(f"{summary.counts[name]} {name.replace('_', ' ')}")
    if series.label is None or series.legend is None:
        raise DataError("the series carry no labels", expected="labels, or a label table")
    group, grouped_by = series.field_id, "field_id"
    if group_column is not None:
        if labels is None:
            raise DataError("a column of groups needs a label table", found=group_column)
        group, grouped_by = labels.groups(group_column), group_column
    selection = _Selection(series.label, series.legend, series.field_id)
    selection.exclude(exclude, notes)
    selection.require(min_fields)
    if train_where is not None and test_where is not None:
        if labels is None:
            raise DataError("a condition needs a label table", found=train_where)
        in_train, in_test = labels.where(train_where), labels.where(test_where)
        selection.require_both_parts(in_train, in_test)
        notes.append(f"training fields have {train_where}, test fields {test_where}")
    elif group_column is not None:
        in_train, in_test = _marks(
            halves_of_groups(group, series.field_id, selection.label, seed=seed), len(series)
        )
        selection.require_both_parts(in_train, in_test)
        notes.append(
            f"training and test fields are of different {group_column}: whole groups were dealt "
            f"out so that each class is halved as well as they allow (seed {seed})"
        )
    else:
        halves = split_fields(series.field_id, selection.label, fractions=(0.5, 0.5), seed=seed)
        in_train, in_test = _marks(halves, len(series))
        selection.require_both_parts(in_train, in_test)
        notes.append(f"training and test fields are random halves of each class (seed {seed})")
    say_left_out(selection.left_out, summary)
    legend, label = selection.compact()
    labelled = label != UNLABELLED
    train, test = np.flatnonzero(in_train & labelled), np.flatnonzero(in_test & labelled)
    check_no_shared_field(series.field_id[train], series.field_id[test])
    _check_no_shared_group(group[train], group[test], grouped_by)
    used = np.union1d(train, test)
    return FewshotTask(
        series=series.select(used),
        label=label[used],
        legend=legend,
        train=np.searchsorted(used, train),
        test=np.searchsorted(used, test),
        group=group[used],
        grouped_by=grouped_by,
        place=series,
        used=used,
        left_out=selection.left_out,
        notes=notes,
        summary=summary,
    )


def say_left_out(left_out: Sequence[LeftOutClass], summary: ReadingSummary) -> None:
    """Adds the classes left out to the summary, with their numbers of fields and the reasons."""
    if left_out:
        texts = [f"{c['class']} ({c['num_fields']} fields): {c['reason']}" for c in left_out]
        summary.say("classes_left_out", "; ".join(texts))


class _Selection:
    """Removes classes from the labels and records the reasons."""

    def __init__(
        self, label: npt.NDArray[np.int16], legend: Legend, field_id: npt.NDArray[Any]
    ) -> None:
        self.label = label.copy()
        self.left_out: list[LeftOutClass] = []
        self._legend = legend
        _, classes = field_classes(field_id, label)
        self._num_fields = np.bincount(classes, minlength=len(legend))
        self._left = set(np.unique(classes).tolist())

    def exclude(self, names: Sequence[str], notes: list[str]) -> None:
        """Removes classes by name."""
        for name in names:
            if name in self._legend.names:
                self._take_out(self._legend.names.index(name), "excluded by name")
            else:
                notes.append(f"class {name!r}, to be excluded, does not occur")

    def require(self, min_fields: int) -> None:
        """Removes classes with too few fields in the whole set."""
        for each in sorted(self._left):
            if self._num_fields[each] < min_fields:
                self._take_out(each, f"fewer than {min_fields} fields in the whole set")
        self._refuse_fewer_than_two(min_fields)

    def require_both_parts(
        self, in_train: npt.NDArray[np.bool_], in_test: npt.NDArray[np.bool_]
    ) -> None:
        """Removes classes without a field in one of the parts."""
        for part, chosen in (("training", in_train), ("test", in_test)):
            if not (chosen & (self.label >= 0)).any():
                raise SplitError(f"no labelled field in the {part} part")
        for each in sorted(self._left):
            for part, chosen in (("training", in_train), ("test", in_test)):
                if each in self._left and not (chosen & (self.label == each)).any():
                    self._take_out(each, f"no field in the {part} part")
        self._refuse_fewer_than_two(None)

    def compact(self) -> tuple[Legend, npt.NDArray[np.int16]]:
        """Gives the legend of the remaining classes, and the labels as positions in it."""
        kept = sorted(self._left)
        legend = Legend(
            names=tuple(self._legend.names[each] for each in kept),
            codes=tuple(self._legend.codes[each] for each in kept),
        )
        position = np.full(len(self._legend) + 1, UNLABELLED, dtype=np.int16)
        position[kept] = np.arange(len(kept))
        return legend, position[self.label]

    def _take_out(self, each: int, reason: str) -> None:
        self._left.discard(each)
        self.label[self.label == each] = UNLABELLED
        self.left_out.append(
            {
                "class": self._legend.names[each],
                "num_fields": int(self._num_fields[each]),
                "reason": reason,
            }
        )

    def _refuse_fewer_than_two(self, min_fields: int | None) -> None:
        if len(self._left) < 2:
            left = [self._legend.names[each] for each in sorted(self._left)]
            raise DataError(
                "fewer than two classes are left",
                found=", ".join(left) or "none",
                expected="at least two"
                + (f" with {min_fields} fields" if min_fields is not None else ""),
                hint="ask for fewer fields per class, exclude fewer classes, "
                "or choose another label column",
            )


def _marks(
    parts: Sequence[npt.NDArray[np.intp]], num_series: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Converts the positions of two parts to masks."""
    marks = np.zeros((2, num_series), dtype=np.bool_)
    for mark, part in zip(marks, parts, strict=True):
        mark[part] = True
    return marks[0], marks[1]


def _check_no_shared_group(
    train: npt.NDArray[Any], test: npt.NDArray[Any], grouped_by: str
) -> None:
    shared = np.intersect1d(train, test)
    if len(shared):
        raise SplitError(
            f"{grouped_by} {shared[0]} is in the training and in the test part",
            found=f"{len(shared)} shared groups",
            hint="choose training and test fields by conditions that keep groups whole",
        )
