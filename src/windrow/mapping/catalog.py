"""What stands beside the layers of a map: legend, names of classes for GDAL, STAC item."""

from __future__ import annotations

import csv
import io
from xml.sax.saxutils import escape

import numpy as np

from windrow.data.map_folder import MapGrid, MapHeader
from windrow.json_values import JsonObject

ITEM = "item.json"
LEGEND = "legend.csv"
_SIDE_POINTS = 21
"""Points along a side of the map's outline, which is curved in degrees."""


def legend_table(header: MapHeader) -> str:
    """Writes the classes as CSV: value, name, colour, pixels, hectares, share of the map."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["value", "class", "colour", "pixels", "hectares", "share", "crops"])
    total = max(1, sum(each.num_pixels for each in header.classes))
    area = header.grid.pixel_area
    for each in header.classes:
        hectares = "" if area is None else f"{each.num_pixels * area / 10_000:.2f}"
        share = f"{each.num_pixels / total:.4f}"
        rows.writerow(
            [each.value, each.name, each.colour, each.num_pixels, hectares, share,
             "|".join(each.crops)]
        )  # fmt: skip
    return text.getvalue()


def class_names_for_gdal(header: MapHeader) -> str:
    """Writes names and colours of the classes in the file that GDAL reads beside a GeoTIFF."""
    names = ["no data", *header.class_names]
    categories = "\n".join(f"      <Category>{escape(name)}</Category>" for name in names)
    colours = ["#000000", *(each.colour for each in header.classes)]
    fields = (("Value", 0, 5), ("Class", 2, 2), ("Red", 0, 6), ("Green", 0, 7), ("Blue", 0, 8))
    defined = "\n".join(
        f'      <FieldDefn index="{index}"><Name>{name}</Name><Type>{kind}</Type>'
        f"<Usage>{usage}</Usage></FieldDefn>"
        for index, (name, kind, usage) in enumerate(fields)
    )
    rows = "\n".join(
        f'      <Row index="{value}"><F>{value}</F><F>{escape(name)}</F>'
        + "".join(f"<F>{int(colour[at : at + 2], 16)}</F>" for at in (1, 3, 5))
        + "</Row>"
        for value, (name, colour) in enumerate(zip(names, colours, strict=True))
    )
    return (
        '<PAMDataset>\n  <PAMRasterBand band="1">\n'
        f"    <CategoryNames>\n{categories}\n    </CategoryNames>\n"
        '    <GDALRasterAttributeTable tableType="thematic">\n'
        f"{defined}\n{rows}\n    </GDALRasterAttributeTable>\n  </PAMRasterBand>\n</PAMDataset>\n"
    )


def pixel_area(grid: MapGrid) -> float | None:
    """Computes the area of a pixel in square metres; None where the CRS is not known.

    A pixel in degrees is measured on the ellipsoid, at the middle of the map.
    """
    if grid.crs is None:
        return None
    from pyproj import CRS

    a, b, _, d, e, _ = grid.transform
    crs = CRS.from_user_input(grid.crs)
    if crs.is_geographic:
        column, row = grid.width / 2, grid.height / 2
        corners = [
            _position(grid, column + i, row + j) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))
        ]
        geod = crs.get_geod()
        if geod is None:
            return None
        area, _ = geod.polygon_area_perimeter(
            [corner[0] for corner in corners], [corner[1] for corner in corners]
        )
        return abs(float(area))
    metres = crs.axis_info[0].unit_conversion_factor if crs.axis_info else 1.0
    return abs(a * e - b * d) * metres**2


def stac_item(header: MapHeader, name: str) -> JsonObject:
    """Describes a map as a STAC item (version 1.0.0) with the projection extension.

    Args:
        header: the map; its CRS is known.
        name: id of the item.
    """
    from pyproj import CRS

    grid = header.grid
    outline = _outline(grid)
    longitude, latitude = outline[:, 0], outline[:, 1]
    crs = CRS.from_user_input(grid.crs)
    authority = crs.to_authority()
    properties: JsonObject = {
        "datetime": None,
        "start_datetime": f"{header.first_date}T00:00:00Z",
        "end_datetime": f"{header.last_date}T23:59:59Z",
        "proj:code": ":".join(authority) if authority else None,
        "proj:shape": [grid.height, grid.width],
        "proj:transform": [*grid.transform, 0.0, 0.0, 1.0],
        "processing:software": {"windrow": header.software.removeprefix("windrow ")},
    }
    if authority is None:
        properties["proj:wkt2"] = crs.to_wkt()
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [
            "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
            "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
            "https://stac-extensions.github.io/classification/v2.0.0/schema.json",
            "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
        ],
        "id": name,
        "bbox": [
            float(longitude.min()), float(latitude.min()),
            float(longitude.max()), float(latitude.max()),
        ],
        "geometry": {"type": "Polygon", "coordinates": [outline.tolist()]},
        "properties": properties,
        "links": [],
        "assets": _assets(header),
    }  # fmt: skip


def _assets(header: MapHeader) -> JsonObject:
    """Describes the files of a map."""
    assets: JsonObject = {
        layer: {
            "href": f"./{facts.file}",
            "type": "image/tiff; application=geotiff; profile=cloud-optimized",
            "title": facts.description,
            "roles": ["data"],
            "raster:bands": [
                {"data_type": facts.dtype, "nodata": facts.no_data, "scale": facts.scale,
                 "unit": facts.unit}
            ] * facts.num_bands,
        }
        for layer, facts in header.layers.items()
    }  # fmt: skip
    described = assets["class"]
    assert isinstance(described, dict)
    described["classification:classes"] = [
        {
            "value": each.value,
            "name": f"class_{each.value}",
            "description": each.name,
            "color_hint": each.colour.removeprefix("#").upper(),
        }
        for each in header.classes
    ]
    assets["legend"] = {"href": f"./{LEGEND}", "type": "text/csv", "roles": ["metadata"]}
    return assets


def _outline(grid: MapGrid) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Computes the outline of the map in degrees, closed and counter-clockwise, (n, 2)."""
    from pyproj import Transformer

    along = np.linspace(0.0, 1.0, _SIDE_POINTS)[:-1]
    columns = np.concatenate([0 * along, along, 0 * along + 1, 1 - along]) * grid.width
    rows = np.concatenate([along, 0 * along + 1, 1 - along, 0 * along]) * grid.height
    points = [
        _position(grid, *point) for point in zip(columns.tolist(), rows.tolist(), strict=True)
    ]
    x, y = np.array(points).T
    to_degrees = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    longitude, latitude = to_degrees.transform(x, y)
    outline = np.stack([longitude, latitude], axis=1).round(7)
    return np.concatenate([outline, outline[:1]])


def _position(grid: MapGrid, column: float, row: float) -> tuple[float, float]:
    a, b, c, d, e, f = grid.transform
    return a * column + b * row + c, d * column + e * row + f
