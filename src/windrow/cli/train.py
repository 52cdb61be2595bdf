"""``windrow train``: a crop classifier of a place from its labelled fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from windrow.cli.parse import parse
from windrow.cli.progress import progress
from windrow.errors import SettingsError
from windrow.sources.reader import LabelOptions, ParcelOptions, TableOptions

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from windrow.classifiers.expectation import Expectation


@dataclass(frozen=True)
class Train:
    """Fits a crop classifier on all labelled fields and prints what to expect of it."""

    input: Annotated[Path, tyro.conf.Positional]
    """A series store, a field table (CSV or Parquet), or an image cube (netCDF, Zarr, a folder of
    GeoTIFFs, STAC items), of one place and one year."""
    out: Path
    """Folder to write the classifier to; must not exist."""
    labels: Path | None = None
    """The label table: one row per field. Of a cube: a file of parcels or points, in any CRS, or
    nothing where crop codes stand in the cube."""
    label_column: str | None = None
    """Column of the label table that holds the crops; by default the usual names are tried."""
    weights: str = "windrow-1"
    """Weights of the crop classifier: the shipped windrow-1, a run directory of 'windrow pretrain
    windrow-1', or its .safetensors file."""
    group_column: str | None = None
    """Column of the label table, such as a farm or a block. A group is then either trained on or
    tested on, never both, when the expected accuracy is measured."""
    prior: bool = True
    """Let the classifier use what it already knows of a crop when a class bears its name, such as
    'winter wheat'."""
    other: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Add land covers that no label names to the classes, such as forest and built-up. They are
    learned from simulated fields. A cube gets them without this option."""
    no_other: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Add no land covers to the classes of a cube: every pixel of a map will be of a class that is
    labelled."""
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
    """Runs ``windrow train``."""
    options = parse(Train, arguments, prog="windrow train")
    from windrow.experiments.recipes.classifier import train_settings
    from windrow.pipelines.train import train
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
    if options.other and options.no_other:
        raise SettingsError("give either --other or --no-other")
    other = options.other or (source.is_cube and not options.no_other)
    with progress("cross-validating", "folds") as advance:
        trained = train(
            source,
            train_settings(seed=options.seed, with_land_covers=other),
            out=options.out,
            weights=options.weights,
            group_column=options.group_column,
            use_prior=options.prior,
            on_progress=advance,
        )
    print("\n".join(trained.lines))
    show_expectation(trained.expectation)
    print(options.out)


def show_expectation(expected: Expectation) -> None:
    """Prints the figures of a cross-validation as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=f"{expected.num_folds}-fold cross-validation over {expected.num_fields} fields,"
        f" grouped by {expected.grouped_by}",
        title_justify="left",
    )
    table.add_column("method")
    table.add_column("overall accuracy", justify="right")
    table.add_column("macro F1", justify="right")
    for name, score in {"windrow": expected.windrow, **expected.baselines}.items():
        table.add_row(name, f"{score.overall_accuracy:.3f}", f"{score.macro_f1:.3f}")
    console = Console()
    console.print(table)
    best = max(expected.baselines, key=lambda name: expected.baselines[name].overall_accuracy)
    if expected.baselines[best].overall_accuracy > expected.windrow.overall_accuracy:
        console.print(f"note: {best} did better here; the classifier is no gain for these fields")
    console.print(_class_table(expected))
    if expected.lost_to_land_covers:
        console.print(f"{expected.lost_to_land_covers:.1%} of the fields become a land cover")
    console.print(f"calibration error: {expected.calibration_error:.3f}")
    if expected.threshold == 1:
        console.print("prediction sets hold all classes: too few labelled fields, or too unsure")


def _class_table(expected: Expectation) -> RichTable:
    from rich.table import Table

    table = Table(title="classes", title_justify="left")
    table.add_column("class")
    table.add_column("labelled fields", justify="right")
    table.add_column("F1", justify="right")
    for name, score in expected.classes.items():
        lonely = score.num_fields < 2
        table.add_row(
            name, str(score.num_fields), "one field: not known" if lonely else f"{score.f1:.3f}"
        )
    return table
