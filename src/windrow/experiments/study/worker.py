"""Runs a study: stores, pre-trainings, representations and cells in one folder.

The folder holds ``config.yaml`` (the resolved settings), ``stores`` (simulated stores and stores
that had to be split), ``pretraining/ARM.sSEED`` (run directories), ``representations`` (while they
are needed), ``cells`` and ``leases``. Finished work is not repeated, so an interrupted study
continues where it stopped, and several processes can share it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from windrow.data.splits import check_no_shared_field
from windrow.data.store.store import Store
from windrow.data.store.zarr_store import is_store
from windrow.errors import DataError, SettingsError
from windrow.evaluation.early_season import known_until
from windrow.experiments.study.arms import StudyArm, arms_of
from windrow.experiments.study.cells import (
    PartInputs,
    cell_paths,
    inputs_of,
    is_done,
    pending_of,
    run_cell,
)
from windrow.experiments.study.data_origin import notes_on_sources, sources_of_task
from windrow.experiments.study.leases import Leases
from windrow.experiments.study.needed_representations import (
    SeenParts,
    folder_of_representations,
    representation_name,
)
from windrow.experiments.study.progress import StudyProgress
from windrow.experiments.study.representation_store import (
    is_written,
    open_representation,
    remove_representation,
    write_representation,
)
from windrow.experiments.study.settings import Cell, StudySettings, cells_of
from windrow.experiments.study.simulated_tasks import simulate_stores
from windrow.experiments.study.tasks import (
    PARTS,
    PRETRAINING,
    TEST,
    TRAIN,
    TaskPart,
    check_parts,
    check_stores,
    read_part,
    split_whole_store,
    store_name,
    stores_of,
)
from windrow.files import remove_partials, write_text
from windrow.json_values import JsonObject
from windrow.training.execution import ExecutionSettings

CONFIG = "config.yaml"
POLL_SECONDS = 2.0
_KEPT_PARTS = 6
"""Number of task parts kept in memory: three tasks with two parts each."""


@dataclass(frozen=True)
class WorkSettings:
    """Settings of a process that works on a study; they do not change the computed results.

    Attributes:
        execution: device and precision.
        num_workers: number of processes that simulate.
        stale_seconds: seconds without a touch after which another process's lease is dead.
        beat_seconds: seconds between touches of a lease.
    """

    execution: ExecutionSettings
    num_workers: int = 1
    stale_seconds: float = 90.0
    beat_seconds: float = 10.0


def open_study(folder: str | Path, settings: StudySettings) -> Path:
    """Writes the settings of a new study, or checks them against an existing study.

    Args:
        folder: folder of the study.
        settings: settings of the study.

    Raises:
        SettingsError: the folder holds a study with other settings (the error names the first
            difference), or the data of a new study are missing.
    """
    path = Path(folder) / CONFIG
    if path.is_file():
        found = StudySettings.from_yaml(path).to_dict()
        wanted = settings.to_dict()
        for name, value in wanted.items():
            if found[name] != value:
                raise SettingsError(
                    f"this folder holds a study of another {name}",
                    where=path,
                    found=str(found[name])[:120],
                    expected=str(value)[:120],
                    hint="give the options it was begun with, or another --out",
                )
        return Path(folder)
    if not settings.simulated:
        check_stores(settings)
    write_text(path, settings.to_yaml())
    return Path(folder)


def run_study(
    folder: str | Path,
    settings: StudySettings,
    work: WorkSettings,
    progress: StudyProgress | None = None,
) -> int:
    """Works on a study until every cell is done, by this or another process.

    Args:
        folder: folder of the study, which is started or continued.
        settings: settings of the study.
        work: settings of this process.
        progress: callbacks for the progress.

    Returns:
        number of cells that this process trained.

    Raises:
        SettingsError: the folder holds another study.
        WindrowError: data or settings do not fit; finished work stays.
    """
    study_path = open_study(folder, settings)
    return _Worker(study_path, settings, work, progress or StudyProgress()).run()


class _Worker:
    """One process that works on a study."""

    def __init__(
        self, folder: Path, settings: StudySettings, work: WorkSettings, progress: StudyProgress
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._work = work
        self._progress = progress
        self._arms = arms_of(settings)
        self._leases = Leases(
            folder, stale_seconds=work.stale_seconds, beat_seconds=work.beat_seconds
        )
        heads = {name: arm.heads for name, arm in self._arms.items()}
        self._cells = cells_of(settings, heads)
        self._stores = folder / "stores"
        self._given = None if settings.simulated else check_stores(settings)
        self._opened: dict[Path, Store] = {}
        self._parts: dict[tuple[str, str], TaskPart] = {}
        self._said: set[str] = set()
        # Names of the representations that each cell sees.
        self._seen = SeenParts.of_study(settings)
        self._needs = {cell.name: set(self._seen.names(cell)) for cell in self._cells}

    def run(self) -> int:
        """Works until all cells are done; returns the number of cells done here."""
        trained = 0
        while True:
            if not (pending := self._tidy()):
                return trained
            # After each cell from the front again: what was refused there may be free by now.
            self._leases.ask_again()
            if any(self._do(cell) for cell in pending):
                trained += 1
            else:
                time.sleep(POLL_SECONDS)  # others are at everything that is left

    def _do(self, cell: Cell) -> bool:
        """Makes the inputs of a cell, then trains it; returns whether it was trained here."""
        arm = self._arms[cell.arm]
        if is_done(self._folder, cell):
            return False
        stores = all(self._ensure_stores(task) for task in self._tasks_of(cell))
        if not stores or not self._ensure_pretraining(arm, cell.seed):
            return False
        for task, part in self._parts_of(cell):
            # Whoever did the cell meanwhile may have removed what it needed.
            if is_done(self._folder, cell) or not self._ensure_representation(
                arm, cell, task, part
            ):
                return False
        with self._leases.held(f"cell {cell.name}") as lease:
            if lease is None or is_done(self._folder, cell):
                return False
            remove_partials(*cell_paths(self._folder, cell))
            try:
                self._run_cell(arm, cell)
            except DataError:
                # Held for dead while it slept: the cell is done and what it needed is removed.
                if is_done(self._folder, cell):
                    return False
                raise
        return True

    def _tidy(self) -> list[Cell]:
        """Returns the remaining cells, reports their number and removes what none of them needs."""
        pending = pending_of(self._folder, self._cells)
        self._progress.cells(len(self._cells) - len(pending), len(self._cells))
        self._remove_unneeded(pending)
        return pending

    # What a cell needs.

    def _tasks_of(self, cell: Cell) -> list[str]:
        """Returns the task for pre-training, the cell's own task, and the transfer tasks."""
        own = [task for task, _ in self._parts_of(cell)]
        return list(dict.fromkeys([self._settings.pretraining.name, *own]))

    def _parts_of(self, cell: Cell) -> list[tuple[str, str]]:
        """Returns the parts of tasks that a cell needs."""
        return self._seen.of_cell(cell)

    def _store_path(self, name: str) -> Path:
        if self._given is not None and is_store(self._given / name):
            return self._given / name
        return self._stores / name

    def _store(self, name: str) -> Store:
        """Returns a store of the study, which this process opens once."""
        path = self._store_path(name)
        if path not in self._opened:
            self._opened[path] = Store(path)
        return self._opened[path]

    def _ensure_stores(self, name: str) -> bool:
        task = self._settings.task(name)
        if self._settings.simulated:
            names = list(stores_of(task))
        else:
            tested = any(own.name == name for own in self._settings.tasks)
            names = [store_name(name, part) for part in PARTS] if tested else [PRETRAINING]

        def make() -> None:
            remove_partials(*(self._stores / own for own in names))
            if self._given is not None:
                split_whole_store(self._given / name, self._stores, task, self._settings.split_seed)
                return
            self._progress.note(f"simulating the twin of {name}")
            simulate_stores(self._stores, self._settings, task, num_workers=self._work.num_workers)

        return self._leases.ensure(
            f"stores {name}",
            done=lambda: all(is_store(self._store_path(n)) for n in names),
            make=make,
        )

    def run_path(self, arm: StudyArm, seed: int) -> Path:
        """Returns the run directory of an arm, after pre-training it where needed."""
        return self._folder / "pretraining" / f"{arm.name}.s{seed}"

    def _ensure_pretraining(self, arm: StudyArm, seed: int) -> bool:
        path = self.run_path(arm, seed)

        def make() -> None:
            remove_partials(path)
            self._check_pretraining_fields()
            self._progress.note(f"pre-training {arm.name}, seed {seed}")
            arm.pretraining.pretrain(
                self._store(PRETRAINING), path, seed=seed, execution=self._work.execution
            )

        return self._leases.ensure(
            f"pretraining {arm.name} {seed}",
            done=lambda: arm.pretraining.is_trained(path),
            make=make,
        )

    def _check_pretraining_fields(self) -> None:
        """Checks that no field for pre-training is tested; other tiles may reuse field numbers."""
        own = self._settings.pretraining.name
        if all(task.name != own for task in self._settings.tasks):
            return
        fields = self._store(PRETRAINING).field_id()
        check_no_shared_field(fields, self._part(own, TEST).series.field_id)

    def _representation_path(self, cell: Cell, task: str, part: str) -> Path:
        return folder_of_representations(self._folder) / representation_name(cell, task, part)

    def _ensure_representation(self, arm: StudyArm, cell: Cell, task: str, part: str) -> bool:
        path = self._representation_path(cell, task, part)

        def make() -> None:
            remove_partials(path)
            series = self._series_of(cell, task, part)
            representation, notes = arm.pretraining.load(
                self.run_path(arm, cell.seed),
                series,
                device=self._work.execution.device,
                accept_other_level=self._settings.task(task).accept_other_level,
            )
            for note in notes:
                self._say(f"{task}, {arm.name}: {note}")
            started = time.perf_counter()
            num_dates = int(series.valid.sum(axis=1).mean())
            about: JsonObject = {
                "notes": [*notes],
                "flops_per_series": float(representation.flops_per_series(num_dates)),
            }
            write_representation(path, series, representation, about=about)
            seconds = time.perf_counter() - started
            self._progress.note(
                f"represented {len(series):,} series of {task} by {arm.name} in {seconds:.1f} s"
            )

        return self._leases.ensure(
            f"representation {path.name}", done=lambda: is_written(path), make=make
        )

    def _remove_unneeded(self, pending: list[Cell]) -> None:
        """Removes the representations that no remaining cell needs."""
        folder = folder_of_representations(self._folder)
        if not folder.is_dir():
            return
        needed = set().union(*(self._needs[cell.name] for cell in pending))
        for path in folder.iterdir():
            if path.name not in needed and not path.name.startswith("."):
                remove_representation(path)

    # A cell itself.

    def _part(self, task: str, part: str) -> TaskPart:
        if (task, part) not in self._parts:
            settings = self._settings
            self._parts[task, part] = read_part(
                self._store(store_name(task, part)),
                settings.task(task),
                part,
                replacement=settings.variant == "paper",
                seed=settings.split_seed,
            )
            if len(self._parts) > _KEPT_PARTS:
                self._parts.pop(next(iter(self._parts)))
        return self._parts[task, part]

    def _series_of(self, cell: Cell, task: str, part: str) -> Any:
        series = self._part(task, part).series
        return series if cell.until_day is None else known_until(series, cell.until_day)

    def _inputs(self, arm: StudyArm, cell: Cell, task: str, part: str) -> tuple[PartInputs, Any]:
        known = TaskPart(self._series_of(cell, task, part), self._part(task, part).notes)
        stored = open_representation(self._representation_path(cell, task, part))
        return PartInputs(known, inputs_of(known.series, stored.values)), stored.about

    def _run_cell(self, arm: StudyArm, cell: Cell) -> None:
        train, about = self._inputs(arm, cell, cell.task, TRAIN)
        notes = [*train.part.notes, *about.get("notes", ()), *self._seen.not_tested(cell)]
        tests = {
            task: self._inputs(arm, cell, task, part)[0] for task, part in self._parts_of(cell)[1:]
        }
        check_parts(train.part, tests[cell.task].part)
        fit, head_about = arm.fitting.fit(
            cell, self.run_path(arm, cell.seed), execution=self._work.execution
        )
        cost = arm.pretraining.cost(self.run_path(arm, cell.seed))
        sources = sources_of_task(self._store, cell.task)
        notes += notes_on_sources(sources)
        record = run_cell(
            self._folder,
            cell,
            train=train,
            tests=tests,
            fit=fit,
            flops_of_fit=arm.fitting_cost.flops_of_fit(
                cell, encoder_flops=float(about.get("flops_per_series", 0.0))
            ),
            accuracy_batch=arm.fitting.accuracy_batch(cell),
            about={
                "notes": notes,
                "pretraining": cost.to_dict(),
                "representation": about,
                "sources": {part: source.to_dict() for part, source in sources.items()},
                "head": head_about,
                "device": self._work.execution.device,
                "threads": torch.get_num_threads(),
            },
        )
        accuracy = record["scores"][cell.task]["overall_accuracy"]
        self._progress.note(f"{cell.name}: {100 * accuracy:.1f} %")

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._progress.note(text)
