"""The settings of a study (tasks, arms, heads, configurations, seeds) and its cells.

An *arm* is a method with changes of its settings, such as a depth or a masking rate. Benchmarks
and ablations both compare arms. A *cell* is one head that is trained and tested once. It is the
smallest piece of work and one file in the study's folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pydantic import Field, model_validator

from windrow.config import Settings
from windrow.evaluation.field_bootstrap import BootstrapSettings
from windrow.experiments.recipes.known_faults import Variant
from windrow.json_values import JsonObject

ScaleName = Literal["tiny", "small", "paper"]
HEADS = ("lstm", "inception", "transformer")
FOREST = "forest"
"""The head of a method that classifies by itself, such as the random forest."""


class TaskSettings(Settings):
    """One downstream task.

    Attributes:
        name: ``task1``, ``task2`` or ``task3``.
        scenario: scenario of its simulated counterpart.
        fractions: shares of the fields for pre-training (0 without), training and testing.
        train_per_class, test_per_class: series of each class.
        classes_left_out: classes that are left out of a real store of the whole task.
        balanced_landscapes: whether the simulation grows all classes equally often, so that each
            has enough fields.
        accept_other_level: whether the representation may have another processing level, as in the
            paper's task 3; the report mentions it.
    """

    name: str = Field(pattern=r"^task[1-9]$")
    scenario: str
    fractions: tuple[float, float, float]
    train_per_class: int = Field(ge=1)
    test_per_class: int = Field(ge=1)
    classes_left_out: tuple[str, ...]
    balanced_landscapes: bool
    accept_other_level: bool


class Arm(Settings):
    """A method with changes of its settings.

    Attributes:
        name: name in files and tables; letters, digits and hyphens.
        title: name in printed tables and figures.
        method: name of the method in :mod:`windrow.experiments.methods`.
        changes: changes that are passed to the method's ``settings``.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    method: str
    changes: JsonObject


class Cell(Settings):
    """One head that is trained and tested once.

    Attributes:
        task: the task with its training series.
        arm: the arm with its representation.
        head: name of the head.
        configuration: number of the configuration from 1, as in the paper.
        seed: seed of the pre-training, the head and the draw of labelled fields.
        num_fields: labelled fields per class, None for all.
        until_day: only dates before this day of the year are known; None for the whole year.
    """

    task: str
    arm: str
    head: str
    configuration: int = Field(ge=1)
    seed: int = Field(ge=0)
    num_fields: int | None
    until_day: int | None

    @property
    def name(self) -> str:
        """The name of the cell's files.

        Example:
            >>> Cell(task="task2", arm="bert", head="lstm", configuration=5, seed=0,
            ...      num_fields=10, until_day=None).name
            'task2.bert.lstm.5.0.k10'
        """
        parts = [self.task, self.arm, self.head, str(self.configuration), str(self.seed)]
        if self.num_fields is not None:
            parts.append(f"k{self.num_fields}")
        if self.until_day is not None:
            parts.append(f"d{self.until_day}")
        return ".".join(parts)


class StudySettings(Settings):
    """All settings of a study, as in its ``config.yaml``.

    Attributes:
        kind: ``benchmark`` or ``ablation``; it sets the form of the report.
        scale: name of the scale.
        data: ``simulated``, or the folder of the real stores.
        tasks, arms, heads: the tasks, arms and heads, which are all combined.
        num_configurations: configurations per head, the same for all arms.
        seeds: seeds of everything but the data and their split.
        split_seed: seed of the data and their split.
        pretraining: the task whose other fields are used for pre-training, task 1 as in the
            paper; it need not be among the tasks.
        num_pretraining_series: number of series for pre-training.
        few_label_steps: least number of steps of a head in the label curve, because the epochs of
            its configuration suit all labelled fields.
        protocol: ``corrected`` or ``paper``, see :mod:`windrow.classifiers.sequence`.
        variant: ``corrected``, or ``paper`` with the known faults of earlier code.
        fine_tune: trains pre-trained encoders together with the head instead of freezing them.
        num_fields: numbers of labelled fields per class in the label curve.
        until_days: days of the year in the season curve.
        curve_configurations: configurations of the two curves.
        curve_tasks: tasks of the two curves.
        transfer: whether each head is also tested on the other tasks with the same legend.
        map_configuration: configuration of the maps of correct and wrong pixels (5 in the paper).
        bootstrap: settings of the intervals.
    """

    format: Literal["windrow study"] = "windrow study"
    version: Literal[1] = 1
    kind: Literal["benchmark", "ablation"]
    scale: ScaleName
    data: str
    tasks: tuple[TaskSettings, ...] = Field(min_length=1)
    arms: tuple[Arm, ...] = Field(min_length=1)
    heads: tuple[Literal["lstm", "inception", "transformer"], ...] = Field(min_length=1)
    num_configurations: int = Field(ge=1)
    seeds: tuple[int, ...] = Field(min_length=1)
    split_seed: int = Field(ge=0)
    pretraining: TaskSettings
    num_pretraining_series: int = Field(ge=1)
    few_label_steps: int = Field(ge=1)
    protocol: Literal["corrected", "paper"]
    variant: Variant
    fine_tune: bool
    num_fields: tuple[int, ...]
    until_days: tuple[int, ...]
    curve_configurations: tuple[int, ...]
    curve_tasks: tuple[str, ...]
    transfer: bool
    map_configuration: int = Field(ge=1)
    bootstrap: BootstrapSettings

    @model_validator(mode="after")
    def _nothing_twice(self) -> StudySettings:
        for what, values in (
            ("task", [task.name for task in self.tasks]),
            ("arm", [arm.name for arm in self.arms]),
            ("head", self.heads),
            ("seed", self.seeds),
        ):
            if len(set(values)) != len(values):
                raise ValueError(f"a {what} stands twice")
        same = [task for task in self.tasks if task.name == self.pretraining.name]
        if same and same[0] != self.pretraining:
            raise ValueError(f"{same[0].name} is settled twice, and differently")
        unknown = set(self.curve_tasks) - {task.name for task in self.tasks}
        if unknown:
            raise ValueError(f"no task {min(unknown)} to draw a curve of")
        if any(not 1 <= number <= self.num_configurations for number in self.curve_configurations):
            raise ValueError("a curve is asked of a configuration that is not there")
        return self

    def task(self, name: str) -> TaskSettings:
        """Returns the task of this name, or the task for pre-training."""
        if name == self.pretraining.name:
            return self.pretraining
        return next(task for task in self.tasks if task.name == name)

    def arm(self, name: str) -> Arm:
        """Returns the arm of this name."""
        return next(arm for arm in self.arms if arm.name == name)

    @property
    def simulated(self) -> bool:
        """Whether its data are simulated."""
        return self.data == "simulated"


def cells_of(settings: StudySettings, heads_of: Mapping[str, Sequence[str]]) -> list[Cell]:
    """Returns all cells of a study, ordered so that an arm and seed end before the next begins.

    The heads are tested on other tasks too, so the representations of all test fields are kept
    until the last task of the arm and seed. Cells with one representation follow each other.

    Args:
        settings: settings of the study.
        heads_of: heads of each arm by its name; a method that classifies by itself has one.
    """
    found: list[Cell] = []
    for arm in settings.arms:
        for seed in settings.seeds:
            for task in settings.tasks:
                found.extend(_cells_of_arm(settings, task.name, arm.name, seed, heads_of[arm.name]))
    return found


def _cells_of_arm(
    settings: StudySettings, task: str, arm: str, seed: int, heads: Sequence[str]
) -> Iterator[Cell]:
    curves = task in settings.curve_tasks
    days: tuple[int | None, ...] = (None, *(settings.until_days if curves else ()))
    for day in days:
        for head in heads:
            last = 1 if head == FOREST else settings.num_configurations
            for configuration in range(1, last + 1):
                in_curve = head == FOREST or configuration in settings.curve_configurations
                counts: tuple[int | None, ...] = (None,)
                if day is None and curves and in_curve:
                    counts = (None, *settings.num_fields)
                if day is not None and not in_curve:
                    continue
                for count in counts:
                    yield Cell(
                        task=task,
                        arm=arm,
                        head=head,
                        configuration=configuration,
                        seed=seed,
                        num_fields=count,
                        until_day=day,
                    )
