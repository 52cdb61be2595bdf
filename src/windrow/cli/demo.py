"""``windrow demo``: the whole workflow, once."""

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
    """Folder to write; must not exist. By default the first of runs/demo, runs/demo-2, ... that
    does not exist."""
    seed: int = 0
    """Seed of every random draw."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow demo``. The last line that it prints is the path of the report."""
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
    print("All data is simulated: this shows that the workflow runs, not its accuracy on fields.")
    print(write_report(folder))


def first_free(folder: Path) -> Path:
    """Returns the first of ``folder``, ``folder-2``, ``folder-3``, ... that does not exist."""
    if not folder.exists():
        return folder
    number = 2
    while folder.with_name(f"{folder.name}-{number}").exists():
        number += 1
    return folder.with_name(f"{folder.name}-{number}")
