"""``windrow suggest``: the fields to visit next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from windrow.cli.parse import parse
from windrow.cli.progress import progress
from windrow.sources.reader import LabelOptions, TableOptions


@dataclass(frozen=True)
class Suggest:
    """Writes the fields to visit next, with the reason for each, the first one first.

    Half of them are typical of a group of fields that are alike. The other half are a random sample
    spread over all kinds of fields, and show how common each kind is. No label is needed. Fields
    that have a label are left out.
    """

    input: Annotated[Path, tyro.conf.Positional]
    """A series store, or a field table (CSV or Parquet), of one place and one year."""
    out: Path
    """The file to write: .parquet, .csv, .gpkg or .geojson; must not exist. The last two need
    columns lon and lat in the field table."""
    num: int = 20
    """Number of fields to suggest."""
    labels: Path | None = None
    """The label table, if some fields have labels already."""
    label_column: str | None = None
    """Its column of classes."""
    classifier: Path | None = None
    """A folder of 'windrow train', in place of labels."""
    weights: str = "windrow-1"
    """A run directory, a .safetensors file, or the name of shipped weights."""
    seed: int = 0
    """Every random draw follows from it."""
    label_options: Annotated[LabelOptions, tyro.conf.arg(name="")] = field(
        default_factory=LabelOptions
    )
    """How to read the labels."""
    table: Annotated[TableOptions, tyro.conf.arg(name="")] = field(default_factory=TableOptions)
    """How to read a field table, where it should not be detected."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow suggest``."""
    options = parse(Suggest, arguments, prog="windrow suggest")
    from windrow.experiments.recipes.classifier import train_settings
    from windrow.pipelines.suggest import suggest
    from windrow.sources.open_any import LabelledInput

    source = LabelledInput(
        options.input,
        options.labels,
        options.label_column,
        table_options=options.table,
        label_options=options.label_options,
    )
    with progress("comparing fields", "series") as advance:
        found = suggest(
            source,
            train_settings(seed=options.seed),
            out=options.out,
            num=options.num,
            classifier=options.classifier,
            weights=options.weights,
            on_progress=advance,
        )
    print("\n".join(found.lines))
    print(f"{found.num_fields} fields to visit")
    print(options.out)
