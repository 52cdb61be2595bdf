"""``windrow demo``: the main job, once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from windrow.cli.parse import parse
from windrow.cli.progress import progress

DEFAULT_FOLDER = Path("runs") / "demo"


@dataclass(frozen=True)
class Demo:
    """Simulates two sensors, pre-trains, learns crops from few labels, compares, and reports."""

    out: Path | None = None
    """The folder to write; must not exist. By default the first free one of runs/demo, runs/demo-2
    and so on."""
    seed: int = 0
    """Every random draw follows from it."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow demo``; the last line printed is the path of the report."""
    options = parse(Demo, arguments, prog="windrow demo")
    from windrow.cli.few_label_table import show_rows
    from windrow.experiments.demo import demo_settings, run_demo
    from windrow.reporting.run.page import write_report

    folder = options.out or first_free(DEFAULT_FOLDER)
    result = run_demo(
        folder,
        demo_settings(seed=options.seed),
        progress=progress,
        num_workers=os.cpu_count() or 1,
    )
    show_rows(result)
    print("All of this is simulated: it shows that the way works, not how well it does on fields.")
    print(write_report(folder))


def first_free(folder: Path) -> Path:
    """The folder itself, or the first of ``folder-2``, ``folder-3``, ... that does not exist."""
    if not folder.exists():
        return folder
    number = 2
    while folder.with_name(f"{folder.name}-{number}").exists():
        number += 1
    return folder.with_name(f"{folder.name}-{number}")
