"""``windrow ingest``: a product or a field table into a series store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from windrow.errors import SettingsError


@dataclass(frozen=True)
class Ingest:
    """Reads a field table and writes it as a series store, saying what it found and dropped."""

    path: Annotated[Path, tyro.conf.Positional]
    """A field or pixel table: CSV or Parquet, one row an id and date, one column a band."""
    out: Path | None = None
    """Where the store is written; must not exist. Not needed with --dry-run."""
    dry_run: bool = False
    """Only say what is found."""
    labels: Path | None = None
    """A label table to store with the series."""
    label_column: str | None = None
    """The column of the label table; by default the usual names are looked for."""
    id_column: str | None = None
    """The column that names the field or pixel; by default it is detected."""
    date_column: str | None = None
    """The column of the date; by default it is detected."""
    field_column: str | None = None
    """The column of the field in which a pixel lies; by default it is detected."""
    sort_dates: bool = False
    """Sort the dates of each id instead of refusing unsorted ones."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow ingest``."""
    options = tyro.cli(Ingest, args=arguments, prog="windrow ingest")
    if options.out is None and not options.dry_run:
        raise SettingsError("nowhere to write", hint="give --out STORE, or --dry-run")
    from windrow.experiments.ingestion import TableOptions, ingest

    lines = ingest(
        options.path,
        out=None if options.dry_run else options.out,
        labels=options.labels,
        label_column=options.label_column,
        options=TableOptions(
            id_column=options.id_column,
            date_column=options.date_column,
            field_column=options.field_column,
            sort_dates=options.sort_dates,
        ),
    )
    print("\n".join(lines))
    if not options.dry_run:
        print(options.out)
