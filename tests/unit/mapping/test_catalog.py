"""Legend, names for GDAL, pixel area and STAC item of a map."""

from __future__ import annotations

import csv
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pystac
import pytest
from pyproj import Geod

from map_factory import write_small_map
from windrow.data.map_folder import MapGrid
from windrow.mapping.catalog import class_names_for_gdal, legend_table, pixel_area, stac_item

CLASSES = np.array([[1, 2, 2], [0, 1, 3]], dtype=np.uint8)
NAMES = ("Maize, late", "Grass & <herbs>", "Potato")


def grid(crs: str, size: float, left: float, top: float) -> MapGrid:
    return MapGrid(
        height=10, width=10, transform=(size, 0.0, left, 0.0, -size, top), crs=crs, pixel_area=None
    )


def test_the_legend_counts_pixels_hectares_and_shares(tmp_path: Path) -> None:
    header = write_small_map(tmp_path / "map", CLASSES, names=NAMES)
    rows = list(csv.DictReader(legend_table(header).splitlines()))
    assert [row["class"] for row in rows] == list(NAMES)
    assert [row["pixels"] for row in rows] == ["2", "2", "1"]
    assert [row["hectares"] for row in rows] == ["0.02", "0.02", "0.01"]
    assert [row["share"] for row in rows] == ["0.4000", "0.4000", "0.2000"]


def test_gdal_reads_the_names_of_the_classes(tmp_path: Path) -> None:
    header = write_small_map(tmp_path / "map", CLASSES, names=NAMES)
    root = ElementTree.fromstring(class_names_for_gdal(header))  # noqa: S314 (our own text)
    assert [one.text for one in root.iter("Category")] == ["no data", *NAMES]
    rows = [[cell.text for cell in row] for row in root.iter("Row")]
    assert rows[1] == ["1", NAMES[0], "230", "180", "34"]


def test_areas_of_pixels_in_metres_feet_and_degrees() -> None:
    assert pixel_area(grid("EPSG:32631", 10.0, 5e5, 5.6e6)) == pytest.approx(100.0)
    feet = pixel_area(grid("EPSG:2263", 30.0, 9e5, 2e5))  # New York, US survey feet
    assert feet == pytest.approx(900 * (1200 / 3937) ** 2, rel=1e-6)
    degrees = pixel_area(grid("EPSG:4326", 0.001, 3.0, 50.8))
    east = Geod(ellps="WGS84").inv(3.0, 50.795, 3.001, 50.795)[2]
    north = Geod(ellps="WGS84").inv(3.0, 50.7945, 3.0, 50.7955)[2]
    assert degrees == pytest.approx(east * north, rel=1e-4)


def test_the_item_is_valid_and_surrounds_the_map(tmp_path: Path) -> None:
    header = write_small_map(tmp_path / "map", CLASSES, names=NAMES)
    item = pystac.Item.from_dict(stac_item(header, "map"))
    assert item.properties["proj:shape"] == [2, 3]
    assert item.properties["start_datetime"] == "2018-01-11T00:00:00Z"
    ring = np.array(item.geometry["coordinates"][0])
    np.testing.assert_array_equal(ring[0], ring[-1])
    x, y = ring[:, 0], ring[:, 1]
    assert (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() > 0  # counter-clockwise
    assert item.bbox == [x.min(), y.min(), x.max(), y.max()]
    classes = item.assets["class"].extra_fields["classification:classes"]
    assert [one["description"] for one in classes] == list(NAMES)
