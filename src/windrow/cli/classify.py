"""``windrow classify``: the class of every field, with probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from windrow.cli.parse import parse
from windrow.cli.progress import progress
from windrow.sources.reader import TableOptions


@dataclass(frozen=True)
class Classify:
    """Writes the class of every field, its probabilities and how unlike the labelled fields it is.

    Give --classifier, the folder of 'windrow train', or --crops or --crops-at to do without any
    label. CSV and GeoJSON hold four decimals, so that the probabilities of a row sum to 1 only
    nearly.
    """

    input: Annotated[Path, tyro.conf.Positional]
    """A series store, or a field table (CSV or Parquet), of one place and one year."""
    out: Path
    """The file to write: .parquet, .csv, .gpkg or .geojson; must not exist. The last two need
    columns lon and lat in the field table."""
    classifier: Path | None = None
    """The folder of 'windrow train'."""
    crops: tuple[str, ...] = ()
    """Names of crops that grow there, each a class, such as 'winter wheat' maize meadow. No label
    is used: crops are recognised by what simulated fields look like."""
    crops_at: tuple[float, float] | None = None
    """Longitude and latitude of the place, in degrees. The crops that are likely there are the
    classes. No label is used."""
    weights: str = "windrow-1"
    """The weights that the classifier was trained with."""
    table: Annotated[TableOptions, tyro.conf.arg(name="")] = field(default_factory=TableOptions)
    """How to read a field table, where it should not be detected."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow classify``."""
    options = parse(Classify, arguments, prog="windrow classify")
    from windrow.errors import SettingsError
    from windrow.experiments.recipes.classifier import NUM_LIKELY_KINDS, mix
    from windrow.pipelines.assumed_crops import CropsAt
    from windrow.pipelines.classify import classify

    crops: tuple[str, ...] | CropsAt = options.crops
    if options.crops_at is not None:
        if options.crops:
            raise SettingsError("give one of --classifier, --crops and --crops-at")
        crops = CropsAt(*options.crops_at, num_kinds=NUM_LIKELY_KINDS)

    with progress("classifying", "series") as advance:
        found = classify(
            options.input,
            out=options.out,
            classifier=options.classifier,
            crops=crops,
            mix=mix(),
            table=options.table,
            weights=options.weights,
            on_progress=advance,
        )
    print("\n".join(found.lines))
    for name, number in found.counts.items():
        print(f"{name}: {number:,}")
    print(options.out)
