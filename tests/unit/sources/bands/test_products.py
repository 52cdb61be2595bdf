"""Products whose bands bear other names, on generated data and on the collected cases."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

import cube_factory
from cube_factory import DAYS, write_tif
from windrow.data.series import Series, concatenate
from windrow.errors import BandError
from windrow.sources.reader import IngestOptions, Reading
from windrow.sources.registry import recognise

ROOT = Path(__file__).resolve().parents[4]
CASES = Path(os.environ.get("WINDROW_CASES", ROOT.parent / "shared" / "cases"))
FORCE = [
    "BLUE", "GREEN", "RED", "REDEDGE1", "REDEDGE2", "REDEDGE3", "BROADNIR", "NIR", "SWIR1", "SWIR2",
]  # fmt: skip
TEN = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
NINE = ("B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B11", "B12")
TWELVE = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")


def case(name: str) -> Path:
    """A collected input, or a skip where they are not at hand."""
    path = CASES / name
    if not path.exists():
        pytest.skip(f"the collected case {name} is not at hand")
    return path


def read(path: Path, **options: object) -> tuple[Series, Reading]:
    reading = recognise(path).read(path, IngestOptions.model_validate(options))
    return concatenate(list(reading.parts)), reading


def images() -> npt.NDArray[np.uint16]:
    return cube_factory.values(bands=TEN)


def force_folder(root: Path) -> Path:
    for day, array in zip(DAYS, images(), strict=True):
        name = f"{day.replace('-', '')}_LEVEL2_SEN2A_BOA.tif"
        write_tif(root / name, array, descriptions=tuple(FORCE))
    return root


def table(path: Path, columns: list[str], **others: object) -> Path:
    """Three fields of four dates; column i of date j holds 300 + 100 i + j."""
    rows = [
        {"field_id": field, "date": day, **{c: 300 + 100 * i + j for i, c in enumerate(columns)}}
        for field in (1, 2, 3)
        for j, day in enumerate(DAYS)
    ]
    pd.DataFrame(rows).assign(**others).to_csv(path, index=False)
    return path


def test_force_folder_and_cube(tmp_path: Path) -> None:
    wanted = images().transpose(2, 3, 0, 1).reshape(-1, len(DAYS), len(TEN))
    series, reading = read(force_folder(tmp_path / "force"))
    assert series.bands == TEN
    assert np.array_equal(series.reflectance, wanted)
    assert "FORCE (B02 = BLUE" in reading.summary.facts["names_of_bands"]
    cube_factory.dataset(images(), bands=tuple(FORCE)).to_netcdf(
        tmp_path / "c.nc", engine="h5netcdf"
    )
    series, _ = read(tmp_path / "c.nc")
    assert series.bands == TEN
    assert np.array_equal(series.reflectance, wanted)


def test_force_without_its_broad_band_is_asked_about(tmp_path: Path) -> None:
    names = [name for name in FORCE if name != "BROADNIR"]
    array = np.delete(images(), FORCE.index("BROADNIR"), axis=1)
    cube_factory.dataset(array, bands=tuple(names)).to_netcdf(tmp_path / "c.nc", engine="h5netcdf")
    with pytest.raises(BandError, match=r"NIR is B8A \(FORCE\) or B08 \(SEPAL\)"):
        read(tmp_path / "c.nc")
    series, _ = read(tmp_path / "c.nc", bands=["FORCE"])
    assert series.bands == NINE


@pytest.mark.parametrize("name", ["g_force", "c_force.nc"])
def test_collected_force(name: str) -> None:
    place = case(f"03-force-nir-is-b8a/{name}")
    series, _ = read(place)
    assert series.bands == TEN
    if place.is_dir():
        rasterio = pytest.importorskip("rasterio")
        first = min(place.glob("*.tif"))
        with rasterio.open(first) as source:
            broad = source.read(1 + FORCE.index("BROADNIR")).ravel()
            narrow = source.read(1 + FORCE.index("NIR")).ravel()
        assert np.array_equal(series.reflectance[:, 0, TEN.index("B08")], broad)
        assert np.array_equal(series.reflectance[:, 0, TEN.index("B8A")], narrow)


def test_positions_are_asked_about_and_read_as_given(tmp_path: Path) -> None:
    columns = [f"B{number}" for number in range(1, 10)]
    path = table(tmp_path / "t.csv", columns, Flag=1)
    with pytest.raises(BandError, match=r"B1 to B9 count.*B8A=B7 B11=B8 B12=B9"):
        read(path)
    pairs = [f"{band}={column}" for band, column in zip(NINE, columns, strict=True)]
    series, reading = read(path, bands=pairs)
    assert series.bands == NINE
    assert series.reflectance[0, 2].tolist() == [302 + 100 * i for i in range(9)]
    assert reading.summary.facts["columns_left_out"] == "Flag"


def test_collected_positions() -> None:
    path = case("12-timesen2crop-names/t_timesen.csv")
    with pytest.raises(BandError, match=r"B1 to B9 count.*TimeSen2Crop: --bands B02=B1"):
        read(path)
    pairs = [f"{band}=B{number}" for number, band in enumerate(NINE, start=1)]
    series, reading = read(path, bands=pairs)
    assert series.bands == NINE
    assert series.reflectance[0, 0].tolist() == [
        13365, 12277, 12191, 12324, 11980, 11755, 11550, 5407, 4172
    ]  # fmt: skip
    assert "Flag" in reading.summary.facts["columns_left_out"]


MIXED = [
    "B01", "B02", "B03", "B04", "rededge1", "B06", "B07", "nir", "B8A", "B09", "B11", "B12",
]  # fmt: skip
SOME_MEAN = [
    "B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08_mean", "B8A", "B09",
    "B11_mean", "B12_mean",
]  # fmt: skip


@pytest.mark.parametrize("columns", [MIXED, SOME_MEAN])
def test_a_dialect_that_is_half_there(tmp_path: Path, columns: list[str]) -> None:
    path = table(tmp_path / "t.csv", columns)
    with pytest.raises(BandError) as caught:
        read(path)
    option = str(caught.value).split("--bands ")[1].split()
    assert option == [f"{band}={column}" for band, column in zip(TWELVE, columns, strict=True)]
    series, _ = read(path, bands=option)
    assert series.bands == TWELVE
    assert series.reflectance[0, 0].tolist() == [300 + 100 * i for i in range(12)]


@pytest.mark.parametrize("name", ["b_mixed.csv", "b_some_mean.csv"])
def test_collected_half_dialects(name: str) -> None:
    path = case(f"16-some-bands-not-recognised/{name}")
    with pytest.raises(BandError) as caught:
        read(path)
    series, _ = read(path, bands=str(caught.value).split("--bands ")[1].split())
    assert series.bands == TWELVE
    assert series.reflectance[0, 1].tolist() == [
        5354, 5424, 4995, 5043, 5303, 5418, 5446, 5872, 5470, 5827, 4973, 4357
    ]  # fmt: skip


def test_suffixed_columns_are_recognised_as_a_whole(tmp_path: Path) -> None:
    columns = [f"{band}_mean" for band in TEN]
    path = table(tmp_path / "t.csv", columns, B02_std=1, NDVI_mean=0.5)
    series, reading = read(path)
    assert series.bands == TEN
    assert reading.summary.facts["columns_left_out"] == "B02_std, NDVI_mean"


def test_images_of_landsat_and_of_hls(tmp_path: Path) -> None:
    layer = images()[0, :1]
    for name in ("HLS.L30.T32UPU.20180511T101031.v2.0.B05.tif", "LC08_193026_20180511_SR_B5.tif"):
        write_tif(tmp_path / name[:3] / name, layer)
        with pytest.raises(BandError, match="this is of Landsat"):
            read(tmp_path / name[:3])
    for band, one in zip(TEN, images()[0], strict=True):
        write_tif(tmp_path / "s30" / f"HLS.S30.T32UPU.20180511T101031.v2.0.{band}.tif", one[None])
    series, _ = read(tmp_path / "s30")
    assert series.bands == TEN


def test_red_edge_files_and_layers_that_are_no_band(tmp_path: Path) -> None:
    for index, name in enumerate(("red", "red_edge_1", "nir_1", "nir_2", "ndvi")):
        write_tif(tmp_path / f"20180511_{name}.tif", images()[0, index : index + 1])
    series, reading = read(tmp_path)
    assert series.bands == ("B04", "B05", "B08", "B8A")
    assert series.reflectance[0, 0].tolist() == images()[0, :4, 0, 0].tolist()
    assert reading.summary.facts["bands_left_out"] == "20180511_ndvi.tif"


def test_a_band_axis_of_numbers_takes_what_is_given(tmp_path: Path) -> None:
    import xarray

    named = cube_factory.dataset(images()[:, :3], bands=("a", "b", "c"))
    axis = xarray.DataArray([1, 2, 3], dims="bands")
    stack = xarray.concat([named["a"], named["b"], named["c"]], dim=axis).rename("data")
    stack.to_dataset().assign_attrs(crs=cube_factory.CRS).to_netcdf(
        tmp_path / "c.nc", engine="h5netcdf"
    )
    with pytest.raises(
        Exception, match=r"no band in the cube.*found 1, 2, 3.*--bands B02=VARIABLE"
    ):
        read(tmp_path / "c.nc")
    series, _ = read(tmp_path / "c.nc", bands=["B02=1", "B8A=3"])
    assert series.bands == ("B02", "B8A")
    assert series.reflectance[0, 0].tolist() == images()[0, [0, 2], 0, 0].tolist()
