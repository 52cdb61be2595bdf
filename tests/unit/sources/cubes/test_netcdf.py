"""netCDF and Zarr cubes: values, dates, clouds, codes, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cube_factory
from windrow.data.series import Series, concatenate
from windrow.errors import DataError, WindrowError
from windrow.sources.rasters.grid import Grid, windows
from windrow.sources.reader import IngestOptions, Reading
from windrow.sources.registry import recognise

for module in ("xarray", "h5netcdf", "rasterio", "geopandas"):
    pytest.importorskip(module)

DATA = Path(
    os.environ.get("WINDROW_DATA", Path(__file__).resolve().parents[3].parent / "shared/data")
)


def read(path: Path, **options: object) -> tuple[Series, Reading]:
    reading = recognise(path).read(path, IngestOptions.model_validate(options))
    return concatenate(list(reading.parts)), reading


def write(dataset: Any, path: Path) -> Path:
    if path.suffix == ".nc":
        dataset.to_netcdf(path, engine="h5netcdf")
    else:
        dataset.to_zarr(path, zarr_format=3, consolidated=False)
    return path


@pytest.mark.parametrize("name", ["cube.nc", "cube.zarr"])
def test_every_pixel_is_a_series(tmp_path: Path, name: str) -> None:
    series, reading = read(write(cube_factory.dataset(), tmp_path / name))
    array = cube_factory.values()
    assert len(series) == array.shape[2] * array.shape[3]
    expected = array.transpose(2, 3, 0, 1).reshape(len(series), *array.shape[:2])
    assert np.array_equal(series.reflectance, expected)
    assert series.bands == ("B02", "B04", "B8A")
    assert series.processing_level == "L2A"
    assert series.day_of_year[0].tolist() == [120, 125, 130, 135]
    assert series.id.tolist() == list(range(120))
    assert series.valid.all()
    assert series.longitude is not None
    assert series.latitude is not None
    assert series.longitude[0] == pytest.approx(3.00007, abs=1e-4)
    assert series.latitude[0] == pytest.approx(50.5521, abs=1e-3)
    assert reading.summary.facts["grid"] == "12 x 10 pixels of 10, EPSG:32631"


def test_a_band_axis_and_common_names(tmp_path: Path) -> None:
    import xarray

    cube = cube_factory.dataset()
    names = xarray.DataArray(["blue", "red", "nir08"], dims="band")
    joined = xarray.concat([cube[band] for band in cube_factory.BANDS], dim="band")
    joined = joined.assign_coords(band=names).transpose("y", "x", "band", "time")
    path = write(
        joined.to_dataset(name="reflectance").assign_attrs(crs="EPSG:32631"), tmp_path / "c.nc"
    )
    series, _ = read(path)
    plain, _ = read(write(cube, tmp_path / "p.nc"))
    assert series.bands == plain.bands
    assert np.array_equal(series.reflectance, plain.reflectance)


def test_scene_classes_become_cloud_probability_and_zero_is_no_data(tmp_path: Path) -> None:
    cube = cube_factory.dataset()
    classes = np.full((4, 12, 10), 4, dtype=np.uint8)
    classes[0, 0, :3] = (8, 9, 10)
    cube["SCL"] = (("time", "y", "x"), classes)
    cube["B04"][1, 0, 0] = 0
    for band in cube_factory.BANDS:
        cube[band][:, 11, 9] = 0
    series, reading = read(write(cube, tmp_path / "c.nc"))
    assert series.cloud_probability is not None
    assert series.cloud_probability[:4, 0].tolist() == [128, 230, 128, 0]
    assert series.valid[0].tolist() == [True, False, True, True]
    assert len(series) == 119
    assert reading.summary.counts["pixels_without_a_usable_date_left_out"] == 1
    assert "9 is 230" in reading.summary.facts["cloud"]


def test_reflectance_and_packed_values_give_the_same(tmp_path: Path) -> None:
    plain, _ = read(write(cube_factory.dataset(), tmp_path / "p.nc"))
    array = cube_factory.values()
    floats = cube_factory.dataset(array.astype(np.float32) / 10_000)
    real, reading = read(write(floats, tmp_path / "f.nc"))
    assert np.array_equal(plain.reflectance, real.reflectance)
    assert reading.summary.facts["scale"].startswith("reflectance (reflectance = value x 1,")
    packed = cube_factory.dataset(array + 1000)
    for band in cube_factory.BANDS:
        packed[band].attrs = {"scale_factor": 1e-4, "add_offset": -0.1}
    series, reading = read(write(packed, tmp_path / "o.nc"))
    assert np.array_equal(plain.reflectance, series.reflectance)
    assert reading.summary.facts["baseline_offset"] == "-1000 on all 4 dates, from metadata"


def test_the_offset_of_2022_from_values_metadata_or_given(tmp_path: Path) -> None:
    days = ("2022-01-20", "2022-05-06", "2022-05-11", "2022-05-16")
    array = cube_factory.values()
    array[:, 2] += 3000  # green
    expected = array[:, :, 0, 0].copy()
    array[1:] += 1000
    cube = cube_factory.dataset(array, days)
    seen, reading = read(write(cube, tmp_path / "a.nc"))
    assert np.array_equal(seen.reflectance[0], expected)
    assert reading.summary.facts["baseline_offset"] == (
        "-1000 on 3 dates (2022-05-06 to 2022-05-16), 0 on 1 date (2022-01-20), "
        "detected: the darkest values there are 1307"
    )
    cube["processing_baseline"] = ("time", np.array([3.01, 4.0, 4.0, 5.1]))
    told, reading = read(write(cube, tmp_path / "b.nc"))
    assert np.array_equal(seen.reflectance, told.reflectance)
    assert reading.summary.facts["baseline_offset"].endswith("(2022-01-20), from metadata")
    kept, _ = read(tmp_path / "a.nc", baseline_offset=0)
    assert np.array_equal(kept.reflectance[0], array[:, :, 0, 0])
    overcast = cube_factory.dataset(array + 3000, days)
    with pytest.raises(DataError, match=r"not clear; in .*o\.nc; .*--baseline-offset"):
        read(write(overcast, tmp_path / "o.nc"))


def test_each_variable_is_unpacked_by_its_own_attributes(tmp_path: Path) -> None:
    plain, _ = read(write(cube_factory.dataset(), tmp_path / "p.nc"))
    array = cube_factory.values().astype(np.int16)
    packed = cube_factory.dataset(array)
    packed["B8A"] = packed["B8A"] * 2
    packed["B04"][1, 2, 3] = -32768
    for band, scale in (("B02", 1e-4), ("B04", 1e-4), ("B8A", 5e-5)):
        packed[band].attrs = {"scale_factor": scale, "add_offset": 0.0}
    packed["B04"].attrs["_FillValue"] = np.int16(-32768)
    series, reading = read(write(packed, tmp_path / "s.nc"))
    assert not series.valid[23, 1]
    series.valid[23, 1] = True
    series.reflectance[23, 1] = plain.reflectance[23, 1]
    assert np.array_equal(series.reflectance, plain.reflectance)
    assert reading.summary.facts["scale"] == (
        "band by band (reflectance = value x 0.0001, but of B8A 5e-05, from metadata)"
    )


def test_bands_in_two_scales_are_refused(tmp_path: Path) -> None:
    mixed = cube_factory.dataset(cube_factory.values() / 10_000.0)
    mixed["B8A"] = cube_factory.dataset()["B8A"]
    with pytest.raises(DataError, match=r"scale .* is mixed; .*B02 B04 in 0\.\.1 and B8A x 10,000"):
        read(write(mixed, tmp_path / "c.nc"))


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_clouds_in_per_cent(tmp_path: Path, kind: type) -> None:
    cube = cube_factory.dataset()
    clouds = np.zeros((4, 12, 10), dtype=kind)
    clouds[1:, :, :], clouds[2] = 100, 20
    cube["cloud_probability"] = (("time", "y", "x"), clouds)
    series, reading = read(write(cube, tmp_path / "c.nc"))
    assert series.cloud_probability is not None
    assert series.cloud_probability[0].tolist() == [0, 255, 51, 255]
    assert "cloud-percent" in reading.summary.facts["cloud"]
    assert reading.summary.facts["cloud"].endswith("50% of the dates are clear")


def test_crop_codes_become_labels_and_patches_fields(tmp_path: Path) -> None:
    cube = cube_factory.dataset()
    codes = np.zeros((12, 10), dtype=np.int32)
    codes[1:5, 1:4], codes[2:4, 6:8], codes[7:10, 2:6] = 1200, 9120, 1200
    cube["crop_code"] = (("y", "x"), codes)
    path = write(cube, tmp_path / "c.nc")
    series, reading = read(path)
    assert len(series) == 12 + 4 + 12
    assert series.legend is not None
    assert series.legend.codes == ("1200", "9120")
    assert series.label is not None
    assert series.label.tolist() == [codes.ravel()[i] == 9120 for i in series.id]
    assert len(set(series.field_id.tolist())) == 3
    assert reading.summary.facts["classes"] == (
        "1200 (2 fields, 24 pixels), 9120 (1 fields, 4 pixels)"
    )
    mean, _ = read(path, average_parcels=True)
    assert len(mean) == 3
    assert mean.reflectance[0, 2].tolist() == [
        round(float(band)) for band in cube_factory.values()[2][:, 1:5, 1:4].mean(axis=(1, 2))
    ]
    legend = tmp_path / "legend.csv"
    legend.write_text("code,name\n1200,maize\n")
    with pytest.raises(DataError, match=r"unknown crop code 9120; in .*c\.nc, variable crop_code"):
        read(path, legend=legend)


def test_some_pixels_drawn_from_the_seed(tmp_path: Path) -> None:
    path = write(cube_factory.dataset(), tmp_path / "c.nc")
    first, _ = read(path, num_series=20, seed=1)
    again, _ = read(path, num_series=20, seed=1)
    other, _ = read(path, num_series=20, seed=2)
    assert len(first) == 20
    assert first.id.tolist() == again.id.tolist() != other.id.tolist()


def test_one_of_several_years(tmp_path: Path) -> None:
    days = ("2017-01-20", "2017-12-20", "2018-01-05", "2018-02-01")
    path = write(cube_factory.dataset(days=days), tmp_path / "c.nc")
    with pytest.raises(DataError, match=r"more than one calendar year; in .*c\.nc; .*--year"):
        read(path)
    series, _ = read(path, year=2018)
    assert series.day_of_year[0].tolist() == [4, 31]
    assert series.reflectance[0, 0, 0] == 314
    with pytest.raises(DataError, match=r"no date in the year; .*expected dates of 2020"):
        read(path, year=2020)


def _mixed(cube: Any) -> Any:
    array = cube_factory.values().astype(np.float64)
    array[2] /= 10_000
    return cube_factory.dataset(array)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda c: c.rename(time="step").drop_vars("step"), r"no time axis; in .*c\.nc"),
        (lambda c: c.drop_vars("time"), r"the time axis has no coordinates; in .*c\.nc"),
        (lambda c: c.rename({b: f"v{b}" for b in cube_factory.BANDS}), r"no band in the cube"),
        (lambda c: c.assign(b2=c["B02"]), r"band B02 stands twice; .*B02 and b2"),
        (_mixed, r"the scale of reflectance is mixed; in .*c\.nc; .*1 dates in 0\.\.1 and 3"),
        (lambda c: c // 20, r"the scale of reflectance is impossible; .*found 6\d as largest"),
        (lambda c: c.assign_coords(x=np.arange(10.0) ** 2), r"the grid is not regular; .*axis x"),
        (lambda c: c * 0, "no data in the middle of the cube"),
    ],
)
def test_what_is_refused(tmp_path: Path, change: Any, text: str) -> None:
    path = write(change(cube_factory.dataset()).assign_attrs(crs="EPSG:32631"), tmp_path / "c.nc")
    with pytest.raises(WindrowError, match=text):
        read(path)


def test_a_cut_file_and_a_wrong_option(tmp_path: Path) -> None:
    path = write(cube_factory.dataset(), tmp_path / "c.nc")
    with pytest.raises(WindrowError, match="--tile does not concern a netCDF or Zarr cube"):
        read(path, tile="x")
    with pytest.raises(WindrowError, match="no cloud variable 'haze'"):
        read(path, cloud_column="haze")
    with pytest.raises(WindrowError, match="no label variable 'crop'"):
        read(path, label_column="crop")
    with pytest.raises(WindrowError, match="an option of labels without labels"):
        read(path, average_parcels=True)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DataError, match=r"the cube cannot be read; in .*c\.nc; .*cut short"):
        read(path)


def test_windows_cover_each_pixel_once() -> None:
    grid = Grid(37, 53, (1, 0, 0, 0, -1, 0), None)
    for native in ((8, 8), (1, 53), (37, 53)):
        for limit in (1, 64, 500, 10_000):
            seen = np.zeros((37, 53), dtype=int)
            for w in windows(grid, native, 1, limit=limit):
                assert w.height * w.width <= max(limit, 1)
                seen[w.row : w.row + w.height, w.column : w.column + w.width] += 1
            assert (seen == 1).all()


FLANDERS = DATA / "flanders2018/cube.nc"


@pytest.mark.skipif(not FLANDERS.is_file(), reason=f"no real cube at {FLANDERS}")
def test_the_real_cube_of_flanders() -> None:
    import xarray

    series, reading = read(FLANDERS)
    assert len(series) == 1249 + 31 + 25 + 96 + 835
    assert series.num_dates == 91
    assert series.bands == ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
    assert series.legend is not None
    assert series.legend.codes == ("1200", "2130", "5100", "7900", "9120")
    with xarray.open_dataset(FLANDERS, mask_and_scale=False, engine="h5netcdf") as cube:
        row, column = divmod(int(series.id[1000]), 64)
        assert (
            series.reflectance[1000, :, 3].tolist() == cube["B05"].values[:, row, column].tolist()
        )
        assert int(series.legend.codes[series.label[1000]]) == cube["crop_code"].values[row, column]  # type: ignore[index]
    assert reading.summary.facts["baseline_offset"].startswith("none")
