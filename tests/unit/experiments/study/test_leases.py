"""Claims: one process has a job, a dead one gives it back, and everything is done once."""

import errno
import multiprocessing
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import optuna
import pytest

from windrow.errors import DataError, OutputError, SettingsError
from windrow.experiments.study.leases import JOURNAL, Claims


def _claims(folder: Path, **options: object) -> Claims:
    return Claims(folder, **({"beat_seconds": 0.05} | options))  # type: ignore[arg-type]


def test_a_job_is_had_by_one_only(tmp_path: Path) -> None:
    first, second = _claims(tmp_path), _claims(tmp_path)
    with first.claimed("cell a") as ours:
        assert ours
        with second.claimed("cell a") as theirs:
            assert theirs is None
        with second.claimed("cell b") as other:
            assert other
        assert list(second.running()) == ["cell a"]
    assert (tmp_path / JOURNAL).is_file()
    assert list(second.running()) == []


def test_a_job_that_fails_is_free_again(tmp_path: Path) -> None:
    claims = _claims(tmp_path)
    with pytest.raises(ValueError, match="no"), claims.claimed("cell a"):
        raise ValueError("no")
    with _claims(tmp_path).claimed("cell a") as ours:
        assert ours


@pytest.mark.parametrize("interrupted_at", ["set_trial_user_attr", "set_trial_state_values"])
def test_a_signal_while_a_claim_is_taken_or_completed_leaves_no_claim(
    tmp_path: Path, monkeypatch, interrupted_at: str
) -> None:
    claims = _claims(tmp_path)
    real = getattr(claims._storage, interrupted_at)
    came = []

    def interrupted(trial_id, *what):
        result = real(trial_id, *what)
        if not came and (interrupted_at == "set_trial_user_attr" or what[0].name == "COMPLETE"):
            came.append(what)
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(claims._storage, interrupted_at, interrupted)
    with pytest.raises(KeyboardInterrupt), claims.claimed("cell a"):
        pass
    assert came
    assert list(_claims(tmp_path).running()) == []
    with _claims(tmp_path).claimed("cell a") as ours:
        assert ours


def test_a_signal_never_comes_under_the_lock_of_the_journal(tmp_path: Path, monkeypatch) -> None:
    claims = _claims(tmp_path, beat_seconds=60.0)  # a beat would take the lock, too
    real = os.unlink
    unlocked: list[str] = []
    signal_at = [0]

    def unlink(path: str) -> None:
        real(path)
        unlocked.append(path)
        if len(unlocked) == signal_at[0]:
            signal.raise_signal(signal.SIGINT)  # Optuna would find the file gone

    monkeypatch.setattr(os, "unlink", unlink)
    with claims.claimed("cell"):
        pass
    assert len(unlocked) == 4  # put in, taken, by whom, completed
    for number in range(1, 5):
        unlocked.clear()
        signal_at[0] = number
        with pytest.raises(KeyboardInterrupt) as caught, claims.claimed(f"cell {number}"):
            pass
        assert caught.value.__context__ is None
        assert list(_claims(tmp_path).running()) == []
    assert [path.name for path in tmp_path.iterdir()] == [JOURNAL]


def test_a_claim_without_a_beat_is_dead_by_the_clock_of_who_looks(tmp_path: Path) -> None:
    now = [0.0]
    killed = _claims(tmp_path)
    assert killed.take("cell a") is not None  # never beats
    claims = _claims(tmp_path, stale_seconds=10.0, clock=lambda: now[0])
    assert claims.take("cell a") is None  # seen for the first time
    now[0] = 9.0
    assert claims.take("cell a") is None
    now[0] = 10.5
    assert claims.take("cell a") is not None
    assert _claims(tmp_path).take("cell a") is None  # taken over by one only


def test_a_claim_that_beats_stays_alive(tmp_path: Path) -> None:
    now = [0.0]
    claims = _claims(tmp_path, stale_seconds=10.0, clock=lambda: now[0])
    other = _claims(tmp_path, beat_seconds=60.0)
    assert other.take("cell a") is not None
    (trial,) = other._study.get_trials(deepcopy=False)
    for step in range(5):
        now[0] = 8.0 * step
        assert claims.take("cell a") is None
        other.beat(trial._trial_id, step + 1)
    now[0] += 8.0
    assert claims.take("cell a") is None  # the last beat is seen
    now[0] += 10.5
    assert claims.take("cell a") is not None


def test_a_beat_that_fails_is_not_the_last(tmp_path: Path, monkeypatch) -> None:
    claims = _claims(tmp_path, beat_seconds=0.01)
    real = claims._storage.set_trial_user_attr
    failures = [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        RuntimeError("Error: did not possess lock"),
        ValueError("a line that is cut"),
    ]

    def beat(trial_id, key, value):
        if key == "beat" and failures:
            raise failures.pop()
        real(trial_id, key, value)

    monkeypatch.setattr(claims._storage, "set_trial_user_attr", beat)
    with claims.claimed("cell a"):
        last = time.monotonic() + 30.0
        while not any("beat" in t.user_attrs for t in _claims(tmp_path)._study.get_trials()):
            assert time.monotonic() < last
            time.sleep(0.01)
    assert failures == []


def test_a_job_that_another_finishes_while_it_is_asked_for_is_refused(
    tmp_path: Path, monkeypatch
) -> None:
    slow, quick = _claims(tmp_path), _claims(tmp_path)
    real = slow._storage.set_trial_state_values

    def late(trial_id, state, values=None):
        monkeypatch.undo()
        with quick.claimed("cell a") as ours:
            assert ours
        return real(trial_id, state, values)

    monkeypatch.setattr(slow._storage, "set_trial_state_values", late)
    assert slow.take("cell a") is None
    assert slow.take("cell a") is not None  # whether it is done is not asked here


def test_the_link_of_the_lock_leads_to_the_journal_from_a_relative_folder(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    claims = _claims(Path("study"))
    real = os.unlink
    seen: list[tuple[str, bool]] = []

    def unlink(path: str) -> None:
        seen.append((os.readlink(path), os.path.exists(path)))
        real(path)

    monkeypatch.setattr(os, "unlink", unlink)
    with claims.claimed("cell"):
        pass
    assert set(seen) == {(JOURNAL, True)}  # by its name alone: machines may mount it elsewhere


def test_a_lock_that_a_kill_left_is_broken_after_the_grace(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    claims = _claims(Path("study"))
    lock = claims._storage._backend._lock
    lock.acquire()  # and is killed
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def sleep(seconds: float) -> None:
        now[0] += seconds
        assert now[0] < 60.0, "the lock is waited for without end"

    monkeypatch.setattr(time, "sleep", sleep)
    assert _claims(Path("study"), beat_seconds=60.0).take("cell a") is not None
    assert now[0] > lock.grace_period
    assert [path.name for path in Path("study").iterdir()] == [JOURNAL]


def test_a_lock_that_another_broke_is_no_end(tmp_path: Path, monkeypatch) -> None:
    claims = _claims(tmp_path, beat_seconds=60.0)
    real = os.fsync
    broken: list[int] = []

    def fsync(descriptor: int) -> None:
        real(descriptor)
        (tmp_path / f"{JOURNAL}.lock").unlink()  # as another does after half a minute
        broken.append(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with claims.claimed("cell a") as ours:
        assert ours is not None
        assert claims.running() == ["cell a"]
    assert len(broken) == 4
    assert claims.running() == []


def _cut(folder: Path) -> None:
    with (folder / JOURNAL).open("ab") as file:
        file.write(b'{"op_code":8,"worker_id":"x","trial')


def test_a_cut_line_of_the_journal_is_told_with_the_way_out(tmp_path: Path) -> None:
    claims = _claims(tmp_path, beat_seconds=60.0)
    held = ExitStack()
    assert held.enter_context(claims.claimed("cell a"))
    _cut(tmp_path)
    told = r"claims is damaged; in .*claims\.journal; found a line .*remove the file; what is done"
    other = _claims(tmp_path)  # what it writes first is lost with the line that is cut
    with pytest.raises(DataError, match=told):
        other.take("cell b")
    for again in (lambda: _claims(tmp_path), other.running, held.close):
        with pytest.raises(DataError, match=told):
            again()
    (tmp_path / JOURNAL).unlink()
    assert _claims(tmp_path).take("cell b") is not None


def test_a_full_disk_is_told_as_such(tmp_path: Path, monkeypatch) -> None:
    claims = _claims(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"in .*claims\.journal; found the disk is full"):
        claims.take("cell a")


def test_a_job_that_was_refused_is_asked_for_once_a_pass(tmp_path: Path, monkeypatch) -> None:
    claims, other = _claims(tmp_path), _claims(tmp_path)
    asked: list[str] = []
    real = claims.take
    monkeypatch.setattr(claims, "take", lambda job: asked.append(job) or real(job))
    made: list[int] = []

    def ensure() -> bool:
        return claims.ensure("job", done=lambda: bool(made), make=lambda: made.append(1))

    with other.claimed("job"):
        assert [ensure() for _ in range(1000)] == [False] * 1000
        assert asked == ["job"]
        claims.ask_again()
        assert not ensure()
        assert asked == ["job", "job"]
    claims.ask_again()
    assert ensure()
    assert ensure()
    assert made == [1]
    assert len(asked) == 3


def test_who_was_held_for_dead_leaves_the_job_to_the_other(tmp_path: Path) -> None:
    sleeper = _claims(tmp_path, beat_seconds=60.0)
    done: list[int] = []

    def taken_over() -> None:
        (trial,) = sleeper._study.get_trials(deepcopy=False)
        sleeper.end(trial._trial_id, completed=False)  # what another does that finds it dead
        raise FileNotFoundError("what was begun is removed")

    assert not sleeper.ensure("job", done=lambda: bool(done), make=taken_over)

    def fails() -> None:
        raise FileNotFoundError("an input is missing")

    with pytest.raises(FileNotFoundError, match="an input is missing"):
        sleeper.ensure("job", done=lambda: bool(done), make=fails)

    def made_by_the_other() -> None:
        done.append(1)
        raise OutputError("output exists already")

    assert sleeper.ensure("job", done=lambda: bool(done), make=made_by_the_other)


def test_a_url_takes_the_place_of_the_journal(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'claims.db'}"
    first, second = _claims(tmp_path, url=url), _claims(tmp_path, url=url)
    with first.claimed("cell a") as ours, second.claimed("cell a") as theirs:
        assert ours is not None
        assert theirs is None
    assert not (tmp_path / JOURNAL).exists()


def test_a_database_is_tried_twice(tmp_path: Path, monkeypatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with pytest.raises(SettingsError, match="the study's storage cannot be opened"):
        _claims(tmp_path, url="nonsense://x")
    assert len(slept) == 1
    real = optuna.storages.get_storage
    failures = [RuntimeError("(sqlite3.OperationalError) table studies already exists")]

    def get_storage(url):
        if failures:
            raise failures.pop()
        return real(url)

    monkeypatch.setattr(optuna.storages, "get_storage", get_storage)
    claims = _claims(tmp_path, url=f"sqlite:///{tmp_path / 'claims.db'}")
    assert claims.take("cell a") is not None


def _work(folder: Path, num_jobs: int, start: object) -> None:
    """Does every job that it can have; a job's file is its name and a line a doing."""
    claims = _claims(folder)
    start.wait(60)  # type: ignore[attr-defined]
    while True:
        left = [n for n in range(num_jobs) if not (folder / f"done-{n}").exists()]
        if not left:
            return
        for number in left:
            with claims.claimed(f"job {number}") as ours:
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


def _hold(folder: Path, holding: object) -> None:
    with _claims(folder).claimed("cell a"):
        holding.set()  # type: ignore[attr-defined]
        time.sleep(60)


def test_the_job_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    holding = context.Event()
    worker = context.Process(target=_hold, args=(tmp_path, holding))
    worker.start()
    assert holding.wait(30)
    claims = _claims(tmp_path, stale_seconds=0.5)
    time.sleep(0.2)
    assert claims.take("cell a") is None
    os.kill(worker.pid or 0, signal.SIGKILL)
    worker.join(10)
    started = time.monotonic()
    while claims.take("cell a") is None:
        assert time.monotonic() - started < 10
        time.sleep(0.05)
