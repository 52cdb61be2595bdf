"""``windrow embed``: series into representations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from windrow.cli.progress import progress


@dataclass(frozen=True)
class Embed:
    """Turns Sentinel-2 series into representations: one row an id, in input order."""

    input: Annotated[Path, tyro.conf.Positional]
    """A series store, or a field table (CSV or Parquet)."""
    weights: str
    """A run directory, a .safetensors file, or the name of shipped weights."""
    out: Path
    """The Parquet file to write."""
    labels: Path | None = None
    """A label table; appends a column 'label'."""
    label_column: str | None = None
    """The column of the label table; by default the usual names are looked for."""
    pool: Literal["mean", "month"] = "mean"
    """Mean over all dates, or the twelve monthly means one after another."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow embed``."""
    options = tyro.cli(Embed, args=arguments, prog="windrow embed")
    from windrow.experiments.embedding import embed_to_parquet

    with progress("embedding", "series") as report:
        lines = embed_to_parquet(
            options.input,
            weights=options.weights,
            out=options.out,
            labels=options.labels,
            label_column=options.label_column,
            pool=options.pool,
            on_progress=report,
        )
    print("\n".join([*lines, str(options.out)]))
