"""Options, progress and report that ``windrow benchmark`` and ``windrow ablate`` share."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from windrow.cli.progress import progress
from windrow.errors import SettingsError

if TYPE_CHECKING:
    from windrow.experiments.study.settings import StudySettings


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """Options of every study."""

    data: str
    """'simulated', or a folder of real stores; docs/benchmark.md lists them."""
    scale: Literal["tiny", "small", "paper"]
    """Size of the study: tiny takes minutes, small takes hours, paper is the published size."""
    out: Path
    """Folder of the study; a study that exists there is continued."""
    seeds: tuple[int, ...] = (0,)
    """Seeds of pre-training, heads and label draws."""
    configurations: int | None = None
    """Number of configurations per head; by default the number of the scale."""
    pretraining_series: int | None = None
    """Number of simulated series for pre-training; by default the number of the scale."""
    variant: Literal["corrected", "paper"] = "corrected"
    """Method variant: 'paper' keeps the faults of earlier code, 'corrected' removes them."""
    protocol: Literal["corrected", "paper"] = "corrected"
    """Protocol of training: 'corrected' sets the learning rate by held-out training fields."""
    fine_tune: bool = False
    """Train the pre-trained encoders together with the heads; the paper keeps them frozen."""
    device: str = "cpu"
    """Device: cpu or cuda."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the matrix products in pre-training and in the training of heads."""
    processes: int | None = None
    """Number of processes; by default one per CPU core, at most eight, and one on a GPU.

    Several processes compute on one thread each; a single one uses a thread per core. The same
    number of processes simulates."""
    budget: bool = True
    """Print the expected disk space and time first. This takes some seconds, which a process that
    joins a study can save."""
    report: bool = True
    """Write the report at the end."""


def run_and_report(options: Sharing, settings: StudySettings) -> None:
    """Prints the budget, works until every cell is done, and writes the report.

    Args:
        options: options of the command.
        settings: settings of the study.

    Raises:
        SettingsError: the number of processes is too small, or an option does not fit.
    """
    from windrow.experiments.scheduling.budget import budget_of
    from windrow.experiments.scheduling.processes import default_processes, run_study_by_processes
    from windrow.experiments.study.progress import StudyProgress
    from windrow.experiments.study.worker import WorkSettings, open_study
    from windrow.processes import number_of_cores
    from windrow.reporting.study.page import write_study_report
    from windrow.training.execution import ExecutionSettings

    if options.processes is not None and options.processes < 1:
        raise SettingsError(
            "--processes is too small", found=options.processes, expected="1 or more"
        )
    execution = ExecutionSettings(device=options.device, precision=options.precision).resolved()
    processes = options.processes or default_processes(options.device)
    work = WorkSettings(execution=execution, num_workers=options.processes or number_of_cores())
    open_study(options.out, settings)
    if options.budget:
        budget = budget_of(
            options.out,
            settings,
            execution=execution,
            processes=processes,
            num_workers=work.num_workers,
        )
        for line in budget.lines():
            print(line, file=sys.stderr, flush=True)
    with progress("study", "cells") as advance:
        run_study_by_processes(
            options.out,
            settings,
            work,
            StudyProgress(
                cells=advance,
                note=lambda text: print(text, file=sys.stderr, flush=True),
            ),
            processes=processes,
        )
    if options.report:
        print(write_study_report(options.out))
    else:
        print(options.out)
