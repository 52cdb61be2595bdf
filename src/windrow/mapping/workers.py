"""Runs the blocks of a map: in this process, in processes of one thread, or on a dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

from windrow.errors import SettingsError, WindrowError
from windrow.processes import begin_in_pool, one_thread_each

Result = TypeVar("Result")

_RESTARTS = 3
"""Times that a pool is started again after a process of it died, without a block in between."""


class WorkerError(WindrowError):
    """Processes ended again and again before they finished a block."""


def run_blocks(
    function: Callable[[int], Result],
    numbers: Sequence[int],
    *,
    num_workers: int,
    scheduler: str | None = None,
) -> Iterator[Result]:
    """Runs a function on every block and yields the results as they come, in any order.

    A block whose process died is run again. The function must therefore do the same thing twice
    without harm.

    Args:
        function: takes the number of a block. It is pickled, so it stands at the top of a module.
        numbers: numbers of the blocks.
        num_workers: number of processes; 1 runs the blocks in this process.
        scheduler: address of a dask scheduler that runs the blocks instead.

    Raises:
        WorkerError: processes end again and again, as they do when memory is too small.
        SettingsError: dask.distributed is missing, or no scheduler answers.
    """
    if scheduler is not None:
        yield from _on_cluster(function, numbers, scheduler)
    elif num_workers == 1 or len(numbers) == 1:
        yield from map(function, numbers)
    else:
        yield from _in_processes(function, numbers, num_workers)


def _in_processes(
    function: Callable[[int], Result], numbers: Sequence[int], num_workers: int
) -> Iterator[Result]:
    left = list(numbers)
    restarts = 0
    while left:
        done: set[int] = set()
        try:
            for number, result in _one_pool(function, left, num_workers):
                done.add(number)
                restarts = 0
                yield result
        except BrokenProcessPool:
            restarts += 1
            if restarts > _RESTARTS:
                raise WorkerError(
                    "the processes end before they finish a block",
                    found=f"{restarts} times in a row",
                    hint="memory may be too small: take fewer workers, then go on with --resume",
                ) from None
        left = [number for number in left if number not in done]


def _one_pool(
    function: Callable[[int], Result], numbers: Sequence[int], num_workers: int
) -> Iterator[tuple[int, Result]]:
    """Yields results until all are there; raises where a process of the pool died."""
    with one_thread_each():
        pool = ProcessPoolExecutor(
            num_workers, mp_context=get_context("spawn"), initializer=begin_in_pool
        )
        running: dict[Future[Result], int] = {}
        waiting = iter(numbers)
        try:
            for number in waiting:
                running[pool.submit(function, number)] = number
                if len(running) > num_workers:
                    break
            while running:
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    number = running.pop(future)
                    result = future.result()
                    following = next(waiting, None)
                    if following is not None:
                        running[pool.submit(function, following)] = following
                    yield number, result
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _on_cluster(
    function: Callable[[int], Result], numbers: Sequence[int], scheduler: str
) -> Iterator[Result]:
    try:
        from distributed import Client, as_completed
        from distributed.scheduler import KilledWorker
    except ImportError:
        raise SettingsError(
            "a dask scheduler needs dask.distributed", hint="pip install 'windrow[maps]'"
        ) from None
    try:
        client = Client(scheduler, timeout="10s", set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise SettingsError(
            "no dask scheduler answers",
            where=scheduler,
            found=str(error).splitlines()[0][:120],
            expected="an address such as tcp://127.0.0.1:8786",
        ) from None
    with client, client.as_current():
        futures = client.map(function, list(numbers), pure=False, retries=2)
        try:
            for future in as_completed(futures):
                yield future.result()
                future.release()
        except KilledWorker as error:
            raise WorkerError(
                "the workers end before they finish a block",
                found=str(error).splitlines()[0][:160],
                hint="their memory may be too small: give them more, then go on with --resume",
            ) from None
        finally:
            client.cancel(futures)
