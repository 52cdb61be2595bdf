"""Answers the questions of a page about a map: layers, areas, pixels, parcels, true colours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from windrow.data.map_folder import LayerName, MapHeader
from windrow.pipelines.viewer.details import (
    Details,
    ShareRecord,
    calendar_record,
    mean_of_pixels,
    neighbour_records,
    planetscope_record,
    season_record,
    series_record,
)
from windrow.pipelines.viewer.map_values import TILE, UNLIKENESS_STEP, MapValues, PixelValues
from windrow.pipelines.viewer.outlines import MOST_SERIES, OutlineRecord, Outlines
from windrow.pipelines.viewer.predicted_planetscope import PredictedPlanetScope
from windrow.pipelines.viewer.scene_pixels import Picture, ScenePixels
from windrow.pipelines.viewer.season import Season


class ClassRecord(TypedDict):
    """A class of the legend."""

    value: int
    name: str
    colour: str
    num_pixels: int
    num_labelled: int


class About(TypedDict):
    """What a page must know of a map before it asks for a layer.

    Attributes:
        title: name of the folder.
        height, width: pixels.
        transform: of pixel corners to coordinates of the CRS.
        crs: short name of the CRS, if known.
        pixel_metres: width and height of a pixel, metres; 1, 1 where they are not known.
        pixel_area: square metres, if known.
        classes: the legend.
        layers: the layers that the map has.
        num_levels, tile: levels of tiles, and rows and columns of a tile.
        unlikeness_step: unlikeness of one step of its plane.
        dates: first and last day, and number of days.
        labels: where the labels come from.
        num_without_data: pixels without a class.
        software: what wrote the map.
        has_picture, has_series, has_season, has_planetscope: what can be asked for.
        num_parcels: number of outlines.
        notes: what the reader must know, and what is not shown for which reason.
    """

    title: str
    height: int
    width: int
    transform: list[float]
    crs: str | None
    pixel_metres: list[float]
    pixel_area: float | None
    classes: list[ClassRecord]
    layers: list[LayerName]
    num_levels: int
    tile: int
    unlikeness_step: float
    dates: list[str]
    num_dates: int
    labels: str
    num_without_data: int
    software: str
    has_picture: bool
    has_series: bool
    has_season: bool
    has_planetscope: bool
    num_parcels: int
    notes: list[str]


@dataclass(frozen=True, eq=False)
class Beside:
    """What is shown beside the layers of a map, as far as it was given.

    Attributes:
        scene: the cube.
        season: the classifier.
        planetscope: weights of bi-modal BERT.
        outlines: parcels.
        notes: what the reader must know.
    """

    scene: ScenePixels | None = None
    season: Season | None = None
    planetscope: PredictedPlanetScope | None = None
    outlines: Outlines | None = None
    notes: Sequence[str] = ()


class MapContent:
    """A map and what is shown beside it. Several threads may ask.

    Args:
        folder: the map.
        header: its description.
        beside: what is shown beside its layers.

    Raises:
        DataError: a layer is damaged.
    """

    def __init__(self, folder: str | Path, header: MapHeader, beside: Beside | None = None) -> None:
        self.header = header
        self.beside = beside or Beside()
        self.values = MapValues(folder, header)
        self._title = Path(folder).absolute().name
        # One thread at a time reads, so that memory stays bounded however many ask.
        self._layers, self._cube, self._counts = (threading.Lock() for _ in range(3))
        self._histogram: npt.NDArray[np.int64] | None = None
        self._picture: Picture | None = None

    def about(self) -> About:
        """Describes the map."""
        header, beside = self.header, self.beside
        scene = beside.scene
        return {
            "title": self._title,
            "height": header.grid.height,
            "width": header.grid.width,
            "transform": list(header.grid.transform),
            "crs": _short_crs(header.grid.crs),
            "pixel_metres": list(pixel_metres(header)),
            "pixel_area": header.grid.pixel_area,
            "classes": [
                {
                    "value": each.value,
                    "name": each.name,
                    "colour": each.colour,
                    "num_pixels": each.num_pixels,
                    "num_labelled": each.num_labelled,
                }
                for each in header.classes
            ],
            "layers": list(header.layers),
            "num_levels": self.values.num_levels,
            "tile": TILE,
            "unlikeness_step": UNLIKENESS_STEP,
            "dates": [header.first_date, header.last_date],
            "num_dates": header.num_dates,
            "labels": header.labels,
            "num_without_data": header.num_without_data,
            "software": header.software,
            "has_picture": scene is not None and scene.has_picture,
            "has_series": scene is not None,
            "has_season": beside.season is not None,
            "has_planetscope": beside.planetscope is not None,
            "num_parcels": 0 if beside.outlines is None else len(beside.outlines),
            "notes": list(beside.notes),
        }

    def tile(self, level: int, row: int, column: int) -> npt.NDArray[np.uint8]:
        """Reads a tile; see :meth:`MapValues.tile`."""
        with self._layers:
            return self.values.tile(level, row, column)

    def histogram(self) -> npt.NDArray[np.int64]:
        """Counts pixels by class and confidence, once; see :meth:`MapValues.histogram`."""
        with self._counts:  # seconds for a large map, which is shown meanwhile
            if self._histogram is None:
                self._histogram = self.values.histogram()
            return self._histogram

    def picture(self, *, on_progress: Callable[[int, int], None] | None = None) -> Picture | None:
        """Computes the picture in true colours once; None without a cube that has its bands."""
        scene = self.beside.scene
        if scene is None or not scene.has_picture:
            return None
        with self._cube:
            if self._picture is None:
                self._picture = scene.picture(on_progress=on_progress)
            return self._picture

    def outlines(self) -> list[OutlineRecord]:
        """Returns the outlines of the parcels."""
        return [] if self.beside.outlines is None else self.beside.outlines.records()

    def pixel(self, row: int, column: int) -> Details:
        """Finds all that is known of a pixel.

        Raises:
            DataError: it lies outside the map, or a file is damaged.
        """
        with self._layers:
            values = self.values.pixel(row, column)
        details = self._details(f"Pixel in row {row}, column {column}", row, column, values)
        self._add_series(details, np.array([row]), np.array([column]))
        return details

    def parcel(self, number: int) -> Details:
        """Finds all that is known of a parcel: its pixels by class, and its mean series.

        Raises:
            DataError: there is no such parcel, it is too large, or a file is damaged.
        """
        assert self.beside.outlines is not None
        window, inside, rows, columns = self.beside.outlines.pixels(number)
        with self._layers:
            classes = self.values.classes_in(window)[inside]
        middle = len(rows) // 2
        shares = _shares(classes)
        values = PixelValues(shares[0]["map_class"] if shares else None, None, None, None, None)
        title = f"Parcel {self.beside.outlines.name(number)}"
        details = self._details(title, int(rows[middle]), int(columns[middle]), values)
        details["num_pixels"], details["shares"] = len(rows), shares
        chosen = np.linspace(0, len(rows) - 1, min(len(rows), MOST_SERIES)).astype(np.intp)
        self._add_series(details, rows[chosen], columns[chosen])
        return details

    def _details(self, title: str, row: int, column: int, values: PixelValues) -> Details:
        x, y, degrees = position(self.header, row, column)
        return {
            "title": title,
            "row": row,
            "column": column,
            "x": x,
            "y": y,
            "longitude": None if degrees is None else round(degrees[0], 6),
            "latitude": None if degrees is None else round(degrees[1], 6),
            "map_class": values.map_class,
            "probability": values.probability,
            "entropy": values.entropy,
            "unlikeness": values.unlikeness,
            "clear_dates": values.clear_dates,
            "num_pixels": None,
            "shares": None,
            "series": None,
            "season": None,
            "neighbours": None,
            "calendar_ndvi": None,
            "planetscope": None,
        }

    def _add_series(
        self, details: Details, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
    ) -> None:
        beside = self.beside
        if beside.scene is None:
            return
        with self._cube:
            stack = mean_of_pixels(beside.scene.read(rows, columns))
            details["series"] = series_record(stack, beside.scene.facts)
            if beside.season is not None:
                details["season"] = season_record(stack, beside.season)
                if beside.season.num_labelled:
                    details["neighbours"] = neighbour_records(stack, beside.season)
                    details["calendar_ndvi"] = calendar_record(stack, beside.season)
            if beside.planetscope is not None:
                details["planetscope"] = planetscope_record(stack, beside.planetscope)


def _shares(classes: npt.NDArray[np.uint8]) -> list[ShareRecord]:
    value, count = np.unique(classes[classes > 0], return_counts=True)
    order = np.argsort(-count, kind="stable")
    return [{"map_class": int(value[at]), "num_pixels": int(count[at])} for at in order]


def position(
    header: MapHeader, row: int, column: int
) -> tuple[float, float, tuple[float, float] | None]:
    """Computes the coordinates of a pixel's centre, and its longitude and latitude if known."""
    a, b, c, d, e, f = header.grid.transform
    x, y = a * (column + 0.5) + b * (row + 0.5) + c, d * (column + 0.5) + e * (row + 0.5) + f
    if header.grid.crs is None:
        return x, y, None
    from pyproj import Transformer

    longitude, latitude = Transformer.from_crs(
        header.grid.crs, "EPSG:4326", always_xy=True
    ).transform(x, y)
    return x, y, (float(longitude), float(latitude))


def pixel_metres(header: MapHeader) -> tuple[float, float]:
    """Computes width and height of a pixel at the middle of the map, metres; 1, 1 if not known."""
    grid = header.grid
    if grid.crs is None:
        return 1.0, 1.0
    from pyproj import CRS

    a, b, c, d, e, f = grid.transform
    crs = CRS.from_user_input(grid.crs)
    if not crs.is_geographic:
        metres = crs.axis_info[0].unit_conversion_factor if crs.axis_info else 1.0
        return float(np.hypot(a, d) * metres), float(np.hypot(b, e) * metres)
    column, row = grid.width / 2, grid.height / 2
    x, y = a * column + b * row + c, d * column + e * row + f
    geod = crs.get_geod()
    assert geod is not None
    across = geod.line_length([x, x + a], [y, y + d])
    return float(across), float(geod.line_length([x, x + b], [y, y + e]))


def _short_crs(crs: str | None) -> str | None:
    if crs is None:
        return None
    from pyproj import CRS

    found = CRS.from_user_input(crs)
    authority = found.to_authority()
    return ":".join(authority) if authority else str(found.name)[:60]
