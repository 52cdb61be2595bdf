"""``windrow distill``: a small encoder from a pre-trained one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from windrow.cli.parse import parse
from windrow.cli.progress import progress
from windrow.experiments.recipes.pretraining import student
from windrow.pipelines.distill import DistillationSettings, distill
from windrow.pipelines.run.progress import training_progress
from windrow.training.execution import ExecutionSettings


@dataclass(frozen=True)
class Distill:
    """Teaches a small encoder what a pre-trained one makes of series; needs no label.

    The defaults below are those of the recipe 'student'.
    """

    weights: str
    """The teacher: a run directory, a .safetensors file, or the name of shipped weights."""
    data: Path
    """The series store; Sentinel-2 alone is read of it."""
    out: Path
    """The run directory to write; must not exist."""
    settings: Annotated[DistillationSettings, tyro.conf.arg(name="")]
    """What the recipe says; change any of it."""
    execution: ExecutionSettings
    """How fast, not what."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow distill``."""
    defaults = Distill(
        weights=tyro.MISSING,
        data=tyro.MISSING,
        out=tyro.MISSING,
        settings=student(),
        execution=ExecutionSettings(),
    )
    options = parse(Distill, arguments, prog="windrow distill", default=defaults)
    with progress("distilling", "steps") as advance:
        figures = distill(
            options.settings,
            options.weights,
            options.data,
            options.out,
            execution=options.execution,
            on_progress=training_progress(advance),
        )
    shares = ", ".join(f"{share:.3f} of {name}s" for name, share in figures["explained"].items())
    print(f"the teacher's variance over held-out series, given again: {shares}")
    print(options.out)
