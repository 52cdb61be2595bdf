"""Runs a study in several processes of this machine, each on one thread.

A step of a small head is hardly faster on two threads than on one, so one process per core is
nearly as many times faster as there are cores. The leases of the study distribute the work, as
they do between machines. This module starts the processes and forwards their progress. It ends
all of them after an error, after Ctrl-C, and when this process is killed.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, NoReturn

from windrow.errors import SettingsError, WindrowError
from windrow.experiments.study.arms import arms_of
from windrow.experiments.study.cells import pending_of
from windrow.experiments.study.progress import StudyProgress
from windrow.experiments.study.settings import StudySettings, cells_of
from windrow.experiments.study.worker import WorkSettings, open_study, run_study
from windrow.processes import end_with_parent, held_back, number_of_cores, one_thread_each

MOST_PROCESSES = 8
"""Most processes by default, because each holds the libraries and its task in memory."""
_ENDING_SECONDS = 60.0
"""Seconds in which processes can give back their leases before they are killed."""


@dataclass(frozen=True)
class _Cells:
    done: int
    total: int


@dataclass(frozen=True)
class _Note:
    text: str


@dataclass(frozen=True)
class _Finished:
    trained: int


@dataclass(frozen=True)
class _Failed:
    error: WindrowError


@dataclass
class _Worker:
    process: SpawnProcess
    channel: Connection


def default_processes(device: str) -> int:
    """Returns the number of processes for a device: one per CPU core, at most eight; one on a GPU.

    Example:
        >>> default_processes("cuda")
        1
    """
    return min(number_of_cores(), MOST_PROCESSES) if device == "cpu" else 1


def run_study_by_processes(
    folder: str | Path,
    settings: StudySettings,
    work: WorkSettings,
    progress: StudyProgress | None = None,
    *,
    processes: int,
) -> int:
    """Works on a study in several processes of one thread each until every cell is done.

    The figures of the cells are equal, bit for bit, to those of one process with one thread. With
    ``processes = 1`` this process does the work, on PyTorch's number of threads. Otherwise fresh
    interpreters start, at most one per remaining cell, so a script that calls this function needs
    the usual ``__main__`` guard.

    Args:
        folder: folder of the study, which is started or continued.
        settings: settings of the study.
        work: settings of each process.
        progress: callbacks for the progress of all processes.
        processes: number of processes.

    Returns:
        number of cells that the processes trained.

    Raises:
        SettingsError: the folder holds another study, or the number of processes is too small.
        WindrowError: a process raised it or was killed. The others are ended; finished work stays.
        RuntimeError: a process failed by a fault of windrow and printed its traceback.
    """
    if processes < 1:
        raise SettingsError("no processes", found=processes, expected="at least 1")
    with _ended_by_sigterm():
        if processes == 1:
            return run_study(folder, settings, work, progress)
        path = open_study(folder, settings)
        num_pending = _num_pending(path, settings)
        if num_pending == 0:  # it only tells so
            return run_study(folder, settings, work, progress)
        with _started(min(processes, num_pending), path, settings, work) as workers:
            return _listen(workers, progress or StudyProgress())


def _num_pending(path: Path, settings: StudySettings) -> int:
    heads = {name: arm.heads for name, arm in arms_of(settings).items()}
    return len(pending_of(path, cells_of(settings, heads)))


def _listen(workers: Sequence[_Worker], progress: StudyProgress) -> int:
    """Forwards messages of the processes until all end; returns the number of trained cells."""
    trained, done = 0, -1
    said: set[str] = set()
    speaking = {worker.channel: worker.process for worker in workers}
    while speaking:
        for channel in wait(list(speaking)):
            assert isinstance(channel, Connection)
            try:
                told = channel.recv()
            except EOFError:
                check_end(speaking.pop(channel))
                continue
            if isinstance(told, _Failed):
                raise told.error
            if isinstance(told, _Finished):
                trained += told.trained
            elif isinstance(told, _Cells) and told.done > done:
                done = told.done
                progress.cells(done, told.total)
            elif isinstance(told, _Note) and told.text not in said:
                said.add(told.text)
                progress.note(told.text)
    return trained


def check_end(process: SpawnProcess) -> None:
    """Waits for the end of a process and raises an error if it failed.

    Args:
        process: a process that has ended or is about to end.

    Raises:
        WindrowError: a signal killed it.
        RuntimeError: it failed by a fault of windrow.
    """
    process.join()
    code = process.exitcode or 0
    number = -code if code < 0 else code - 128  # the latter where it put things in order
    if number in signal.valid_signals():
        memory = "a lack of memory does that: give fewer --processes; "
        raise WindrowError(
            "a process of the study was killed",
            found=f"signal {number} ({signal.strsignal(number)})",
            hint=("" if number == signal.SIGTERM else memory) + "the same command continues",
        )
    if code != 0:
        raise RuntimeError(f"{process.name} of the study failed; its traceback is above")


@contextmanager
def _started(number: int, *arguments: Any) -> Iterator[list[_Worker]]:
    """Starts the processes of a study; all have ended when the block ends."""
    context = multiprocessing.get_context("spawn")
    resource_tracker.ensure_running()  # it would let through the signal that is held back below
    workers: list[_Worker] = []
    try:
        for index in range(number):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(
                target=_work, args=(theirs, *arguments), name=f"process {index + 1}"
            )
            # Ctrl-C reaches every process of a terminal; only this one heeds it and ends the rest.
            with held_back(signal.SIGINT), one_thread_each():
                process.start()
                workers.append(_Worker(process, ours))
            theirs.close()  # so that the channel ends with the process
        yield workers
    finally:
        _end(workers)


def _end(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.process.terminate()
    last = time.monotonic() + _ENDING_SECONDS
    try:
        for worker in workers:
            worker.process.join(max(0.0, last - time.monotonic()))
    finally:  # a second Ctrl-C does not wait
        for worker in workers:
            worker.process.kill()
            worker.process.join()
            worker.channel.close()


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Makes a SIGTERM end the block as Ctrl-C does, where this thread may set a handler."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _unwind(number: int, frame: object) -> NoReturn:
    """Ends the process by an exception, so that leases are given back; only the first time."""
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)


# In the processes.


def _work(channel: Connection, folder: Path, settings: StudySettings, work: WorkSettings) -> None:
    """Runs the study in one process."""
    signal.signal(signal.SIGTERM, _unwind)
    end_with_parent()
    import torch

    torch.set_num_threads(1)
    progress = StudyProgress(
        cells=lambda done, total: _tell(channel, _Cells(done, total)),
        note=lambda text: _tell(channel, _Note(text)),
    )
    try:
        trained = run_study(folder, settings, work, progress)
    except WindrowError as error:
        _tell(channel, _Failed(error))
    else:
        _tell(channel, _Finished(trained))


def _tell(channel: Connection, what: object) -> None:
    with suppress(BrokenPipeError):  # the parent is gone, and this process is about to follow
        channel.send(what)
