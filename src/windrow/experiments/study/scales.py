"""The numbers of a study at each scale, and the arms of the ablations; each with its source.

*Paper* is Patnala, Schultz, Gall (2025); its ablations are on task 2 with the LSTM and the
transformer. Where it shows a plot without numbers the grid is ours. Smaller scales are for
machines without a GPU. They show that the workflow runs and answer questions on simulated series;
they do not reproduce the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from windrow.errors import SettingsError
from windrow.evaluation.field_bootstrap import BootstrapSettings
from windrow.experiments.recipes.known_faults import Variant
from windrow.experiments.study.settings import (
    HEADS,
    Arm,
    ScaleName,
    StudySettings,
    TaskSettings,
)

BOOTSTRAP = BootstrapSettings(num_resamples=2_000, level=0.95)
LABEL_COUNTS = (1, 5, 10, 20, 100)
"""Labelled fields per class in the label curve; all other figures use all fields."""
DAYS = (120, 150, 180, 210, 240, 270, 300)
"""Days of the year of the season curve, about the first of May to the end of October."""
MAP_CONFIGURATION = 5
"""Configuration of Figures 14 and 15."""


@dataclass(frozen=True, kw_only=True)
class _Sizes:
    """The settings of a study that depend on its scale."""

    tasks: tuple[str, ...]
    train_series: int
    test_series: int
    num_pretraining_series: int
    num_configurations: int
    few_label_steps: int
    label_counts: tuple[int, ...]
    days: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class _TaskData:
    """The series of a task: scenario, shares of its three parts, and number of classes."""

    scenario: str
    fractions: tuple[float, float, float]
    num_classes: int


_SCALES: dict[ScaleName, _Sizes] = {
    # 300 training and 150 test series, two configurations: a quarter of an hour on two cores.
    "tiny": _Sizes(
        tasks=("task1", "task3"),
        train_series=300,
        test_series=150,
        num_pretraining_series=300,
        num_configurations=2,
        few_label_steps=30,
        label_counts=(5,),
        days=(180,),
    ),
    # 3,000 series, three configurations.
    "small": _Sizes(
        tasks=("task1", "task2", "task3"),
        train_series=3_000,
        test_series=1_500,
        num_pretraining_series=6_000,
        num_configurations=3,
        few_label_steps=100,
        label_counts=(1, 5, 20),
        days=(150, 210),
    ),
    # Sections 2, 4 and 6: 150,000 series, 45,000 and 9,000, ten configurations.
    "paper": _Sizes(
        tasks=("task1", "task2", "task3"),
        train_series=45_000,
        test_series=9_000,
        num_pretraining_series=150_000,
        num_configurations=10,
        few_label_steps=200,
        label_counts=LABEL_COUNTS,
        days=DAYS,
    ),
}
"""The settings of each scale. The sizes of methods and heads are in
:mod:`windrow.experiments.recipes.methods` and :mod:`windrow.experiments.recipes.head_search`. At
scale ``paper`` the curves over labels and days cover all tasks. Below it they cover task 2, or the
first task where task 2 is not requested."""

_TASKS: dict[str, _TaskData] = {
    # Section 2 and Figure 2: train tile of 2018; 70 % pre-train, 21 % train, 9 % test.
    "task1": _TaskData(scenario="brandenburg-2018", fractions=(0.70, 0.21, 0.09), num_classes=9),
    # The test tile of 2019, 70:30.
    "task2": _TaskData(scenario="brandenburg-2019", fractions=(0.0, 0.70, 0.30), num_classes=9),
    # BreizhCrops 2018, field means; six classes of 9,000 and 1,000 at paper scale, 70:30.
    "task3": _TaskData(scenario="brittany-2018", fractions=(0.0, 0.70, 0.30), num_classes=6),
}
_LEFT_OUT = ("orchards", "sunflower", "nuts")
_TASK_3_PAPER = (9_000, 1_000)


def task_settings(name: str, scale: ScaleName) -> TaskSettings:
    """Returns the settings of a task at a scale.

    Example:
        >>> task_settings("task1", "paper").train_per_class
        5000
        >>> task_settings("task3", "paper").train_per_class
        9000
    """
    if name not in _TASKS:
        raise SettingsError("unknown task", found=name, expected=", ".join(_TASKS))
    own, numbers = _TASKS[name], _SCALES[scale]
    train = numbers.train_series // own.num_classes
    test = numbers.test_series // own.num_classes
    if scale == "paper" and name == "task3":
        train, test = _TASK_3_PAPER
    return TaskSettings(
        name=name,
        scenario=own.scenario,
        fractions=own.fractions,
        train_per_class=train,
        test_per_class=test,
        classes_left_out=_LEFT_OUT if name == "task3" else (),
        balanced_landscapes=True,
        # The paper pre-trains on surface reflectance and tests task 3 at the top of atmosphere.
        accept_other_level=name == "task3",
    )


@dataclass(frozen=True, kw_only=True)
class StudyChoices:
    """The user's choices for a study; None takes the number of the scale.

    Attributes:
        tasks: names of the tasks; the tasks of the scale where empty.
        heads: names of the heads; all where empty.
        seeds: seeds of pre-training, heads and label draws.
        variant: with or without the faults of earlier code.
        protocol: ``corrected`` or ``paper``, for the training of heads.
        fine_tune: whether pre-trained encoders are trained with the heads.
        num_fields: numbers of labelled fields per class in the label curve.
        until_days: days of the year in the season curve.
        curve_configurations: configurations of both curves.
        num_configurations: number of configurations per head.
        num_pretraining_series: number of series for pre-training.
        split_seed: seed of the split by field.
    """

    tasks: Sequence[str] = ()
    heads: Sequence[str] = ()
    seeds: Sequence[int] = (0,)
    variant: Variant = "corrected"
    protocol: str = "corrected"
    fine_tune: bool = False
    num_fields: Sequence[int] | None = None
    until_days: Sequence[int] | None = None
    curve_configurations: Sequence[int] | None = None
    num_configurations: int | None = None
    num_pretraining_series: int | None = None
    split_seed: int = 0


def study_settings(
    *,
    kind: str,
    scale: ScaleName,
    data: str,
    arms: Sequence[Arm],
    choices: StudyChoices | None = None,
) -> StudySettings:
    """Returns the settings of a study at a scale with a user's choices.

    Args:
        kind: ``benchmark`` or ``ablation``.
        scale: tiny, small or paper.
        data: ``simulated``, or the folder of real stores.
        arms: the compared arms.
        choices: changes of the scale's own numbers; None changes nothing.

    Raises:
        SettingsError: a name is unknown, or the choices contradict each other.
    """
    if scale not in get_args(ScaleName):
        raise SettingsError("unknown scale", found=scale, expected=", ".join(get_args(ScaleName)))
    chosen = choices or StudyChoices()
    numbers = _SCALES[scale]
    names = tuple(chosen.tasks) or numbers.tasks
    count = chosen.num_configurations or numbers.num_configurations
    last = min(MAP_CONFIGURATION, count)
    curved = "task2" if "task2" in names else names[0]
    return StudySettings.from_dict(
        {
            "kind": kind,
            "scale": scale,
            "data": data,
            "tasks": [task_settings(name, scale) for name in names],
            "arms": list(arms),
            "heads": tuple(chosen.heads) or HEADS,
            "num_configurations": count,
            "seeds": tuple(chosen.seeds),
            "split_seed": chosen.split_seed,
            "pretraining": task_settings("task1", scale),
            "num_pretraining_series": chosen.num_pretraining_series
            or numbers.num_pretraining_series,
            "few_label_steps": numbers.few_label_steps,
            "protocol": chosen.protocol,
            "variant": chosen.variant,
            "fine_tune": chosen.fine_tune,
            "num_fields": numbers.label_counts
            if chosen.num_fields is None
            else tuple(chosen.num_fields),
            "until_days": numbers.days if chosen.until_days is None else tuple(chosen.until_days),
            "curve_configurations": (last,)
            if chosen.curve_configurations is None
            else tuple(chosen.curve_configurations),
            "curve_tasks": names if scale == "paper" else (curved,),
            "transfer": len(names) > 1,
            "map_configuration": last,
            "bootstrap": BOOTSTRAP,
        }
    )
