"""Parcels in any format and CRS: onto pixels or averaged, against naive recomputation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import cube_factory
from cube_factory import PARCEL_PIXELS, box, write_daily, write_parcels
from windrow.data.series import Series, concatenate
from windrow.errors import DataError, WindrowError
from windrow.sources.reader import IngestOptions, Reading
from windrow.sources.registry import recognise

geopandas = pytest.importorskip("geopandas")
pytest.importorskip("rasterio")


def read(path: Path, **options: object) -> tuple[Series, Reading]:
    reading = recognise(path).read(path, IngestOptions.model_validate(options))
    return concatenate(list(reading.parts)), reading


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return write_daily(tmp_path / "images")


@pytest.mark.parametrize(
    ("name", "crs"),
    [
        ("p.gpkg", "EPSG:32631"),
        ("p.geojson", "EPSG:4326"),
        ("p.shp", "EPSG:25831"),
        ("p.parquet", "EPSG:3035"),
        ("q.gpkg", "EPSG:3857"),
    ],
)
def test_pixels_of_parcels_in_any_format_and_crs(
    tmp_path: Path, images: Path, name: str, crs: str
) -> None:
    labels = write_parcels(tmp_path / name, cube_factory.parcels(crs))
    series, reading = read(images, labels=labels)
    found = {
        field: sorted(divmod(int(i), 10) for i in series.id[series.field_id == field])
        for field in (11, 12, 13)
    }
    assert found == PARCEL_PIXELS
    assert series.legend is not None
    assert series.label is not None
    assert series.legend.names == ("1200", "9120")
    assert [series.label[series.field_id == f][0] for f in (11, 12, 13)] == [0, 1, 0]
    array = cube_factory.values()
    for index in range(len(series)):
        row, column = divmod(int(series.id[index]), 10)
        assert series.reflectance[index].tolist() == array[:, :, row, column].tolist()
    assert reading.summary.facts["classes"] == (
        "1200 (2 fields, 24 pixels), 9120 (1 fields, 4 pixels)"
    )


def test_means_of_parcels(tmp_path: Path, images: Path) -> None:
    labels = write_parcels(tmp_path / "p.gpkg")
    series, _ = read(images, labels=labels, average_parcels=True)
    assert series.id.tolist() == [11, 12, 13]
    array = cube_factory.values().astype(float)
    for row, pixels in enumerate(PARCEL_PIXELS.values()):
        mean = np.mean([array[:, :, y, x] for y, x in pixels], axis=0)
        assert series.reflectance[row].tolist() == np.round(mean).astype(int).tolist()
    assert series.longitude is not None
    assert series.longitude[0] == pytest.approx(3.0 + 25 / 71_000, abs=1e-4)


def test_means_leave_missing_pixels_out(tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    cube = cube_factory.dataset()
    for band in cube_factory.BANDS:
        cube[band].values[0, 2, 6] = 0  # one of the four pixels of parcel 12
        cube[band].values[1, 2:4, 6] = 0  # two of them
        cube[band].values[2, 2:4, 6:8] = 0
        cube[band].values[2, 2, 7] = 5000  # three of them
    cube["clp"] = (("time", "y", "x"), np.zeros((4, 12, 10), dtype=np.uint8))
    cube["clp"].values[3, 2, 6:8] = 255
    assert isinstance(cube, xarray.Dataset)
    cube.to_netcdf(tmp_path / "c.nc", engine="h5netcdf")
    labels = write_parcels(tmp_path / "p.gpkg")
    series, _ = read(tmp_path / "c.nc", labels=labels, average_parcels=True)
    row = series.id.tolist().index(12)
    assert series.valid[row].tolist() == [True, True, False, True]
    array = cube_factory.values().astype(float)
    rest = np.mean([array[0, :, y, x] for y, x in PARCEL_PIXELS[12][1:]], axis=0)
    assert series.reflectance[row, 0].tolist() == np.round(rest).astype(int).tolist()
    assert series.cloud_probability is not None
    assert series.cloud_probability[row].tolist() == [0, 0, 0, 127]


def test_parcels_outside_or_below_a_pixel_are_counted(tmp_path: Path, images: Path) -> None:
    frame = cube_factory.parcels()
    tiny = box(8, 8, 9, 9).buffer(-4.9).centroid.buffer(1).buffer(0)
    extra = geopandas.GeoDataFrame(
        {"field_id": [14, 15], "crop_code": [1200, 1200]},
        geometry=[box(50, 50, 60, 60), box(8, 8, 9, 9).difference(tiny.buffer(2))],
        crs=frame.crs,
    )
    both = pd.concat([frame, extra], ignore_index=True)
    _, reading = read(images, labels=write_parcels(tmp_path / "p.gpkg", both))
    assert reading.summary.counts["parcels_outside_the_images_left_out"] == 1
    assert reading.summary.counts["fields_without_a_pixel_centre_left_out"] == 1


def test_a_legend_names_codes_and_refuses_others(tmp_path: Path, images: Path) -> None:
    labels = write_parcels(tmp_path / "p.gpkg")
    legend = tmp_path / "legend.csv"
    legend.write_text("crop_code,crop_name\n1200,maize\n9120,grass\n")
    series, _ = read(images, labels=labels, legend=legend)
    assert series.legend is not None
    assert series.legend.names == ("maize", "grass")
    legend.write_text("crop_code,crop_name\n1200,maize\n")
    with pytest.raises(DataError, match=r"unknown crop code 9120; in .*p\.gpkg; .*legend\.csv"):
        read(images, labels=labels, legend=legend)
    legend.write_text("a,b\n1200,maize\n")
    with pytest.raises(DataError, match=r"a legend without codes or names; in .*legend\.csv"):
        read(images, labels=labels, legend=legend)


def _without_crops(frame: Any) -> Any:
    return frame.drop(columns="crop_code")


def _far_away(frame: Any) -> Any:
    return frame.set_geometry(frame.geometry.translate(200_000, 0))


def _twice(frame: Any) -> Any:
    return frame.assign(field_id=[11, 11, 13])


def _empty_crops(frame: Any) -> Any:
    return frame.assign(crop_code=np.array([None] * 3, dtype=object))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (_without_crops, r"a label file without crop ids; in .*p\.gpkg; .*--label-column"),
        (_far_away, r"labels and images do not overlap; in .*p\.gpkg; .*check tile, year and CRS"),
        (_twice, r"a parcel's id stands twice; in .*p\.gpkg, property field_id; found 11"),
        (_empty_crops, r"no parcel has a crop; in .*p\.gpkg"),
        (lambda f: f.iloc[:0], r"a label file without parcels; in .*p\.gpkg"),
    ],
)
def test_what_is_refused(tmp_path: Path, images: Path, change: Any, text: str) -> None:
    labels = write_parcels(tmp_path / "p.gpkg", change(cube_factory.parcels()))
    with pytest.raises(DataError, match=text):
        read(images, labels=labels)


def test_files_that_are_no_parcels(tmp_path: Path, images: Path) -> None:
    labels = write_parcels(tmp_path / "p.shp")
    (tmp_path / "p.prj").unlink()
    with pytest.raises(DataError, match=r"a label file without a CRS; in .*p\.shp"):
        read(images, labels=labels)
    with pytest.raises(DataError, match=r"no such label file; in .*q\.gpkg"):
        read(images, labels=tmp_path / "q.gpkg")
    broken = tmp_path / "b.geojson"
    broken.write_text('{"type": "FeatureColl')
    with pytest.raises(DataError, match=r"the label file cannot be read; in .*b\.geojson"):
        read(images, labels=broken)
    table = tmp_path / "t.parquet"
    pd.DataFrame({"field_id": [1], "crop": ["x"]}).to_parquet(table)
    with pytest.raises(WindrowError, match=r"labels of a cube are parcels; in .*t\.parquet"):
        read(images, labels=table)
    with pytest.raises(DataError, match=r"no property 'name' of crops; in .*g\.gpkg"):
        read(images, labels=write_parcels(tmp_path / "g.gpkg"), label_column="name")
