"""``windrow distill``: trains a small encoder from a pre-trained one."""

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
    """Trains a small encoder to reproduce the output of a pre-trained one; needs no labels.

    The defaults below come from the recipe 'student'.
    """

    weights: str
    """Teacher: a run directory, a .safetensors file, or the name of shipped weights."""
    data: Path
    """Series store; only its Sentinel-2 series are read."""
    out: Path
    """Run directory to write; must not exist."""
    settings: Annotated[DistillationSettings, tyro.conf.arg(name="")]
    """Settings of the recipe; each can be changed."""
    execution: ExecutionSettings
    """Speed settings; they change results by rounding at most."""


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
    print(f"share of the teacher's variance that the student explains, held-out series: {shares}")
    print(options.out)
