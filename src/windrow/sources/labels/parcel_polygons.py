"""Labelled parcels as vector files, in any CRS, laid onto the grid of a cube."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.data.legend import Legend
from windrow.errors import DataError, SettingsError
from windrow.sources.formats.identifiers import identifiers
from windrow.sources.labels.class_names import settle_classes
from windrow.sources.labels.legend_table import read_legend
from windrow.sources.labels.polygons import mend
from windrow.sources.rasters.grid import Grid, Window
from windrow.sources.reader import IngestOptions, ReadingSummary

ENDINGS = (".gpkg", ".geojson", ".json", ".shp", ".parquet", ".geoparquet", ".fgb", ".shp.zip")
ID_PROPERTIES = ("field_id", "parcel_id", "plot_id", "fid", "id", "objectid")
CLASS_PROPERTIES = (
    "crop_id",
    "crop_code",
    "crop_type",
    "crop_name",
    "crop",
    "label",
    "class",
    "code",
    "code_cultu",
    "ec_hcat_c",
)
"""Names by which the property of crops is recognised, the first found being taken."""

NAME_PROPERTIES = {
    "crop_id": "crop_name",
    "crop_code": "crop_name",
    "code": "name",
    "ec_hcat_c": "ec_hcat_n",
}
"""The property that holds the names of a property of codes, where both are there."""

NO_PARCEL = -1
CONTESTED = -2
"""The owner of a pixel that lies in parcels of different crops."""


@dataclass(frozen=True)
class Parcels:
    """Labelled parcels in the CRS of a grid.

    Attributes:
        source: the file.
        id: (P,) int64 or text, unique.
        label: (P,) positions in ``legend``.
        legend: the classes.
        shapes: (P,) geometries in the grid's CRS.
        label_column: the property of classes.
        columns: the other properties by name, as (P,) text, empty where missing.
    """

    source: Path
    id: npt.NDArray[Any]
    label: npt.NDArray[np.int16]
    legend: Legend
    shapes: Any
    label_column: str = ""
    columns: Mapping[str, npt.NDArray[np.str_]] = field(default_factory=dict)

    def rasterise(self, grid: Grid, window: Window) -> npt.NDArray[np.int32]:
        """Rasterises the parcel of each pixel centre of a window.

        Where parcels of one crop overlap the later one of the file is taken.

        Returns:
            (height, width) positions of parcels, ``NO_PARCEL`` where there is none, ``CONTESTED``
            where parcels of different crops overlap.
        """
        from rasterio.features import rasterize
        from rasterio.transform import Affine
        from shapely.geometry import box

        a, b, c, d, e, f = grid.transform
        shifted = Affine(
            a,
            b,
            c + a * window.column + b * window.row,
            d,
            e,
            f + d * window.column + e * window.row,
        )
        part = Grid(window.height, window.width, tuple(shifted)[:6], grid.crs)
        near = np.sort(self.shapes.sindex.query(box(*part.bounds())))
        shape = (window.height, window.width)

        def owners(order: npt.NDArray[np.intp]) -> npt.NDArray[np.int32]:
            out = np.full(shape, NO_PARCEL, dtype=np.int32)
            pairs = [(self.shapes.iloc[index], int(index)) for index in order]
            if pairs:
                rasterize(pairs, out=out, transform=shifted)
            return out

        # The last one drawn owns a pixel: drawn by class forwards and backwards, the owner's class
        # is the same but where parcels of two classes overlap.
        label = self.label[near]
        highest = owners(near[np.argsort(label, kind="stable")])
        lowest = owners(near[np.argsort(-label.astype(np.int64), kind="stable")])
        classes = np.append(self.label, np.int16(NO_PARCEL))
        return np.where(classes[highest] == classes[lowest], highest, np.int32(CONTESTED))


def is_vector_file(path: Path) -> bool:
    """Whether a label file is one of parcels rather than a table."""
    return path.name.lower().endswith(ENDINGS) and not _is_plain_parquet(path)


def _is_plain_parquet(path: Path) -> bool:
    if not path.name.lower().endswith(".parquet") or not path.is_file():
        return False
    from pyarrow import ArrowInvalid, parquet

    try:
        return b"geo" not in (parquet.read_schema(path).metadata or {})
    except (ArrowInvalid, OSError):
        return False


def read_frame(path: Path, layer: str | None = None) -> Any:
    """Reads a vector file as a GeoDataFrame.

    Args:
        path: the file.
        layer: the layer of a file that may hold several; None takes the only one.

    Raises:
        DataError: it is missing, damaged, empty or without geometry, has several layers of which
            none is named, or has no such layer.
        SettingsError: geopandas is missing.
    """
    try:
        import geopandas
    except ImportError:
        raise SettingsError(
            "parcels need geopandas", where=path, hint="pip install 'windrow[vectors]'"
        ) from None
    if not path.is_file():
        raise DataError("no such label file", where=path)
    parquet = path.name.lower().endswith(("parquet",))
    layers = [] if parquet else _layers(path)
    if layer is not None and layer not in layers:
        raise DataError(
            f"no layer {layer!r}", where=path, found="layers " + (", ".join(layers) or "without")
        )
    if layer is None and len(layers) > 1:
        raise DataError(
            "a label file of several layers",
            where=path,
            found="layers " + ", ".join(layers),
            hint="name one with --layer",
        )
    chosen = layer or next(iter(layers), None)
    try:
        frame = geopandas.read_parquet(path) if parquet else geopandas.read_file(path, layer=chosen)
    except Exception as error:  # drivers raise many kinds on damaged files
        raise DataError(
            "the label file cannot be read",
            where=path,
            found=(str(error).splitlines() or [type(error).__name__])[0][:120],
        ) from None
    if not isinstance(frame, geopandas.GeoDataFrame) or frame.empty:
        raise DataError("a label file without parcels", where=path)
    return frame


def _layers(path: Path) -> list[str]:
    """Returns the layers with geometry; none where the file cannot be read, which is said later."""
    import pyogrio

    try:
        found = pyogrio.list_layers(path)
    except Exception:  # drivers raise many kinds on damaged files
        return []
    return [str(name) for name, geometry in found if geometry is not None]


def read_parcels(
    path: Path, grid: Grid, options: IngestOptions, summary: ReadingSummary
) -> Parcels:
    """Reads parcels and brings them to a grid's CRS.

    Raises:
        DataError: the file has no crops, no CRS, a crop code outside a given legend, an id
            twice, or no parcel within the grid.
    """
    frame = read_frame(path, options.layer)
    column = _property(frame, options.label_column, CLASS_PROPERTIES, "crops", path)
    if column is None:
        raise DataError(
            "a label file without crop ids",
            where=path,
            found="properties " + ", ".join(str(c) for c in frame.columns if c != "geometry"),
            expected="one of " + ", ".join(CLASS_PROPERTIES[:5]),
            hint="name it with --label-column",
        )
    if frame.crs is None:
        raise DataError(
            "a label file without a CRS", where=path, hint="write its CRS into the file"
        )
    summary.say("labels", f"{path.name}, property {column!r}, {frame.crs.to_string()[:60]}")
    if options.layer is not None:
        summary.say("layer", options.layer)
    frame = mend(frame, path, summary)
    classes, beside = _classes(frame, column, options, path, summary)
    unlabelled = classes == ""
    summary.count("parcels_without_a_crop_left_out", int(unlabelled.sum()))
    kept = ~unlabelled
    frame, classes = frame[kept].to_crs(grid.crs), classes[kept]
    beside = None if beside is None else beside[kept]
    if frame.empty:
        raise DataError("no parcel has a crop", where=f"{path}, property {column}")
    inside = _within(frame, grid, path)
    summary.count("parcels_outside_the_images_left_out", len(frame) - int(inside.sum()))
    frame = frame[inside]
    identity = _ids(frame, options.id_column, path)
    codes, names = classes[inside], None if beside is None else beside[inside]
    name_of = None if names is None else dict(zip(codes.tolist(), names.tolist(), strict=True))
    legend, position = read_legend(
        options.legend, codes.tolist(), where=path, summary=summary, names=name_of
    )
    return Parcels(
        source=path,
        id=identity,
        label=np.array([position[code] for code in codes], dtype=np.int16),
        legend=legend,
        shapes=frame.geometry.reset_index(drop=True),
        label_column=column,
        columns={
            str(name): np.array(
                ["" if value is None else _code(value) for value in _plain_values(frame[name])],
                dtype=np.str_,
            )
            for name in frame.columns
            if name not in (column, frame.geometry.name)
        },
    )


def _classes(
    frame: Any, column: str, options: IngestOptions, path: Path, summary: ReadingSummary
) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.str_] | None]:
    """Returns the class of each parcel; empty if there is none.

    Where the classes are codes with names, the names are returned too.
    """
    values = ["" if value is None else _code(value) for value in _plain_values(frame[column])]
    names = None
    wanted = NAME_PROPERTIES.get(column.strip().lower())
    by_name = {str(name).strip().lower(): str(name) for name in frame.columns}
    if wanted in by_name and options.legend is None:
        names = [str(name or "").strip() for name in _plain_values(frame[by_name[wanted]])]
        summary.say("names_of_classes", f"property {by_name[wanted]!r}")
    where = f"{path}, property {column}"
    settled = settle_classes(values, options, where=where, summary=summary, names=names)
    classes = np.asarray(settled, dtype=np.str_)
    if names is None:
        return classes, None
    beside = np.asarray(names, dtype=np.str_)
    pairs = {(code, name) for code, name in zip(settled, names, strict=True) if code}
    codes = [code for code, _ in sorted(pairs)]
    double = next((code for code in codes if codes.count(code) > 1), None)
    if double is not None or any(not name for _, name in pairs):
        summary.say("names_of_classes", "not used: a code has two names or none")
        return classes, None
    return classes, beside


def _plain_values(column: Any) -> list[Any]:
    return [
        None if missing else value for value, missing in zip(column, column.isna(), strict=True)
    ]


def _property(
    frame: Any, given: str | None, known: tuple[str, ...], role: str, path: Path
) -> str | None:
    if given is not None:
        if given not in frame.columns:
            raise DataError(
                f"no property {given!r} of {role}",
                where=path,
                found="properties " + ", ".join(map(str, frame.columns)),
            )
        return given
    by_name = {str(column).strip().lower(): str(column) for column in frame.columns}
    return next((by_name[name] for name in known if name in by_name), None)


def _code(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _within(frame: Any, grid: Grid, path: Path) -> npt.NDArray[np.bool_]:
    left, low, right, high = grid.bounds()
    bounds = frame.bounds.to_numpy(dtype=float)
    inside = ((bounds[:, 2] > left) & (bounds[:, 0] < right)) & (
        (bounds[:, 3] > low) & (bounds[:, 1] < high)
    )
    if not inside.any():
        total = frame.total_bounds
        raise DataError(
            "labels and images do not overlap",
            where=path,
            found="parcels in " + " ".join(f"{value:.0f}" for value in total),
            expected="some within "
            + " ".join(f"{value:.0f}" for value in grid.bounds())
            + f" ({(grid.crs or '')[:60]})",
            hint="check tile, year and CRS",
        )
    return np.asarray(inside)


def _ids(frame: Any, given: str | None, path: Path) -> npt.NDArray[Any]:
    column = _property(frame, given, ID_PROPERTIES, "ids", path)
    if column is None:
        return np.asarray(frame.index.to_numpy(dtype=np.int64))
    values = frame[column]
    if values.isna().any():
        raise DataError("a parcel without an id", where=f"{path}, property {column}")
    numeric = values.dtype.kind in "iuf"
    ids = (
        identifiers(values, str(column), path)
        if numeric
        else values.astype(str).to_numpy(dtype=str)
    )
    unique, counts = np.unique(ids, return_counts=True)
    if len(unique) < len(ids):
        raise DataError(
            "a parcel's id stands twice",
            where=f"{path}, property {column}",
            found=unique[counts > 1][0],
            hint="name another property with --id-column",
        )
    return np.asarray(ids)
