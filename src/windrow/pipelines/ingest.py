"""Reads a product or a field table into a series store and lists what it found and left out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from windrow.data.store.zarr_store import StoreWriter
from windrow.files import check_output
from windrow.sources.denethor.protocols import split
from windrow.sources.reader import IngestOptions, ResolvedOptions
from windrow.sources.registry import recognise


@dataclass(frozen=True)
class Ingested:
    """The findings of an ingest.

    Attributes:
        product: name of the reader.
        lines: lines of text: what was recognised, assumed and left out.
        num_series: number of series written; None where no store was asked for.
    """

    product: str
    lines: list[str]
    num_series: int | None


def ingest(
    path: str | Path,
    *,
    out: str | Path | None,
    options: IngestOptions | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Ingested:
    """Recognises a product, reads it part by part and writes it as a series store.

    Args:
        path: a file or folder of any product that :mod:`windrow.sources.registry` knows.
        out: the store to write, which must not exist. None writes nothing and returns the
            findings.
        options: how to read the product, where it is not to be detected.
        on_progress: called with the number of preparation steps done and their total, where the
            product has any.

    Returns:
        the findings.

    Raises:
        WindrowError: the product cannot be recognised or used, or the store cannot be written.
    """
    options = options or IngestOptions()
    if out is not None:
        check_output(out, inputs=[path])
    reader = recognise(path)
    scratch: Path | None = None
    if out is not None and options.scratch is None:
        scratch = Path(out).parent / f".{Path(out).name}.scratch"
        options = options.model_copy(update={"scratch": scratch})
    reading = reader.read(Path(path), _resolved(options))
    if out is None:
        return Ingested(reader.name, reading.summary.lines(), None)
    for done, total in reading.preparation:
        if on_progress is not None:
            on_progress(done, total)
    num_series = 0
    provenance = {"command": "ingest", "options": options.said(), **reading.provenance}
    with StoreWriter(out, provenance=provenance) as writer:
        for part in reading.parts:
            writer.append(part)
            num_series += len(part)
        for name, columns in reading.tables.items():
            writer.add_table(name, columns)
        writer.add_provenance("report", reading.summary.portable())
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)
    return Ingested(reader.name, reading.summary.lines(), num_series)


def _resolved(options: IngestOptions) -> IngestOptions:
    """Fills in the numbers of the protocol, which are defined beside the reader of DENETHOR."""
    if options.protocol is None:
        return options
    return ResolvedOptions(**dict(options), split=split(options.protocol))
