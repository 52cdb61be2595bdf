"""A study on disk without a single training: heads that are right as often as they are told."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from series_factory import make_series
from windrow.data.legend import DENETHOR, Legend
from windrow.experiments.study import paper_results
from windrow.experiments.study.cells import PartInputs, inputs_of, run_cell
from windrow.experiments.study.scales import StudyChoices, study_settings
from windrow.experiments.study.settings import Arm, StudySettings, cells_of
from windrow.experiments.study.tasks import TaskPart
from windrow.files import write_text

ARMS = (
    Arm(name="bert", title="Bi-modal BERT", method="bert", changes={}),
    Arm(name="resmlp", title="ResMLP", method="resmlp", changes={}),
    Arm(name="scratch", title="From scratch", method="scratch", changes={}),
)
SHARE = {"bert": 0.8, "resmlp": 0.65, "scratch": 0.5}
SIX = Legend(names=DENETHOR.names[:6], codes=DENETHOR.codes[:6])


class Told:
    """Right with a probability, else any class."""

    def __init__(self, share, num_classes, seed):
        self._share, self._num_classes = share, num_classes
        self._draw = np.random.default_rng(seed)

    def predict_probability(self, inputs):
        truth = inputs.values[:, 0, 0].astype(int)
        right = self._draw.random(len(truth)) < self._share
        chosen = np.where(right, truth, self._draw.integers(0, self._num_classes, len(truth)))
        probability = np.full((len(truth), self._num_classes), 0.3 / (self._num_classes - 1))
        probability[np.arange(len(truth)), chosen] = 0.7
        return probability


def labelled(num_series, *, legend=DENETHOR, seed=0, simulated=True, first_field=0):
    """Series of fields of two, classes by turns, with places."""
    series = make_series(num_series, num_dates=6, seed=seed, planetscope=False, padding=False)
    day = series.day_of_year.copy()
    day[:, 0] = 5  # always something known early
    draw = np.random.default_rng(seed)
    field = series.field_id + first_field
    return replace(
        series,
        day_of_year=np.sort(day, axis=1),
        id=np.arange(num_series) + 2 * first_field,
        field_id=field,
        label=(field % len(legend)).astype(np.int16),
        legend=legend,
        longitude=13.5 + draw.random(num_series) / 5,
        latitude=52.4 + draw.random(num_series) / 8,
        simulated=simulated,
    )


PAPER_SOURCES = {
    task: {part: ways[0] for part, ways in parts.items()}
    for task, parts in paper_results.SOURCES.items()
}
"""What the stores say where DENETHOR and BreizhCrops were ingested as the paper has them."""


def settings_of(*, kind, scale, data, arms, **choices):
    """The settings of a study, its choices given one by one."""
    return study_settings(
        kind=kind, scale=scale, data=data, arms=arms, choices=StudyChoices(**choices)
    )


def make_study(
    folder: Path,
    *,
    arms=ARMS,
    tasks=("task1", "task2", "task3"),
    simulated=True,
    scale="tiny",
    kind="benchmark",
    seeds=(0, 1),
    heads=("lstm", "transformer"),
    num_test=180,
    share=SHARE,
    sources=PAPER_SOURCES,
    **further,
) -> StudySettings:
    """Writes a whole study; where it is real, of the paper's fields unless told otherwise."""
    settings = settings_of(
        kind=kind,
        scale=scale,
        data="simulated" if simulated else "stores",
        arms=arms,
        tasks=tasks,
        heads=heads,
        seeds=seeds,
        **({"num_fields": (1, 5), "until_days": (180,)} | further),
    )
    write_text(folder / "config.yaml", settings.to_yaml())
    parts = {}
    for number, task in enumerate(tasks):
        legend = SIX if task == "task3" else DENETHOR
        train = labelled(60, legend=legend, seed=number, simulated=simulated)
        test = labelled(
            num_test, legend=legend, seed=number + 9, simulated=simulated, first_field=500
        )
        parts[task] = tuple(_inputs(series) for series in (train, test))
    for number, cell in enumerate(cells_of(settings, {arm.name: heads for arm in arms})):
        train, test = parts[cell.task]
        tests = {cell.task: test}
        if cell.num_fields is None and cell.until_day is None and cell.task != "task3":
            tests |= {t: parts[t][1] for t in tasks if t not in (cell.task, "task3")}
        fewer = 0.2 if cell.num_fields == 1 else 0.0
        # A configuration is as hard for all arms, so that they are worth pairing.
        right = share[cell.arm] - fewer + 0.02 * cell.configuration
        run_cell(
            folder,
            cell,
            train=train,
            tests=tests,
            fit=lambda inputs, label, field, num_classes, right=right, number=number: Told(
                right, num_classes, number
            ),
            flops_of_fit=lambda *_: 1e15,
            about={
                "notes": ["Oats: 3 series instead of 4"],
                "pretraining": {"seconds": 600.0 if cell.arm != "scratch" else 0.0, "flops": 2e15},
                "representation": {"flops_per_series": 1e6},
                "head": {},
                "sources": {} if simulated else sources.get(cell.task, {}),
                "device": "cpu",
                "threads": 1,
            },
        )
    return settings


def _inputs(series):
    """The truth hides in the first value, where the told heads find it."""
    values = np.zeros((len(series), series.num_dates, 2), dtype=np.float16)
    values[:, 0, 0] = series.label
    return PartInputs(TaskPart(series, ()), inputs_of(series, values))
