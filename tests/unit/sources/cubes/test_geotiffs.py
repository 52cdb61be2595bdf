"""Folders of GeoTIFFs: layouts, values, and every way in which files fail to belong together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cube_factory
from cube_factory import BANDS, CRS, DAYS, write_by_band, write_daily, write_tif
from windrow.data.series import Series, concatenate
from windrow.errors import DataError, WindrowError
from windrow.sources.rasters.geotiff_header import date_in_name
from windrow.sources.reader import IngestOptions, Reading
from windrow.sources.registry import recognise

for module in ("rasterio", "geopandas"):
    pytest.importorskip(module)


def read(path: Path, **options: object) -> tuple[Series, Reading]:
    assert recognise(path).name == "GeoTIFFs"
    reading = recognise(path).read(path, IngestOptions.model_validate(options))
    return concatenate(list(reading.parts)), reading


def expected() -> np.ndarray:
    array = cube_factory.values()
    return array.transpose(2, 3, 0, 1).reshape(-1, *array.shape[:2])


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("S2_2018-05-01.tif", "2018-05-01"),
        ("T31UES_20180511T105031_B02_10m.tif", "2018-05-11"),
        ("2018/05/x.tif", None),
        ("2018-05-16/B8A.tif", "2018-05-16"),
        ("S2A_MSIL2A_20220801T103031_N0400_R108_T31UES_20220802T020000.tif", "2022-08-01"),
        ("2018-05-16/processed/B8A.tif", "2018-05-16"),
        ("tile_120180501.tif", None),
        ("2018-02-31.tif", None),
        ("dem.tif", None),
    ],
)
def test_dates_in_names(name: str, date: str | None) -> None:
    found = date_in_name(name)
    assert (None if found is None else str(found)) == date


def test_one_file_a_day(tmp_path: Path) -> None:
    series, reading = read(write_daily(tmp_path))
    assert np.array_equal(series.reflectance, expected())
    assert series.bands == BANDS
    assert series.day_of_year[0].tolist() == [120, 125, 130, 135]
    assert reading.summary.facts["days"] == "4, 2018-05-01 to 2018-05-16, every 5 days"
    assert reading.summary.facts["files"] == "4"


def test_one_file_a_band_and_folders_a_day(tmp_path: Path) -> None:
    series, _ = read(write_by_band(tmp_path / "flat"))
    assert np.array_equal(series.reflectance, expected())
    for day, array in zip(DAYS, cube_factory.values(), strict=True):
        for band, layer in zip(("blue", "red", "nir08"), array, strict=True):
            write_tif(tmp_path / "deep" / day / f"{band}.tif", layer[None])
    deep, _ = read(tmp_path / "deep")
    assert np.array_equal(deep.reflectance, expected())


def test_blocks_of_a_tiled_file_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from windrow.sources.cubes import series as cube_series
    from windrow.sources.rasters.grid import windows

    def small(whole: object, native: object, size: int) -> object:
        return windows(whole, native, size, limit=size * 20)  # type: ignore[arg-type]

    monkeypatch.setattr(cube_series, "windows", small)
    series, _ = read(write_daily(tmp_path))
    order = np.argsort(series.id)
    assert np.array_equal(series.select(order).reflectance, expected())


def test_bands_of_20_metres_are_repeated(tmp_path: Path) -> None:
    from rasterio.transform import from_origin

    write_by_band(tmp_path)
    coarse = from_origin(cube_factory.LEFT, cube_factory.TOP, 20, 20)
    array = cube_factory.values()[:, 2, ::2, ::2]
    for day, layer in zip(DAYS, array, strict=True):
        stamp = day.replace("-", "") + "T105031"
        write_tif(tmp_path / f"T31UES_{stamp}_B8A_10m.tif", layer[None], transform=coarse)
    series, reading = read(tmp_path)
    repeated = array.repeat(2, axis=1).repeat(2, axis=2).reshape(4, -1)
    assert np.array_equal(series.reflectance[:, :, 2].T, repeated)
    assert np.array_equal(series.reflectance[:, :, :2], expected()[:, :, :2])
    assert "12 x 10 pixels of 10" in reading.summary.facts["grid"]


def test_scene_classes_beside_the_bands(tmp_path: Path) -> None:
    write_by_band(tmp_path)
    for index, day in enumerate(DAYS):
        classes = np.full((1, 12, 10), (4, 8, 9, 3)[index], dtype=np.uint8)
        write_tif(tmp_path / f"T31UES_{day.replace('-', '')}T105031_SCL_20m.tif", classes)
    series, _ = read(tmp_path)
    assert series.cloud_probability is not None
    assert series.cloud_probability[5].tolist() == [0, 128, 230, 0]


def test_twelve_nameless_bands_are_asked_about(tmp_path: Path) -> None:
    names = "B01 B02 B03 B04 B05 B06 B07 B08 B8A B09 B11 B12"
    for day in DAYS:
        array = 200 + 100 * np.arange(12, dtype=np.uint16)[:, None, None] + np.zeros((12, 4, 4))
        write_tif(tmp_path / f"{day}.tif", array.astype(np.uint16))
    with pytest.raises(WindrowError, match=rf"which bands .*12 bands.*--bands {names}"):
        read(tmp_path)
    series, _ = read(tmp_path, bands=names.split())
    assert series.bands == tuple(names.split())
    assert series.reflectance[0, 0].tolist() == [200 + 100 * band for band in range(12)]
    by_file_name = [*names.split()[:8], "B09", "B11", "B12", "B8A"]
    series, _ = read(tmp_path, bands=by_file_name)
    assert series.reflectance[0, 0, series.bands.index("B8A")] == 200 + 1100


def test_bands_as_given(tmp_path: Path) -> None:
    for day, array in zip(DAYS, cube_factory.values(), strict=True):
        write_tif(tmp_path / f"{day}.tif", array)
    with pytest.raises(WindrowError, match=r"which bands .*2018-05-01\.tif; .*--bands"):
        read(tmp_path)
    series, _ = read(tmp_path, bands=["B02", "B04", "B8A"])
    assert np.array_equal(series.reflectance, expected())
    with pytest.raises(WindrowError, match=r"another number of bands; in .*2018-05-01\.tif"):
        read(tmp_path, bands=["B02", "B04"])


def test_a_missing_day_in_the_middle_is_said(tmp_path: Path) -> None:
    root = write_daily(tmp_path)
    (root / "S2_2018-05-11.tif").unlink()
    _, reading = read(root)
    assert reading.summary.facts["days"] == (
        "3, 2018-05-01 to 2018-05-16, every 5 days but for 2018-05-11"
    )


def test_a_missing_file_of_a_band(tmp_path: Path) -> None:
    root = write_by_band(tmp_path)
    (root / "T31UES_20180511T105031_B04_10m.tif").unlink()
    with pytest.raises(
        DataError, match=r"a file is missing; in the files of 2018-05-11; .*B04 too, as in T31UES_2"
    ):
        read(root)


def test_two_files_for_one_day(tmp_path: Path) -> None:
    root = write_daily(tmp_path)
    write_tif(root / "again_2018-05-11.tif", cube_factory.values()[2], descriptions=BANDS)
    with pytest.raises(
        DataError,
        match=r"two files for one day; in .*S2_2018-05-11\.tif and .*again_2018-05-11\.tif|"
        r"two files for one day; in .*again_2018-05-11\.tif and .*S2_2018-05-11\.tif",
    ):
        read(root)


@pytest.mark.parametrize("size", [60, 700])
def test_a_truncated_file(tmp_path: Path, size: int) -> None:
    root = write_daily(tmp_path, compress="deflate")
    place = root / "S2_2018-05-11.tif"
    place.write_bytes(place.read_bytes()[:size])
    with pytest.raises(DataError, match=r"damaged or cut short; in .*S2_2018-05-11\.tif"):
        read(root)


def test_another_crs_grid_count_or_type(tmp_path: Path) -> None:
    from rasterio.transform import from_origin

    array = cube_factory.values()[2]
    root = write_daily(tmp_path)
    place = root / "S2_2018-05-11.tif"
    write_tif(place, array, descriptions=BANDS, crs="EPSG:32632")
    with pytest.raises(DataError, match=r"another CRS; in .*05-11\.tif; found EPSG:32632; .*32631"):
        read(root)
    moved = from_origin(cube_factory.LEFT + 10, cube_factory.TOP, 10, 10)
    write_tif(place, array, descriptions=BANDS, transform=moved)
    with pytest.raises(DataError, match=r"another grid; in .*05-11\.tif; found 12 x 10 .*500010"):
        read(root)
    write_tif(place, array[:2], descriptions=BANDS[:2])
    with pytest.raises(DataError, match=r"another number of bands; in .*05-11\.tif; .*B8A too"):
        read(root)
    write_tif(place, array.astype(np.float32), descriptions=BANDS)
    with pytest.raises(DataError, match=r"different types of numbers; found uint16 .*05-11"):
        read(root)


def test_mixed_scales_name_the_files(tmp_path: Path) -> None:
    for day, array in zip(DAYS, cube_factory.values(), strict=True):
        factor = 1e-4 if day == "2018-05-11" else 1.0
        write_tif(
            tmp_path / f"S2_{day}.tif", (array * factor).astype(np.float32), descriptions=BANDS
        )
    with pytest.raises(
        DataError, match=r"scale of reflectance is mixed; in .*05-11\.tif and .*05-01\.tif"
    ):
        read(tmp_path)


def test_offsets_from_tags_and_names(tmp_path: Path) -> None:
    days = ("20220601", "20220611")
    for day, array in zip(days, cube_factory.values(2), strict=True):
        name = f"S2A_MSIL2A_{day}T103031_N0400_R108_T31UES.tif"
        write_tif(tmp_path / "named" / name, array + 1000, descriptions=BANDS)
        tags = {"PROCESSING_BASELINE": "05.09"}
        write_tif(tmp_path / "tagged" / f"{day}.tif", array + 1000, descriptions=BANDS, tags=tags)
        write_tif(tmp_path / "clean" / f"{day}.tif", array, descriptions=BANDS)
        folder = f"S2A_MSIL2A_{day}T103031_N0500_R108_T31UES_20230914T034556.SAFE"
        write_tif(tmp_path / "inside" / folder / f"{day}.tif", array + 1000, descriptions=BANDS)
    clean, reading = read(tmp_path / "clean")
    assert "already taken off" in reading.summary.facts["baseline_offset"]
    for name in ("named", "tagged", "inside"):
        series, reading = read(tmp_path / name)
        assert np.array_equal(series.reflectance, clean.reflectance)
        assert reading.summary.facts["baseline_offset"] == "-1000 on all 2 dates, from metadata"


def test_files_without_a_date_are_counted(tmp_path: Path) -> None:
    root = write_daily(tmp_path)
    write_tif(root / "dem.tif", np.ones((1, 12, 10), dtype=np.uint16))
    _, reading = read(root)
    assert reading.summary.facts["files_without_a_date_left_out"] == "1"
    assert CRS in reading.summary.facts["grid"]


def test_undeclared_marks_of_no_data_are_no_reflectance(tmp_path: Path) -> None:
    for day, array in zip(DAYS, cube_factory.values().astype(np.int16), strict=True):
        array[:, 0, 0] = -9999
        write_tif(tmp_path / f"S2_{day}.tif", array, descriptions=BANDS)
    series, reading = read(tmp_path)
    assert series.id.tolist() == list(range(1, 120))
    assert reading.summary.counts["pixels_without_a_usable_date_left_out"] == 1


@pytest.mark.parametrize(
    ("name", "values", "measure", "probability"),
    [
        ("QAI", (0, 2, 4, 6), "qai", [0, 128, 255, 128]),
        ("MSK_CLDPRB_20m", (0, 50, 100, 0), "cloud-percent", [0, 128, 255, 0]),
        ("cloud_mask", (0, 1, 0, 1), "cloud-fraction", [0, 255, 0, 255]),
    ],
)
def test_clouds_in_files_beside_the_bands(
    tmp_path: Path, name: str, values: tuple[int, ...], measure: str, probability: list[int]
) -> None:
    root = write_daily(tmp_path)
    for day, value in zip(DAYS, values, strict=True):
        write_tif(root / f"S2_{day}_{name}.tif", np.full((1, 12, 10), value, dtype=np.uint16))
    series, reading = read(root)
    assert series.cloud_probability is not None
    assert series.cloud_probability[0].tolist() == probability
    assert f"({measure};" in reading.summary.facts["cloud"]
