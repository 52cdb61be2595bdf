"""``windrow fewshot``: crops from few labelled fields, beside the raw-feature baselines."""

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
from windrow.sources.reader import LabelOptions, TableOptions


@dataclass(frozen=True)
class Fewshot:
    """Learns crops from k labelled fields a class and tests on other fields, many times over."""

    input: Annotated[Path, tyro.conf.Positional]
    """A series store, or a field table (CSV or Parquet)."""
    labels: Path
    """The label table: one row a field."""
    label_column: str
    """Its column of crops."""
    weights: str
    """A run directory, a .safetensors file, or the name of shipped weights."""
    out: Path
    """The directory to write; must not exist."""
    train_where: str | None = None
    """Only fields with this value train, as COL=V; goes with --test-where."""
    test_where: str | None = None
    """Only fields with this value test, as COL=V. Without, half of each class at random."""
    min_fields: int = 10
    """Classes with fewer fields in the whole set are left out."""
    exclude: tuple[str, ...] = ()
    """Classes to leave out."""
    k: tuple[int, ...] = (1, 5, 10, 20)
    """Labelled fields a class; all where a class has fewer."""
    draws: int = 20
    """How often the training fields are drawn."""
    seed: int = 0
    """Every draw follows from it."""
    pool: Literal["mean", "month"] = "month"
    """How the representation is pooled for light heads."""
    sequence_heads: tuple[Literal["transformer", "lstm", "inception"], ...] = ()
    """Base models to train as well, on the representation and from scratch; half a minute each, at
    every k and draw."""
    json: bool = False
    """Print fewshot.json instead of the table."""
    label_options: Annotated[LabelOptions, tyro.conf.arg(name="")] = field(
        default_factory=LabelOptions
    )
    """What is to be known of the labels."""
    table: Annotated[TableOptions, tyro.conf.arg(name="")] = field(default_factory=TableOptions)
    """What is not to be detected of a field table."""


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
    # The JSON is to stand alone on standard output.
    print("\n".join(opened.summary.lines()), file=sys.stderr if options.json else sys.stdout)
    if options.json:
        print(json.dumps(result.to_dict(), indent=2, ensure_ascii=False))
    else:
        show_rows(result.to_dict())
        print(options.out)
