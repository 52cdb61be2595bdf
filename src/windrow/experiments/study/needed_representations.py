"""Which representations a cell sees, and which stand on disk while a study goes on.

A head that was trained on one task is tested on the others of the same legend, so it also sees the
representations of their test fields. Those of another legend are left out where the legends are
known before a series is read: of a scenario, or in the attributes of a store.
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
    """The parts of tasks that the cells of a study see.

    Attributes:
        settings: the study.
        refused: why a head of one task is not tested on another, by the names of the two.
    """

    settings: StudySettings
    refused: Mapping[tuple[str, str], str]

    @classmethod
    def of_study(cls, settings: StudySettings) -> SeenParts:
        """Compares the legends of all tasks.

        Raises:
            SettingsError, StoreError: real stores are not there, or damaged.
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
        """Task and part of each: its own two first, then those it is transferred to."""
        others = [name for name in self._others(cell) if (cell.task, name) not in self.refused]
        return [(cell.task, TRAIN), (cell.task, TEST), *((name, TEST) for name in others)]

    def not_tested(self, cell: Cell) -> list[str]:
        """What has to be said of the tasks that it is not transferred to."""
        reasons = {name: self.refused.get((cell.task, name)) for name in self._others(cell)}
        return [f"not tested on {name}: {reason}" for name, reason in reasons.items() if reason]

    def names(self, cell: Cell) -> list[str]:
        """Names of the representations that it sees."""
        return [representation_name(cell, task, part) for task, part in self.of_cell(cell)]

    def _others(self, cell: Cell) -> list[str]:
        """Transfer is of whole years and all labels."""
        if not self.settings.transfer or cell.num_fields is not None or cell.until_day is not None:
            return []
        return [task.name for task in self.settings.tasks if task.name != cell.task]


def legends_of(settings: StudySettings) -> dict[str, Legend]:
    """The legend of each task, without reading a series; a store without labels has none.

    Raises:
        SettingsError, StoreError: real stores are not there, or damaged.
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
    """Name of the representation of a part of a task that a cell sees.

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
    """What stands on disk while each of some cells is done, one after the other by one process.

    As a study has it: what a cell sees is made before it, and stands until no cell that is still to
    be done sees it.

    Args:
        cells: still to be done, in their order.
        names_of: the representations that a cell sees.
        already: those that stand before the first.

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
    """Where a study keeps them."""
    return Path(study) / "representations"
