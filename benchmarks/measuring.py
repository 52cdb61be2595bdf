"""What the benchmarks share: runs measured in turn, and what they ran on.

Seconds are the processor's own (``time.process_time``) with one thread, so that a ratio holds on a
machine that others use; each candidate runs once a round, and the best round of each counts.
"""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def best_seconds(
    candidates: Mapping[str, Callable[[], object]], *, num_rounds: int
) -> dict[str, float]:
    """Processor seconds of the best of ``num_rounds`` runs of each, after one that warms up."""
    best = dict.fromkeys(candidates, float("inf"))
    for run in candidates.values():
        run()
    for _ in range(num_rounds):
        for name, run in candidates.items():
            started = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - started)
    return best


def setting(*packages: str, **sizes: Any) -> dict[str, Any]:
    """Machine, versions and sizes, for the line of JSON."""
    return {
        "machine": _processor(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
        **sizes,
    }


def version(package: str) -> str | None:
    """The installed version, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    known = dict(line.split(":", 1) for line in lines if ":" in line)
    words = {name.strip(): value.strip() for name, value in known.items()}
    flags = set(words.get("flags", "").split())
    units = [name for name in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8")
             if name in flags]  # fmt: skip
    return f"{words.get('model name', platform.machine())} ({' '.join(units)})"
