"""``windrow ablate``: the effect of each part of the method, Figures 7 to 9 and Tables 1 to 4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from windrow.cli.parse import parse
from windrow.cli.study_options import Sharing, run_and_report


@dataclass(frozen=True)
class Ablate(Sharing):
    """Changes one part of BERT or ResMLP at a time, on task 2: Figures 7 to 9, Tables 1 to 4.

    The command continues an interrupted study, and several processes can share one study, as with
    'windrow benchmark'.
    """

    arms: tuple[str, ...] = ()
    """Ablations to run, such as bert without-season; by default all ablations of the scale."""
    task: Literal[1, 2, 3] = 2
    """Downstream task; the paper uses task 2."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow ablate``."""
    options = parse(Ablate, arguments, prog="windrow ablate")
    from windrow.experiments.study.ablations import HEADS, ablation_arm, ablation_arms
    from windrow.experiments.study.scales import StudyChoices, study_settings

    arms = ablation_arms(options.scale)
    if options.arms:
        arms = tuple(ablation_arm(name, options.scale) for name in options.arms)
    settings = study_settings(
        kind="ablation",
        scale=options.scale,
        data=options.data,
        arms=arms,
        choices=StudyChoices(
            tasks=[f"task{options.task}"],
            heads=HEADS,
            seeds=options.seeds,
            variant=options.variant,
            protocol=options.protocol,
            fine_tune=options.fine_tune,
            num_fields=(),
            until_days=(),
            num_configurations=options.configurations,
            num_pretraining_series=options.pretraining_series,
        ),
    )
    run_and_report(options, settings)
