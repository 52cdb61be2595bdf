"""``windrow ingest``: reads a product or a field table into a series store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from windrow.cli.parse import parse
from windrow.cli.progress import progress
from windrow.errors import SettingsError
from windrow.sources.reader import IngestOptions


@dataclass(frozen=True)
class Ingest:
    """Reads a product, writes it as a series store, and prints what was found and dropped."""

    path: Annotated[Path, tyro.conf.Positional]
    """File or folder of the product; the product is recognised from its content."""
    out: Path | None = None
    """Store to write; must not exist. Not needed with --dry-run."""
    dry_run: bool = False
    """Only print what is found; write nothing."""
    split_map: Path | None = None
    """Picture to write (.png, .svg, .pdf) of the fields of DENETHOR, coloured by split."""
    options: Annotated[IngestOptions, tyro.conf.arg(name="")] = field(default_factory=IngestOptions)
    """How to read the product, where it is not to be detected."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow ingest``."""
    chosen = parse(Ingest, arguments, prog="windrow ingest")
    if chosen.out is None and not chosen.dry_run:
        raise SettingsError("nowhere to write", hint="give --out STORE, or --dry-run")
    if chosen.split_map is not None and chosen.dry_run:
        raise SettingsError("a map of the split needs a store", hint="leave --dry-run out")
    from windrow.files import check_output
    from windrow.pipelines.ingest import ingest

    if chosen.split_map is not None:
        check_output(chosen.split_map, inputs=[chosen.path], suffixes=(".png", ".svg", ".pdf"))
    out = None if chosen.dry_run else chosen.out
    with progress("reading", "images") as advance:
        found = ingest(chosen.path, out=out, options=chosen.options, on_progress=advance)
    if not any(line.startswith("product: ") for line in found.lines):
        print(f"product: {found.product}")
    print("\n".join(found.lines))
    if out is not None:
        if chosen.split_map is not None:
            from windrow.reporting.split_map import write_split_map

            print(write_split_map(out, chosen.split_map))
        print(out)
