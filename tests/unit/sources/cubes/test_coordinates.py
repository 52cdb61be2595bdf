"""Where the pixels of a cube lie: CRS in any place, centres and corners, matching grids."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cube_factory
from cube_factory import CRS, LEFT, PARCEL_PIXELS, TOP, write_parcels, write_tif
from windrow.data.series import Series, concatenate
from windrow.data.store.store import Store
from windrow.errors import DataError, SettingsError, WindrowError
from windrow.pipelines.ingest import ingest
from windrow.sources.cubes.coordinates import (
    CRS_ATTRIBUTES,
    CRS_COORDINATES,
    CRS_VARIABLES,
    grid_of_dataset,
)
from windrow.sources.rasters.grid import Grid
from windrow.sources.reader import IngestOptions, Reading
from windrow.sources.registry import recognise

for module in ("xarray", "h5netcdf", "rasterio", "geopandas"):
    pytest.importorskip(module)

CASES = Path(__file__).resolve().parents[5] / "shared/cases"
ROOT = Path(__file__).resolve().parents[4]


def read(path: Path, **options: object) -> tuple[Series, Reading]:
    reading = recognise(path).read(path, IngestOptions.model_validate(options))
    return concatenate(list(reading.parts)), reading


def grid_of(dataset: Any, **options: Any) -> Grid:
    return grid_of_dataset(dataset, ("y", "x"), dataset["B02"], Path("cube.nc"), **options)[0]


def without_crs() -> Any:
    cube = cube_factory.dataset()
    cube.attrs = {}
    return cube


def wkt() -> str:
    import pyproj

    return str(pyproj.CRS.from_epsg(32631).to_wkt())


def cf() -> dict[str, Any]:
    import pyproj

    found: dict[str, Any] = pyproj.CRS.from_epsg(32631).to_cf()
    return {key: value for key, value in found.items() if key != "crs_wkt"}


@settings(deadline=None, max_examples=60)
@given(
    place=st.sampled_from(["data set", "band", "grid mapping", "variable", "coordinate", "cf"]),
    attribute=st.sampled_from(CRS_ATTRIBUTES),
    variable=st.sampled_from(CRS_VARIABLES),
    coordinate=st.sampled_from(CRS_COORDINATES),
    form=st.sampled_from(["epsg", "code", "wkt"]),
)
def test_the_crs_is_found_wherever_it_is_kept(
    place: str, attribute: str, variable: str, coordinate: str, form: str
) -> None:
    import pyproj

    value: Any = {"epsg": 32631, "code": "epsg:32631", "wkt": wkt()}[form]
    cube = without_crs()
    if place == "data set":
        cube.attrs[attribute] = value
    elif place == "band":
        cube["B02"].attrs[attribute] = value
    elif place == "grid mapping":
        cube["anything"] = ((), 0, {attribute: value})
        cube["B02"].attrs["grid_mapping"] = "anything"
    elif place == "variable":
        cube[variable] = ((), 0, {attribute: value})
    elif place == "cf":
        cube[variable] = ((), 0, cf())
    elif coordinate != "spatial_ref" or form != "epsg":
        cube = cube.assign_coords({coordinate: value})
    else:
        cube = cube.assign_coords({coordinate: ("time", np.full(4, value))})
    found = grid_of(cube)
    assert found.crs is not None
    assert pyproj.CRS.from_user_input(found.crs).to_epsg() == 32631
    assert found.transform == (10.0, 0.0, LEFT, 0.0, -10.0, TOP)


def test_two_crs_in_one_file_are_a_question() -> None:
    cube = cube_factory.dataset().assign_coords(epsg=32632)
    with pytest.raises(DataError, match=r"name different CRS.*EPSG:32631 and EPSG:32632"):
        grid_of(cube)


def test_the_option_gives_the_crs_and_never_contradicts_the_file(tmp_path: Path) -> None:
    labels = write_parcels(tmp_path / "p.gpkg")
    place = tmp_path / "cube.nc"
    without_crs().to_netcdf(place, engine="h5netcdf")
    with pytest.raises(DataError, match=r"cube.nc; to mend it: give it with --crs"):
        read(place, labels=labels)
    series, _ = read(place, labels=labels, crs=CRS)
    assert sorted(set(series.field_id.tolist())) == [11, 12, 13]
    for crs, message in (("local", "--crs is no CRS"), ("EPSG:1", "--crs is no CRS")):
        with pytest.raises(SettingsError, match=message):
            grid_of(without_crs(), crs=crs)
    with pytest.raises(SettingsError, match=r"contradicts the file.*EPSG:32632 and EPSG:32631"):
        grid_of(cube_factory.dataset(), crs="EPSG:32632")


def corners(cube: Any) -> Any:
    return cube.assign_coords(x=cube["x"] - 5, y=cube["y"] + 5)


@pytest.mark.parametrize("first", [0, 3])
@pytest.mark.parametrize("form", ["GeoTransform", "transform"])
def test_centres_and_corners_are_told_by_the_transform(form: str, first: int) -> None:
    """Also of a cube that was cut after its transform was written."""
    numbers = [LEFT, 10, 0, TOP, 0, -10] if form == "GeoTransform" else [10, 0, LEFT, 0, -10, TOP]
    cube = cube_factory.dataset()
    if form == "GeoTransform":
        cube["spatial_ref"] = ((), 0, {form: " ".join(map(str, numbers))})
    else:
        cube["B02"].attrs[form] = tuple(map(float, numbers))
    part = cube.isel(x=slice(first, None))
    expected = (10.0, 0.0, LEFT + 10 * first, 0.0, -10.0, TOP)
    assert grid_of(part).transform == expected
    assert grid_of(corners(part)).transform == expected
    shifted = part.assign_coords(x=part["x"] + 2.5)
    with pytest.raises(DataError, match=r"coordinates and transform contradict each other"):
        grid_of(shifted)
    assert grid_of(shifted, pixel_coordinates="centre").transform[2] == LEFT + 10 * first + 2.5


def test_corners_on_the_grid_of_sentinel2_label_the_same_pixels(tmp_path: Path) -> None:
    labels = write_parcels(tmp_path / "p.gpkg")
    for name, cube in (("centres.nc", cube_factory.dataset()), ("corners.nc", None)):
        whole = corners(cube_factory.dataset()) if cube is None else cube
        whole.to_netcdf(tmp_path / name, engine="h5netcdf")
        series, reading = read(tmp_path / name, labels=labels)
        for field, pixels in PARCEL_PIXELS.items():
            found = sorted(divmod(int(i), 10) for i in series.id[series.field_id == field])
            assert found == pixels
        assert ("coordinates" in reading.summary.facts) == (cube is None)
    given_ = grid_of(corners(cube_factory.dataset()), pixel_coordinates="centre")
    assert given_.transform[2] == LEFT - 5


@settings(deadline=None, max_examples=30)
@given(part=st.floats(-0.5, 0.5), axis=st.sampled_from(["x", "y"]))
def test_a_coordinate_beside_the_grid_is_found(part: float, axis: str) -> None:
    """One coordinate is moved by a part of a pixel: up to a hundredth passes."""
    cube = cube_factory.dataset()
    values = cube[axis].values.copy()
    values[4] += 10 * part
    moved = cube.assign_coords({axis: values})
    if abs(part) < 0.0099:
        assert grid_of(moved).crs == CRS
    elif abs(part) > 0.0101:
        with pytest.raises(DataError, match="the grid is not regular"):
            grid_of(moved)


@pytest.mark.parametrize(
    ("part", "fits"), [(0.0, True), (0.005, True), (0.02, False), (0.5, False), (5.0, False)]
)
@pytest.mark.parametrize("axis", ["east", "north"])
def test_an_image_shifted_by_part_of_a_pixel_is_refused(
    tmp_path: Path, part: float, fits: bool, axis: str
) -> None:
    from rasterio.transform import from_origin

    east, north = (10 * part, 0.0) if axis == "east" else (0.0, 10 * part)
    images = cube_factory.write_daily(tmp_path / "images")
    write_tif(
        images / "S2_2018-05-21.tif",
        cube_factory.values()[0],
        descriptions=cube_factory.BANDS,
        transform=from_origin(LEFT + east, TOP + north, 10, 10),
    )
    if fits:
        assert read(images)[0].num_dates == 5
    else:
        with pytest.raises(DataError, match=r"another grid.*2018-05-21"):
            read(images)


def test_one_crs_written_in_two_ways_is_one(tmp_path: Path) -> None:
    images = cube_factory.write_daily(tmp_path / "images")
    other = "+proj=utm +zone=31 +datum=WGS84 +units=m +no_defs"
    write_tif(
        images / "S2_2018-05-21.tif",
        cube_factory.values()[0],
        descriptions=cube_factory.BANDS,
        crs=other,
    )
    assert read(images)[0].num_dates == 5


def test_the_store_keeps_the_grid(tmp_path: Path) -> None:
    images = cube_factory.write_daily(tmp_path / "images")
    ingest(images, out=tmp_path / "store")
    store = Store(tmp_path / "store")
    kept = store.provenance["grid"]
    assert isinstance(kept, dict)
    assert kept["crs"] == CRS
    assert kept["transform"] == [10.0, 0.0, LEFT, 0.0, -10.0, TOP]
    grid = Grid(12, 10, (10.0, 0.0, LEFT, 0.0, -10.0, TOP), CRS)
    assert grid.described() == kept
    row, column = np.divmod(store.series().id, 10)
    x, y = replace(grid).centres(row, column)
    assert (x[11], y[11]) == (LEFT + 15, TOP - 15)


def test_the_document_lists_every_place() -> None:
    document = (ROOT / "docs" / "recognised.md").read_text(encoding="utf-8")
    for names in (CRS_VARIABLES, CRS_ATTRIBUTES, CRS_COORDINATES):
        assert " ".join(f"`{name}`" for name in names) in document


@pytest.mark.skipif(not CASES.is_dir(), reason="shared/cases is absent")
def test_the_crs_of_cases() -> None:
    case = CASES / "26-crs-in-other-places"
    labels = case / "v_good.gpkg"
    series, reading = read(case / "c_stackstac.nc", labels=labels)
    assert len(series) == 150
    assert "corners" in reading.summary.facts["coordinates"]
    with pytest.raises(WindrowError, match="--crs"):
        read(case / "c_openeo_nocrs.nc", labels=labels)
    assert len(read(case / "c_openeo_nocrs.nc", labels=labels, crs=CRS)[0]) == 150
