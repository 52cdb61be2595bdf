"""How fast series are simulated into a store; prints one line of JSON.

Run::

    python benchmarks/simulate.py --num-series 20000 --num-workers 2
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from windrow.simulation.generate import simulate_store
from windrow.simulation.scenarios import DEFAULT_SCENARIO


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
        started = time.perf_counter()
        simulate_store(
            store,
            scenario=settings.scenario,
            num_series=settings.num_series,
            seed=settings.seed,
            num_workers=settings.num_workers,
        )
        seconds = time.perf_counter() - started
        size = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    peaks = [
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    result = {
        "benchmark": "simulate",
        "scenario": settings.scenario,
        "num_series": settings.num_series,
        "num_workers": settings.num_workers,
        "seconds": round(seconds, 2),
        "series_per_second": round(settings.num_series / seconds, 1),
        "store_mib": round(size / 2**20, 1),
        "peak_mib": round(peaks[0] / 1024, 1),
        "peak_worker_mib": round(peaks[1] / 1024, 1),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
