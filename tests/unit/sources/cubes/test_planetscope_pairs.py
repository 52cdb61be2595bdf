"""Folders of PlanetScope beside a Sentinel-2 cube, against values looked up one by one."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cube_factory import (
    CRS,
    HEIGHT,
    LEFT,
    TOP,
    WIDTH,
    dataset,
    write_daily,
    write_parcels,
    write_tif,
)
from windrow.data.series import NO_DATA, Series, concatenate
from windrow.errors import DataError, SettingsError
from windrow.sources.cubes.planetscope_scenes import is_mask
from windrow.sources.cubes.reader import read_file, read_images
from windrow.sources.reader import IngestOptions, Reading

pytest.importorskip("rasterio")
pytest.importorskip("xarray")
COUNT = 4


def origin(west: float, north: float, pixel: float) -> Any:
    from rasterio.transform import from_origin

    return from_origin(west, north, pixel, pixel)


def scene(height: int, width: int, *, seed: int = 0, count: int = COUNT) -> np.ndarray[Any, Any]:
    """Reflectance x 10,000 without a 0, every value drawn."""
    draw = np.random.default_rng(seed)
    return draw.integers(200, 6_000, (count, height, width)).astype(np.uint16)


@pytest.fixture(name="cube")
def _cube(tmp_path: Path) -> Path:
    dataset().to_netcdf(tmp_path / "cube.nc", engine="h5netcdf")
    return tmp_path / "cube.nc"


def read(cube: Path, folder: Path, **given: Any) -> tuple[Series, Reading]:
    options = IngestOptions(planetscope=folder, processing_level="L2A", **given)
    reading = read_file(cube, options)
    return concatenate(list(reading.parts)), reading


def squares() -> list[tuple[float, float]]:
    """Centres of the nine squares of every pixel, pixel by pixel, in the cube's CRS."""
    return [
        (LEFT + 10 * (column + (j + 0.5) / 3), TOP - 10 * (row + (i + 0.5) / 3))
        for row in range(HEIGHT)
        for column in range(WIDTH)
        for i in range(3)
        for j in range(3)
    ]


def looked_up(
    values: np.ndarray[Any, Any], transform: Any, points: list[tuple[float, float]]
) -> np.ndarray[Any, Any]:
    """(N, 36), band-major, by the inverse transform of each point alone."""
    found = np.full((len(points), values.shape[0]), NO_DATA, dtype=np.int64)
    for number, (x, y) in enumerate(points):
        column, row = ~transform * (x, y)
        if 0 <= row < values.shape[1] and 0 <= column < values.shape[2]:
            found[number] = values[:, int(row), int(column)]
    return found.reshape(-1, 9, values.shape[0]).transpose(0, 2, 1).reshape(HEIGHT * WIDTH, -1)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    place=st.tuples(
        st.floats(-60, 40).map(lambda x: round(x, 3)),
        st.floats(-40, 60).map(lambda y: round(y, 3)),
        st.sampled_from([3.0, 3.125, 10 / 3, 4.77]),
    ),
    seed=st.integers(0, 1_000),
)
def test_any_grid_is_looked_up(
    place: tuple[float, float, float], seed: int, cube: Path, tmp_path: Path
) -> None:
    west, north, pixel = place
    values = scene(45, 41, seed=seed)
    transform = origin(LEFT + west, TOP + north, pixel)
    folder = tmp_path / f"planet-{west}-{north}-{pixel}-{seed}"
    write_tif(folder / "2018-05-06.tif", values, transform=transform)
    expected = looked_up(values, transform, squares())
    if (expected == NO_DATA).all():
        return
    series, _ = read(cube, folder)
    assert series.planetscope is not None
    assert series.planetscope_day is not None
    assert series.planetscope_day.tolist() == [125]
    np.testing.assert_array_equal(series.planetscope[:, 0], expected)


@pytest.mark.parametrize("crs", ["EPSG:32632", "EPSG:4326", "EPSG:25831"])
def test_scenes_of_another_crs_are_looked_up(crs: str, cube: Path, tmp_path: Path) -> None:
    """A scene is resampled to another CRS by GDAL; squares far from edges agree with its source."""
    from pyproj import Transformer

    moved = [Transformer.from_crs(CRS, crs, always_xy=True).transform(*at) for at in squares()]
    xs, ys = np.array(moved).T
    pixel = 3e-5 if crs == "EPSG:4326" else 3.0
    transform = origin(xs.min() - 5.37 * pixel, ys.max() + 5.41 * pixel, pixel)
    size = int(np.ptp(ys) / pixel) + 12, int(np.ptp(xs) / pixel) + 12
    values = scene(*size)
    write_tif(tmp_path / "p" / "20180506_sr.tif", values, transform=transform, crs=crs)
    series, reading = read(cube, tmp_path / "p")
    assert series.planetscope is not None
    np.testing.assert_array_equal(series.planetscope[:, 0], looked_up(values, transform, moved))
    assert crs in reading.summary.facts["planetscope"]


def test_eight_bands_are_taken_by_wavelength(cube: Path, tmp_path: Path) -> None:
    values = scene(40, 40, count=8)
    transform = origin(LEFT, TOP, 10 / 3)
    name = "20180511_101530_03_2435_3B_AnalyticMS_SR_8b_clip.tif"
    write_tif(tmp_path / "p" / name, values, transform=transform)
    series, reading = read(cube, tmp_path / "p")
    assert series.planetscope is not None
    expected = looked_up(values[[1, 3, 5, 7]], transform, squares())
    np.testing.assert_array_equal(series.planetscope[:, 0], expected)
    said = reading.summary.facts["planetscope_of_8_bands"]
    assert said == "1 files: blue 2, green 4, red 6, nir 8"


def test_clouds_of_the_mask_and_missing_values_are_no_data(cube: Path, tmp_path: Path) -> None:
    values, transform = scene(40, 40), origin(LEFT, TOP, 10 / 3)
    values[:, :4] = 0
    values[0, 10:14] = 0  # one band alone is a dark value
    mask = np.zeros((8, 40, 40), dtype=np.uint8)
    mask[0] = 1
    mask[0, 20:26] = 0
    mask[1, 20:22] = 1  # snow
    root = tmp_path / "p" / "order" / "files"
    stem = "20180511_101530_03_2435_3B_"
    write_tif(root / f"{stem}AnalyticMS_SR_clip.tif", values, transform=transform)
    write_tif(root / f"{stem}udm2_clip.tif", mask, transform=transform)
    series, reading = read(cube, tmp_path / "p")
    shown = values.astype(np.int64)
    shown[:, :4] = NO_DATA
    shown[:, 22:26] = NO_DATA
    assert series.planetscope is not None
    np.testing.assert_array_equal(series.planetscope[:, 0], looked_up(shown, transform, squares()))
    counts = reading.summary.counts
    assert counts["planetscope_values_masked_by_udm2"] == 4 * 30
    assert reading.summary.facts["planetscope_masks"] == "1 of 1 files have a usable data mask"


def test_scenes_of_a_day_fill_each_other_in_the_order_of_names(cube: Path, tmp_path: Path) -> None:
    transform = origin(LEFT, TOP, 10 / 3)
    first, second = scene(40, 40, seed=1), scene(40, 40, seed=2)
    first[:, :, 10:] = 0
    write_tif(tmp_path / "p" / "20180511_101530_SR.tif", first, transform=transform)
    write_tif(tmp_path / "p" / "20180511_101630_SR.tif", second, transform=transform)
    series, reading = read(cube, tmp_path / "p")
    expected = np.where(first == 0, second, first)
    assert series.planetscope is not None
    np.testing.assert_array_equal(
        series.planetscope[:, 0], looked_up(expected, transform, squares())
    )
    assert reading.summary.counts["days_with_several_planetscope_files"] == 1


@pytest.mark.parametrize(
    ("steps", "rhythm"), [((0, 1, 2, 3), "daily"), ((0, 5, 10), "every 5 days"),
                          ((0, 2, 9), "irregular")],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["uint16", "float32"])
def test_any_rhythm_of_dates(
    steps: tuple[int, ...], rhythm: str, kind: str, cube: Path, tmp_path: Path
) -> None:
    transform = origin(LEFT, TOP, 10 / 3)
    days = [date(2018, 5, 1) + timedelta(days=step) for step in steps]
    for number, day in enumerate(days):
        values = scene(40, 40, seed=number)
        stored = values if kind == "uint16" else (values / 10_000).astype(np.float32)
        write_tif(tmp_path / "p" / f"{day:%Y-%m-%d}.tif", stored, transform=transform)
    write_tif(tmp_path / "p" / "2019-05-01.tif", scene(40, 40), transform=transform)
    write_tif(tmp_path / "p" / "2018-05-30.tif", scene(9, 9), transform=origin(0, 0, 3))
    series, reading = read(cube, tmp_path / "p")
    assert series.planetscope is not None
    assert series.planetscope_day is not None
    assert series.planetscope_day.tolist() == [120 + step for step in steps]
    for number in range(len(days)):
        expected = looked_up(scene(40, 40, seed=number), transform, squares())
        np.testing.assert_array_equal(series.planetscope[:, number], expected)
    assert rhythm in reading.summary.facts["planetscope"]
    assert reading.summary.counts["planetscope_files_of_other_months_left_out"] == 1
    assert reading.summary.counts["planetscope_files_elsewhere_left_out"] == 1
    total = HEIGHT * WIDTH * len(days)
    assert reading.summary.counts["planetscope_days_of_pixels_with_nine_values"] == total


def test_a_folder_inside_the_folder_of_sentinel2(tmp_path: Path) -> None:
    write_daily(tmp_path / "s2")
    values, transform = scene(40, 40), origin(LEFT, TOP, 10 / 3)
    write_tif(tmp_path / "s2" / "planet" / "2018-05-06.tif", values, transform=transform)
    options = IngestOptions(planetscope=tmp_path / "s2" / "planet", processing_level="L2A")
    series = concatenate(list(read_images(tmp_path / "s2", options).parts))
    assert series.num_dates == 4
    assert series.planetscope is not None
    np.testing.assert_array_equal(series.planetscope[:, 0], looked_up(values, transform, squares()))


def test_days_count_from_the_start_of_the_season(tmp_path: Path) -> None:
    days = ("2018-11-01", "2019-05-06")
    dataset(days=days).to_netcdf(tmp_path / "cube.nc", engine="h5netcdf")
    transform = origin(LEFT, TOP, 10 / 3)
    for day in (*days, "2018-09-30"):
        write_tif(tmp_path / "p" / f"{day}.tif", scene(40, 40), transform=transform)
    series, _ = read(tmp_path / "cube.nc", tmp_path / "p", season_start="10-01", year=2018)
    assert series.planetscope_day is not None
    assert series.planetscope_day.tolist() == [31, 217]
    assert series.day_of_year[0].tolist() == [31, 217]


def write_one(folder: Path, name: str = "2018-05-06.tif", **profile: Any) -> Path:
    values = profile.pop("values", scene(40, 40))
    return write_tif(folder / name, values, **{"transform": origin(LEFT, TOP, 10 / 3), **profile})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: write_one(p, "scene.tif"), "no PlanetScope file with a date in its name"),
        (lambda p: p.mkdir(), "found no GeoTIFF"),
        (lambda p: write_one(p, values=scene(40, 40, count=3)), "found 3 bands"),
        (lambda p: write_one(p, values=scene(40, 40, count=5)), "found 5 bands"),
        (lambda p: write_one(p, crs=None), "no CRS.*--crs"),
        (lambda p: write_one(p, transform=origin(0, 0, 3)), "no PlanetScope file lies on the cube"),
        (lambda p: write_one(p, "2016-05-06.tif"), "lies in its twelve months"),
        (lambda p: write_one(p, "20180506_3B_AnalyticMS.tif"), "no surface reflectance"),
        (lambda p: write_one(p, values=scene(40, 40).astype(np.uint8)), "type uint8"),
        (lambda p: write_one(p, values=scene(40, 40).astype(np.float32)), "no reflectance 0..1"),
        (lambda p: write_one(p, values=scene(40, 40) + np.uint16(50_000)), "out of range"),
        (lambda p: write_one(p).write_bytes(b"II*\0cut"), "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_planetscope_is_refused(
    make: Any, message: str, cube: Path, tmp_path: Path
) -> None:
    make(tmp_path / "p")
    with pytest.raises(DataError, match=message):
        read(cube, tmp_path / "p")


def test_options_that_do_not_fit_are_refused(cube: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no folder of PlanetScope files"):
        read(cube, tmp_path / "nowhere")
    write_one(tmp_path / "p")
    pytest.importorskip("geopandas")
    labels = write_parcels(tmp_path / "parcels.geojson")
    with pytest.raises(SettingsError, match="paired with pixels"):
        read(cube, tmp_path / "p", average_parcels=True, labels=labels)
    options = IngestOptions(planetscope="daily", processing_level="L2A")
    with pytest.raises(SettingsError, match="names files of DENETHOR"):
        read_file(cube, options)


def test_a_virtual_raster_is_not_followed(cube: Path, tmp_path: Path) -> None:
    """A file that names another file is refused, whatever its ending."""
    source = write_one(tmp_path / "secret", "values.tif")
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "2018-05-06.tif").write_text(
        '<VRTDataset rasterXSize="40" rasterYSize="40"><VRTRasterBand dataType="UInt16" band="1">'
        f"<SimpleSource><SourceFilename>{source}</SourceFilename><SourceBand>1</SourceBand>"
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(DataError, match="cannot be read"):
        read(cube, folder)


@pytest.mark.parametrize(
    ("name", "mask"),
    [
        ("20210412_101530_03_2435_3B_udm2.tif", True),
        ("20210412_3B_AnalyticMS_DN_udm.tif", True),
        ("20210412_3B_AnalyticMS_SR.tif", False),
        ("2021-04-12.tif", False),
    ],
)
def test_masks_are_told_by_their_names(name: str, mask: bool) -> None:
    assert is_mask(name) is mask


STEM = "20180511_101530_03_2435_3B_"


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("AnalyticMS_SR.tif", "udm2.tif"),
        ("AnalyticMS_SR_harmonized.tif", "udm2.tif"),
        ("AnalyticMS_SR_clip.tif", "udm2_clip.tif"),
        ("AnalyticMS_SR_clip.tif", "../udm2/udm2_clip.tif"),
    ],
)
def test_scenes_meet_their_masks(image: str, mask: str, cube: Path, tmp_path: Path) -> None:
    values, transform = scene(40, 40), origin(LEFT, TOP, 10 / 3)
    clear = np.zeros((8, 40, 40), dtype=np.uint8)
    clear[0, 6:] = 1
    folder = tmp_path / "p" / "analytic_sr_udm2"
    write_tif(folder / f"{STEM}{image}", values, transform=transform)
    beside = (folder / mask).resolve()
    write_tif(beside.with_name(f"{STEM}{beside.name}"), clear, transform=transform)
    series, reading = read(cube, tmp_path / "p")
    shown = values.astype(np.int64)
    shown[:, :6] = NO_DATA
    assert series.planetscope is not None
    np.testing.assert_array_equal(series.planetscope[:, 0], looked_up(shown, transform, squares()))
    assert reading.summary.facts["planetscope_masks"] == "1 of 1 files have a usable data mask"


def test_a_date_alone_meets_no_mask_of_another_folder(cube: Path, tmp_path: Path) -> None:
    write_one(tmp_path / "p" / "here")
    cloudy = np.zeros((8, 40, 40), dtype=np.uint8)
    write_one(tmp_path / "p" / "there", "2018-05-06_udm2.tif", values=cloudy)
    _, reading = read(cube, tmp_path / "p")
    assert reading.summary.facts["planetscope_masks"] == "0 of 1 files have a usable data mask"


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ({"transform": origin(LEFT + 30, TOP, 10 / 3)}, "mask lies elsewhere than its scene"),
        ({"values": np.ones((8, 41, 40), dtype=np.uint8)}, "another size than its scene"),
        ({"values": np.zeros((8, 40, 40), dtype=np.uint8)}, "found 1080 values masked by udm2"),
    ],
)
def test_masks_that_do_not_fit_or_leave_nothing_are_refused(
    mask: dict[str, Any], message: str, cube: Path, tmp_path: Path
) -> None:
    write_one(tmp_path / "p", f"{STEM}AnalyticMS_SR.tif")
    clear = {"values": np.ones((8, 40, 40), dtype=np.uint8)}
    write_one(tmp_path / "p", f"{STEM}udm2.tif", **{**clear, **mask})
    with pytest.raises(DataError, match=message):
        read(cube, tmp_path / "p")


def test_quality_files_of_planet_fusion_are_no_scenes(cube: Path, tmp_path: Path) -> None:
    values = scene(40, 40)
    write_one(tmp_path / "p" / "PF-SR", values=values.astype(np.int16))
    write_one(tmp_path / "p" / "PF-QA", values=scene(40, 40, seed=9).astype(np.int16))
    series, _ = read(cube, tmp_path / "p")
    assert series.planetscope is not None
    expected = looked_up(values, origin(LEFT, TOP, 10 / 3), squares())
    np.testing.assert_array_equal(series.planetscope[:, 0], expected)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    order=st.permutations(range(4)),
    names=st.sampled_from(
        [("blue", "green", "red", "nir"), ("Band 1: Blue", "Green", "RED", "near-infrared")]
    ),
)
def test_named_bands_are_taken_by_name_in_any_order(
    order: list[int], names: tuple[str, ...], cube: Path, tmp_path: Path
) -> None:
    values, transform = scene(40, 40), origin(LEFT, TOP, 10 / 3)
    folder = tmp_path / f"planet-{order}-{names[0]}"
    write_one(folder, values=values[order], descriptions=tuple(names[at] for at in order))
    series, _ = read(cube, folder)
    assert series.planetscope is not None
    np.testing.assert_array_equal(series.planetscope[:, 0], looked_up(values, transform, squares()))


def test_bands_named_in_part_or_twice_are_refused(cube: Path, tmp_path: Path) -> None:
    for number, names in enumerate([("blue", "green"), ("red", "green", "blue", "blue")]):
        write_one(tmp_path / str(number), descriptions=names)
        with pytest.raises(DataError, match="do not tell which is which"):
            read(cube, tmp_path / str(number))


def packed(folder: Path, *, scales: tuple[float, ...], offsets: tuple[float, ...]) -> None:
    import rasterio

    with rasterio.open(write_one(folder, values=scene(40, 40) * 2), "r+") as raster:
        raster.scales, raster.offsets = scales, offsets


def test_a_declared_scale_is_applied(cube: Path, tmp_path: Path) -> None:
    packed(tmp_path / "p", scales=(5e-5,) * 4, offsets=(0.0,) * 4)
    series, _ = read(cube, tmp_path / "p")
    assert series.planetscope is not None
    expected = looked_up(scene(40, 40), origin(LEFT, TOP, 10 / 3), squares())
    np.testing.assert_array_equal(series.planetscope[:, 0], expected)


def test_declared_offsets_and_mixed_scales_are_refused(cube: Path, tmp_path: Path) -> None:
    packed(tmp_path / "offset", scales=(1e-4,) * 4, offsets=(-0.1,) * 4)
    packed(tmp_path / "mixed", scales=(1e-4, 1e-4, 1e-4, 1e-3), offsets=(0.0,) * 4)
    for name in ("offset", "mixed"):
        with pytest.raises(DataError, match="declares an offset, or scales that differ"):
            read(cube, tmp_path / name)


def test_files_without_a_date_and_dates_without_a_target_are_said(
    cube: Path, tmp_path: Path
) -> None:
    write_one(tmp_path / "p", "2018-05-06.tif")
    write_one(tmp_path / "p", "composite.tif")
    _, reading = read(cube, tmp_path / "p")
    assert reading.summary.counts["planetscope_files_without_a_date_left_out"] == 1
    said = reading.summary.facts["planetscope_targets"]
    days = np.array(dataset()["time"].values, dtype="M8[D]")
    near = int((np.abs((days - np.datetime64("2018-05-06")).astype(int)) <= 1).sum())
    assert near == 1
    assert said.startswith("1 of 4 dates of Sentinel-2 have PlanetScope")
