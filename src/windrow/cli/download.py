"""``windrow download``: public files, by the checksums of their record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from windrow.cli.parse import parse
from windrow.cli.progress import progress


@dataclass(frozen=True)
class Download:
    """Fetches public files; what is there is not fetched again, what was cut short goes on."""

    product: Annotated[Literal["prepared"], tyro.conf.Positional]
    """'prepared': the HDF5 files of the group's earlier study (Zenodo 7737587)."""
    to: Path
    """The folder to fill."""
    files: tuple[str, ...] = ()
    """Names of the files; by default all of the record."""
    host: str = "https://zenodo.org"
    """The server that holds the record and its files."""


def main(arguments: Sequence[str]) -> None:
    """Runs ``windrow download``."""
    options = parse(Download, arguments, prog="windrow download")
    from windrow.sources.zenodo import PREPARED_DOI, download

    with progress("downloading", "bytes") as advance:
        paths = download(
            PREPARED_DOI,
            options.to,
            host=options.host,
            names=options.files or None,
            on_progress=lambda _, there, size: advance(there, size),
        )
    print("\n".join(map(str, paths)))
