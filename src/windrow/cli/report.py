"""``windrow report``: the HTML page of a run directory or of a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from windrow.cli.parse import parse


@dataclass(frozen=True)
class Report:
    """Writes the content of a run or a classifier as one HTML file that needs no network."""

    run: Annotated[Path, tyro.conf.Positional]
    """Directory that 'windrow train', 'pretrain', 'fewshot', 'demo', 'benchmark', 'ablate' or
    'simulate --check' wrote."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow report``."""
    options = parse(Report, arguments, prog="windrow report")
    from windrow.classifiers.classifier_header import is_classifier
    from windrow.reporting.classifier_page import write_classifier_report
    from windrow.reporting.demo_page import is_demo, write_demo_report
    from windrow.reporting.run.page import write_report
    from windrow.reporting.simulation_check.page import write_comparison_page
    from windrow.reporting.simulation_check.reading import is_comparison
    from windrow.reporting.study.page import write_study_report
    from windrow.reporting.study.reading import is_study

    if is_demo(options.run):
        print(write_demo_report(options.run))
        return
    if is_classifier(options.run):
        print(write_classifier_report(options.run))
        return
    if is_comparison(options.run):
        print(write_comparison_page(options.run))
        return
    write = write_study_report if is_study(options.run) else write_report
    print(write(options.run))
