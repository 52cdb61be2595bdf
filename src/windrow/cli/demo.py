"""``windrow demo``: the main job once, on a simulated place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from windrow.cli.parse import parse
from windrow.cli.progress import progress

if TYPE_CHECKING:
    from windrow.experiments.demo_result import DemoResult

DEFAULT_FOLDER = Path("runs") / "demo"


@dataclass(frozen=True)
class Demo:
    """Simulates a place, trains on five labelled fields per class, classifies, maps and reports."""

    out: Path | None = None
    """Folder to write; must not exist. By default the first of runs/demo, runs/demo-2, ... that
    does not exist."""
    seed: int = 0
    """Seed of every random draw. Another seed is another place."""
    pretrain: bool = False
    """Pre-train a bi-modal BERT on simulated pairs instead, as the paper does, and compare it. It
    takes about a quarter of an hour."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow demo``. The last line that it prints is the path of the report."""
    options = parse(Demo, arguments, prog="windrow demo")
    folder = options.out or first_free(DEFAULT_FOLDER)
    num_workers = os.cpu_count() or 1
    if options.pretrain:
        _pretrain(folder, options.seed, num_workers)
        return
    from windrow.experiments.demo import demo_settings, run_demo
    from windrow.reporting.demo_page import write_demo_report

    result = run_demo(
        folder, demo_settings(seed=options.seed), progress=progress, num_workers=num_workers
    )
    _show(result)
    print(write_demo_report(folder))


def _show(result: DemoResult) -> None:
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    num_draws = len(result.methods["windrow"].overall_accuracy)
    table = Table(
        title=f"simulated place, {result.num_labelled} labelled fields per class,"
        f" mean of {num_draws} draws",
        title_justify="left",
    )
    table.add_column("method")
    table.add_column("overall accuracy", justify="right")
    table.add_column("macro F1", justify="right")
    for name, figures in result.methods.items():
        accuracy, f1 = np.mean(figures.overall_accuracy), np.mean(figures.macro_f1)
        table.add_row(name, f"{accuracy:.3f}", f"{f1:.3f}")
    console = Console()
    console.print(table)
    gain = result.gain
    print(
        f"gain over {result.best_plain}, the best plain method: {100 * gain.mean:+.1f} points of"
        f" accuracy (95 % interval {100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
    )
    print("All data is simulated: this shows the workflow, not the accuracy on your fields.")


def _pretrain(folder: Path, seed: int, num_workers: int) -> None:
    from windrow.cli.few_label_table import show_rows
    from windrow.experiments.pretraining_demo import (
        pretraining_demo_settings,
        run_pretraining_demo,
    )
    from windrow.reporting.run.page import write_report

    result = run_pretraining_demo(
        folder, pretraining_demo_settings(seed=seed), progress=progress, num_workers=num_workers
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
