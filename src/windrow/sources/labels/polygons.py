"""Geometries of parcels: what is mended of them, and what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from windrow.errors import DataError
from windrow.sources.reader import ReadingSummary

_POLYGONS = ("Polygon", "MultiPolygon")


def mend(frame: Any, path: Path, summary: ReadingSummary) -> Any:
    """Mends the rows whose geometry can be laid on pixels, invalid rings mended.

    The others are counted.

    Rings that cross themselves are mended by ``make_valid`` of GEOS, of which the areas are kept.
    A polygon without an area, such as a ring that folds back on itself, is left out.

    Raises:
        DataError: no geometry is left.
    """
    import shapely

    shapes = frame.geometry
    missing = shapes.is_empty | shapes.isna()
    summary.count("parcels_without_a_geometry_left_out", int(missing.sum()))
    frame = frame[~missing]
    polygon = frame.geometry.geom_type.isin(_POLYGONS)
    invalid = (~frame.geometry.is_valid & polygon).to_numpy()
    if invalid.any():
        frame = frame.copy()
        mended = [
            shapely.multipolygons(areas) if (areas := _areas(shapely.make_valid(shape))) else None
            for shape in frame.geometry[invalid]
        ]
        frame.loc[invalid, frame.geometry.name] = frame.geometry[invalid].__class__(
            mended, index=frame.index[invalid], crs=frame.crs
        )
    shapes = frame.geometry
    area = shapely.area(shapes.to_numpy())  # in any CRS: only whether there is one
    flat = shapes.isna().to_numpy() | ((area == 0) & polygon.to_numpy())
    summary.count("parcels_with_invalid_rings_mended", int((invalid & ~flat).sum()))
    summary.count("parcels_without_an_area_left_out", int(flat.sum()))
    frame = frame[~flat]
    if frame.empty:
        raise DataError("no parcel has an area", where=path)
    return frame


def _areas(shape: Any) -> list[Any]:
    """Returns the polygons of a geometry, of its parts too; lines and points are left out."""
    if shape.geom_type == "Polygon":
        return [shape] if shape.area > 0 else []
    parts = getattr(shape, "geoms", ())
    return [area for part in parts for area in _areas(part)]
