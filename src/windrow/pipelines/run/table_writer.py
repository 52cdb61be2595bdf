"""Writes the tables of a command: one row per id, as Parquet or CSV by the suffix."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet

from windrow.errors import DataError, OutputError, SettingsError
from windrow.files import atomic_file

TABLE_SUFFIXES = (".parquet", ".pq", ".csv")
"""Suffixes of a table's name; the suffix sets the format."""


POINT_SUFFIXES = (".gpkg", ".geojson")
"""Endings of the name of a file of points."""

TEXT_SUFFIXES = (".csv", ".geojson")
"""Endings of the name of a result in text, which people read."""

DECIMALS = 4
"""Decimals of probabilities in text."""

OUTPUT_SUFFIXES = (*TABLE_SUFFIXES, *POINT_SUFFIXES)
"""Endings of the name of a result that may have positions."""


def write_result(
    path: str | Path,
    table: pa.Table,
    *,
    longitude: npt.NDArray[np.floating] | None,
    latitude: npt.NDArray[np.floating] | None,
    decimals: int | None = None,
) -> None:
    """Writes a result as a table, or as points where the suffix asks for them.

    Args:
        path: ends in one of :data:`OUTPUT_SUFFIXES`.
        table: N rows.
        longitude: (N,) degrees east, or None.
        latitude: (N,) degrees north, or None.
        decimals: number of decimals of the table's fractions in files that people read, CSV and
            GeoJSON. Rounded probabilities of a row sum to 1 within half a unit of the last
            decimal per class. None writes all digits; Parquet and GeoPackage always hold them.

    Raises:
        DataError: points are asked for and the positions are not known.
        SettingsError: points are asked for and geopandas is not installed.
        OutputError: the file cannot be written.
    """
    target = Path(path)
    if decimals is not None and target.suffix.lower() in TEXT_SUFFIXES:
        table = _rounded(table, decimals)
    if target.suffix.lower() not in POINT_SUFFIXES:
        write_table(target, table)
        return
    check_positions(target, known=longitude is not None and latitude is not None)
    try:
        import geopandas
    except ModuleNotFoundError:
        raise SettingsError(
            "writing points needs geopandas", hint="pip install 'windrow[vectors]'"
        ) from None
    points = geopandas.GeoDataFrame(
        table.to_pandas(),
        geometry=geopandas.points_from_xy(longitude, latitude),
        crs="EPSG:4326",
    )
    driver = "GPKG" if target.suffix.lower() == ".gpkg" else "GeoJSON"
    with atomic_file(target) as temporary, warnings.catch_warnings():
        # GDAL doubts the suffix of the temporary name, under which the file is written.
        warnings.filterwarnings("ignore", ".*filename extension should be", RuntimeWarning)
        points.to_file(temporary, driver=driver, engine="pyogrio", layer=target.stem)


def _rounded(table: pa.Table, decimals: int) -> pa.Table:
    for index, column in enumerate(table.schema):
        if pa.types.is_floating(column.type):
            values = pyarrow.compute.round(table.column(index), ndigits=decimals)
            table = table.set_column(index, column.name, values)
    return table


def check_positions(path: str | Path, *, known: bool) -> None:
    """Checks that a file of points has positions to write.

    Args:
        path: the file to be written.
        known: whether longitude and latitude of every row are known.

    Raises:
        DataError: points are asked for and their positions are not known.
    """
    if Path(path).suffix.lower() in POINT_SUFFIXES and not known:
        raise DataError(
            "the series have no longitude and latitude",
            where=path,
            expected="columns lon and lat in the field table",
            hint="add them, or write a .parquet or .csv table to --out",
        )


def write_table(path: str | Path, table: pa.Table) -> None:
    r"""Writes a table completely, or not at all.

    Args:
        path: ends in one of :data:`TABLE_SUFFIXES`.
        table: columns of numbers and text.

    Raises:
        OutputError: the suffix is unknown, or the file cannot be written.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "fields.csv"
        >>> write_table(target, pa.table({"id": ["007"], "area": [1.5]}))
        >>> target.read_text()
        '"id","area"\n"007",1.5\n'
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        raise OutputError(
            "unknown format of the output", where=target, expected=" or ".join(TABLE_SUFFIXES)
        )
    with atomic_file(target) as temporary:
        if suffix == ".csv":
            pyarrow.csv.write_csv(table, temporary)
        else:
            pyarrow.parquet.write_table(table, temporary)
