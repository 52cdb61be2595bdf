"""``windrow benchmark``: tasks, methods, heads and configurations, and the report of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from windrow.cli.parse import parse
from windrow.cli.study_options import Sharing, run_and_report


@dataclass(frozen=True)
class Benchmark(Sharing):
    """Compares methods over tasks, heads and configurations: Table 5, Figures 11 to 15.

    Every unit of work that is done is a file of the study and is never done again: the same
    command goes on with a study that was interrupted, and several processes or machines that see
    the folder share it.
    """

    tasks: tuple[Literal[1, 2, 3], ...] = ()
    """Downstream tasks; by default those of the scale."""
    methods: tuple[str, ...] = ()
    """Methods; or a method with one change: those of the ablations such as without-season, and
    resmlp-barlow, scarf-barlow, spectro-temporal-barlow, which learn by Barlow Twins instead of
    NT-Xent. By default all methods, without changes."""
    heads: tuple[Literal["lstm", "inception", "transformer"], ...] = ()
    """Base models; by default all three."""
    fields: tuple[int, ...] | None = None
    """Labelled fields a class of the curve over labels; by default those of the scale."""
    days: tuple[int, ...] | None = None
    """Days of the year of the curve over the season; by default those of the scale."""
    curve_configurations: tuple[int, ...] | None = None
    """Configurations that the two curves are made of; by default that of the maps."""


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
