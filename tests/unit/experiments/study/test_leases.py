"""Leases: one process has a job, a dead one loses it, and everything is done once."""

import errno
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from windrow.errors import OutputError
from windrow.experiments.study.leases import LEASES, Leases


def _leases(folder: Path, **options: object) -> Leases:
    return Leases(folder, **({"beat_seconds": 0.05} | options))  # type: ignore[arg-type]


def _running(folder: Path) -> list[str]:
    """Files of leases that were neither completed nor given back."""
    found = sorted((folder / LEASES).iterdir())
    return [path.name for path in found if not path.read_bytes().endswith(b"given back\n")]


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / LEASES).iterdir())


def test_a_job_is_had_by_one_only(tmp_path: Path) -> None:
    first, second = _leases(tmp_path), _leases(tmp_path)
    with first.held("cell a/b.1") as ours:
        assert ours
        with second.held("cell a/b.1") as theirs:
            assert theirs is None
        with second.held("cell b") as other:
            assert other
        assert _running(tmp_path) == ["cell+a%2Fb.1.1.lease"]
    assert _files(tmp_path) == []


def test_a_job_that_fails_is_free_again(tmp_path: Path) -> None:
    leases = _leases(tmp_path)
    with pytest.raises(ValueError, match="no"), leases.held("cell a"):
        raise ValueError("no")
    assert _running(tmp_path) == []
    assert _files(tmp_path) == ["cell+a.1.lease"]  # its number is not given again
    with _leases(tmp_path).held("cell a") as ours:
        assert ours
        assert _files(tmp_path) == ["cell+a.1.lease", "cell+a.2.lease"]
    assert _files(tmp_path) == []


@pytest.mark.parametrize("interrupted_at", ["open", "write", "unlink"])
def test_a_signal_while_a_lease_is_taken_or_completed_leaves_no_lease(
    tmp_path: Path, monkeypatch, interrupted_at: str
) -> None:
    leases = _leases(tmp_path)
    real = getattr(os, interrupted_at)
    came: list[object] = []

    def interrupted(path, *what):
        result = real(path, *what)
        if not came:
            came.append(path)
            signal.raise_signal(signal.SIGINT)
        return result

    monkeypatch.setattr(os, interrupted_at, interrupted)
    with pytest.raises(KeyboardInterrupt), leases.held("cell a"):
        pass
    assert came
    assert _running(tmp_path) == []
    with _leases(tmp_path).held("cell a") as ours:
        assert ours


def test_a_lease_without_a_touch_is_dead_by_the_clock_of_who_looks(tmp_path: Path) -> None:
    now = [0.0]
    killed = _leases(tmp_path).take("cell a")
    assert killed is not None  # never beats
    leases = _leases(tmp_path, stale_seconds=10.0, clock=lambda: now[0])
    assert leases.take("cell a") is None  # seen for the first time
    now[0] = 9.0
    assert leases.take("cell a") is None
    assert not killed.is_lost()
    now[0] = 10.5
    assert leases.take("cell a") is not None
    assert killed.is_lost()
    assert _leases(tmp_path).take("cell a") is None  # taken over by one only


def test_two_who_find_the_same_lease_dead_do_not_both_succeed_it(
    tmp_path: Path, monkeypatch
) -> None:
    now = [0.0]
    assert _leases(tmp_path).take("cell a") is not None
    slow, quick = (_leases(tmp_path, stale_seconds=10.0, clock=lambda: now[0]) for _ in range(2))
    assert slow.take("cell a") is None
    assert quick.take("cell a") is None
    now[0] = 10.5
    real = os.open
    taken = []

    def late(path, *what):
        monkeypatch.undo()
        taken.append(quick.take("cell a"))
        return real(path, *what)

    monkeypatch.setattr(os, "open", late)
    assert slow.take("cell a") is None
    assert taken[0] is not None
    assert not taken[0].is_lost()


def test_who_is_slow_to_take_does_not_take_a_lease_beside_the_next_holder(
    tmp_path: Path, monkeypatch
) -> None:
    slow, quick, third = (_leases(tmp_path) for _ in range(3))
    real = os.open
    held = []

    def late(path, *what):
        monkeypatch.undo()
        first = quick.take("cell a")
        assert first is not None
        first.give_back()
        held.append(third.take("cell a"))
        return real(path, *what)

    monkeypatch.setattr(os, "open", late)
    assert slow.take("cell a") is None
    assert held[0] is not None


def test_a_lease_that_is_touched_stays_alive(tmp_path: Path) -> None:
    now = [0.0]
    leases = _leases(tmp_path, stale_seconds=10.0, clock=lambda: now[0])
    other = _leases(tmp_path).take("cell a")
    assert other is not None
    for step in range(5):
        now[0] = 8.0 * step
        assert leases.take("cell a") is None
        time.sleep(0.02)  # a file system's clock ticks in hundredths of a second
        other.touch()
    now[0] += 8.0
    assert leases.take("cell a") is None  # the last touch is seen
    now[0] += 10.5
    assert leases.take("cell a") is not None


def test_a_touch_that_fails_is_not_the_last(tmp_path: Path, monkeypatch) -> None:
    leases = _leases(tmp_path, beat_seconds=0.01)
    real = os.utime
    failures = [OSError(errno.EIO, os.strerror(errno.EIO)), OSError(errno.ESTALE, "stale")]
    touched: list[int] = []

    def utime(descriptor: int) -> None:
        if failures:
            raise failures.pop()
        real(descriptor)
        touched.append(descriptor)

    monkeypatch.setattr(os, "utime", utime)
    with leases.held("cell a"):
        last = time.monotonic() + 30.0
        while not touched:
            assert time.monotonic() < last
            time.sleep(0.01)
    assert failures == []


@pytest.mark.parametrize("failing", ["open", "write"])
def test_a_full_disk_is_told_as_such(tmp_path: Path, monkeypatch, failing) -> None:
    leases = _leases(tmp_path)

    def full(*what: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, full)
        with pytest.raises(OutputError, match=r"in .*cell\+a\.1\.lease; found the disk is full"):
            leases.take("cell a")
    assert _files(tmp_path) == []


def test_a_lease_that_cannot_be_given_back_is_dead_after_a_while(
    tmp_path: Path, monkeypatch
) -> None:
    now = [0.0]
    lease = _leases(tmp_path).take("cell a")
    assert lease is not None

    def full(*what: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        lease.give_back()
    leases = _leases(tmp_path, stale_seconds=10.0, clock=lambda: now[0])
    assert leases.take("cell a") is None
    now[0] = 11.0
    assert leases.take("cell a") is not None


def test_a_job_that_was_refused_is_asked_for_once_a_pass(tmp_path: Path, monkeypatch) -> None:
    leases, other = _leases(tmp_path), _leases(tmp_path)
    asked: list[str] = []
    real = leases.take
    monkeypatch.setattr(leases, "take", lambda job: asked.append(job) or real(job))
    made: list[int] = []

    def ensure() -> bool:
        return leases.ensure("job", done=lambda: bool(made), make=lambda: made.append(1))

    with other.held("job"):
        assert [ensure() for _ in range(1000)] == [False] * 1000
        assert asked == ["job"]
        leases.ask_again()
        assert not ensure()
        assert asked == ["job", "job"]
    leases.ask_again()
    assert ensure()
    assert ensure()
    assert made == [1]
    assert len(asked) == 3


def test_who_was_held_for_dead_leaves_the_job_to_the_other(tmp_path: Path) -> None:
    now = [0.0]
    sleeper = _leases(tmp_path, beat_seconds=60.0)
    other = _leases(tmp_path, stale_seconds=10.0, clock=lambda: now[0])
    done: list[int] = []
    taken = []

    def taken_over() -> None:
        assert other.take("job") is None
        now[0] = 11.0
        taken.append(other.take("job"))
        raise FileNotFoundError("what was begun is removed")

    assert not sleeper.ensure("job", done=lambda: bool(done), make=taken_over)
    assert _running(tmp_path) == ["job.2.lease"]  # the other's lease stands
    assert not taken[0].is_lost()
    taken[0].give_back()

    def fails() -> None:
        raise FileNotFoundError("an input is missing")

    with pytest.raises(FileNotFoundError, match="an input is missing"):
        sleeper.ensure("job", done=lambda: bool(done), make=fails)

    def made_by_the_other() -> None:
        done.append(1)
        raise OutputError("output exists already")

    assert sleeper.ensure("job", done=lambda: bool(done), make=made_by_the_other)


def test_a_sleeper_that_completes_leaves_the_lease_of_the_other(tmp_path: Path) -> None:
    now = [0.0]
    other = _leases(tmp_path, stale_seconds=10.0, clock=lambda: now[0])
    sleeper = _leases(tmp_path).take("job")
    assert sleeper is not None
    assert other.take("job") is None
    now[0] = 11.0
    theirs = other.take("job")
    assert theirs is not None
    sleeper.complete()
    assert _files(tmp_path) == ["job.2.lease"]
    assert not theirs.is_lost()


def _work(folder: Path, num_jobs: int, start: object) -> None:
    """Does every job that it can have; a job's file is its name and a line a doing."""
    leases = _leases(folder)
    start.wait(60)  # type: ignore[attr-defined]
    while True:
        left = [n for n in range(num_jobs) if not (folder / f"done-{n}").exists()]
        if not left:
            return
        for number in left:
            with leases.held(f"job {number}") as ours:
                if ours and not (folder / f"done-{number}").exists():
                    with (folder / "log").open("a") as log:
                        log.write(f"{number} {os.getpid()}\n")
                    time.sleep(0.05)  # long beside the start of the other
                    (folder / f"done-{number}").touch()


def test_two_processes_share_the_work_and_do_nothing_twice(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)  # met once both have what they need
    workers = [context.Process(target=_work, args=(tmp_path, 30, start)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    lines = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    assert sorted(int(number) for number, _ in lines) == list(range(30))
    assert len({worker for _, worker in lines}) == 2
    assert _files(tmp_path) == []


def _hold(folder: Path, holding: object) -> None:
    with _leases(folder).held("cell a"):
        holding.set()  # type: ignore[attr-defined]
        time.sleep(60)


def test_the_job_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    holding = context.Event()
    worker = context.Process(target=_hold, args=(tmp_path, holding))
    worker.start()
    assert holding.wait(30)
    leases = _leases(tmp_path, stale_seconds=0.5)
    time.sleep(0.2)
    assert leases.take("cell a") is None
    os.kill(worker.pid or 0, signal.SIGKILL)
    worker.join(10)
    started = time.monotonic()
    while leases.take("cell a") is None:
        assert time.monotonic() - started < 10
        time.sleep(0.05)
