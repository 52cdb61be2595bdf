"""``windrow simulate``: simulates both sensors over fields, or compares them with real fields."""

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
from windrow.sources.reader import LabelOptions, ParcelOptions, TableOptions


@dataclass(frozen=True)
class Simulate:
    """Simulates paired Sentinel-2 and PlanetScope series; no satellite image is used.

    The same seed gives the same bytes for any number of workers. With --check, no series are
    kept: the command compares simulated fields with the real fields of a table.
    """

    out: Path
    """Store to write; must not exist."""
    num_series: int | None = None
    """Number of series (Sentinel-2 pixels) to simulate. With --layout denethor it must
    fill whole landscapes. By default 6,000 with --check."""
    seed: int = 0
    """Seed of every random draw."""
    scenario: str = "brandenburg-2018"
    """Name of the scenario, which sets region, year and sensors."""
    layout: Literal["store", "denethor"] = "store"
    """Layout of the output: a series store, or the folders and rasters of DENETHOR."""
    every_days: Literal[1, 5] = 1
    """Days between the PlanetScope files, with --layout denethor."""
    num_workers: Annotated[int | None, tyro.conf.arg(aliases=["-j"])] = None
    """Number of processes; by default one per core."""
    check: Path | None = None
    """Real fields to compare with: a field table or a store. --out then becomes a folder with the
    page report.html, its numbers and its statistics."""
    labels: Path | None = None
    """Label table of the real fields, with --check."""
    label_column: str | None = None
    """Column of the label table that holds the classes; they are matched with the simulated
    classes by name."""
    where: str | None = None
    """Use only real fields with this value, as COL=V."""
    report_where: str | None = None
    """Only report real fields with this value, as COL=V; do not use them to choose anything."""
    min_fields: int = 10
    """Least number of real fields per class; accuracies leave out classes with fewer. With
    --check."""
    label_options: Annotated[LabelOptions, tyro.conf.arg(name="")] = field(
        default_factory=LabelOptions
    )
    """How to read the labels, with --check."""
    table: Annotated[TableOptions, tyro.conf.arg(name="")] = field(default_factory=TableOptions)
    """How to read a field table, where it is not to be detected, with --check."""
    parcels: Annotated[ParcelOptions, tyro.conf.arg(name="")] = field(default_factory=ParcelOptions)
    """How to read an image cube, and which pixels of a parcel to take, with --check."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow simulate``."""
    options = parse(Simulate, arguments, prog="windrow simulate")
    if options.check is not None:
        _check(options, options.check)
        return
    names = ("labels", "label_column", "where", "report_where")
    said = {name for name in names if getattr(options, name) is not None}
    if options.table.season_start is not None:
        raise SettingsError(
            "--season-start does not concern the scenarios: each is a calendar year",
            found=options.table.season_start,
            hint="leave it out",
        )
    for name in (*said, *options.label_options.said(), *options.table.said()):
        raise SettingsError(
            f"--{name.replace('_', '-')} needs --check", hint="give the real table with --check"
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
        raise SettingsError("the number of series is missing", hint="give --num-series")
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
                parcel_options=options.parcels,
                seed=options.seed,
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
