"""Outlines of parcels on the pixels of a map."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from windrow.data.map_folder import MapHeader
from windrow.errors import DataError
from windrow.pipelines.viewer.map_values import Window
from windrow.sources.labels.parcel_polygons import read_frame
from windrow.sources.labels.polygons import mend
from windrow.sources.reader import ReadingSummary

MOST_PARCELS = 20_000
"""Largest number of parcels that a page draws."""

MOST_WINDOW_PIXELS = 4_000_000
"""Largest number of pixels in the rectangle around a parcel."""

MOST_SERIES = 400
"""Largest number of pixels of a parcel whose series are averaged; they are spread evenly."""

_TOLERANCE = 0.1
"""Outlines are simplified by at most so much, pixels."""

_NAMES = ("field_id", "parcel_id", "id", "fid", "name")


class OutlineRecord(TypedDict):
    """A parcel as a page draws it.

    Attributes:
        number: position of the parcel.
        name: its id in the file, or its number.
        rings: rings of its polygons; each a list of columns and rows of corners, as pixels.
    """

    number: int
    name: str
    rings: list[list[list[list[float]]]]


class Outlines:
    """Parcels that lie on a map.

    Args:
        path: polygons in any CRS.
        header: the map.
        layer: the layer of a file that holds several.

    Raises:
        DataError: the file is damaged, has no CRS, or no parcel lies on the map.
    """

    def __init__(self, path: str | Path, header: MapHeader, *, layer: str | None = None) -> None:
        from shapely.geometry import box

        source = Path(path)
        frame = read_frame(source, layer)
        if frame.crs is None or header.grid.crs is None:
            where = source if frame.crs is None else "the map"
            raise DataError("the CRS is not known", where=where, hint="write its CRS into the file")
        summary = ReadingSummary(source.name)
        frame = mend(frame, source, summary)
        polygon = frame.geometry.geom_type.isin(("Polygon", "MultiPolygon"))
        summary.count("geometries_that_are_no_polygons_left_out", int((~polygon).sum()))
        frame = frame[polygon]
        shapes = _in_pixels(frame.geometry.to_crs(header.grid.crs), header)
        inside = shapes.intersects(box(0, 0, header.grid.width, header.grid.height)).to_numpy()
        summary.count("parcels_outside_the_map_left_out", int((~inside).sum()))
        if not inside.any():
            raise DataError(
                "no parcel lies on the map", where=source, hint="check its CRS and place"
            )
        if inside.sum() > MOST_PARCELS:
            raise DataError(
                "too many parcels for a page", where=source, found=int(inside.sum()),
                expected=f"at most {MOST_PARCELS:,}", hint="cut out a part of the file",
            )  # fmt: skip
        self._shapes = shapes[inside].reset_index(drop=True)
        self._names = _names(frame[inside])
        self._height, self._width = header.grid.height, header.grid.width
        self.lines = tuple(summary.lines())

    def __len__(self) -> int:
        return len(self._shapes)

    def name(self, number: int) -> str:
        """Returns the id of a parcel.

        Raises:
            DataError: there is no such parcel.
        """
        if not 0 <= number < len(self):
            raise DataError("no such parcel", found=number, expected=f"0 to {len(self) - 1}")
        return self._names[number]

    def records(self) -> list[OutlineRecord]:
        """Returns the outlines of all parcels."""
        simple = self._shapes.simplify(_TOLERANCE)
        return [
            {"number": number, "name": self._names[number], "rings": _rings(shape)}
            for number, shape in enumerate(simple)
        ]

    def pixels(
        self, number: int
    ) -> tuple[Window, npt.NDArray[np.bool_], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Finds the pixels whose centre lies in a parcel; of a tiny parcel the one within it.

        Returns:
            The window around the parcel, which of its pixels belong to the parcel, and their rows
            and columns in the map.

        Raises:
            DataError: there is no such parcel, or it is too large.
        """
        from rasterio.features import rasterize
        from rasterio.transform import Affine

        self.name(number)
        shape = self._shapes.iloc[number]
        left, top, right, bottom = shape.bounds
        rows = max(0, int(top)), min(self._height, int(np.ceil(bottom)))
        columns = max(0, int(left)), min(self._width, int(np.ceil(right)))
        size = (max(1, rows[1] - rows[0]), max(1, columns[1] - columns[0]))
        if size[0] * size[1] > MOST_WINDOW_PIXELS:
            raise DataError(
                "the parcel is too large to be shown",
                found=f"{size[0] * size[1]:,} pixels around it",
                expected=f"at most {MOST_WINDOW_PIXELS:,}",
            )
        transform = Affine.translation(columns[0], rows[0])
        inside = rasterize([(shape, 1)], out_shape=size, transform=transform).astype(np.bool_)
        if not inside.any():
            point = shape.representative_point()
            row = int(np.clip(int(point.y) - rows[0], 0, size[0] - 1))
            column = int(np.clip(int(point.x) - columns[0], 0, size[1] - 1))
            inside[row, column] = True
        at_rows, at_columns = np.nonzero(inside)
        at_rows, at_columns = at_rows + rows[0], at_columns + columns[0]
        window = ((rows[0], rows[0] + size[0]), (columns[0], columns[0] + size[1]))
        return window, inside, at_rows, at_columns


def _in_pixels(shapes: Any, header: MapHeader) -> Any:
    """Brings shapes from the CRS of the map to columns and rows of pixel corners."""
    from rasterio.transform import Affine

    back = ~Affine(*header.grid.transform)
    return shapes.set_crs(None, allow_override=True).affine_transform(
        [back.a, back.b, back.d, back.e, back.c, back.f]
    )


def _names(frame: Any) -> list[str]:
    for wanted in _NAMES:
        for column in frame.columns:
            if str(column).lower() == wanted:
                return [str(value) for value in frame[column]]
    return [str(number + 1) for number in range(len(frame))]


def _rings(shape: Any) -> list[list[list[list[float]]]]:
    parts = shape.geoms if shape.geom_type == "MultiPolygon" else [shape]
    return [
        [np.round(ring.coords, 2)[:, :2].tolist() for ring in (part.exterior, *part.interiors)]
        for part in parts
        if not part.is_empty
    ]
