"""The class of each parcel of a file, by the pixels of a map."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from windrow.data.map_folder import read_map_header
from windrow.errors import DataError
from windrow.files import atomic_file, check_output
from windrow.mapping.parcel_classes import ParcelClasses, classify_parcels
from windrow.sources.labels.parcel_polygons import read_frame
from windrow.sources.labels.polygons import mend
from windrow.sources.reader import ReadingSummary

PARCEL_SUFFIXES = (".parquet", ".geoparquet", ".gpkg", ".geojson")
"""Endings of the name of a file of parcels."""

COLUMNS = (
    "majority",
    "majority_share",
    "majority_probability",
    "num_pixels",
    "num_without_data",
)


def map_parcels(
    folder: str | Path,
    parcels: str | Path,
    *,
    out: str | Path,
    layer: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[str, ...]:
    """Writes the parcels of a file with the class of each in a map.

    All columns of the parcels are kept, and their CRS, but GeoJSON is in longitude and latitude.
    The new columns are ``majority`` (the class with most pixels), ``majority_share`` (its share
    of the pixels with data, 0..1), ``majority_probability`` (mean probability over its pixels,
    0..1), ``num_pixels`` and ``num_without_data``. A parcel without a pixel centre has no class.

    Args:
        folder: the map.
        parcels: polygons in any CRS.
        out: the file, its format by its suffix; must not exist.
        layer: layer of a file that holds several.
        on_progress: called with the rows of the map done and wanted.

    Returns:
        Lines for people: what was read, mended, left out and found.

    Raises:
        DataError: the map or the parcels are damaged or do not overlap.
        OutputError: the file exists or cannot be written.
    """
    header = read_map_header(folder)
    check_output(out, inputs=[folder, parcels], suffixes=PARCEL_SUFFIXES)
    path = Path(parcels)
    frame = read_frame(path, layer)
    if frame.crs is None or header.grid.crs is None:
        where = path if frame.crs is None else folder
        raise DataError("the CRS is not known", where=where, hint="write its CRS into the file")
    clash = [name for name in COLUMNS if name in frame.columns]
    if clash:
        raise DataError(
            "the parcels have a column of a result", where=path, found=", ".join(clash),
            hint="rename it",
        )  # fmt: skip
    summary = ReadingSummary(path.name)
    frame = mend(frame, path, summary)
    polygon = frame.geometry.geom_type.isin(("Polygon", "MultiPolygon"))
    summary.count("geometries_that_are_no_polygons_left_out", int((~polygon).sum()))
    frame = frame[polygon].reset_index(drop=True)
    if frame.empty:
        raise DataError("no parcel is a polygon", where=path)
    shapes = frame.geometry.to_crs(header.grid.crs)
    found = classify_parcels(folder, header, shapes, on_progress=on_progress)
    if not found.num_pixels.any():
        raise DataError(
            "no parcel holds the centre of a pixel of the map", where=path,
            found=f"parcels in {np.round(shapes.total_bounds, 3).tolist()}",
            expected=f"some on the map in {header.grid.crs[:60]}", hint="check tile and CRS",
        )  # fmt: skip
    _count(found, summary)
    _add_columns(frame, found, header.class_names)
    _write(frame, Path(out))
    return tuple(summary.lines())


def _count(found: ParcelClasses, summary: ReadingSummary) -> None:
    summary.count("parcels_with_a_class", int((found.majority >= 0).sum()))
    summary.count("parcels_without_a_pixel_centre", int((found.num_pixels == 0).sum()))
    without = (found.num_pixels > 0) & (found.majority < 0)
    summary.count("parcels_without_data", int(without.sum()))


def _add_columns(frame: Any, found: ParcelClasses, names: tuple[str, ...]) -> None:
    values = (
        [names[each] if each >= 0 else None for each in found.majority.tolist()],
        found.share,
        found.probability,
        found.num_pixels,
        found.num_without_data,
    )
    for name, column in zip(COLUMNS, values, strict=True):
        frame[name] = column


def _write(frame: Any, target: Path) -> None:
    suffix = target.suffix.lower()
    with atomic_file(target) as temporary, warnings.catch_warnings():
        # GDAL doubts the suffix of the temporary name, under which the file is written.
        warnings.filterwarnings("ignore", ".*filename extension should be", RuntimeWarning)
        if suffix == ".gpkg":
            frame.to_file(temporary, driver="GPKG", engine="pyogrio", layer=target.stem)
        elif suffix == ".geojson":
            frame = frame.to_crs("EPSG:4326")
            frame.to_file(temporary, driver="GeoJSON", engine="pyogrio", layer=target.stem)
        else:
            frame.to_parquet(temporary)
