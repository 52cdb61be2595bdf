"""Figures of a cell, of predictions made by hand."""

import json

import numpy as np
import pytest

from study_factory import labelled
from windrow.errors import DataError
from windrow.experiments.study.cells import PartInputs, figures_of, inputs_of, run_cell
from windrow.experiments.study.settings import Cell
from windrow.experiments.study.tasks import TaskPart

RIGHT = np.array([True, True, False, True, False, False, True])
"""Batches of three: 2/3, 1/3 and 1/1; of all 4/7."""


def _probability(part):
    """Certain of the true class where RIGHT says so, else of the next one."""
    num_classes = len(part.series.legend)
    chosen = np.where(RIGHT, part.label, (part.label + 1) % num_classes)
    return np.eye(num_classes)[chosen]


def _cell(num_fields=None):
    return Cell(
        task="task1",
        arm="scratch",
        head="lstm",
        configuration=1,
        seed=0,
        num_fields=num_fields,
        until_day=None,
    )


class ByHand:
    """Predicts as RIGHT says."""

    def __init__(self, part):
        self._part = part

    def predict_probability(self, inputs):
        assert len(inputs) == len(RIGHT)
        return _probability(self._part)


class AllAlike:
    """Knows nothing."""

    def predict_probability(self, inputs):
        return np.full((len(inputs), 9), 1 / 9)


def test_the_mean_of_batches_stands_beside_the_accuracy_of_all() -> None:
    part = TaskPart(labelled(7), ())
    probability = _probability(part)
    figures = figures_of(part, probability, accuracy_batch=3)
    assert figures["overall_accuracy"] == pytest.approx((2 / 3 + 1 / 3 + 1) / 3)
    assert figures["overall_accuracy_of_all"] == pytest.approx(4 / 7)
    corrected = figures_of(part, probability)
    assert corrected["overall_accuracy"] == pytest.approx(4 / 7)
    # Nothing else depends on the batches.
    assert corrected == figures | {"overall_accuracy": corrected["overall_accuracy"]}
    # One batch of all, or one longer than all, is the accuracy of all.
    for size in (7, 100):
        assert figures_of(part, probability, accuracy_batch=size) == corrected


def test_both_are_in_the_file_of_the_cell(tmp_path) -> None:
    series = labelled(7)
    part = TaskPart(series, ())
    values = np.zeros((7, series.num_dates, 2), dtype=np.float16)
    inputs = PartInputs(part, inputs_of(series, values))
    cell = _cell()
    record = run_cell(
        tmp_path,
        cell,
        train=inputs,
        tests={"task1": inputs},
        fit=lambda *given: ByHand(part),
        flops_of_fit=lambda inputs, *_: 5.0 * len(inputs),
        about={},
        accuracy_batch=3,
    )
    stored = json.loads((tmp_path / "cells" / f"{cell.name}.json").read_text())
    assert stored["scores"] == record["scores"]
    found = stored["scores"]["task1"]
    assert found["overall_accuracy"] == pytest.approx(2 / 3)
    assert found["overall_accuracy_of_all"] == pytest.approx(4 / 7)
    assert stored["fit_flops"] == 35.0
    assert stored["notes"] == []


def test_it_is_said_which_classes_have_fewer_fields_than_asked_for(tmp_path) -> None:
    series = labelled(20)  # ten fields of two, so that the first of nine classes has two
    part = TaskPart(series, ())
    values = np.zeros((20, series.num_dates, 2), dtype=np.float16)
    inputs = PartInputs(part, inputs_of(series, values))
    common = {
        "train": inputs,
        "tests": {"task1": inputs},
        "flops_of_fit": lambda *_: 0.0,
        "about": {"notes": ["before"]},
    }
    names = series.legend.names
    for wanted, said in (
        (1, []),
        (
            2,
            [
                "2 labelled fields a class are not there: "
                + ", ".join(f"{name} has 1" for name in names[1:])
            ],
        ),
    ):
        cell = _cell(num_fields=wanted)
        record = run_cell(tmp_path, cell, fit=lambda *given: AllAlike(), **common)
        assert record["notes"] == ["before", *said]


def test_probabilities_of_other_series_are_refused() -> None:
    part = TaskPart(labelled(7), ())
    with pytest.raises(DataError, match="probabilities do not fit the test series"):
        figures_of(part, _probability(part)[:6])
