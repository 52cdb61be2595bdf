"""The data of a study: stores for pre-training, training and testing, one per part of a task.

A study's ``stores`` folder holds ``pretraining`` and, for each task, ``taskN-train`` and
``taskN-validation``. ``windrow ingest --protocol taskN --part PART`` writes real stores; simulated
stores have the same form. Splits are by field, never by pixel.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from windrow.data.legend import UNLABELLED, Legend
from windrow.data.series import Series, concatenate
from windrow.data.splits import check_no_shared_field, round_robin, split_fields
from windrow.data.store.store import Store
from windrow.data.store.zarr_store import StoreWriter, is_store
from windrow.errors import DataError, SettingsError, StoreError
from windrow.evaluation.effective_fields import effective_fields, num_fields
from windrow.experiments.study.settings import StudySettings, TaskSettings

PRETRAINING = "pretraining"
TRAIN, TEST = "train", "validation"
PARTS = (TRAIN, TEST)
GIVEN = "given"
"""Attribute under which a store that was split from another one keeps the other's origin."""
DRAW_STREAM = 17
"""Stream of the draws of series within a class."""


class PartCounts(TypedDict):
    """Numbers of series and fields of a part, as JSON values.

    Attributes:
        num_series: number of series.
        num_fields: number of fields.
        fields_by_class: number of fields by class.
        effective_fields_by_class: effective number of fields by class, rounded to 0.01.
    """

    num_series: int
    num_fields: int
    fields_by_class: dict[str, int]
    effective_fields_by_class: dict[str, float]


@dataclass(frozen=True, eq=False)
class TaskPart:
    """The series of one part of a task.

    Attributes:
        series: labelled series without PlanetScope.
        notes: remarks for the report.
    """

    series: Series
    notes: tuple[str, ...]

    @property
    def label(self) -> npt.NDArray[np.int16]:
        """Class of each series, (N,)."""
        assert self.series.label is not None
        return self.series.label

    def counts(self) -> PartCounts:
        """Counts series, fields and effective fields, in total and by class."""
        legend = self.series.legend
        assert legend is not None
        of_class = num_fields(self.series.field_id, self.label, num_classes=len(legend))
        effective = effective_fields(self.series.field_id, self.label, num_classes=len(legend))
        return {
            "num_series": len(self.series),
            "num_fields": sum(of_class),
            "fields_by_class": dict(zip(legend.names, of_class, strict=True)),
            "effective_fields_by_class": {
                name: round(value, 2) for name, value in zip(legend.names, effective, strict=True)
            },
        }


def store_name(task: str, part: str) -> str:
    """Returns the name of the store of a part of a task.

    Example:
        >>> store_name("task1", "train")
        'task1-train'
    """
    return f"{task}-{part}"


def read_part(
    store: Store, task: TaskSettings, part: str, *, replacement: bool, seed: int
) -> TaskPart:
    """Draws a number of labelled series of each class, spread over as many fields as possible.

    A store may hold one series several times, if it was drawn with replacement where a class has
    few pixels (``windrow ingest --protocol``, and the prepared files of DENETHOR).

    Args:
        store: store of the part.
        task: the task.
        part: ``train`` or ``validation``.
        replacement: True draws with replacement where a class has too few series, as the paper
            does, and treats copies in the store as series. False uses each series once and notes
            classes with fewer.
        seed: seed of the draw.

    Returns:
        the series and remarks.

    Raises:
        StoreError: the store is missing or damaged.
        DataError: the store has no labels.
    """
    series = store.series(planetscope=False)
    if series.label is None or series.legend is None:
        raise DataError("the series carry no labels", where=store.path)
    wanted = task.train_per_class if part == TRAIN else task.test_per_class
    once = np.ones(len(series), dtype=np.bool_) if replacement else _first_copies(series)
    rows, notes = [], []
    for each, name in enumerate(series.legend.names):
        members = np.flatnonzero((series.label == each) & once)
        if copies := int((series.label == each).sum()) - len(members):
            notes.append(f"{name}: {copies} series of the store are copies of others, left out")
        draw = np.random.default_rng([seed, each, DRAW_STREAM])
        shuffled = draw.permutation(members)
        drawn = shuffled[round_robin(series.field_id[shuffled])][:wanted]
        if len(drawn) < wanted and replacement and len(members):
            draw = np.random.default_rng([seed, each, DRAW_STREAM])
            drawn = draw.choice(members, wanted, replace=True)
            notes.append(f"{name}: {len(members)} series, drawn with replacement")
        elif len(drawn) < wanted:
            notes.append(f"{name}: {len(drawn)} series instead of {wanted}")
        rows.append(drawn)
    chosen = np.sort(np.concatenate(rows)).astype(np.intp)
    return TaskPart(_selected(series, chosen), tuple(notes))


def _first_copies(series: Series) -> npt.NDArray[np.bool_]:
    """Returns whether each series differs from all earlier ones in dates or reflectance, (N,).

    Fields are not compared: two fields never share a whole year, and some products name none.
    """
    seen: set[bytes] = set()
    first = np.zeros(len(series), dtype=np.bool_)
    for row in range(len(series)):
        digest = hashlib.sha256(series.day_of_year[row].tobytes())
        digest.update(series.valid[row].tobytes())
        digest.update(series.reflectance[row].tobytes())
        first[row] = digest.digest() not in seen
        seen.add(digest.digest())
    return first


def _selected(series: Series, chosen: npt.NDArray[np.intp]) -> Series:
    """Selects series, with positions as ids, because a series can occur twice but an id cannot."""
    if len(np.unique(chosen)) == len(chosen):
        return series.select(chosen)
    unique, inverse = np.unique(chosen, return_inverse=True)
    once = series.select(unique)
    parts = []
    for repeat in range(int(np.bincount(inverse).max())):
        often = np.flatnonzero(np.bincount(inverse) > repeat)
        part = once.select(often.astype(np.intp))
        names = np.array([f"{each}/{repeat}" for each in part.id.tolist()])
        parts.append(_renamed(part, names))
    return concatenate(parts)


def _renamed(series: Series, names: npt.NDArray[Any]) -> Series:
    return replace(series, id=names)


def check_stores(settings: StudySettings) -> Path:
    """Returns the folder of real stores after a check that it is complete.

    A task may be one store that is still to be split.

    Raises:
        SettingsError: the folder is missing.
        StoreError: a store is missing.
    """
    folder = Path(settings.data)
    names = [store_name(task.name, part) for task in settings.tasks for part in PARTS]
    if not folder.is_dir():
        raise SettingsError(
            "no folder of stores",
            where=folder,
            expected="'simulated', or a folder with " + ", ".join([PRETRAINING, *names]),
        )
    for name in [PRETRAINING, *names]:
        whole = name.split("-")[0]  # task3 in place of task3-train and task3-validation
        if not is_store(folder / name) and not is_store(folder / whole):
            raise StoreError(
                f"the study needs a store {name!r}",
                where=folder,
                hint="make it with 'windrow ingest'; see docs/benchmark.md",
            )
    return folder


def stores_of(task: TaskSettings) -> tuple[str, ...]:
    """Returns the names of the stores into which a simulated task is split."""
    return parts_of(task)[0]


def parts_of(task: TaskSettings) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Returns the names of those stores and the share of the fields in each."""
    names = (PRETRAINING, store_name(task.name, TRAIN), store_name(task.name, TEST))
    kept = [(n, f) for n, f in zip(names, task.fractions, strict=True) if f > 0]
    return tuple(n for n, _ in kept), tuple(f for _, f in kept)


def split_whole_store(source: Path, folder: Path, task: TaskSettings, seed: int) -> None:
    """Splits the one real store of a task by field into a training and a test store.

    BreizhCrops has no split in the paper's form: fields 70:30 without three classes.

    Args:
        source: the store.
        folder: folder of the two new stores.
        task: the task; its shares for training and testing are taken relative to each other.
        seed: seed of the split.
    """
    whole = Store(source)
    series = leave_out(whole.series(planetscope=False), task.classes_left_out)
    if series.label is None:
        raise DataError("the series carry no labels", where=source)
    _, train, test = task.fractions
    shares = (train / (train + test), test / (train + test))
    positions = split_fields(series.field_id, series.label, fractions=shares, seed=seed)
    provenance = {
        "source": source.name,
        GIVEN: whole.provenance,
        "task": task.to_dict(),
        "seed": seed,
    }
    for part, rows in zip(PARTS, positions, strict=True):
        store_path = folder / store_name(task.name, part)
        if not is_store(store_path):
            with StoreWriter(store_path, provenance={**provenance, "part": part}) as writer:
                writer.append(without_planetscope(series.select(rows)))


def leave_out(series: Series, names: Sequence[str]) -> Series:
    """Removes the series of some classes, whose names are compared without regard to case."""
    legend = series.legend
    if legend is None or series.label is None:
        return series
    fewer = fewer_classes(legend, names)
    position = np.full(len(legend) + 1, UNLABELLED, dtype=np.int16)
    position[[legend.names.index(name) for name in fewer.names]] = np.arange(len(fewer))
    label = position[series.label]
    rows = np.flatnonzero((label != UNLABELLED) | (series.label == UNLABELLED))
    return replace(series, label=label, legend=fewer).select(rows)


def fewer_classes(legend: Legend, names: Sequence[str]) -> Legend:
    """Removes some classes from a legend; names are compared without regard to case.

    Example:
        >>> fewer_classes(Legend(names=("Corn", "Nuts"), codes=("1", "2")), ["nuts"]).names
        ('Corn',)
    """
    unwanted = {name.lower() for name in names}
    kept = [i for i, name in enumerate(legend.names) if name.lower() not in unwanted]
    return Legend(
        names=tuple(legend.names[i] for i in kept), codes=tuple(legend.codes[i] for i in kept)
    )


def without_planetscope(series: Series) -> Series:
    """Returns the series with Sentinel-2 only, as all steps after pre-training use them."""
    return replace(series, planetscope=None, planetscope_day=None, truth={})


def check_parts(train: TaskPart, test: TaskPart) -> None:
    """Refuses parts that share a field or differ in their legend.

    Raises:
        SplitError: a field is in both parts.
        DataError: the legends differ.
    """
    check_no_shared_field(train.series.field_id, test.series.field_id)
    if train.series.legend != test.series.legend:
        raise DataError("the parts of a task have different legends")
