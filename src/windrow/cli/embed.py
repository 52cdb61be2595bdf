"""``windrow embed``: turns series into representations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from windrow.cli.parse import parse
from windrow.cli.progress import progress
from windrow.sources.reader import LabelOptions, ParcelOptions, TableOptions


@dataclass(frozen=True)
class Embed:
    """Turns Sentinel-2 series into representations: one row per id, in input order."""

    input: Annotated[Path, tyro.conf.Positional]
    """Series store, or field table (CSV or Parquet)."""
    out: Path
    """Table to write, .parquet or .csv; must not exist."""
    weights: str = "windrow-1"
    """Run directory, .safetensors or .onnx file, or the name of shipped weights. With windrow-1 the
    whole input is one place: rows can be compared with each other, not with those of other inputs.
    """
    labels: Path | None = None
    """Label table; adds a column 'label' to the output."""
    label_column: str | None = None
    """Column of the label table that holds the classes; by default the usual names are tried."""
    pool: Literal["mean", "month"] | None = None
    """How the dates become one row: their mean, or the means of the twelve months side by side (the
    default). windrow-1 has no such choice."""
    backend: Literal["auto", "torch", "onnx"] = "auto"
    """Runtime: torch or ONNX Runtime. auto takes an installed one and prints its name."""
    precision: Literal["float32", "bfloat16", "int8"] = "float32"
    """Precision of the matrix products. bfloat16 (torch) and int8 (onnx) are faster and round
    (cosine similarity at least 0.999). An ONNX file keeps its own precision."""
    max_dates: int | None = None
    """Most dates to read per series; the clearest are read. By default the number stored in the
    weights."""
    label_options: Annotated[LabelOptions, tyro.conf.arg(name="")] = field(
        default_factory=LabelOptions
    )
    """How to read the labels."""
    table: Annotated[TableOptions, tyro.conf.arg(name="")] = field(default_factory=TableOptions)
    """How to read a field table, where it is not to be detected."""
    parcels: Annotated[ParcelOptions, tyro.conf.arg(name="")] = field(default_factory=ParcelOptions)
    """How to read an image cube, and which pixels of a parcel to take."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow embed``."""
    options = parse(Embed, arguments, prog="windrow embed")
    from windrow.pipelines.embed import embed_to_parquet
    from windrow.sources.open_any import LabelledInput

    with progress("embedding", "series") as advance:
        lines = embed_to_parquet(
            LabelledInput(
                options.input,
                options.labels,
                options.label_column,
                table_options=options.table,
                label_options=options.label_options,
                parcel_options=options.parcels,
            ),
            weights=options.weights,
            out=options.out,
            pool=options.pool,
            backend=options.backend,
            precision=options.precision,
            max_dates=options.max_dates,
            on_progress=advance,
        )
    print("\n".join([*lines, str(options.out)]))
