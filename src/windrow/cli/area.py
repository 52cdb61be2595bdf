"""``windrow area``: areas and accuracies of a map from a reference sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from windrow.cli.parse import parse
from windrow.cli.progress import progress

if TYPE_CHECKING:
    from windrow.evaluation.area_estimation import Interval
    from windrow.pipelines.area import AreaResult


@dataclass(frozen=True)
class Area:
    """Estimates the area of each class and the accuracy of a map, with 95 % intervals.

    The reference must be a random sample, such as 'windrow sample' draws. Stratified estimators
    of Olofsson et al. (2014) and Stehman (2014).
    """

    map: Annotated[Path, tyro.conf.Positional]
    """The folder that 'windrow map' wrote."""
    reference: Annotated[Path, tyro.conf.Positional]
    """Points or polygons in any CRS, or a table with columns lon and lat. Columns stratum and
    stratum_area name the strata of its design."""
    label_column: str
    """The column of the true classes."""
    out: Path | None = None
    """A folder to write tables (CSV) into; must not exist."""
    training: Path | None = None
    """The labels that the map was trained with: samples that lie in them are counted."""
    layer: str | None = None
    """The layer of a reference file that holds several."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow area``."""
    options = parse(Area, arguments, prog="windrow area")
    from windrow.pipelines.area import estimate_map_areas

    with progress("reading the map", "rows") as advance:
        result = estimate_map_areas(
            options.map,
            options.reference,
            label_column=options.label_column,
            out=options.out,
            training=options.training,
            layer=options.layer,
            on_progress=advance,
        )
    print("\n".join(result.lines))
    for warning in result.warnings:
        print(f"warning: {warning}")
    _show(result)
    if options.out is not None:
        print(options.out)


def _show(result: AreaResult) -> None:
    from rich.console import Console
    from rich.table import Table

    found, console = result.estimates, Console(width=140)
    table = Table(title="area in hectares and accuracy, ± half of the 95 % interval")
    for name in ("class", "mapped", "estimated", "user's", "producer's", "F1"):
        table.add_column(name, justify="left" if name == "class" else "right")
    for k, name in enumerate(result.classes):
        table.add_row(
            name,
            f"{result.mapped_area[k] / 1e4:,.2f}",
            _text(found.area, k, 1e-4, ",.2f"),
            _text(found.users, k, 1.0, ".3f"),
            _text(found.producers, k, 1.0, ".3f"),
            "-" if math.isnan(found.f1[k]) else f"{found.f1[k]:.3f}",
        )
    console.print(table)
    for title, matrix, form in (
        ("samples", found.counts, "d"),
        ("shares of the area", found.proportions, ".4f"),
    ):
        table = Table(title=f"{title}: map by row, reference by column")
        for name in ("map", *result.classes):
            table.add_column(name, justify="right")
        for name, row in zip(result.classes, matrix.tolist(), strict=True):
            table.add_row(name, *(format(value, form) for value in row))
        console.print(table)
    overall = found.overall
    print(
        f"overall accuracy {float(overall.estimate):.3f}"
        f" (95 % interval {float(overall.low):.3f} to {float(overall.high):.3f})"
        f" over {found.total_area / 1e4:,.2f} ha"
    )


def _text(found: Interval, k: int, scale: float, form: str) -> str:
    value = float(found.estimate[k])
    if math.isnan(value):
        return "-"
    half = 1.96 * float(found.standard_error[k])
    return f"{format(value * scale, form)} ± {format(half * scale, form)}"
