"""A study by real processes: the same bits as one thread, one clean error, and none left behind."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from threadpoolctl import threadpool_limits

from study_factory import labelled, settings_of
from windrow.cli import main
from windrow.data.store.zarr_store import write_store
from windrow.errors import SettingsError, SplitError, WindrowError
from windrow.experiments.scheduling import processes
from windrow.experiments.scheduling.processes import (
    MOST_PROCESSES,
    check_end,
    default_processes,
    run_study_by_processes,
)
from windrow.experiments.study.arms import benchmark_arms
from windrow.experiments.study.leases import LEASES
from windrow.experiments.study.progress import StudyProgress
from windrow.experiments.study.settings import cells_of
from windrow.experiments.study.worker import WorkSettings, run_study
from windrow.processes import number_of_cores
from windrow.training.execution import ExecutionSettings

WORK = WorkSettings(execution=ExecutionSettings())
TIMES = {"fit_seconds", "predict_seconds", "seconds"}


def _stores(folder: Path, *, first_field: int = 900) -> Path:
    write_store(folder / "pretraining", labelled(20, first_field=first_field), provenance={})
    for part, first, size in (("train", 0, 60), ("validation", 500, 45)):
        write_store(
            folder / f"task1-{part}", labelled(size, seed=1, first_field=first), provenance={}
        )
    return folder


def _settings(data: Path, **changes):
    options = {
        "kind": "benchmark",
        "scale": "tiny",
        "data": str(data),
        "arms": benchmark_arms(["scratch", "random-forest"], "tiny"),
        "tasks": ["task1"],
        "heads": ["transformer"],
        "num_fields": (1,),
        "until_days": (),
        "num_configurations": 1,
    }
    return settings_of(**(options | changes))


def _command(folder: Path, *words: object) -> list[str]:
    common = ("--scale", "tiny", "--tasks", 1, "--methods", "scratch", "--processes", 2)
    data = ("--data", folder / "stores", "--out", folder / "study", "--no-budget")
    return [str(word) for word in ("benchmark", *common, *data, *words)]


def _running(study: Path) -> list[str]:
    """Files of leases that were neither completed nor given back."""
    files = (study / LEASES).iterdir()
    return [path.name for path in files if not path.read_bytes().endswith(b"given back\n")]


def _untimed(value):
    if isinstance(value, dict):
        return {name: _untimed(part) for name, part in value.items() if name not in TIMES}
    return value


def test_two_processes_find_the_bits_of_one_thread(tmp_path: Path) -> None:
    settings = _settings(_stores(tmp_path / "stores"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            assert run_study(tmp_path / "one", settings, WORK) == 4
    finally:
        torch.set_num_threads(threads)
    told: list[tuple[int, int]] = []
    notes: list[str] = []
    progress = StudyProgress(cells=lambda *numbers: told.append(numbers), note=notes.append)
    trained = run_study_by_processes(tmp_path / "two", settings, WORK, progress, processes=2)
    assert trained == 4
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (4, 4)
    cells = sorted((tmp_path / "one" / "cells").iterdir())
    assert [path.name for path in cells] == sorted(os.listdir(tmp_path / "two" / "cells"))
    assert len(cells) == 8
    for path in cells:
        other = tmp_path / "two" / "cells" / path.name
        if path.suffix == ".json":
            ours, theirs = json.loads(path.read_text()), json.loads(other.read_text())
            assert _untimed(ours) == _untimed(theirs)
            assert sum(note.startswith(f"{path.stem}: ") for note in notes) == 1
        else:
            assert path.read_bytes() == other.read_bytes()


@pytest.mark.slow
def test_the_error_of_a_process_is_one_line_and_ends_the_others(tmp_path: Path, capsys) -> None:
    _stores(tmp_path / "stores", first_field=500)  # fields that are tested on, too
    with pytest.raises(SystemExit) as caught:
        main(_command(tmp_path, "--heads", "transformer"))
    assert caught.value.code == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(errors) == 1
    assert "windrow: error: field 500 is in the training and in the test part" in errors[0]
    assert _running(tmp_path / "study") == []


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGKILL, -signal.SIGKILL, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow),
    ],
)
def test_nothing_is_left_of_a_study_that_is_stopped(tmp_path: Path, number, code) -> None:
    _stores(tmp_path / "stores")
    words = _command(tmp_path, "--seeds", *range(50))
    parent = subprocess.Popen(
        [sys.executable, "-m", "windrow", *words],
        stderr=subprocess.PIPE,
        start_new_session=True,  # so that they are a group of their own, as in a terminal
        text=True,
    )
    try:
        assert parent.stderr is not None
        lines = iter(parent.stderr.readline, "")
        assert any(line.startswith("represented") for line in lines)
        if number == signal.SIGINT:
            os.killpg(parent.pid, number)  # Ctrl-C reaches all of a terminal
        else:
            parent.send_signal(number)
        said = parent.stderr.read()  # to the end of the last process
        assert parent.wait(30) == code
        assert _is_gone(parent.pid)
    finally:
        if not _is_gone(parent.pid, patience=0):
            os.killpg(parent.pid, signal.SIGKILL)
        parent.stderr.close()
    assert "Traceback" not in said
    assert ("windrow: interrupted" in said) == (number == signal.SIGINT)
    assert _running(tmp_path / "study") == []  # another need not wait for dead ones
    assert list((tmp_path / "study").rglob("*.partial")) == []


def _is_gone(group: int, *, patience: float = 20.0) -> bool:
    last = time.monotonic() + patience
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        if time.monotonic() >= last:
            return False
        time.sleep(0.1)


@pytest.mark.slow
def test_a_process_that_is_killed_is_told(tmp_path: Path) -> None:
    settings = _settings(_stores(tmp_path / "stores"), seeds=tuple(range(50)))

    def kill_one(text: str) -> None:
        if text.startswith("represented"):
            child = next(iter(_children_at_work()))
            os.kill(child, signal.SIGKILL)

    with pytest.raises(WindrowError, match=r"was killed; found signal 9.*fewer --processes"):
        run_study_by_processes(
            tmp_path / "study", settings, WORK, StudyProgress(note=kill_one), processes=2
        )
    assert _children_at_work() == []


def _children_at_work() -> list[int]:
    return [child.pid for child in multiprocessing.active_children() if child.pid is not None]


def test_one_process_unwinds_on_sigterm_too(tmp_path: Path, monkeypatch) -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    unwound: list[str] = []

    def work(*arguments):
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            unwound.append("leases are given back")
        return 0

    monkeypatch.setattr(processes, "run_study", work)
    try:
        with pytest.raises(SystemExit) as caught:
            run_study_by_processes(tmp_path, _settings(tmp_path), WORK, processes=1)
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
    assert caught.value.code == 143
    assert unwound == ["leases are given back"]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (-9, r"was killed; found signal 9 .*give fewer --processes; the same command continues"),
        (
            143,
            r"was killed; found signal 15 \(Terminated\); to mend it: the same command continues",
        ),
    ],
)
def test_the_end_of_a_process_is_told_by_its_signal(code, told) -> None:
    process = SimpleNamespace(exitcode=code, name="process 1", join=lambda: None)
    with pytest.raises(WindrowError, match=told):
        check_end(process)
    for other in (1, 128, 255):
        process.exitcode = other
        with pytest.raises(RuntimeError, match="process 1 of the study failed; its traceback"):
            check_end(process)
    process.exitcode = 0
    check_end(process)


class _NoProcess:
    """A process that ends as soon as it is started, without an error."""

    exitcode = 0

    def __init__(self, started: list[str], name: str) -> None:
        self._started, self._name = started, name

    def start(self) -> None:
        self._started.append(self._name)

    def join(self, seconds: float | None = None) -> None:
        pass

    terminate = kill = join


def test_no_more_are_started_than_there_are_cells(tmp_path: Path, monkeypatch) -> None:
    settings = _settings(_stores(tmp_path / "stores"))
    arms = processes.arms_of(settings)
    cells = cells_of(settings, {name: arm.heads for name, arm in arms.items()})
    started: list[str] = []
    context = SimpleNamespace(
        Pipe=multiprocessing.Pipe,
        Process=lambda target, args, name: _NoProcess(started, name),
    )
    monkeypatch.setattr(multiprocessing, "get_context", lambda method: context)
    told: list[tuple[int, int]] = []
    folder = tmp_path / "study"
    (folder / "cells").mkdir(parents=True)
    assert len(cells) == 4
    for num_done in range(5):
        progress = StudyProgress(cells=lambda *numbers: told.append(numbers))
        assert run_study_by_processes(folder, settings, WORK, progress, processes=3) == 0
        if num_done < 4:
            (folder / "cells" / f"{cells[num_done].name}.json").touch()
    counts = [3, 3, 2, 1]
    assert started == [f"process {n + 1}" for count in counts for n in range(count)]
    assert told == [(4, 4)]


def test_how_many_there_are(tmp_path: Path) -> None:
    assert default_processes("cpu") == min(number_of_cores(), MOST_PROCESSES)
    assert default_processes("cuda") == 1
    with pytest.raises(SettingsError, match=r"no processes; found 0"):
        run_study_by_processes(tmp_path, _settings(tmp_path), WORK, processes=0)
    with pytest.raises(SystemExit) as caught:
        main(_command(tmp_path, "--processes", -1))
    assert caught.value.code == 2
    assert not (tmp_path / "study").exists()


def test_one_process_is_this_one(tmp_path: Path) -> None:
    _stores(tmp_path / "stores", first_field=500)
    with pytest.raises(SplitError) as caught:
        run_study_by_processes(
            tmp_path / "study", _settings(tmp_path / "stores"), WORK, processes=1
        )
    assert any("run_study" in str(entry.name) for entry in caught.traceback)
