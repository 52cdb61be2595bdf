"""``windrow simulate``: both sensors over landscapes of fields, and how real they look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from windrow.cli.parse import parse
from windrow.cli.progress import progress
from windrow.errors import SettingsError
from windrow.processes import number_of_cores
from windrow.sources.reader import LabelOptions, TableOptions


@dataclass(frozen=True)
class Simulate:
    """Simulates paired Sentinel-2 and PlanetScope series; nothing in it was ever seen from space.

    The same seed gives the same bytes, whatever the number of workers. With --check, nothing is
    kept: simulated fields are compared with the real ones of a table.
    """

    out: Path
    """Where the store is written; must not exist."""
    num_series: int | None = None
    """How many series (Sentinel-2 pixels) to simulate; with --layout denethor whole landscapes;
    6,000 with --check."""
    seed: int = 0
    """Every random draw follows from it."""
    scenario: str = "brandenburg-2018"
    """Region, year and sensors, by name."""
    layout: Literal["store", "denethor"] = "store"
    """A series store, or the folders and rasters in which DENETHOR is distributed."""
    every_days: Literal[1, 5] = 1
    """Days between PlanetScope's files, of --layout denethor."""
    num_workers: Annotated[int | None, tyro.conf.arg(aliases=["-j"])] = None
    """Processes; by default one for each core."""
    check: Path | None = None
    """Real fields to compare with, a field table or a store: --out becomes a folder with the page
    report.html, its numbers and its statistics."""
    labels: Path | None = None
    """The label table of the real fields, with --check."""
    label_column: str | None = None
    """Its column of classes; they are matched with the simulated ones by name."""
    where: str | None = None
    """Only real fields with this value are looked at, as COL=V."""
    report_where: str | None = None
    """Real fields with this value are only reported, as COL=V: nothing is to be chosen by them."""
    min_fields: int = 10
    """Classes with fewer real fields are left out of accuracies, with --check."""
    label_options: Annotated[LabelOptions, tyro.conf.arg(name="")] = field(
        default_factory=LabelOptions
    )
    """What is to be known of the labels, with --check."""
    table: Annotated[TableOptions, tyro.conf.arg(name="")] = field(default_factory=TableOptions)
    """What is not to be detected of a field table, with --check."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow simulate``."""
    options = parse(Simulate, arguments, prog="windrow simulate")
    if options.check is not None:
        _check(options, options.check)
        return
    names = ("labels", "label_column", "where", "report_where")
    said = {name for name in names if getattr(options, name) is not None}
    for name in (*said, *options.label_options.said(), *options.table.said()):
        raise SettingsError(
            f"--{name.replace('_', '-')} goes with --check", hint="give the real table"
        )
    if options.layout == "denethor":
        from windrow.simulation.denethor_rasters import simulate_landscapes

        with progress("simulating", "rows of pixels") as advance:
            simulate_landscapes(
                options.out,
                scenario=options.scenario,
                num_series=options.num_series,
                seed=options.seed,
                every_days=options.every_days,
                on_progress=advance,
            )
        print(options.out)
        return
    if options.num_series is None:
        raise SettingsError("how many series to simulate", hint="give --num-series")
    from windrow.simulation.generate import simulate_store

    with progress("simulating", "series") as advance:
        simulate_store(
            options.out,
            scenario=options.scenario,
            num_series=options.num_series,
            seed=options.seed,
            num_workers=_num_workers(options),
            on_progress=advance,
        )
    print(options.out)


def _check(options: Simulate, table: Path) -> None:
    from windrow.experiments.simulation_check.compare import compare, summary, write_comparison
    from windrow.experiments.simulation_check.settings import realism_settings
    from windrow.files import refuse_existing
    from windrow.reporting.simulation_check.page import write_comparison_page
    from windrow.sources.open_any import LabelledInput

    refuse_existing(options.out)
    if options.labels is None:
        raise SettingsError("the real fields need labels", hint="give --labels")
    chosen = {} if options.num_series is None else {"num_series": options.num_series}
    settings = realism_settings(
        seed=options.seed,
        where=options.where,
        report_where=options.report_where,
        min_fields=options.min_fields,
        **chosen,
    )
    with progress("simulating and measuring", "steps") as advance:
        realism = compare(
            LabelledInput(
                table,
                options.labels,
                options.label_column,
                table_options=options.table,
                label_options=options.label_options,
            ),
            scenario=options.scenario,
            settings=settings,
            num_workers=_num_workers(options),
            on_progress=lambda _, done, total: advance(done, total),
        )
    write_comparison(options.out, realism)
    print("\n".join(realism.reading))
    for line in summary(realism.numbers):
        print(line)
    print(write_comparison_page(options.out))


def _num_workers(options: Simulate) -> int:
    if options.num_workers is None:
        return number_of_cores()
    if options.num_workers < 1:
        raise SettingsError(
            "--num-workers is too small", found=options.num_workers, expected="1 or more"
        )
    return options.num_workers
