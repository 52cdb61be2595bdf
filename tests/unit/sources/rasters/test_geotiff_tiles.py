"""What is plain, what is left to GDAL, and that a damaged file still gets GDAL's verdict."""

import sys
from pathlib import Path

import numpy as np
import pytest

from windrow.errors import DataError
from windrow.sources.cubes.geotiffs import open_image_cube
from windrow.sources.rasters.geotiff_tiles import NotPlain, inflater, read_directory
from windrow.sources.rasters.grid import Window
from windrow.sources.reader import IngestOptions

rasterio = pytest.importorskip("rasterio", reason="rasterio is not installed")
pytest.importorskip("deflate", reason="deflate is not installed")

WINDOW = Window(0, 0, 40, 40)


def write(
    path: Path, *, seed: int = 0, tags: dict[str, str] | None = None, **storage
) -> np.ndarray:
    dtype = storage.pop("dtype", "uint16")
    values = np.random.default_rng(seed).integers(300, 4000, (1, 40, 40)).astype(dtype)
    given = {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"} | storage
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=1,
        height=40,
        width=40,
        dtype=dtype,
        crs="EPSG:32631",
        transform=rasterio.Affine(10, 0, 5e5, 0, -10, 5.6e6),
        **given,
    ) as target:
        target.write(values)
        target.update_tags(**(tags or {}))
    return values


@pytest.mark.parametrize(
    "storage",
    [
        {"compress": "lzw"},
        {"compress": "zstd"},
        {"nbits": 12},
        {"dtype": "float32", "predictor": 3},
        {"dtype": "complex64"},
        {"compress": "none", "SPARSE_OK": "TRUE", "dtype": "uint8", "nbits": 1},
    ],
)
def test_what_is_left_to_gdal(tmp_path: Path, storage: dict[str, object]) -> None:
    write(tmp_path / "a.tif", **storage)
    tiles, key = read_directory(tmp_path / "a.tif")
    assert tiles is None
    assert key is not None


@pytest.mark.parametrize("content", [b"", b"II", b"no TIFF at all", b"II*\0\xff\xff\xff\xff"])
def test_no_tiff(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tif").write_bytes(content)
    assert read_directory(tmp_path / "a.tif") == (None, None)


def test_without_the_wheel_compressed_files_are_left_to_gdal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.tif")
    write(tmp_path / "b.tif", compress="none")
    monkeypatch.setitem(sys.modules, "deflate", None)
    inflater.cache_clear()
    try:
        assert read_directory(tmp_path / "a.tif")[0] is None
        assert read_directory(tmp_path / "b.tif")[0] is not None
    finally:
        inflater.cache_clear()


def test_equal_headers_are_read_once_and_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(1, 7):
        write(tmp_path / f"S2_2018-05-0{day}_B02.tif", seed=day)
    write(tmp_path / "S2_2018-05-07_B02.tif", tags={"BOA_ADD_OFFSET": "0"})
    opened = []
    real = rasterio.open
    monkeypatch.setattr(rasterio, "open", lambda path, *a, **k: opened.append(path) or real(path))
    cube = open_image_cube(tmp_path, IngestOptions())
    assert [path.name[8:13] for path in opened] == ["05-01", "05-07"]
    rows, columns = np.divmod(np.arange(1600), 40)
    values = cube.read(WINDOW, rows, columns).values
    assert len(opened) == 2  # the tiles are read without it
    for day in range(1, 7):
        expected = np.random.default_rng(day).integers(300, 4000, 1600)
        np.testing.assert_array_equal(values[day - 1, 0], expected)


@pytest.mark.parametrize("damage", ["flip", "cut", "lie"])
def test_a_damaged_tile_is_said_by_gdal_with_the_name(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "S2_2018-05-01_B02.tif"
    write(path)
    write(tmp_path / "S2_2018-05-06_B02.tif", seed=1)
    tiles, _ = read_directory(path)
    assert tiles is not None
    content = bytearray(path.read_bytes())
    first = int(tiles.offsets[0])
    if damage == "flip":
        content[first + 20 : first + 60] = b"\xff" * 40
    elif damage == "cut":
        del content[int(tiles.offsets.max()) + 3 :]
    else:
        content[first : first + int(tiles.sizes[0])] = bytes(int(tiles.sizes[0]))
    path.write_bytes(bytes(content))
    target = np.empty((40, 40), np.uint16)
    with pytest.raises(NotPlain):
        tiles.read(WINDOW, [1], [target])
    rows, columns = np.divmod(np.arange(1600), 40)
    with pytest.raises(
        DataError, match=r"a GeoTIFF is damaged or cut short; in .*S2_2018-05-01_B02.tif; found"
    ):
        open_image_cube(tmp_path, IngestOptions()).read(WINDOW, rows, columns)


def write_three_bands(folder: Path, **storage: object) -> Path:
    """Bands of 10, 20 and 60 m; how they are stored changes no value."""
    folder.mkdir()
    random = np.random.default_rng(4)
    for name, size in (("B02", 60), ("B05", 30), ("B01", 10)):
        with rasterio.open(
            folder / f"S2_2018-05-01_{name}.tif",
            "w",
            driver="GTiff",
            count=1,
            height=size,
            width=size,
            dtype="uint16",
            crs="EPSG:32631",
            transform=rasterio.Affine(600 / size, 0, 0, 0, -600 / size, 0),
            **storage,
        ) as target:
            target.write(random.integers(300, 4000, (1, size, size)).astype("uint16"))
    return folder


def test_coarse_bands_and_single_pixels_are_as_by_gdal(tmp_path: Path) -> None:
    plain = write_three_bands(tmp_path / "plain")
    packed = write_three_bands(tmp_path / "lzw", compress="lzw")
    assert read_directory(plain / "S2_2018-05-01_B05.tif")[0] is not None
    assert read_directory(packed / "S2_2018-05-01_B05.tif")[0] is None  # left to GDAL
    window = Window(12, 6, 30, 24)
    for rows, columns in (
        np.divmod(np.arange(720), 24),
        (np.array([0, 29, 7, 7]), np.array([23, 0, 11, 12])),
    ):
        read = open_image_cube(plain, IngestOptions()).read(window, rows, columns).values
        by_gdal = open_image_cube(packed, IngestOptions()).read(window, rows, columns).values
        np.testing.assert_array_equal(read, by_gdal)


def test_a_directory_that_asks_for_too_much_is_not_read(tmp_path: Path) -> None:
    entry = (256).to_bytes(2, "little") + (4).to_bytes(2, "little") + (2**31).to_bytes(4, "little")
    content = b"II*\0" + (8).to_bytes(4, "little") + (1).to_bytes(2, "little") + entry + bytes(4)
    (tmp_path / "a.tif").write_bytes(content)
    assert read_directory(tmp_path / "a.tif") == (None, None)
