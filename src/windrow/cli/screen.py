"""``windrow screen``: the labels that look wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from windrow.cli.parse import parse
from windrow.cli.progress import progress
from windrow.sources.reader import LabelOptions, ParcelOptions, TableOptions


@dataclass(frozen=True)
class Screen:
    """Writes the labelled fields in the order of suspicion: labels that look wrong come first.

    Each field is classified by a classifier that was not fitted on it. Look at the suspects
    yourself: a rare variety or a field of two crops looks wrong too.
    """

    input: Annotated[Path, tyro.conf.Positional]
    """A series store, a field table (CSV or Parquet), or an image cube (netCDF, Zarr, a folder of
    GeoTIFFs, STAC items), of one place and one year."""
    out: Path
    """The file to write: .parquet, .csv, .gpkg or .geojson; must not exist."""
    labels: Path | None = None
    """The label table: one row per field. Of a cube: a file of parcels or points, in any CRS, or
    nothing where crop codes stand in the cube."""
    label_column: str | None = None
    """Its column of classes; by default the usual names are looked for."""
    share: float = 0.05
    """Largest share of the labels to mark as suspects, 0 to 1."""
    weights: str = "windrow-1"
    """Weights of the crop classifier: the shipped windrow-1, a run directory of 'windrow pretrain
    windrow-1', or its .safetensors file."""
    group_column: str | None = None
    """Column of the label table, such as a farm or a block. A group is then either trained on or
    tested on, never both, when the expected accuracy is measured."""
    prior: bool = True
    """Let the classifier use what it already knows of a crop when a class bears its name, such as
    'winter wheat'."""
    seed: int = 0
    """Seed of every random draw."""
    label_options: Annotated[LabelOptions, tyro.conf.arg(name="")] = field(
        default_factory=LabelOptions
    )
    """How to read the labels."""
    table: Annotated[TableOptions, tyro.conf.arg(name="")] = field(default_factory=TableOptions)
    """How to read a field table, where it should not be detected."""
    parcels: Annotated[ParcelOptions, tyro.conf.arg(name="")] = field(default_factory=ParcelOptions)
    """How to read an image cube, and which pixels of a parcel to take."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow screen``."""
    options = parse(Screen, arguments, prog="windrow screen")
    from windrow.experiments.recipes.classifier import train_settings
    from windrow.pipelines.screen import screen
    from windrow.sources.open_any import LabelledInput

    source = LabelledInput(
        options.input,
        options.labels,
        options.label_column,
        table_options=options.table,
        label_options=options.label_options,
        parcel_options=options.parcels,
        seed=options.seed,
    )
    with progress("cross-validating", "folds") as advance:
        found = screen(
            source,
            train_settings(seed=options.seed),
            out=options.out,
            share=options.share,
            weights=options.weights,
            group_column=options.group_column,
            use_prior=options.prior,
            on_progress=advance,
        )
    print("\n".join(found.lines))
    print(f"{found.accuracy:.0%} of {found.num_labels} labels agree with the prediction")
    print(f"{found.num_suspects} labels look wrong")
    print(options.out)
