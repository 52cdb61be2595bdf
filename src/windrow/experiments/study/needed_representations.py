"""The representations that a cell needs, and those on disk while a study runs.

A head that was trained on one task is also tested on the other tasks with the same legend, so it
needs the representations of their test fields. Tasks with another legend are left out. The legends
are known before any series is read, from the scenario or from the attributes of a store.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from windrow.data.legend import Legend
from windrow.data.store.store import Store
from windrow.data.store.zarr_store import is_store
from windrow.evaluation.legend_transfer import why_not_transferable
from windrow.experiments.study.settings import Cell, StudySettings, TaskSettings
from windrow.experiments.study.tasks import TEST, TRAIN, check_stores, fewer_classes, store_name
from windrow.simulation.scenarios import scenario_settings


@dataclass(frozen=True)
class SeenParts:
    """The parts of tasks that the cells of a study need.

    Attributes:
        settings: settings of the study.
        refused: reason why a head of one task is not tested on another, by the names of the two.
    """

    settings: StudySettings
    refused: Mapping[tuple[str, str], str]

    @classmethod
    def of_study(cls, settings: StudySettings) -> SeenParts:
        """Compares the legends of all tasks.

        Raises:
            SettingsError, StoreError: real stores are missing or damaged.
        """
        legends = legends_of(settings)
        refused = {}
        for one, legend in legends.items():
            for other, target in legends.items():
                reason = why_not_transferable(legend, target)
                if reason is not None:
                    refused[one, other] = reason
        return cls(settings, refused)

    def of_cell(self, cell: Cell) -> list[tuple[str, str]]:
        """Returns task and part of each: its own two first, then those of transfer tasks."""
        others = [name for name in self._others(cell) if (cell.task, name) not in self.refused]
        return [(cell.task, TRAIN), (cell.task, TEST), *((name, TEST) for name in others)]

    def not_tested(self, cell: Cell) -> list[str]:
        """Returns remarks on the tasks that the cell is not tested on."""
        reasons = {name: self.refused.get((cell.task, name)) for name in self._others(cell)}
        return [f"not tested on {name}: {reason}" for name, reason in reasons.items() if reason]

    def names(self, cell: Cell) -> list[str]:
        """Returns the names of the representations that a cell needs."""
        return [representation_name(cell, task, part) for task, part in self.of_cell(cell)]

    def _others(self, cell: Cell) -> list[str]:
        """Returns the transfer tasks of a cell; only whole years with all labels have any."""
        if not self.settings.transfer or cell.num_fields is not None or cell.until_day is not None:
            return []
        return [task.name for task in self.settings.tasks if task.name != cell.task]


def legends_of(settings: StudySettings) -> dict[str, Legend]:
    """Returns the legend of each task without reading a series; stores without labels have none.

    Raises:
        SettingsError, StoreError: real stores are missing or damaged.
    """
    found = {task.name: _legend_of(task, settings) for task in settings.tasks}
    return {name: legend for name, legend in found.items() if legend is not None}


def _legend_of(task: TaskSettings, settings: StudySettings) -> Legend | None:
    if settings.simulated:
        return scenario_settings(task.scenario).legend
    folder = check_stores(settings)
    own = folder / store_name(task.name, TEST)
    if is_store(own):
        return Store(own).legend
    whole = Store(folder / task.name).legend
    return None if whole is None else fewer_classes(whole, task.classes_left_out)


def representation_name(cell: Cell, task: str, part: str) -> str:
    """Returns the name of the representation of a part of a task for a cell.

    Example:
        >>> cell = Cell(task="task1", arm="bert", head="lstm", configuration=5, seed=0,
        ...             num_fields=None, until_day=150)
        >>> representation_name(cell, "task1", "train")
        'task1-train.bert.0.d150'
    """
    name = f"{store_name(task, part)}.{cell.arm}.{cell.seed}"
    return name if cell.until_day is None else f"{name}.d{cell.until_day}"


def standing(
    cells: Sequence[Cell],
    names_of: Callable[[Cell], Collection[str]],
    already: Collection[str] = (),
) -> Iterator[frozenset[str]]:
    """Yields the representations on disk while one process does some cells in order.

    The representations of a cell are made before it. They are removed when no remaining cell needs
    them.

    Args:
        cells: cells still to do, in their order.
        names_of: returns the representations that a cell needs.
        already: representations that exist before the first cell.

    Example:
        >>> seen = {"a": ["x"], "b": ["x", "y"], "c": ["z"]}
        >>> cells = [Cell(task="task1", arm=arm, head="lstm", configuration=1, seed=0,
        ...               num_fields=None, until_day=None) for arm in seen]
        >>> [sorted(names) for names in standing(cells, lambda cell: seen[cell.arm])]
        [['x'], ['x', 'y'], ['z']]
    """
    last = {name: index for index, cell in enumerate(cells) for name in names_of(cell)}
    there = set(already)
    for index, cell in enumerate(cells):
        there = {name for name in there if last.get(name, -1) >= index}
        there.update(names_of(cell))
        yield frozenset(there)


def folder_of_representations(study: str | Path) -> Path:
    """Returns the folder of a study's representations."""
    return Path(study) / "representations"
