"""A reference sample: places whose true class somebody found out, in any CRS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError, SettingsError
from windrow.sources.labels.parcel_polygons import is_vector_file, read_frame
from windrow.sources.reader import ReadingSummary

TABLES = (".csv", ".parquet", ".pq")
LONGITUDES, LATITUDES = ("lon", "longitude"), ("lat", "latitude")
STRATUM, STRATUM_AREA = "stratum", "stratum_area"


@dataclass(frozen=True, eq=False)
class ReferenceSample:
    """Places with their class.

    Attributes:
        x: (N,) coordinates in the CRS that was asked for.
        y: (N,).
        label: (N,) names of classes; empty where the interpreter gave none.
        stratum: (N,) names of the strata of the design, or None where the file names none.
        stratum_area: (N,) area of the stratum in square metres, or None.
    """

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    label: npt.NDArray[np.str_]
    stratum: npt.NDArray[np.str_] | None
    stratum_area: npt.NDArray[np.float64] | None


def read_places(path: Path, layer: str | None = None) -> Any:
    """Reads points or polygons as a GeoDataFrame.

    Args:
        path: a vector file, or a table (CSV or Parquet) with columns lon and lat in degrees.
        layer: layer of a file that holds several.

    Raises:
        DataError: the file is missing, damaged, empty, or has no positions or no CRS.
        SettingsError: geopandas is missing.
    """
    if is_vector_file(path):
        frame = read_frame(path, layer)
        if frame.crs is None:
            raise DataError("a file without a CRS", where=path, hint="write its CRS into the file")
        return frame
    try:
        import geopandas
    except ImportError:
        raise SettingsError(
            "points need geopandas", where=path, hint="pip install 'windrow[vectors]'"
        ) from None
    frame = _read_table(path)
    longitude, latitude = (
        _degrees(frame, names, most, path) for names, most in ((LONGITUDES, 180), (LATITUDES, 90))
    )
    points = geopandas.points_from_xy(longitude, latitude)
    return geopandas.GeoDataFrame(frame, geometry=points, crs="EPSG:4326")


def _read_table(path: Path) -> Any:
    import pandas as pd
    from pyarrow import ArrowInvalid

    if path.suffix.lower() not in TABLES:
        raise DataError(
            "unknown kind of file",
            where=path,
            found=path.suffix or "no suffix",
            expected="GeoPackage, GeoJSON, Shapefile, GeoParquet, or a table .csv or .parquet",
        )
    if not path.is_file():
        raise DataError("no such file", where=path)
    try:
        if path.suffix.lower() == ".csv":
            frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        else:
            frame = pd.read_parquet(path)
    except (ArrowInvalid, OSError, ValueError) as error:
        found = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise DataError("the table cannot be read", where=path, found=found) from None
    if frame.empty:
        raise DataError("a table without rows", where=path)
    return frame


def _degrees(frame: Any, names: tuple[str, ...], most: int, path: Path) -> Any:
    import pandas as pd

    by_name = {str(column).strip().lower(): column for column in frame.columns}
    column = next((by_name[name] for name in names if name in by_name), None)
    if column is None:
        raise DataError(
            f"a table of points without a column {names[0]!r}",
            where=path,
            found="columns " + ", ".join(map(str, frame.columns)),
            expected="columns lon and lat in degrees",
        )
    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64)
    bad = ~(np.abs(values) <= most)
    if bad.any():
        raise DataError(
            f"{bad.sum()} rows without a position in degrees",
            where=f"{path}, column {column}",
            found=repr(frame[column].iloc[int(bad.argmax())]),
            expected=f"-{most}..{most}",
        )
    return values


def read_reference(
    path: Path, label_column: str, *, crs: str, summary: ReadingSummary, layer: str | None = None
) -> ReferenceSample:
    """Reads a reference sample and brings it to the CRS of a map.

    A polygon counts as one place: a point within it stands for it.

    Args:
        path: points or polygons; see :func:`read_places`.
        label_column: the column of classes.
        crs: the CRS of the result.
        summary: takes what was read and left out.
        layer: layer of a file that holds several.

    Raises:
        DataError: the file cannot be read, has no such column, or a stratum has two areas.
    """
    frame = read_places(path, layer)
    if label_column not in frame.columns or label_column == frame.geometry.name:
        raise DataError(
            f"no column {label_column!r} of classes",
            where=path,
            found="columns " + ", ".join(map(str, frame.columns)),
            hint="name it with --label-column",
        )
    missing = frame.geometry.isna() | frame.geometry.is_empty
    summary.count("samples_without_a_geometry_left_out", int(missing.sum()))
    frame = frame[~missing]
    places = frame.geometry.to_crs(crs)
    is_area = ~places.geom_type.isin(("Point",))
    summary.count("polygons,_each_one_sample_at_a_point_within_it", int(is_area.sum()))
    points = places.where(~is_area, places.representative_point())
    x, y = points.x.to_numpy(dtype=np.float64), points.y.to_numpy(dtype=np.float64)
    stratum, area = None, None
    if STRATUM in frame.columns:
        stratum = _text(frame[STRATUM])
        if (stratum == "").any():
            raise DataError("a sample without a stratum", where=f"{path}, column {STRATUM}")
        if STRATUM_AREA in frame.columns:
            area = _areas(frame, stratum, path)
    return ReferenceSample(x, y, _text(frame[label_column]), stratum, area)


def _text(column: Any) -> npt.NDArray[np.str_]:
    def text(value: object) -> str:
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return str(value).strip()

    pairs = zip(column, column.isna(), strict=True)
    return np.array(["" if missing else text(value) for value, missing in pairs], dtype=np.str_)


def _areas(frame: Any, stratum: npt.NDArray[np.str_], path: Path) -> npt.NDArray[np.float64]:
    import pandas as pd

    where = f"{path}, column {STRATUM_AREA}"
    values = pd.to_numeric(frame[STRATUM_AREA], errors="coerce").to_numpy(dtype=np.float64)
    if not (np.isfinite(values) & (values > 0)).all():
        raise DataError("a stratum without an area", where=where, expected="square metres above 0")
    for name in np.unique(stratum):
        found = values[stratum == name]
        if not np.allclose(found, found[0], rtol=1e-6):
            raise DataError(
                f"the stratum {str(name)!r} has two areas", where=where, found=np.unique(found)[:2]
            )
    return np.asarray(values, dtype=np.float64)
