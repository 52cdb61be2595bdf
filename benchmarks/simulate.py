"""How fast series are simulated into a store; prints one line of JSON.

Run::

    python benchmarks/simulate.py --num-series 20000 --num-workers 2
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

from windrow.simulation.generate import simulate_store
from windrow.simulation.scenarios import DEFAULT_SCENARIO


class MemoryOfAll(threading.Thread):
    """Watches the memory of this process and of all its children, several times a second.

    Proportional set size where Linux gives it (pages that processes share count once), resident
    set size otherwise.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._stopped = threading.Event()
        self._peak = 0

    def run(self) -> None:
        """Looks until it is told to stop."""
        while not self._stopped.wait(0.2):
            self._peak = max(self._peak, self._now())

    def stop(self) -> int:
        """The largest sum seen, in bytes."""
        self._stopped.set()
        self.join()
        return self._peak

    def _now(self) -> int:
        root = Path("/proc")
        parents: dict[int, int] = {}
        for entry in root.iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text()
                except OSError:
                    continue  # it ended meanwhile
                parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
        wanted, grown = {os.getpid()}, True
        while grown:
            more = {child for child, parent in parents.items() if parent in wanted} - wanted
            wanted |= more
            grown = bool(more)
        return sum(_memory(root / str(number)) for number in wanted)


def _memory(process: Path) -> int:
    for name, key in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        try:
            lines = (process / name).read_text().splitlines()
        except OSError:
            continue
        found = [line for line in lines if line.startswith(key)]
        if found:
            return int(found[0].split()[1]) * 1024
    return 0


def main() -> None:
    """Simulates into a temporary store and measures time, size and memory."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--num-series", type=int, default=20_000)
    parser.add_argument("--num-workers", type=int, default=2)
    parser.add_argument("--scenario", default=DEFAULT_SCENARIO)
    parser.add_argument("--seed", type=int, default=0)
    settings = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        memory = MemoryOfAll()
        memory.start()
        started = time.perf_counter()
        simulate_store(
            store,
            scenario=settings.scenario,
            num_series=settings.num_series,
            seed=settings.seed,
            num_workers=settings.num_workers,
        )
        seconds = time.perf_counter() - started
        peak_together = memory.stop()
        size = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    peaks = [each.ru_maxrss for each in usage]
    busy = sum(each.ru_utime + each.ru_stime for each in usage)
    result = {
        "benchmark": "simulate",
        "scenario": settings.scenario,
        "num_series": settings.num_series,
        "num_workers": settings.num_workers,
        "seconds": round(seconds, 2),
        "processor_seconds": round(busy, 2),  # what counts on a machine that others use
        "series_per_second": round(settings.num_series / seconds, 1),
        "store_mib": round(size / 2**20, 1),
        "peak_mib": round(peaks[0] / 1024, 1),
        "peak_worker_mib": round(peaks[1] / 1024, 1),
        "peak_together_mib": round(peak_together / 2**20, 1),  # shared pages counted once each
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
