"""``windrow benchmark``: compares methods over tasks, heads and configurations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from windrow.cli.parse import parse
from windrow.cli.study_options import Sharing, run_and_report


@dataclass(frozen=True)
class Benchmark(Sharing):
    """Compares methods over tasks, heads and configurations: Table 5, Figures 11 to 15.

    Every finished unit of work is kept as a file of the study and is not repeated. The same
    command continues an interrupted study. Several processes or machines that see the folder can
    share the work.
    """

    tasks: tuple[Literal[1, 2, 3], ...] = ()
    """Downstream tasks; by default the tasks of the scale."""
    methods: tuple[str, ...] = ()
    """Methods to compare; by default all methods. A method with one change can be named too: an
    ablation such as without-season, or resmlp-barlow, scarf-barlow and spectro-temporal-barlow,
    which use the loss of Barlow Twins instead of NT-Xent."""
    heads: tuple[Literal["lstm", "inception", "transformer"], ...] = ()
    """Classification heads; by default all three."""
    fields: tuple[int, ...] | None = None
    """Numbers of labelled fields per class in the label curve; by default those of the scale."""
    days: tuple[int, ...] | None = None
    """Days of the year in the season curve; by default the days of the scale."""
    curve_configurations: tuple[int, ...] | None = None
    """Configurations used for the two curves; by default the configuration of the maps."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow benchmark``."""
    options = parse(Benchmark, arguments, prog="windrow benchmark")
    from windrow.experiments.study.arms import benchmark_arms
    from windrow.experiments.study.scales import StudyChoices, study_settings

    settings = study_settings(
        kind="benchmark",
        scale=options.scale,
        data=options.data,
        arms=benchmark_arms(options.methods, options.scale),
        choices=StudyChoices(
            tasks=[f"task{number}" for number in options.tasks],
            heads=options.heads,
            seeds=options.seeds,
            variant=options.variant,
            protocol=options.protocol,
            fine_tune=options.fine_tune,
            num_fields=options.fields,
            until_days=options.days,
            curve_configurations=options.curve_configurations,
            num_configurations=options.configurations,
            num_pretraining_series=options.pretraining_series,
        ),
    )
    run_and_report(options, settings)
