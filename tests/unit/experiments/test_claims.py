"""Claims: one process has a job, a dead one gives it back, and everything is done once."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from windrow.errors import SettingsError
from windrow.experiments.claims import JOURNAL, Claims


def _claims(folder: Path, **options: object) -> Claims:
    return Claims(folder, beat_seconds=0.05, **options)  # type: ignore[arg-type]


def test_a_job_is_had_by_one_only(tmp_path: Path) -> None:
    first, second = _claims(tmp_path), _claims(tmp_path)
    with first.claimed("cell a") as ours:
        assert ours
        with second.claimed("cell a") as theirs:
            assert not theirs
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
    claims = _claims(tmp_path)
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
    with _claims(tmp_path).claimed("cell a"):
        for step in range(5):
            time.sleep(0.15)
            now[0] = 8.0 * step
            assert claims.take("cell a") is None


def test_a_url_takes_the_place_of_the_journal(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'claims.db'}"
    first, second = _claims(tmp_path, url=url), _claims(tmp_path, url=url)
    with first.claimed("cell a") as ours, second.claimed("cell a") as theirs:
        assert (ours, theirs) == (True, False)
    assert not (tmp_path / JOURNAL).exists()
    with pytest.raises(SettingsError, match="the study's storage cannot be opened"):
        _claims(tmp_path, url="nonsense://x")


def _work(folder: Path, num_jobs: int, start: object) -> None:
    """Does every job that it can have; a job's file is its name and a line a doing."""
    claims = _claims(folder)
    start.wait()  # type: ignore[attr-defined]
    while True:
        left = [n for n in range(num_jobs) if not (folder / f"done-{n}").exists()]
        if not left:
            return
        for number in left:
            with claims.claimed(f"job {number}") as ours:
                if ours and not (folder / f"done-{number}").exists():
                    with (folder / "log").open("a") as log:
                        log.write(f"{number} {os.getpid()}\n")
                    time.sleep(0.01)
                    (folder / f"done-{number}").touch()


def test_two_processes_share_the_work_and_do_nothing_twice(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start = context.Event()
    workers = [context.Process(target=_work, args=(tmp_path, 30, start)) for _ in range(2)]
    for worker in workers:
        worker.start()
    start.set()
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
