"""Threads of processes that are started, and what is left as it was."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from windrow.processes import (
    begin_in_pool,
    end_with_parent,
    held_back,
    number_of_cores,
    one_thread_each,
    uninterrupted,
)


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


def test_a_signal_waits_for_the_end_of_the_block_and_a_second_does_not() -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    done: list[int] = []

    def interrupted(times: int) -> None:
        with uninterrupted():
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
            done.append(times)

    with pytest.raises(KeyboardInterrupt):
        interrupted(1)
    assert done == [1]
    with pytest.raises(KeyboardInterrupt) as caught:
        interrupted(2)
    assert caught.value.__context__ is None  # once, not again when the block ends
    assert done == [1]
    assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


def test_a_signal_that_another_thread_is_given_waits_too() -> None:
    done: list[str] = []

    def interrupted() -> None:
        with uninterrupted():
            sender = threading.Thread(target=signal.raise_signal, args=(signal.SIGINT,))
            sender.start()
            sender.join()
            done.append("to the end")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == ["to the end"]


def test_in_another_thread_it_is_a_block_as_any_other() -> None:
    found: list[object] = []

    def look() -> None:
        with uninterrupted():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]


def test_a_process_of_a_pool_leaves_ctrl_c_to_its_parent() -> None:
    before = signal.getsignal(signal.SIGINT)
    try:
        begin_in_pool()
        signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_process_that_nobody_started_watches_nothing() -> None:
    before = threading.active_count()
    end_with_parent()  # what happens to one that was started: test_study_processes
    assert threading.active_count() == before


def test_ctrl_c_waits_for_a_process_to_be_started_whichever_thread_it_is_given_to() -> None:
    done: list[str] = []

    def interrupted() -> None:
        with held_back(signal.SIGINT):
            sender = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT))
            sender.start()
            sender.join()
            done.append("started")

    other = threading.Event()
    lives = threading.Thread(target=other.wait)  # blocks no signal
    lives.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    finally:
        other.set()
        lives.join()
    assert done == ["started"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
