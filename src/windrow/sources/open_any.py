"""Opens whatever holds series: a store, a field table, a table in memory, or series themselves."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from windrow.data.series import Series
from windrow.data.store.store import Store
from windrow.data.store.zarr_store import is_store
from windrow.errors import DataError
from windrow.sources.tables.series import read_table

SeriesSource: TypeAlias = Series | Store | str | PathLike[str] | pd.DataFrame
"""What holds series."""

ACCEPTED = (
    "a Series, a Store, a path to a series store or to a field table (CSV or Parquet), "
    "or a pandas table"
)
"""The same in words."""


def open_series(source: SeriesSource) -> Series:
    """The Sentinel-2 series of a store, a field table or a pandas table; PlanetScope is left out.

    A field table is long: a row an id and a date, a column a band, such as ``id, date, B02, B03``.
    Columns, scale and cloud measure are recognised;
    :func:`windrow.sources.tables.series.read_table` takes them as arguments, and reports what it
    recognised.

    Args:
        source: a series store (folder, or an opened :class:`~windrow.data.store.store.Store`), a
            CSV or Parquet table of observations, or such a table in memory. A
            :class:`~windrow.data.series.Series` is returned as it is.

    Returns:
        a series an id, in input order.

    Raises:
        DataError: there is nothing here, or it is none of these, or the table is not usable.
        StoreError: the store is damaged.

    Example:
        >>> import pandas as pd
        >>> dates = pd.to_datetime(["2018-05-01", "2018-06-01"])
        >>> table = pd.DataFrame({"id": [7, 7], "date": dates, "B04": [410, 380]})
        >>> open_series(table.assign(B08=[2900, 3600]))
        Series(1 series, 1 fields, 2 dates, 2 bands, L2A, 2018)
    """
    if isinstance(source, Series):
        return source
    if isinstance(source, Store):
        return source.series(planetscope=False)
    if isinstance(source, pd.DataFrame):
        return read_table(source).series
    if not isinstance(source, (str, PathLike)):
        raise DataError("this holds no series", found=type(source).__name__, expected=ACCEPTED)
    place = Path(source)
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
    return Store(place).series(planetscope=False)
