"""Blocks run in this process, in processes, and on a dask cluster, one of which dies."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest

from windrow.errors import SettingsError
from windrow.mapping.workers import WorkerError, run_blocks


def square(number: int) -> int:
    return number * number


def square_after_a_death(folder: str, number: int) -> int:
    """Kills its own process the first time that it is given 3."""
    if number == 3:
        mark = Path(folder) / "died"
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def always_dies(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("num_workers", [1, 2])
def test_every_block_is_run_once(num_workers: int) -> None:
    found = list(run_blocks(square, range(7), num_workers=num_workers))
    assert sorted(found) == [0, 1, 4, 9, 16, 25, 36]


def test_a_block_whose_process_died_is_run_again(tmp_path: Path) -> None:
    function = partial(square_after_a_death, str(tmp_path))
    found = list(run_blocks(function, range(6), num_workers=2))
    assert sorted(found) == [0, 1, 4, 9, 16, 25]
    assert (tmp_path / "died").exists()


def test_processes_that_always_die_are_an_error() -> None:
    with pytest.raises(WorkerError, match="end before they finish"):
        list(run_blocks(always_dies, range(4), num_workers=2))


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_runs_the_blocks_though_one_of_its_processes_is_killed(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        function = partial(square_after_a_death, str(tmp_path))
        address = cluster.scheduler_address
        found = list(run_blocks(function, range(8), num_workers=1, scheduler=address))
    assert sorted(found) == [0, 1, 4, 9, 16, 25, 36, 49]
    assert (tmp_path / "died").exists()


def test_an_address_where_nobody_answers_is_refused() -> None:
    with pytest.raises(SettingsError, match="no dask scheduler answers"):
        list(run_blocks(square, range(2), num_workers=1, scheduler="tcp://127.0.0.1:1"))
