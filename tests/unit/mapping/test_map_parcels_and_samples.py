"""Sampling, areas and parcels of small maps, against naive recomputation."""

import geopandas
import numpy as np
import pandas as pd
import pytest
from pyproj import Geod
from rasterio import Affine
from rasterio.features import geometry_mask
from shapely.geometry import Point, box

from map_factory import write_small_map
from windrow.cli import main
from windrow.data.map_folder import MapGrid, read_map_header
from windrow.errors import DataError
from windrow.mapping.map_layers import class_sizes, row_areas
from windrow.mapping.parcel_classes import classify_parcels

NAMES = ("wheat", "maize", "grass")
LEFT, TOP = 500_000.0, 5_630_000.0


@pytest.fixture
def classes():
    random = np.random.default_rng(1)
    return random.choice(4, (60, 80), p=[0.1, 0.5, 0.3, 0.1]).astype(np.uint8)


@pytest.fixture
def folder(tmp_path, classes):
    write_small_map(tmp_path / "map", classes, names=NAMES)
    return tmp_path / "map"


def exit_of(*words):
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    return caught.value.code


def test_sizes_are_those_of_numpy(folder, classes):
    found = class_sizes(folder, read_map_header(folder))
    assert found.num_pixels.tolist() == [int((classes == k).sum()) for k in (1, 2, 3)]
    assert found.area.tolist() == [100.0 * n for n in found.num_pixels.tolist()]
    assert found.num_without_data == int((classes == 0).sum())


def test_areas_of_a_map_in_degrees_are_geodesic():
    grid = MapGrid(
        height=180, width=3, transform=(1.0, 0.0, 0.0, 0.0, -1.0, 90.0), crs="EPSG:4326",
        pixel_area=None,
    )  # fmt: skip
    areas = row_areas(grid, "here")
    assert areas[90] == pytest.approx(12_308_778_361, rel=1e-3)  # a degree at the equator
    earth = 4 * np.pi * Geod(ellps="WGS84").a ** 2
    assert 360 * areas.sum() == pytest.approx(earth, rel=5e-3)
    with pytest.raises(DataError, match="without a CRS"):
        row_areas(grid.model_copy(update={"crs": None}), "here")


def test_a_sample_is_interpreted_blindly_and_gives_the_areas(folder, classes, tmp_path, capsys):
    words = ("sample", folder, "--size", 300, "--min-per-class", 60, "--seed", 4)
    main([str(each) for each in (*words, "--out", tmp_path / "a.gpkg")])
    main([str(each) for each in (*words, "--out", tmp_path / "b.csv")])
    assert "expected standard error of the overall accuracy: 0.0" in capsys.readouterr().out
    points = geopandas.read_file(tmp_path / "a.gpkg")
    table = pd.read_csv(tmp_path / "b.csv")
    assert points["lon"].tolist() == table["lon"].tolist()
    assert "map_class" not in points
    assert set(points["stratum"]) == {"1", "2", "3"}
    projected = points.to_crs("EPSG:32631").geometry
    column, row = (projected.x - LEFT) / 10, (TOP - projected.y) / 10
    assert np.allclose(column % 1, 0.5, atol=1e-4)
    assert np.allclose(row % 1, 0.5, atol=1e-4)
    value = classes[row.astype(int), column.astype(int)]
    assert (value > 0).all()
    assert len(set(zip(row.astype(int), column.astype(int), strict=True))) == 300
    number = np.bincount(value, minlength=4)
    size = np.bincount(classes.ravel(), minlength=4)
    assert number[3] == 60
    assert np.allclose(points["inclusion_probability"], (number / size)[value])
    points["truth"] = [("Wheat", "maize", "grass")[each - 1] for each in value]
    points.loc[0, "truth"] = None
    points.to_crs("EPSG:3035").to_file(tmp_path / "truth.gpkg")
    main([
        "area", str(folder), str(tmp_path / "truth.gpkg"), "--label-column", "truth",
        "--out", str(tmp_path / "tables"), "--training", str(tmp_path / "a.gpkg"),
    ])  # fmt: skip
    printed = capsys.readouterr().out
    assert "1 samples without a class left out" in printed
    assert "299 samples lie within half a pixel of the labels for training" in printed
    found = pd.read_csv(tmp_path / "tables" / "area.csv")
    assert found["area_ha"].to_numpy() == pytest.approx(size[1:] * 0.01)
    accuracy = pd.read_csv(tmp_path / "tables" / "accuracy.csv")
    assert accuracy["overall_accuracy"].iloc[-1] == pytest.approx(1.0)


def test_samples_outside_and_without_data_are_counted(folder, classes, tmp_path, capsys):
    row, column = np.argwhere(classes == 0)[0]
    other = np.argwhere(classes == 2)[:6]
    x = [LEFT - 50, LEFT + 10 * column + 5, *(LEFT + 10 * other[:, 1] + 5)]
    y = [TOP - 50, TOP - 10 * row - 5, *(TOP - 10 * other[:, 0] - 5)]
    places = geopandas.GeoDataFrame(
        {"crop": ["maize"] * 7 + ["rye"]}, geometry=geopandas.points_from_xy(x, y),
        crs="EPSG:32631",
    )  # fmt: skip
    places.to_crs("EPSG:4326").to_file(tmp_path / "places.geojson")
    main(["area", str(folder), str(tmp_path / "places.geojson"), "--label-column", "crop"])
    printed = capsys.readouterr().out
    assert "1 samples outside the map left out" in printed
    assert "1 samples on pixels without data left out" in printed
    assert "stratum wheat has no sample" in printed
    assert "taken for a simple random sample" in printed
    assert "that the map does not hold: rye" in printed
    assert "overall accuracy 0.833" in printed
    assert exit_of("area", folder, tmp_path / "places.geojson", "--label-column", "no") == 2


def test_mistakes_of_sampling_are_named(folder, tmp_path, capsys):
    out = tmp_path / "s.csv"
    assert exit_of("sample", folder, "--size", 20, "--out", out) == 2
    assert "--min-per-class" in capsys.readouterr().err
    words = ("sample", folder, "--size", 300, "--out", out, "--expected-accuracy")
    assert exit_of(*words, "rye=0.8") == 2
    assert exit_of(*words, "wheat=much") == 2
    assert not out.exists()


def test_parcels_count_pixel_centres_even_where_they_overlap(folder, classes):
    random = np.random.default_rng(0)
    corner = random.uniform(-50, 550, (40, 2))
    shapes = geopandas.GeoSeries(
        [
            box(LEFT + x, TOP - y - side, LEFT + x + side, TOP - y)
            for (x, y), side in zip(corner, random.uniform(3, 120, 40), strict=True)
        ],
        crs="EPSG:32631",
    )
    found = classify_parcels(folder, read_map_header(folder), shapes)
    transform = Affine(10, 0, LEFT, 0, -10, TOP)
    for index, shape in enumerate(shapes):
        inside = classes[geometry_mask([shape], classes.shape, transform, invert=True)]
        assert found.num_pixels[index] == inside.size
        assert found.num_without_data[index] == (inside == 0).sum()
        counts = np.bincount(inside, minlength=4)[1:]
        if counts.sum() == 0:
            assert found.majority[index] == -1
        else:
            assert counts[found.majority[index]] == counts.max()
            assert found.share[index] == pytest.approx(counts.max() / counts.sum())


@pytest.mark.parametrize("suffix", ["parquet", "gpkg", "geojson"])
def test_parcels_are_written_with_what_they_held(folder, tmp_path, capsys, suffix):
    frame = geopandas.GeoDataFrame(
        {"farm": ["a", "b", "c"]},
        geometry=[
            box(LEFT, TOP - 200, LEFT + 200, TOP),
            Point(LEFT + 301, TOP - 301).buffer(1),
            box(LEFT - 900, TOP, LEFT - 800, TOP + 100),
        ],
        crs="EPSG:32631",
    ).to_crs("EPSG:3035")
    frame.to_file(tmp_path / "parcels.gpkg")
    out = tmp_path / f"out.{suffix}"
    main(["parcels", str(folder), str(tmp_path / "parcels.gpkg"), "--out", str(out)])
    assert "2 parcels without a pixel centre" in capsys.readouterr().out
    read = geopandas.read_parquet if suffix == "parquet" else geopandas.read_file
    found = read(out)
    assert found["farm"].tolist() == ["a", "b", "c"]
    assert found["num_pixels"].tolist() == [400, 0, 0]
    assert found["majority"].iloc[0] == "wheat"
    assert found["majority"].isna().tolist() == [False, True, True]
    assert 0.34 <= found["majority_probability"].iloc[0] <= 1.0
