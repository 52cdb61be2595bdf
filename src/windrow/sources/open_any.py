"""Opens whatever holds series: a store, or a field table."""

from __future__ import annotations

from pathlib import Path

from windrow.data.series import Series
from windrow.data.store.zarr_store import is_store, read_store
from windrow.errors import DataError
from windrow.sources.tables.series import read_table


def open_series(path: str | Path) -> Series:
    """The Sentinel-2 series of a store or a field table; PlanetScope is left out.

    Args:
        path: a series store (folder), or a CSV or Parquet table of observations.

    Raises:
        DataError: there is nothing here, or it is neither.
        StoreError: the store is damaged.
    """
    place = Path(path)
    if not place.exists():
        raise DataError("no such input", where=place, expected="a series store or a field table")
    if place.is_file():
        return read_table(place).series
    if not is_store(place):
        raise DataError(
            "the input is neither a series store nor a field table",
            where=place,
            expected="a folder written by 'windrow simulate' or 'windrow ingest', or a table",
        )
    return read_store(place, planetscope=False)
