"""What ``windrow benchmark`` and ``windrow ablate`` share: options, progress, the report."""

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
    """'simulated', or a folder of real stores; docs/benchmark.md says which."""
    scale: Literal["tiny", "small", "paper"]
    """How large: tiny takes minutes, small hours, paper is as published."""
    out: Path
    """The folder of the study; one that was begun is gone on with."""
    seeds: tuple[int, ...] = (0,)
    """Seeds of pre-training, heads and draws of labels."""
    configurations: int | None = None
    """Configurations of each head; by default those of the scale."""
    pretraining_series: int | None = None
    """Series of the twin that pre-train; by default those of the scale."""
    variant: Literal["corrected", "paper"] = "corrected"
    """With or without the faults of earlier code."""
    protocol: Literal["corrected", "paper"] = "corrected"
    """Whether the learning rate follows held-out training fields."""
    fine_tune: bool = False
    """Train pre-trained encoders together with the heads; frozen is the paper's way."""
    device: str = "cpu"
    """cpu, or cuda."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the matrix products of pre-training, of heads and of encoders trained with them."""
    processes: int | None = None
    """Processes at work; by default one for each core of a CPU, at most eight, and one on a GPU.

    Several compute on one thread each, one on as many as there are cores. As many
    simulate."""
    budget: bool = True
    """Say first what disk and time it takes; some seconds that a process that joins can save."""
    report: bool = True
    """Write the report at the end."""


def run_and_report(options: Sharing, settings: StudySettings) -> None:
    """Prints the budget, works until every cell is done, and writes the report."""
    from windrow.experiments.scheduling.budget import budget_of
    from windrow.experiments.scheduling.processes import default_processes, run_study_by_processes
    from windrow.experiments.study.worker import StudyProgress, WorkSettings, open_study
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
