"""Which product lies at a path: a table of readers, asked in order, each by names and headers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from windrow.errors import DataError
from windrow.sources import eurocropsml
from windrow.sources.breizhcrops import reader as breizhcrops
from windrow.sources.cubes import reader as cubes
from windrow.sources.cubes.stac import address
from windrow.sources.denethor import reader as denethor
from windrow.sources.prepared import reader as prepared_h5
from windrow.sources.reader import IngestOptions, Reading
from windrow.sources.tables import reader as table_reader


@dataclass(frozen=True)
class Reader:
    """One product.

    Attributes:
        name: what it is called in reports.
        looks_for: what it is recognised by, for the message when nothing is recognised.
        recognises: whether a path holds it, from names and headers alone.
        read: opens it.
    """

    name: str
    looks_for: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, IngestOptions], Reading]


READERS: tuple[Reader, ...] = (
    Reader(
        "denethor",
        "a folder of DENETHOR (PF-SR/YYYY-MM-DD.tif or *_source_planet_*/sr.tif, bands.npy)",
        denethor.recognises,
        denethor.read,
    ),
    Reader(
        "prepared_h5",
        "a prepared HDF5 file (pretraining_time2.h5, train_sentinel_ts.hdf5, ...)",
        prepared_h5.recognises,
        prepared_h5.read,
    ),
    Reader(
        "BreizhCrops",
        "a folder of BreizhCrops (classmapping.csv, <year>/<level>/<region>.csv and .h5)",
        breizhcrops.recognises,
        breizhcrops.read,
    ),
    Reader(
        "EuroCropsML",
        "a folder of EuroCropsML parcels (<NUTS3>_<parcel>_<code>.npz)",
        eurocropsml.recognises,
        eurocropsml.read,
    ),
    Reader(
        "cube",
        "a netCDF file or Zarr group with (time, y, x) variables",
        cubes.recognises_file,
        cubes.read_file,
    ),
    Reader(
        "STAC items",
        "a STAC catalogue or item collection (.json), or the address of a server",
        cubes.recognises_stac,
        cubes.read_stac,
    ),
    Reader(
        "GeoTIFFs",
        "a folder of GeoTIFFs with the date in the name",
        cubes.recognises_images,
        cubes.read_images,
    ),
    Reader(
        "table",
        "a table (.csv, .csv.gz, .parquet) of one row an id and date",
        table_reader.recognises,
        table_reader.read,
    ),
)
"""All readers; the first that recognises a path reads it, so the particular come first."""


_LOOKED_AT = 20
_LONGEST_PATH = 200


def recognise(path: str | Path) -> Reader:
    """Recognises the reader of a product.

    Raises:
        DataError: there is nothing at the path, or no reader recognises it; says what was
            looked for.
    """
    product_path = Path(path)
    if address(product_path) is None:
        _check_there(product_path)
    for reader in READERS:
        if reader.recognises(product_path):
            return reader
    raise DataError(
        "no product is recognised here",
        where=product_path,
        found=_contents(product_path),
        expected=", or ".join(reader.looks_for for reader in READERS),
        hint=_products_inside(product_path),
    )


def _check_there(product_path: Path) -> None:
    """Refuses a path that leads to neither a file nor a folder."""
    try:
        there, readable = product_path.exists(), product_path.is_file() or product_path.is_dir()
    except OSError as error:  # a name that is too long, a folder that must not be looked into
        shown = (
            str(product_path)
            if len(str(product_path)) <= _LONGEST_PATH
            else f"{str(product_path)[:_LONGEST_PATH]}..."
        )
        raise DataError(
            "the path cannot be looked up",
            where=shown,
            found=error.strerror or type(error).__name__,
            hint="check the path",
        ) from None
    if not there:
        raise DataError("no such input", where=repr(str(product_path))[1:-1], hint="check the path")
    if not readable:
        raise DataError(
            "the input is no file",
            where=product_path,
            found="a pipe or device",
            expected="a file or folder",
            hint="write its content to a file first",
        )


def _products_inside(product_path: Path) -> str | None:
    """Files of a folder that are products of their own, for the hint."""
    if not product_path.is_dir():
        return None
    found = []
    for entry in sorted(product_path.iterdir())[:_LOOKED_AT]:
        reader = next((reader for reader in READERS if reader.recognises(entry)), None)
        if reader is not None:
            found.append(f"{entry.name} ({reader.name})")
    if not found:
        return None
    return f"give the path of what is inside: {' or '.join(found[:5])}"


def _contents(product_path: Path) -> str:
    if product_path.is_file():
        return f"a file of kind {''.join(product_path.suffixes[-2:]) or 'without an ending'!r}"
    names = sorted(entry.name for entry in product_path.iterdir())
    if not names:
        return "an empty folder"
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
