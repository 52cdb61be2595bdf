"""Which representations a cell sees and which stand at a time, against what is counted by hand."""

from itertools import groupby

import pytest

from study_factory import labelled, settings_of
from windrow.data.legend import DENETHOR
from windrow.data.store.store import Store
from windrow.data.store.zarr_store import write_store
from windrow.errors import SettingsError, StoreError
from windrow.experiments.scheduling.budget import budget_of, peak_bytes
from windrow.experiments.scheduling.timings import NUM_DATES, EncoderRate, Rates
from windrow.experiments.study.arms import arms_of, benchmark_arms
from windrow.experiments.study.needed_representations import SeenParts, legends_of, standing
from windrow.experiments.study.representation_store import bytes_of
from windrow.experiments.study.settings import cells_of
from windrow.training.execution import ExecutionSettings


def _settings(methods=(), **changes):
    options = {
        "kind": "benchmark",
        "scale": "paper",
        "data": "simulated",
        "arms": benchmark_arms(methods, "paper"),
    }
    return settings_of(**(options | changes))


def _cells(settings):
    return cells_of(settings, {name: arm.heads for name, arm in arms_of(settings).items()})


def _first(settings, task, **wanted):
    wanted = {"num_fields": None, "until_day": None, **wanted}
    return next(
        cell
        for cell in _cells(settings)
        if cell.task == task and all(getattr(cell, name) == w for name, w in wanted.items())
    )


def test_a_head_is_tested_on_the_tasks_of_its_legend_and_the_others_are_told() -> None:
    settings = _settings(["scratch"])
    seen = SeenParts.of_study(settings)
    whole = _first(settings, "task1")
    assert seen.of_cell(whole) == [
        ("task1", "train"), ("task1", "validation"), ("task2", "validation"),
    ]  # fmt: skip
    (note,) = seen.not_tested(whole)
    assert note.startswith("not tested on task3: the classes differ: ")
    alone = _first(settings, "task3")
    assert seen.of_cell(alone) == [("task3", "train"), ("task3", "validation")]
    assert [note[:19] for note in seen.not_tested(alone)] == [
        "not tested on task1", "not tested on task2",
    ]  # fmt: skip
    for part_of_it in ({"num_fields": 5}, {"until_day": 180}):
        cell = _first(settings, "task1", **part_of_it)
        assert seen.of_cell(cell) == [("task1", "train"), ("task1", "validation")]
        assert seen.not_tested(cell) == []
    untransferred = settings.model_copy(update={"transfer": False})
    assert SeenParts.of_study(untransferred).of_cell(whole) == seen.of_cell(whole)[:2]
    assert seen.names(_first(settings, "task1", until_day=180)) == [
        "task1-train.scratch.0.d180", "task1-validation.scratch.0.d180",
    ]  # fmt: skip


def test_legends_of_real_stores_are_read_without_a_series(tmp_path) -> None:
    settings = _settings(["scratch"], data=str(tmp_path))
    with pytest.raises(StoreError, match="the study needs a store 'pretraining'"):
        legends_of(settings)
    for name in ("pretraining", "task1-train", "task1-validation", "task2", "task3"):
        write_store(tmp_path / name, labelled(18), provenance={})
    odd = settings.task("task3").model_copy(update={"classes_left_out": ("oats", "CORN", "Rye")})
    settings = settings.model_copy(update={"tasks": (*settings.tasks[:2], odd)})
    found = legends_of(settings)
    assert found["task1"] == found["task2"] == DENETHOR
    assert found["task3"].names == tuple(
        name for name in DENETHOR.names if name not in ("Oats", "Corn", "Rye")
    )
    assert set(SeenParts.of_study(settings).refused) == {
        ("task1", "task3"), ("task2", "task3"), ("task3", "task1"), ("task3", "task2"),
    }  # fmt: skip
    with pytest.raises(SettingsError, match="no folder of stores"):
        legends_of(_settings(["scratch"], data=str(tmp_path / "nowhere")))


def test_a_store_without_labels_has_no_legend(tmp_path) -> None:
    series = labelled(18)
    write_store(tmp_path / "with", series, provenance={})
    assert Store(tmp_path / "with").legend == DENETHOR
    unlabelled = type(series)(**{**series.__dict__, "label": None, "legend": None})
    write_store(tmp_path / "without", unlabelled, provenance={})
    assert Store(tmp_path / "without").legend is None


def test_an_arm_and_seed_are_finished_before_the_next() -> None:
    settings = _settings(["bert", "scratch"], seeds=(0, 1))
    cells = _cells(settings)
    assert [key for key, _ in groupby(cells, key=lambda cell: (cell.arm, cell.seed))] == [
        ("bert", 0), ("bert", 1), ("scratch", 0), ("scratch", 1),
    ]  # fmt: skip
    assert len({cell.name for cell in cells}) == len(cells)
    seen = SeenParts.of_study(settings)
    for cell, names in zip(cells, standing(cells, seen.names), strict=True):
        assert {tuple(name.split(".")[1:3]) for name in names} == {(cell.arm, str(cell.seed))}
        assert set(seen.names(cell)) <= names


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_the_peak_at_paper_scale_is_that_of_one_bert_however_many_seeds(seeds) -> None:
    settings = _settings(seeds=seeds)
    cells, seen = _cells(settings), SeenParts.of_study(settings)
    # Task 1 on a day of the season, 45,000 and 9,000, while the 9,000 tested whole years of tasks 1
    # and 2 wait for the heads of task 2.
    wanted = bytes_of(45_000 + 3 * 9_000, NUM_DATES, 256)
    assert peak_bytes(cells, arms_of(settings), seen) == wanted
    # By the tasks in turn, as it was, the tests of every arm and seed waited.
    by_task = sorted(cells, key=lambda cell: cell.task)
    assert peak_bytes(by_task, arms_of(settings), seen) > (1.5 + len(seeds)) * wanted / 2


def test_the_budget_counts_what_still_stands_and_what_trained_encoders_see(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(Rates, "of_encoder", lambda self, settings: EncoderRate(1.0, 3.0))
    monkeypatch.setattr(Rates, "of_head", lambda self, training: 1.0)
    settings = _settings(
        ["end-to-end"], scale="tiny", arms=benchmark_arms(["end-to-end"], "tiny"), tasks=["task1"],
        heads=["transformer"], num_fields=(), until_days=(), num_configurations=1, seeds=(0, 1),
    )  # fmt: skip
    cells, seen, arms = _cells(settings), SeenParts.of_study(settings), arms_of(settings)
    one = bytes_of(297 + 144, NUM_DATES, 12)  # the bands, not the encoder's width
    assert peak_bytes(cells, arms, seen) == one
    other = ["task1-train.end-to-end.1", "task1-validation.end-to-end.1", "task1-train.bert.0"]
    assert peak_bytes(cells, arms, seen, other) == 2 * one
    for name in other:
        (tmp_path / "representations" / name).mkdir(parents=True)
    (tmp_path / "cells").mkdir()
    cpu = ExecutionSettings().resolved()
    budget = budget_of(tmp_path, settings, execution=cpu)
    assert budget.representation_bytes == 2 * one
    assert budget.prediction_bytes == 2 * 144 * 90
