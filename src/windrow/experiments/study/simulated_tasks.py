"""Simulated counterparts of the tasks, split by field into stores of the same form as real ones.

They use no satellite image, and their results are not shown beside the paper's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from windrow.data.series import concatenate
from windrow.data.splits import split_fields
from windrow.data.store.zarr_store import StoreWriter, is_store
from windrow.experiments.study.settings import StudySettings, TaskSettings
from windrow.experiments.study.tasks import (
    DRAW_STREAM,
    PRETRAINING,
    parts_of,
    without_planetscope,
)
from windrow.simulation.generate import simulate_parts
from windrow.simulation.scenarios import scenario_settings
from windrow.simulation.settings import ScenarioSettings


def balanced(scenario: ScenarioSettings) -> ScenarioSettings:
    """Returns the same scenario with all classes equally frequent."""
    share = 1.0 / len(scenario.classes)
    classes = tuple(one.model_copy(update={"share": share}) for one in scenario.classes)
    return scenario.model_copy(update={"classes": classes})


def simulate_stores(
    folder: str | Path,
    settings: StudySettings,
    task: TaskSettings,
    *,
    num_workers: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Simulates a task and splits the series by field into stores.

    Task 1 also gives the fields for pre-training, as in the paper.

    Args:
        folder: folder of the stores.
        settings: settings of the study.
        task: the task.
        num_workers: number of processes that simulate.
        on_progress: called with the number of series done and their total.
    """
    scenario = scenario_settings(task.scenario)
    if task.balanced_landscapes:
        scenario = balanced(scenario)
    num_series = twin_size(settings, task)
    parts = list(
        simulate_parts(
            scenario,
            num_series=num_series,
            seed=settings.split_seed,
            num_workers=num_workers,
            on_progress=on_progress,
        )
    )
    series = concatenate(parts)
    assert series.label is not None
    names, fractions = parts_of(task)
    positions = split_fields(
        series.field_id, series.label, fractions=fractions, seed=settings.split_seed
    )
    provenance = {
        "source": "windrow simulation: no satellite ever saw these series",
        "scenario": scenario.to_dict(),
        "seed": settings.split_seed,
        "task": task.to_dict(),
    }
    for name, rows in zip(names, positions, strict=True):
        path = Path(folder) / name
        if is_store(path):
            continue
        part = series.select(rows)
        if name != PRETRAINING:
            part = without_planetscope(part)
        elif len(part) > settings.num_pretraining_series:
            draw = np.random.default_rng([settings.split_seed, DRAW_STREAM])
            kept = draw.permutation(len(part))[: settings.num_pretraining_series]
            part = part.select(np.sort(kept))
        with StoreWriter(path, provenance={**provenance, "part": name}) as writer:
            writer.append(part)


def twin_size(settings: StudySettings, task: TaskSettings) -> int:
    """Returns the number of series to simulate so that every part has enough, plus a tenth.

    Fields differ in their number of pixels and classes in their number of fields, so that a split
    by field never meets a share of the series exactly.
    """
    num_classes = len(scenario_settings(task.scenario).classes)
    pretraining, train, test = task.fractions
    needed = []
    if any(own.name == task.name for own in settings.tasks):
        needed += [
            task.train_per_class * num_classes / train,
            task.test_per_class * num_classes / test,
        ]
    if pretraining > 0:
        needed.append(settings.num_pretraining_series / pretraining)
    return int(np.ceil(1.1 * max(needed)))
