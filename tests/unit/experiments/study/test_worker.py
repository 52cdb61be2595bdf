"""A study's work: everything once, what is done stays done, others' work is left to them."""

import json
import shutil
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from study_factory import ARMS, SIX, Told, labelled, settings_of
from windrow.data.legend import DENETHOR
from windrow.data.series import concatenate
from windrow.data.store.store import Store
from windrow.data.store.zarr_store import write_store
from windrow.errors import DataError, SettingsError, SplitError, StoreError
from windrow.experiments.study import worker as study
from windrow.experiments.study.leases import Leases
from windrow.experiments.study.needed_representations import SeenParts, standing
from windrow.experiments.study.progress import StudyProgress
from windrow.experiments.study.representation_store import remove_representation
from windrow.experiments.study.scales import task_settings
from windrow.experiments.study.settings import cells_of
from windrow.experiments.study.tasks import (
    TEST,
    TRAIN,
    leave_out,
    read_part,
    split_whole_store,
    store_name,
)
from windrow.experiments.study.worker import WorkSettings, open_study, run_study
from windrow.training.execution import ExecutionSettings

WORK = WorkSettings(execution=ExecutionSettings(), beat_seconds=0.05, stale_seconds=0.3)


@dataclass
class Represented:
    """Two values a date: the class, where the told heads find it, and the last day known."""

    content_hash: str = "abc"
    width: int = 2

    def flops_per_series(self, num_dates):
        return 10 * num_dates

    def sequence(self, series):
        values = np.zeros((len(series), series.num_dates, 2), dtype=np.float32)
        values[:, 0, 0] = series.label
        values[:, :, 1] = series.day_of_year * series.valid
        return values


@dataclass
class FakeArm:
    """Does in no time what an arm does, and keeps what it was asked."""

    name: str
    heads: tuple
    asked: list = field(default_factory=list)
    fails_at: str = ""
    latest_day: list = field(default_factory=list)
    batch: int | None = None
    share: float = 1.0

    @property
    def pretraining(self):
        return self

    @property
    def fitting(self):
        return self

    @property
    def fitting_cost(self):
        return self

    def is_trained(self, path):
        return (path / "done").is_file()

    def pretrain(self, store, path, *, seed, execution, on_progress=None):
        self.asked.append(f"pretrain {self.name} {seed}")
        path.mkdir(parents=True)
        (path / "done").touch()

    def cost(self, path):
        assert self.is_trained(path)
        return SimpleNamespace(to_dict=lambda: {"seconds": 3.0, "flops": 4.0})

    def flops_of_fit(self, cell, *, encoder_flops):
        return lambda *_: encoder_flops

    def accuracy_batch(self, cell):
        return self.batch

    def load(self, path, series, *, device, accept_other_level):
        self.asked.append(f"load {self.name}")
        return Represented(), ()

    def fit(self, cell, path, *, execution):
        def fit(inputs, label, field_id, num_classes):
            if cell.name == self.fails_at:
                raise RuntimeError("the power went out")
            self.asked.append(cell.name)
            self.latest_day.append((cell.until_day, int(inputs.values[..., 1].max())))
            return Told(self.share, num_classes, 0)

        return fit, {"settings": {}}


def _settings(**changes):
    options = {
        "kind": "benchmark",
        "scale": "tiny",
        "data": "simulated",
        "arms": ARMS[:2],
        "tasks": ("task1", "task2"),
        "heads": ("lstm",),
        "seeds": (0,),
        "num_fields": (1,),
        "until_days": (200,),
    }
    return settings_of(**(options | changes))


@pytest.fixture
def arms(monkeypatch):
    made = {arm.name: FakeArm(arm.name, ("lstm",)) for arm in ARMS[:2]}
    monkeypatch.setattr(study, "arms_of", lambda settings: made)
    monkeypatch.setattr(study, "POLL_SECONDS", 0.05)
    return made


def _stores(folder: Path) -> None:
    write_store(folder / "pretraining", labelled(20), provenance={"product": "ours"})
    for number, task in enumerate(("task1", "task2")):
        for part, first, size in ((TRAIN, 0, 180), (TEST, 500, 90)):
            series = labelled(size, seed=number, first_field=first)
            write_store(folder / store_name(task, part), series, provenance={})


def _all_cells(settings):
    return cells_of(settings, {arm.name: ("lstm",) for arm in settings.arms})


def test_every_cell_is_trained_once_and_its_representations_go(tmp_path: Path, arms) -> None:
    settings = _settings(seeds=(0, 1))
    _stores(tmp_path / "stores")
    told: list[tuple[int, int]] = []
    trained = run_study(
        tmp_path, settings, WORK, StudyProgress(cells=lambda *numbers: told.append(numbers))
    )
    names = [cell.name for cell in _all_cells(settings)]
    # 2 arms, 2 seeds: 2 configurations of both tasks; of the first a count of labels, and a day.
    assert trained == len(names) == 2 * 2 * (4 + 2)
    assert sorted(p.stem for p in (tmp_path / "cells").glob("*.json")) == sorted(names)
    asked = [what for arm in arms.values() for what in arm.asked]
    assert sorted(what for what in asked if what.startswith("task")) == sorted(names)
    assert sorted(what for what in asked if what.startswith("pretrain")) == [
        "pretrain bert 0", "pretrain bert 1", "pretrain resmlp 0", "pretrain resmlp 1",
    ]  # fmt: skip
    assert list((tmp_path / "representations").iterdir()) == []
    assert told[-1] == (len(names), len(names))
    record = json.loads((tmp_path / "cells" / "task2.bert.lstm.1.0.json").read_text())
    assert record["scores"]["task2"]["overall_accuracy"] == 1.0
    assert set(record["scores"]) == {"task1", "task2"}  # transferred: the legends are the same
    assert record["pretraining"] == {"seconds": 3.0, "flops": 4.0}
    assert record["training"]["num_fields"] == 90
    products = {part: source["product"] for part, source in record["sources"].items()}
    assert products == {"pretraining": "ours", "train": None, "validation": None}


def test_the_accuracy_is_of_the_batches_that_the_arm_says(tmp_path: Path, arms) -> None:
    _stores(tmp_path / "stores")
    arms["bert"].batch = 40
    for arm in arms.values():
        arm.share = 0.5
    run_study(tmp_path, _settings(variant="paper", num_fields=(), until_days=()), WORK)
    for name in arms:
        path = tmp_path / "cells" / f"task1.{name}.lstm.1.0.json"
        found = json.loads(path.read_text())["scores"]["task1"]
        table = pd.read_parquet(path.with_suffix(".parquet"))
        own = table[table["task"] == "task1"]
        right = (own["label"] == own["predicted"]).tolist()
        of_all = sum(right) / len(right)
        batches = [right[start : start + 40] for start in range(0, len(right), 40)]
        of_batches = sum(sum(batch) / len(batch) for batch in batches) / len(batches)
        assert abs(of_batches - of_all) > 1e-3
        assert found["overall_accuracy_of_all"] == pytest.approx(of_all)
        wanted = of_batches if name == "bert" else of_all
        assert found["overall_accuracy"] == pytest.approx(wanted)


def test_what_stands_on_disk_is_what_the_budget_replays(tmp_path: Path, arms) -> None:
    settings = _settings(seeds=(0, 1), tasks=("task1", "task2", "task3"))
    _stores(tmp_path / "stores")
    for part, first, size in ((TRAIN, 0, 180), (TEST, 500, 90)):
        series = labelled(size, legend=SIX, first_field=first)
        write_store(tmp_path / "stores" / store_name("task3", part), series, provenance={})
    found = []

    def watched(fit):
        def watch(cell, path, *, execution):
            names = {each.name for each in (tmp_path / "representations").iterdir()}
            found.append((cell.name, names))
            return fit(cell, path, execution=execution)

        return watch

    for arm in arms.values():
        arm.fit = watched(arm.fit)
    run_study(tmp_path, settings, WORK)
    cells, seen = _all_cells(settings), SeenParts.of_study(settings)
    replayed = standing(cells, seen.names)
    assert found == [(c.name, set(names)) for c, names in zip(cells, replayed, strict=True)]
    for cell in cells:
        record = json.loads((tmp_path / "cells" / f"{cell.name}.json").read_text())
        others = {"task1", "task2"} if cell.task != "task3" else {"task3"}
        whole = cell.num_fields is None and cell.until_day is None
        assert set(record["scores"]) == (others if whole else {cell.task})
        told = [note for note in record["notes"] if note.startswith("not tested on ")]
        assert told == seen.not_tested(cell)
        assert bool(told) == whole


def test_nothing_of_a_later_day_is_seen(tmp_path: Path, arms) -> None:
    _stores(tmp_path / "stores")
    run_study(tmp_path, _settings(), WORK)
    seen = [pair for arm in arms.values() for pair in arm.latest_day]
    assert max(day for until, day in seen if until == 200) < 200
    assert max(day for until, day in seen if until is None) > 200


def test_what_another_had_is_gone_back_to_as_soon_as_it_is_free(tmp_path: Path, arms) -> None:
    _stores(tmp_path / "stores")
    other = Leases(tmp_path, beat_seconds=0.05)
    held = ExitStack()
    assert held.enter_context(other.held("pretraining bert 0"))
    first_of_resmlp = arms["resmlp"].fit

    def release(*arguments, **options):
        held.close()
        return first_of_resmlp(*arguments, **options)

    arms["resmlp"].fit = release
    run_study(tmp_path, _settings(), replace(WORK, stale_seconds=90.0))
    cells = sorted((tmp_path / "cells").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    assert [cell.name.split(".")[1] for cell in cells[:2]] == ["resmlp", "bert"]


def test_an_interrupted_study_goes_on_and_does_nothing_again(tmp_path: Path, arms) -> None:
    settings = _settings()
    _stores(tmp_path / "stores")
    arms["bert"].fails_at = "task2.bert.lstm.2.0.k1"
    with pytest.raises(RuntimeError, match="the power went out"):
        run_study(tmp_path, settings, WORK)
    first = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "cells").iterdir()}
    assert 0 < len(first) < 2 * len(_all_cells(settings))
    arms["bert"].fails_at = ""
    before = {name: list(arm.asked) for name, arm in arms.items()}
    trained = run_study(tmp_path, settings, WORK)
    assert trained == len(_all_cells(settings)) - len(first) // 2
    for name, changed in first.items():
        assert (tmp_path / "cells" / name).stat().st_mtime_ns == changed
    again = [w for arm in arms.values() for w in arm.asked[len(before[arm.name]) :]]
    assert not any(f"{name}.json" in first for name in again)
    assert not any(what == "pretrain bert 0" for what in again)
    assert run_study(tmp_path, settings, WORK) == 0


def test_a_field_that_pretrains_and_is_tested_on_is_refused(tmp_path: Path, arms) -> None:
    _stores(tmp_path / "stores")
    shutil.rmtree(tmp_path / "stores" / "pretraining")
    write_store(tmp_path / "stores" / "pretraining", labelled(20, first_field=500), provenance={})
    with pytest.raises(SplitError, match="field 500 is in the training and in the test part"):
        run_study(tmp_path, _settings(), WORK)


def test_two_share_a_study(tmp_path: Path, arms) -> None:
    settings = _settings()
    _stores(tmp_path / "stores")
    trained = []
    # A machine at its limits may not beat in time; nobody is to be held for dead here.
    patient = replace(WORK, stale_seconds=30.0)
    workers = [
        threading.Thread(target=lambda: trained.append(run_study(tmp_path, settings, patient)))
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    names = [cell.name for cell in _all_cells(settings)]
    asked = [w for arm in arms.values() for w in arm.asked if w.startswith("task")]
    assert sorted(asked) == sorted(names)
    assert sum(trained) == len(names)
    assert min(trained) > 0


def test_the_cell_of_a_dead_process_is_taken_over(tmp_path: Path, arms) -> None:
    settings = _settings()
    _stores(tmp_path / "stores")
    dead = Leases(tmp_path, beat_seconds=60.0)
    assert dead.take("cell task1.bert.lstm.1.0") is not None  # and never beats again
    assert run_study(tmp_path, settings, WORK) == len(_all_cells(settings))


def test_what_killed_processes_left_of_what_is_made_is_removed(tmp_path: Path, arms) -> None:
    data = tmp_path / "given"
    _stores(data)
    shutil.rmtree(data / "task2-train")
    shutil.rmtree(data / "task2-validation")
    write_store(data / "task2", labelled(270), provenance={})
    folder = tmp_path / "study"
    left = [
        "stores/.task2-train.01234567.partial",
        "representations/.task1-train.bert.0.01234567.partial",
        "representations/.task2-train.bert.0.d200.89abcdef.partial",
        "cells/.task1.bert.lstm.1.0.parquet.01234567.partial",
        "pretraining/.bert.s0.01234567.partial",
    ]
    for name in left:
        (folder / name).mkdir(parents=True)
        (folder / name / "z.npy").write_bytes(b"half")
    other = folder / "representations" / ".of-another-study.01234567.partial"
    other.mkdir()
    run_study(folder, _settings(data=str(data)), WORK)
    assert list(folder.rglob("*.partial")) == [other]


def test_a_sleeper_that_was_taken_over_leaves_the_cell_to_the_other(
    tmp_path: Path, arms, monkeypatch
) -> None:
    settings = _settings()
    _stores(tmp_path / "stores")
    name = "task1.bert.lstm.1.0"
    other = tmp_path / "other"
    _stores(other / "stores")
    run_study(other, settings, WORK)
    real = study.open_representation
    slept: list[Path] = []

    def asleep(path):
        if not slept:
            slept.append(path)
            for suffix in ("json", "parquet"):  # made by another, who removes what no cell needs
                made = other / "cells" / f"{name}.{suffix}"
                shutil.copy(made, tmp_path / "cells" / made.name)
            for unneeded in (tmp_path / "representations").iterdir():
                remove_representation(unneeded)
        return real(path)

    monkeypatch.setattr(study, "open_representation", asleep)
    (tmp_path / "cells").mkdir()
    assert run_study(tmp_path, settings, WORK) == len(_all_cells(settings)) - 1
    assert [path.name for path in slept] == ["task1-train.bert.0"]

    def damaged(path):
        raise DataError("the representation is not what stands beside it")

    (tmp_path / "cells" / f"{name}.json").unlink()
    monkeypatch.setattr(study, "open_representation", damaged)
    with pytest.raises(DataError, match="not what stands beside it"):
        run_study(tmp_path, settings, WORK)


def test_another_study_in_the_folder_is_refused(tmp_path: Path) -> None:
    open_study(tmp_path, _settings())
    open_study(tmp_path, _settings())
    with pytest.raises(SettingsError, match=r"holds a study of another seeds.*another --out"):
        open_study(tmp_path, _settings(seeds=(1,)))


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(SettingsError, match="a seed stands twice"):
        _settings(seeds=(0, 0))
    with pytest.raises(SettingsError, match="a curve is asked of a configuration that is not"):
        _settings(curve_configurations=(3,))
    with pytest.raises(SettingsError, match="unknown task"):
        _settings(tasks=("task9",))


def test_a_missing_real_store_is_told(tmp_path: Path, arms) -> None:
    settings = _settings(data=str(tmp_path / "given"))
    with pytest.raises(SettingsError, match="no folder of stores"):
        run_study(tmp_path / "study", settings, WORK)
    _stores(tmp_path / "given")
    run_study(tmp_path / "study2", settings, WORK)
    (tmp_path / "given" / "task2-train" / "zarr.json").unlink()
    with pytest.raises(StoreError, match="the study needs a store 'task2-train'"):
        run_study(tmp_path / "study3", settings, WORK)


def test_series_are_spread_over_fields_and_told_where_they_are_few(tmp_path: Path) -> None:
    task = task_settings("task1", "tiny").model_copy(update={"train_per_class": 4})
    write_store(tmp_path / "s", labelled(2 * 9 * 6), provenance={})  # 6 fields of 2 a class
    part = read_part(Store(tmp_path / "s"), task, TRAIN, replacement=False, seed=0)
    counts = np.bincount(part.label)
    assert counts.tolist() == [4] * 9
    # Four of a class come of four fields, though any two fields would have done.
    assert part.counts()["fields_by_class"] == dict.fromkeys(DENETHOR.names, 4)
    assert part.notes == ()
    more = task.model_copy(update={"train_per_class": 20})
    few = read_part(Store(tmp_path / "s"), more, TRAIN, replacement=False, seed=0)
    assert len(few.series) == 108
    assert few.notes[0] == "Wheat: 12 series instead of 20"
    drawn = read_part(Store(tmp_path / "s"), more, TRAIN, replacement=True, seed=0)
    assert np.bincount(drawn.label).tolist() == [20] * 9
    assert drawn.notes[0] == "Wheat: 12 series, drawn with replacement"
    assert len(np.unique(drawn.series.id)) == len(drawn.series)


def test_copies_that_a_store_holds_count_once_but_in_the_paper_s_way(tmp_path: Path) -> None:
    task = task_settings("task1", "tiny").model_copy(update={"train_per_class": 20})
    series = labelled(2 * 9 * 6)
    oats = np.flatnonzero(series.label == 1)
    copies = [  # as drawn with replacement
        replace(series.select(oats[[row]]), id=np.array([10**9 + number]))
        for number, row in enumerate((0, 0, 0, 5))
    ]
    write_store(tmp_path / "s", concatenate([series, *copies]), provenance={})
    once = read_part(Store(tmp_path / "s"), task, TRAIN, replacement=False, seed=0)
    assert len(once.series) == 108
    assert once.series.id.tolist() == series.id.tolist()
    assert once.notes[1:3] == (
        f"{DENETHOR.names[1]}: 4 series of the store are copies of others, left out",
        f"{DENETHOR.names[1]}: 12 series instead of 20",
    )
    drawn = read_part(Store(tmp_path / "s"), task, TRAIN, replacement=True, seed=0)
    assert drawn.notes[1] == f"{DENETHOR.names[1]}: 16 series, drawn with replacement"
    # Where fields are not known a copy has a name of its own, and is a copy still.
    other = replace(copies[0], field_id=np.array([5_000]))
    write_store(tmp_path / "t", concatenate([series, other]), provenance={})
    assert (
        len(read_part(Store(tmp_path / "t"), task, TRAIN, replacement=False, seed=0).series) == 108
    )


def test_the_three_small_classes_of_task_3_are_left_out_and_fields_split(tmp_path: Path) -> None:
    task = task_settings("task3", "tiny")
    series = labelled(108)
    names = [name.lower() for name in series.legend.names]
    odd = task.model_copy(update={"classes_left_out": ("oats", "CORN", "Rye")})
    kept = leave_out(series, odd.classes_left_out)
    assert [n.lower() for n in kept.legend.names] == [
        n for n in names if n not in ("oats", "corn", "rye")
    ]
    assert len(kept) == 108 - 3 * 12
    write_store(tmp_path / "task3", series, provenance={})
    split_whole_store(tmp_path / "task3", tmp_path / "out", odd, 0)
    train, test = (
        read_part(Store(tmp_path / "out" / f"task3-{p}"), odd, p, replacement=False, seed=0)
        for p in (TRAIN, TEST)
    )
    assert not set(train.series.field_id) & set(test.series.field_id)
    assert train.series.legend.names == SIX.names or len(train.series.legend) == 6
