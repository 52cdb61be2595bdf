"""Threads of processes that are started, and what is left as it was."""

import os
import subprocess
import sys
import threading

import pytest

from windrow.processes import end_with_parent, number_of_cores, one_thread_each


def test_only_processes_started_within_are_held_to_one_thread(monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    code = "import os; print(os.environ['OMP_NUM_THREADS'], os.environ['MKL_NUM_THREADS'])"
    with one_thread_each():
        said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert said.stdout.split() == [b"1", b"1"]
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert "MKL_NUM_THREADS" not in os.environ
    with pytest.raises(ValueError, match="no more"), one_thread_each():
        raise ValueError("no more")
    assert os.environ["OMP_NUM_THREADS"] == "3"


def test_cores_are_those_this_process_may_use() -> None:
    code = (
        "import os; from windrow.processes import number_of_cores; "
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); print(number_of_cores())"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert said.stdout == b"1\n"
    assert 1 <= number_of_cores() <= (os.cpu_count() or 1)


def test_a_process_that_nobody_started_watches_nothing() -> None:
    before = threading.active_count()
    end_with_parent()  # what happens to one that was started: test_study_processes
    assert threading.active_count() == before
