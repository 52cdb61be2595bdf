"""``windrow fewshot``: compares the crop classifier with other methods on few labels."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from windrow.cli.few_label_table import show_rows
from windrow.cli.parse import parse
from windrow.cli.progress import progress
from windrow.files import refuse_existing
from windrow.sources.reader import LabelOptions, ParcelOptions, ReadingSummary, TableOptions

if TYPE_CHECKING:
    from windrow.evaluation.fewshot.result import FewshotResult


@dataclass(frozen=True)
class Fewshot:
    """Compares windrow's crop classifier with other methods on a few labelled fields per class.

    All methods learn from the same fields, drawn at random many times over, and are tested on the
    same other fields. 'windrow' is the classifier of 'windrow train'. The plain methods need no
    weights: extra trees and others on bands, on four indices, and on bands with twelve indices.
    """

    input: Annotated[Path, tyro.conf.Positional]
    """Series store, or field table (CSV or Parquet)."""
    labels: Path
    """Label table: one row per field."""
    label_column: str
    """Column of the label table that holds the crops."""
    out: Path
    """Directory to write; must not exist."""
    weights: str | None = None
    """Weights to compare as well: a run directory of 'windrow pretrain', a .safetensors or .onnx
    file. By default 'windrow' uses the shipped weights windrow-1, and no other weights are
    compared."""
    group_column: str | None = None
    """Column of the label table, such as a farm or a block. Fields of one group are never used for
    both training and test."""
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
    draws: int = 10
    """Number of random draws of the training fields."""
    seed: int = 0
    """Seed of every random draw."""
    context: Literal["place", "training"] = "place"
    """Fields that 'windrow' sees without their labels. place: all fields of the input, the test
    fields too, as when a place is mapped. training: training fields alone."""
    prior: bool = True
    """Let 'windrow' use what its weights know of the crops that the classes name."""
    pool: Literal["mean", "month"] = "month"
    """How the dates of a representation become one vector: their mean, or twelve monthly means."""
    sequence_heads: tuple[Literal["transformer", "lstm", "inception"], ...] = ()
    """Networks to train as well that read every date, on the bands and on the representation; each
    takes half a minute for every k and draw."""
    json: bool = False
    """Print fewshot.json instead of the table."""
    label_options: Annotated[LabelOptions, tyro.conf.arg(name="")] = field(
        default_factory=LabelOptions
    )
    """How to read the labels."""
    table: Annotated[TableOptions, tyro.conf.arg(name="")] = field(default_factory=TableOptions)
    """How to read a field table, where it should not be detected."""
    parcels: Annotated[ParcelOptions, tyro.conf.arg(name="")] = field(default_factory=ParcelOptions)
    """How to read an image cube, and which pixels of a parcel to take."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow fewshot``."""
    options = parse(Fewshot, arguments, prog="windrow fewshot")
    refuse_existing(options.out)
    # The display begins before the imports, which take seconds.
    with progress("few labels", "fits") as advance:
        result, summary = _compare(options, lambda done, total, _: advance(done, total))
    # Only the JSON goes to standard output.
    print("\n".join(summary.lines()), file=sys.stderr if options.json else sys.stdout)
    if options.json:
        print(json.dumps(result.to_dict(), indent=2, ensure_ascii=False))
    else:
        show_rows(result.to_dict())
        print(options.out)


def _compare(
    options: Fewshot, on_progress: Callable[[int, int, str], None]
) -> tuple[FewshotResult, ReadingSummary]:
    from windrow.evaluation.fewshot.result import write_fewshot
    from windrow.experiments.recipes.classifier import crop_classifier_head
    from windrow.experiments.recipes.heads import comparison, fewshot_settings
    from windrow.pipelines.fewshot import compare, read_weights_of
    from windrow.sources.open_any import LabelledInput

    settings = fewshot_settings(
        heads=(
            crop_classifier_head(use_prior=options.prior, context=options.context),
            *comparison(
                representation=options.weights is not None, sequence_heads=options.sequence_heads
            ),
        ),
        k=options.k,
        num_draws=options.draws,
        seed=options.seed,
        pool=options.pool,
        min_fields=options.min_fields,
        exclude=options.exclude,
        train_where=options.train_where,
        test_where=options.test_where,
        group_column=options.group_column,
    )
    weights = read_weights_of(options.weights)
    source = LabelledInput(
        options.input,
        options.labels,
        options.label_column,
        table_options=options.table,
        label_options=options.label_options,
        parcel_options=options.parcels,
        seed=options.seed,
    )
    result, summary = compare(source, weights, settings, on_progress=on_progress)
    write_fewshot(options.out, result)
    return result, summary
