"""``windrow download``: fetches public files and checks them against their record."""

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
    """Fetches public files and checks their checksums.

    A file that is complete is not fetched again. An interrupted file is continued.
    """

    product: Annotated[Literal["prepared"], tyro.conf.Positional]
    """Product to fetch. 'prepared': the HDF5 files of the group's earlier study (Zenodo
    7737587)."""
    to: Path
    """Folder to write the files into."""
    files: tuple[str, ...] = ()
    """Names of the files; by default all files of the record."""
    host: str = "https://zenodo.org"
    """Server that holds the record and its files."""


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
