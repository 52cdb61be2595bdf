"""Parcels of DENETHOR: GeoJSON in EPSG:25833, moved into the rasters' system and burnt in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Required, TypedDict, cast

import numpy as np
import numpy.typing as npt

from windrow.data.legend import DENETHOR
from windrow.errors import DataError
from windrow.json_values import JsonValue
from windrow.sources.denethor.planetscope import RasterGrid
from windrow.sources.reader import ReadingSummary

SMALLEST_PARCEL_M2 = 1_000.0
"""Parcels of at most this are left out, as the data set's authors do."""

ASSUMED_CRS = "EPSG:25833"


class Geometry(TypedDict):
    """A polygon or multipolygon of GeoJSON (RFC 7946, section 3.1)."""

    type: str
    coordinates: list[Any]


class Properties(TypedDict, total=False):
    """Properties of DENETHOR's parcels. A property of crop codes comes beside them."""

    fid: float | None
    SHAPE_AREA: float | None


class Feature(TypedDict):
    """A parcel of GeoJSON."""

    geometry: Geometry
    properties: Properties | None


class FeatureCollection(TypedDict, total=False):
    """A label file. ``crs`` is a member of GeoJSON before RFC 7946."""

    features: Required[list[Feature]]
    crs: JsonValue


@dataclass(frozen=True)
class Parcels:
    """The parcels of a tile that hold at least one pixel.

    Attributes:
        source: the file.
        field_id: (M,) int64, the source's ``fid``.
        label: (M,) int16, position in the legend of DENETHOR.
        at: (H, W) int32, position of the parcel at each pixel, -1 outside all.
        geometry: their shapes in the raster's reference system.
    """

    source: Path
    field_id: npt.NDArray[np.int64]
    label: npt.NDArray[np.int16]
    at: npt.NDArray[np.int32]
    geometry: tuple[Geometry, ...]


def read_parcels(
    path: Path, grid: RasterGrid, *, label_column: str | None, summary: ReadingSummary
) -> Parcels:
    """Reads, checks, moves and rasterises the parcels of a tile.

    A pixel belongs to the parcel in which its centre lies.

    Args:
        path: a GeoJSON file.
        grid: the Sentinel-2 grid.
        label_column: the property of crop codes; None takes ``crop_id``.
        summary: where it is said what was found and left out.

    Raises:
        DataError: the file is no GeoJSON, lacks crop ids, has an unknown one, a ``fid`` stands
            twice, or no parcel lies on the grid.
    """
    collection = _load(path)
    features = [f for f in collection["features"] if f.get("geometry")]
    column = label_column or "crop_id"
    properties = [_properties(f, number, path, column) for number, f in enumerate(features)]
    code_of = {code: index for index, code in enumerate(DENETHOR.codes)}
    labels = np.array([_label(p.get(column), p, code_of, path) for p in properties], dtype=np.int16)
    fields = _field_ids(properties, path)
    crs = _reference_system(collection, path)
    moved = _moved([f["geometry"] for f in features], crs, grid.crs, path)
    areas = np.array([_area(p, g) for p, g in zip(properties, moved, strict=True)])
    small, unlabelled = areas <= SMALLEST_PARCEL_M2, labels < 0
    kept = np.flatnonzero(~small & ~unlabelled)
    at = _rasterised([moved[index] for index in kept], grid, path)
    counts = np.bincount(at[at >= 0], minlength=len(kept))
    if not counts.any():
        raise DataError(
            "no parcel lies on the tile",
            where=path,
            found=f"{len(kept)} parcels in {crs}",
            expected=f"parcels around {grid.west:.0f}, {grid.north:.0f} in {grid.crs}",
            hint="take the labels of the same tile",
        )
    summary.say("labels", f"{path.name}, {crs}, moved to {grid.crs}")
    summary.count("parcels_in_the_label_file", len(collection["features"]))
    summary.count("parcels_without_a_shape_left_out", len(collection["features"]) - len(features))
    summary.count("parcels_of_at_most_1000_m2_left_out", int(small.sum()))
    summary.count("parcels_with_crop_id_0_left_out", int((unlabelled & ~small).sum()))
    summary.count("parcels_off_the_tile_or_without_a_pixel_centre", int((counts == 0).sum()))
    present = np.flatnonzero(counts)
    position = np.full(len(kept) + 1, -1, dtype=np.int32)
    position[present] = np.arange(len(present), dtype=np.int32)
    chosen = kept[present]
    return Parcels(
        source=path,
        field_id=fields[chosen],
        label=labels[chosen],
        at=position[at],
        geometry=tuple(moved[index] for index in chosen),
    )


def _load(path: Path) -> FeatureCollection:
    try:
        collection = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError("the labels cannot be read", where=path, found=str(error)[:120]) from error
    if not isinstance(collection, dict) or not isinstance(collection.get("features"), list):
        raise DataError("the labels are no GeoJSON", where=path, expected="a FeatureCollection")
    if not collection["features"]:
        raise DataError("the label file has no parcel", where=path)
    return cast(FeatureCollection, collection)


def _properties(feature: Feature, number: int, path: Path, column: str) -> Properties:
    properties: Properties = feature.get("properties") or {}
    if properties.get(column) is None:
        raise DataError(
            "the label file lacks crop ids",
            where=f"{path}, parcel {properties.get('fid', number)}",
            found=", ".join(properties) or "no property",
            expected=f"a property {column!r}",
            hint="name the property with --label-column",
        )
    return properties


def _label(value: object, properties: Properties, code_of: Mapping[str, int], path: Path) -> int:
    code = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if code == "0":
        return -1
    if code not in code_of:
        raise DataError(
            "an unknown crop code",
            where=f"{path}, parcel {properties.get('fid', '?')}",
            found=repr(value)[:40],
            expected=", ".join(
                f"{c} {n}" for c, n in zip(DENETHOR.codes, DENETHOR.names, strict=True)
            ),
        )
    return code_of[code]


def _field_ids(properties: list[Properties], path: Path) -> npt.NDArray[np.int64]:
    given = [p.get("fid") for p in properties]
    if all(value is None for value in given):
        return np.arange(1, len(given) + 1, dtype=np.int64)
    if not all(isinstance(value, (int, float)) and float(value).is_integer() for value in given):
        raise DataError("a parcel's fid is no whole number", where=path)
    fields = np.array([int(value or 0) for value in given], dtype=np.int64)
    unique, counts = np.unique(fields, return_counts=True)
    if len(unique) != len(fields):
        raise DataError("a parcel's fid stands twice", where=path, found=unique[counts > 1][0])
    return fields


def _reference_system(collection: FeatureCollection, path: Path) -> str:
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    member = collection.get("crs")
    if member is None:
        return ASSUMED_CRS if _looks_projected(collection) else "EPSG:4326"
    try:
        name = str(cast(Any, member)["properties"]["name"])
        system = CRS.from_user_input("OGC:CRS84" if name.endswith("CRS84") else name)
    except (KeyError, TypeError, CRSError) as error:
        raise DataError(
            "the labels' reference system is unknown", where=path, found=str(member)[:80]
        ) from error
    code = system.to_epsg()
    return f"EPSG:{code}" if code else system.to_wkt()


def _looks_projected(collection: FeatureCollection) -> bool:
    value: Any = next(f["geometry"]["coordinates"] for f in collection["features"] if f["geometry"])
    while isinstance(value[0], list):
        value = value[0]
    return bool(abs(value[0]) > 180 or abs(value[1]) > 90)


def _moved(shapes: list[Geometry], crs: str, target: str, path: Path) -> list[Geometry]:
    from rasterio.errors import RasterioError
    from rasterio.warp import transform_geom

    odd = next((s for s in shapes if s.get("type") not in ("Polygon", "MultiPolygon")), None)
    if odd is not None:
        raise DataError("a parcel is no polygon", where=path, found=str(odd.get("type"))[:40])
    if crs == target:
        return shapes
    try:
        moved: list[Geometry] = transform_geom(crs, target, shapes)
    except (RasterioError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(
            "the parcels cannot be moved to the rasters' reference system",
            where=path,
            found=str(error)[:120],
        ) from error
    return moved


def _area(properties: Properties, shape: Geometry) -> float:
    stated = properties.get("SHAPE_AREA")
    if isinstance(stated, (int, float)):
        return float(stated)
    polygons = [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
    return sum(
        _ring_area(polygon[0]) - sum(map(_ring_area, polygon[1:]))
        for polygon in polygons
        if polygon
    )


def _ring_area(ring: Any) -> float:
    x, y = np.asarray([point[:2] for point in ring], dtype=np.float64).T
    x, y = x - x[0], y - y[0]  # near zero, where the products lose no digits
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def _rasterised(shapes: list[Geometry], grid: RasterGrid, path: Path) -> npt.NDArray[np.int32]:
    from rasterio.features import rasterize

    size = grid.height, grid.width
    if not shapes:
        return np.full(size, -1, dtype=np.int32)
    numbered = ((shape, index) for index, shape in enumerate(shapes))
    try:
        burnt = rasterize(
            numbered, out_shape=size, transform=grid.transform, fill=-1, dtype="int32"
        )
    except ValueError as error:
        raise DataError("a parcel's shape is damaged", where=path, found=str(error)) from error
    return np.asarray(burnt, dtype=np.int32)
