"""``windrow embed``: series into representations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from windrow.cli.parse import parse
from windrow.cli.progress import progress
from windrow.sources.reader import LabelOptions, TableOptions


@dataclass(frozen=True)
class Embed:
    """Turns Sentinel-2 series into representations: one row an id, in input order."""

    input: Annotated[Path, tyro.conf.Positional]
    """A series store, or a field table (CSV or Parquet)."""
    weights: str
    """A run directory, a .safetensors or .onnx file, or the name of shipped weights."""
    out: Path
    """The table to write, .parquet or .csv; must not exist."""
    labels: Path | None = None
    """A label table; appends a column 'label'."""
    label_column: str | None = None
    """The column of the label table; by default the usual names are looked for."""
    pool: Literal["mean", "month"] = "mean"
    """Mean over all dates, or the twelve monthly means one after another."""
    backend: Literal["auto", "torch", "onnx"] = "auto"
    """What computes it: torch or ONNX Runtime; auto takes what is installed, and says which."""
    precision: Literal["float32", "bfloat16", "int8"] = "float32"
    """Of the matrix products: bfloat16 (torch) and int8 (onnx) are faster and round (cosine at
    least 0.999); an ONNX file keeps the precision that it was exported with."""
    max_dates: int | None = None
    """Read only so many dates of a series, the clearest; by default as many as the weights say."""
    label_options: Annotated[LabelOptions, tyro.conf.arg(name="")] = field(
        default_factory=LabelOptions
    )
    """What is to be known of the labels."""
    table: Annotated[TableOptions, tyro.conf.arg(name="")] = field(default_factory=TableOptions)
    """What is not to be detected of a field table."""


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
