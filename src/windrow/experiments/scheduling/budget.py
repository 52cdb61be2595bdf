"""Counts the disk space and estimates the time of a study before it starts.

Bytes follow from the settings; stores are counted without compression. The time is an estimate:
one step of every configuration of a head and of every encoder is timed on this machine, and one
landscape is simulated. Every output names it as an estimate.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from windrow.data.day_of_year import COMMON_YEAR_DAYS
from windrow.experiments.scheduling.timings import NUM_DATES, Rates
from windrow.experiments.study.arms import StudyArm, arms_of
from windrow.experiments.study.cells import pending_of
from windrow.experiments.study.needed_representations import (
    SeenParts,
    folder_of_representations,
    representation_name,
    standing,
)
from windrow.experiments.study.representation_store import bytes_of
from windrow.experiments.study.settings import FOREST, Cell, StudySettings, cells_of
from windrow.experiments.study.simulated_tasks import twin_size
from windrow.experiments.study.tasks import PARTS, TEST, TRAIN
from windrow.models.encoders.build import encoder_width
from windrow.models.flops import TRAINING_FACTOR
from windrow.sensors import NUM_PLANETSCOPE_VALUES, SENTINEL2_BANDS
from windrow.training.execution import ExecutionSettings

_BYTES_A_PREDICTION = 90
_SERIES_A_FIELD = 4
"""Approximate number of series (pixels) per simulated field."""


@dataclass(frozen=True)
class Budget:
    """Bytes and seconds of the remaining work.

    Attributes:
        num_cells, num_done: number of all cells and of finished cells.
        store_bytes: bytes of the simulated stores; 0 for real stores, which exist already.
        representation_bytes: most bytes of representations on disk at a time, for one process.
        prediction_bytes: bytes of the predictions of all cells.
        processes: number of processes; several processes use one thread each.
        simulating, pretraining, representing, heads: estimated seconds with all processes busy
            and without mutual slowdown; one process does each pre-training.
    """

    num_cells: int
    num_done: int
    store_bytes: int
    representation_bytes: int
    prediction_bytes: int
    processes: int
    simulating: float
    pretraining: float
    representing: float
    heads: float

    @property
    def seconds(self) -> float:
        """Estimated seconds of all steps."""
        return self.simulating + self.pretraining + self.representing + self.heads

    def lines(self) -> list[str]:
        """Returns the lines to print before the start."""
        workers = "one process"
        if self.processes > 1:
            workers = f"{self.processes} processes of one thread, if none slows another"
        return [
            f"{self.num_cells:,} cells, {self.num_done:,} of them done",
            f"disk: stores {_size(self.store_bytes)}, representations at most "
            f"{_size(self.representation_bytes)} at a time for each process, predictions "
            f"{_size(self.prediction_bytes)}",
            f"time, an estimate from steps timed just now: simulating {_minutes(self.simulating)},"
            f" pre-training {_minutes(self.pretraining)}, representing "
            f"{_minutes(self.representing)}, heads {_minutes(self.heads)}; "
            f"{_minutes(self.seconds)} in all for {workers}",
        ]


def budget_of(
    folder: str | Path,
    settings: StudySettings,
    *,
    execution: ExecutionSettings,
    processes: int = 1,
    num_workers: int = 1,
) -> Budget:
    """Estimates the remaining work of a study; times one step of every configuration.

    The timing takes some seconds.

    Args:
        folder: folder of the study, which need not exist yet.
        settings: settings of the study.
        execution: device and precision of the study.
        processes: number of processes; several use one thread each, and so do the timed steps.
        num_workers: number of processes that will simulate.

    Returns:
        bytes and seconds.
    """
    arms = arms_of(settings)
    cells = cells_of(settings, {name: arm.heads for name, arm in arms.items()})
    pending = pending_of(folder, cells)
    study_path = Path(folder)
    missing = {
        (cell.arm, cell.seed)
        for cell in pending
        if not arms[cell.arm].pretraining.is_trained(
            study_path / "pretraining" / f"{cell.arm}.s{cell.seed}"
        )
    }
    seen = SeenParts.of_study(settings)
    represented = {(c.task, c.arm, c.seed, c.until_day) for c in pending}
    with _threads_of(processes):
        rates = Rates(execution)
        heads = [_head_seconds(cell, arms[cell.arm], seen, rates) for cell in pending]
        pretraining = [_pretraining_seconds(arms[arm], seed, rates) for arm, seed in missing]
        representing = [
            _representing_seconds(arms[arm], settings, task, rates)
            for task, arm, _, _ in represented
        ]
    stores, simulating = _stores(study_path, settings, rates)
    return Budget(
        num_cells=len(cells),
        num_done=len(cells) - len(pending),
        store_bytes=stores,
        representation_bytes=peak_bytes(pending, arms, seen, _names_in(study_path)),
        prediction_bytes=sum(_num_tested(cell, seen) for cell in cells) * _BYTES_A_PREDICTION,
        processes=processes,
        simulating=simulating / num_workers,
        pretraining=shared_seconds(pretraining, processes),
        representing=shared_seconds(representing, processes),
        heads=shared_seconds(heads, processes),
    )


def peak_bytes(
    cells: Sequence[Cell],
    arms: Mapping[str, StudyArm],
    seen: SeenParts,
    already: Collection[str] = (),
) -> int:
    """Counts the most bytes of representations on disk while one process does cells in order.

    Representations of part of a year hold fewer dates but are counted with all dates.

    Args:
        cells: cells still to do.
        arms: arms of the study by name.
        seen: the representations that each cell needs.
        already: names of representations that exist before the first cell.
    """
    size = {}
    width = {name: _width(arms[name]) for name in {cell.arm for cell in cells}}
    for cell in cells:
        for task, part in seen.of_cell(cell):
            number = _num_series(seen.settings, task, part)
            name = representation_name(cell, task, part)
            size[name] = bytes_of(number, NUM_DATES, width[cell.arm])
    needed = [name for name in already if name in size]
    steps = standing(cells, seen.names, needed)
    return max((sum(size[name] for name in names) for names in steps), default=0)


def _names_in(study: Path) -> list[str]:
    folder = folder_of_representations(study)
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def shared_seconds(seconds: Sequence[float], processes: int) -> float:
    """Returns the least seconds in which several processes finish pieces of work.

    One process does each piece.

    Example:
        >>> shared_seconds([2.0, 2.0, 2.0], 2), shared_seconds([5.0, 1.0], 2)
        (3.0, 5.0)
    """
    return max(sum(seconds) / processes, max(seconds, default=0.0))


@contextmanager
def _threads_of(processes: int) -> Iterator[None]:
    """Sets the number of threads on which each of the processes will compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1 if processes > 1 else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _num_classes(task: str) -> int:
    return 6 if task == "task3" else 9


def _num_series(settings: StudySettings, task: str, part: str) -> int:
    own = settings.task(task)
    return (own.train_per_class if part == TRAIN else own.test_per_class) * _num_classes(task)


def _num_tested(cell: Cell, seen: SeenParts) -> int:
    """Returns the number of series on which the head of a cell is tested, over all tasks."""
    return sum(
        _num_series(seen.settings, t, part) for t, part in seen.of_cell(cell) if part == TEST
    )


def _of_both_parts(settings: StudySettings, task: str) -> int:
    return sum(_num_series(settings, task, part) for part in PARTS)


def _width(arm: StudyArm) -> int:
    """Returns D; for an encoder that is trained with the head, the number of bands."""
    if arm.trains_encoder:
        return len(SENTINEL2_BANDS)
    return encoder_width(arm.settings(0).encoder, num_bands=len(SENTINEL2_BANDS))


def _pretraining_seconds(arm: StudyArm, seed: int, rates: Rates) -> float:
    """Estimates the seconds of a pre-training.

    A contrastive task trains two encoders. Its items are single dates for pixels, else whole
    series.
    """
    settings = arm.settings(seed)
    if not arm.method.pretrains:
        return 0.0
    kind = getattr(settings.task, "kind", "bert")
    dates = NUM_DATES if settings.encoder.kind == "transformer" else 1
    steps = settings.num_steps
    if steps is None:
        series = arm.study.num_pretraining_series
        items = series * (1 if dates > 1 else NUM_DATES)
        steps = (settings.num_epochs or 0) * -(-items // settings.batch_size)
    encoders = 1 if kind == "bert" else 2
    seen = steps * settings.batch_size * dates / NUM_DATES
    return encoders * seen * rates.of_encoder(settings.encoder).training


def _representing_seconds(arm: StudyArm, settings: StudySettings, task: str, rates: Rates) -> float:
    return _of_both_parts(settings, task) * rates.of_encoder(arm.settings(0).encoder).forward


def _stores(folder: Path, settings: StudySettings, rates: Rates) -> tuple[int, float]:
    """Returns the bytes of the simulated stores and the seconds to simulate the missing ones."""
    if not settings.simulated or (folder / "cells").is_dir():
        return 0, 0.0
    size = 0
    number = 0
    sentinel2 = NUM_DATES * (2 * len(SENTINEL2_BANDS) + 4)
    for task in {task.name: task for task in (settings.pretraining, *settings.tasks)}.values():
        number += twin_size(settings, task)
        size += _of_both_parts(settings, task.name) * sentinel2
        if task.fractions[0] > 0:
            planetscope = COMMON_YEAR_DAYS * NUM_PLANETSCOPE_VALUES * 2
            size += settings.num_pretraining_series * (sentinel2 + planetscope)
    return size, rates.of_simulation(settings.tasks[0].scenario) * number


def _head_seconds(cell: Cell, arm: StudyArm, seen: SeenParts, rates: Rates) -> float:
    """Estimates the seconds of a head: training steps and passes over held-out and test series."""
    if cell.head == FOREST:
        return 1.0
    training = arm.fitting.training(cell)
    series = _num_series(seen.settings, cell.task, TRAIN)
    if cell.num_fields is not None:
        series = min(series, cell.num_fields * _SERIES_A_FIELD * _num_classes(cell.task))
    held_out = round(series * training.plateau_share) if training.protocol == "corrected" else 0
    fitted = series - held_out
    steps = max(training.epochs * -(-fitted // training.batch_size), training.min_steps)
    tested = _num_tested(cell, seen)
    each = rates.of_head(training)
    if arm.trains_encoder:
        each += rates.of_encoder(arm.settings(0).encoder).training
    trained = steps * min(training.batch_size, fitted) * each
    return trained + (training.epochs * held_out + tested) * each / TRAINING_FACTOR


def _size(number: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if number < 1_000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1_000
    return f"{number:.1f} TB"


def _minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3_600:.1f} h"
