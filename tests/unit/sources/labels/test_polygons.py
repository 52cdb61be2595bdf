"""Vector files: layers, geometries that need mending, overlaps, and classes that mean no label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cube_factory
from cube_factory import CRS, HEIGHT, WIDTH, box, write_daily
from windrow.data.series import Series, concatenate
from windrow.errors import DataError, SettingsError
from windrow.sources.labels.parcel_polygons import CONTESTED, read_parcels
from windrow.sources.rasters.grid import Grid, Window
from windrow.sources.reader import IngestOptions, Reading, ReadingSummary
from windrow.sources.registry import recognise

geopandas = pytest.importorskip("geopandas")
pytest.importorskip("rasterio")

CASES = Path(__file__).resolve().parents[5] / "shared/cases"
GRID = Grid(HEIGHT, WIDTH, (10.0, 0.0, cube_factory.LEFT, 0.0, -10.0, cube_factory.TOP), CRS)


def read(path: Path, **options: object) -> tuple[Series, Reading]:
    reading = recognise(path).read(path, IngestOptions.model_validate(options))
    return concatenate(list(reading.parts)), reading


def frame(shapes: list[Any], crops: list[Any], **columns: list[Any]) -> Any:
    values = {"field_id": list(range(len(shapes))), "crop_code": crops, **columns}
    return geopandas.GeoDataFrame(values, geometry=shapes, crs=CRS)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_daily(tmp_path / "images")


def test_layers_are_listed_and_chosen(tmp_path: Path, images: Path) -> None:
    place = tmp_path / "layers.gpkg"
    frame([box(1, 1, 4, 5)], [1]).to_file(place, layer="parcels_2017")
    frame([box(6, 2, 8, 4)], [2]).to_file(place, layer="parcels_2018")
    with pytest.raises(DataError, match=r"layers parcels_2017, parcels_2018.*--layer"):
        read(images, labels=place)
    with pytest.raises(DataError, match=r"no layer '2018'.*parcels_2017, parcels_2018"):
        read(images, labels=place, layer="2018")
    series, reading = read(images, labels=place, layer="parcels_2018")
    assert len(series) == 4
    assert series.legend is not None
    assert series.legend.names == ("2",)
    assert reading.summary.facts["layer"] == "parcels_2018"
    with pytest.raises(SettingsError, match="without parcels"):
        read(images, layer="parcels_2018")


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.integers(0, WIDTH - 1),
            st.integers(0, HEIGHT - 1),
            st.integers(1, 5),
            st.integers(1, 5),
            st.integers(1, 3),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_overlaps_of_different_crops_belong_to_no_parcel(
    tmp_path_factory: pytest.TempPathFactory, rectangles: list[tuple[int, int, int, int, int]]
) -> None:
    """Against a naive loop over pixels, in any order of the parcels."""
    place = tmp_path_factory.mktemp("parcels") / "p.parquet"
    boxes = [(x, y, min(x + w, WIDTH), min(y + h, HEIGHT)) for x, y, w, h, _ in rectangles]
    crops = [crop for *_, crop in rectangles]
    frame([box(*corners) for corners in boxes], crops).to_parquet(place)
    parcels = read_parcels(place, GRID, IngestOptions(), ReadingSummary("p"))
    found = parcels.rasterise(GRID, Window(0, 0, HEIGHT, WIDTH))
    for row in range(HEIGHT):
        for column in range(WIDTH):
            inside = [
                index
                for index, (x, y, right, low) in enumerate(boxes)
                if x <= column < right and y <= row < low
            ]
            several = len({crops[index] for index in inside}) > 1
            expected = -1 if not inside else CONTESTED if several else inside[-1]
            assert found[row, column] == expected


def test_overlaps_are_counted_and_left_out(tmp_path: Path, images: Path) -> None:
    place = tmp_path / "p.gpkg"
    frame([box(0, 0, 4, 4), box(2, 2, 6, 6), box(7, 7, 9, 9)], [1, 2, 1]).to_file(place)
    series, reading = read(images, labels=place)
    assert len(series) == 12 + 12 + 4
    assert reading.summary.counts["pixels_in_parcels_of_different_crops_left_out"] == 4


def test_rings_are_mended_and_holes_and_parts_kept(tmp_path: Path, images: Path) -> None:
    from shapely import LineString, MultiPolygon, Polygon

    def at(column: float, row: float) -> tuple[float, float]:
        return cube_factory.LEFT + 10 * column, cube_factory.TOP - 10 * row

    bow = Polygon([at(0, 0), at(8, 4), at(8, 0), at(0, 4)])  # crosses itself in the middle
    flat = Polygon([at(0, 9), at(2, 9), at(0, 9)])
    hole = Polygon(box(5, 8, 9, 12).exterior, [box(6, 9, 8, 11).exterior])
    parts = MultiPolygon([box(0, 6, 2, 8), box(4, 6, 6, 8)])
    place = tmp_path / "p.parquet"
    frame([bow, flat, hole, parts, LineString()], [1, 2, 3, 4, 5]).to_parquet(place)
    series, reading = read(images, labels=place)
    counts = {field: int((series.field_id == field).sum()) for field in range(5)}
    assert counts == {0: 16, 1: 0, 2: 12, 3: 8, 4: 0}
    assert reading.summary.counts["parcels_with_invalid_rings_mended"] == 1
    assert reading.summary.counts["parcels_without_an_area_left_out"] == 1
    assert reading.summary.counts["parcels_without_a_geometry_left_out"] == 1


def test_no_data_among_parcels_is_asked_about_and_names_are_used(
    tmp_path: Path, images: Path
) -> None:
    place = tmp_path / "p.geojson"
    shapes = [box(0, 0, 2, 2), box(3, 0, 5, 2), box(6, 0, 8, 2)]
    names = ["No Data", "Wheat", "Corn"]
    frame(shapes, [0, 1, 5], crop_name=names).to_file(place)
    with pytest.raises(DataError, match=r"'0 No Data'.*--no-data-class 0"):
        read(images, labels=place)
    series, reading = read(images, labels=place, no_data_class=("0",))
    assert series.legend is not None
    assert series.legend.names == ("Wheat", "Corn")
    assert series.legend.codes == ("1", "5")
    assert len(series) == 8
    assert reading.summary.counts["labels_that_mean_no_label_left_out"] == 1
    kept, _ = read(images, labels=place, keep_class=("0",))
    assert kept.legend is not None
    assert kept.legend.names == ("No Data", "Wheat", "Corn")


@pytest.mark.skipif(not CASES.is_dir(), reason="shared/cases is absent")
def test_cases_of_parcels() -> None:
    case = CASES / "18-geopackage-of-two-layers"
    labels = case / "v_layers.gpkg"
    with pytest.raises(DataError, match="parcels_2017, parcels_2018"):
        read(case / "c_small.nc", labels=labels)
    series, _ = read(case / "c_small.nc", labels=labels, layer="parcels_2018")
    assert series.legend is not None
    assert "Winterweizen" in series.legend.names
    case = CASES / "20-no-data-as-a-class"
    labels = case / "v_nodata.geojson"
    with pytest.raises(DataError, match="--no-data-class 0"):
        read(case / "c_small.nc", labels=labels)
    series, _ = read(case / "c_small.nc", labels=labels, no_data_class=("0",))
    assert series.legend is not None
    assert series.legend.names == ("Wheat", "Corn")
    assert len(series) == 100
