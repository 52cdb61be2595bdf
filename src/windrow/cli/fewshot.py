"""``windrow fewshot``: classifies crops from few labels and compares with raw features."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from windrow.cli.few_label_table import show_rows
from windrow.cli.parse import parse
from windrow.cli.progress import progress
from windrow.files import refuse_existing
from windrow.sources.reader import LabelOptions, ParcelOptions, TableOptions


@dataclass(frozen=True)
class Fewshot:
    """Learns crops from k labelled fields per class and tests on other fields, over many draws."""

    input: Annotated[Path, tyro.conf.Positional]
    """Series store, or field table (CSV or Parquet)."""
    labels: Path
    """Label table: one row per field."""
    label_column: str
    """Column of the label table that holds the crops."""
    weights: str
    """Run directory, .safetensors file, or the name of shipped weights."""
    out: Path
    """Directory to write; must not exist."""
    train_where: str | None = None
    """Train only on fields with this value, as COL=V; needs --test-where."""
    test_where: str | None = None
    """Test only on fields with this value, as COL=V; by default on a random half of each class."""
    min_fields: int = 10
    """Least number of fields per class; classes with fewer in the whole set are left out."""
    exclude: tuple[str, ...] = ()
    """Classes to leave out."""
    k: tuple[int, ...] = (1, 5, 10, 20)
    """Numbers of labelled fields per class; a class with fewer gives all of its fields."""
    draws: int = 20
    """Number of random draws of the training fields."""
    seed: int = 0
    """Seed of every random draw."""
    pool: Literal["mean", "month"] = "month"
    """Pooling of the representation for shallow heads."""
    sequence_heads: tuple[Literal["transformer", "lstm", "inception"], ...] = ()
    """Sequence heads to train as well, on the representation and from scratch; each takes half a
    minute for every k and draw."""
    json: bool = False
    """Print fewshot.json instead of the table."""
    label_options: Annotated[LabelOptions, tyro.conf.arg(name="")] = field(
        default_factory=LabelOptions
    )
    """How to read the labels."""
    table: Annotated[TableOptions, tyro.conf.arg(name="")] = field(default_factory=TableOptions)
    """How to read a field table, where it is not to be detected."""
    parcels: Annotated[ParcelOptions, tyro.conf.arg(name="")] = field(default_factory=ParcelOptions)
    """How to read an image cube, and which pixels of a parcel to take."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow fewshot``."""
    options = parse(Fewshot, arguments, prog="windrow fewshot")
    from windrow.evaluation.fewshot.protocol import fewshot
    from windrow.evaluation.fewshot.result import write_fewshot
    from windrow.experiments.recipes.heads import comparison, fewshot_settings
    from windrow.inference.frozen_encoder import load
    from windrow.sources.open_any import LabelledInput

    refuse_existing(options.out)
    settings = fewshot_settings(
        heads=comparison(sequence_heads=options.sequence_heads),
        k=options.k,
        num_draws=options.draws,
        seed=options.seed,
        pool=options.pool,
        min_fields=options.min_fields,
        exclude=options.exclude,
        train_where=options.train_where,
        test_where=options.test_where,
    )
    encoder = load(options.weights)
    opened = LabelledInput(
        options.input,
        options.labels,
        options.label_column,
        table_options=options.table,
        label_options=options.label_options,
        parcel_options=options.parcels,
        seed=options.seed,
    ).open()
    with progress("few labels", "heads") as advance:
        result = fewshot(
            opened.series,
            opened.labels,
            encoder,
            settings,
            lambda done, total, _: advance(done, total),
        )
    write_fewshot(options.out, result)
    opened.summary.add(result.task.summary)
    # Only the JSON goes to standard output.
    print("\n".join(opened.summary.lines()), file=sys.stderr if options.json else sys.stdout)
    if options.json:
        print(json.dumps(result.to_dict(), indent=2, ensure_ascii=False))
    else:
        show_rows(result.to_dict())
        print(options.out)
