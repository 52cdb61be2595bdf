"""Tiles read by themselves are what GDAL reads, however a plain GeoTIFF is stored."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.sources.rasters.geotiff_tiles import read_directory
from windrow.sources.rasters.grid import Window

rasterio = pytest.importorskip("rasterio", reason="rasterio is not installed")
pytest.importorskip("deflate", reason="deflate is not installed")

DTYPES = ("uint8", "int16", "uint16", "int32", "uint32", "float32", "float64")


def values_of(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    if dtype.startswith("float"):
        return random.normal(0, 1e3, shape).astype(dtype)
    limits = np.iinfo(dtype)  # the whole range, so that differences wrap round
    return random.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


@st.composite
def storages(draw: st.DrawFn) -> dict[str, object]:
    dtype = draw(st.sampled_from(DTYPES))
    compress = draw(st.sampled_from(["none", "deflate"]))
    found: dict[str, object] = {
        "count": draw(st.integers(1, 4)),
        "height": draw(st.integers(1, 50)),
        "width": draw(st.integers(1, 50)),
        "dtype": dtype,
        "compress": compress,
        "interleave": draw(st.sampled_from(["pixel", "band"])),
        "ENDIANNESS": draw(st.sampled_from(["LITTLE", "BIG"])),
        "BIGTIFF": draw(st.sampled_from(["YES", "NO"])),
    }
    if compress == "deflate" and not dtype.startswith("float"):
        found["predictor"] = draw(st.sampled_from([1, 2]))
    if draw(st.booleans()):
        found |= {"tiled": True, "blockxsize": 16, "blockysize": draw(st.sampled_from([16, 32]))}
    else:
        found["blockysize"] = draw(st.integers(1, 20))
    return found


@given(storages(), st.data())
@settings(max_examples=80, deadline=None)
def test_any_window_of_any_plain_storage(storage: dict[str, object], data: st.DataObject) -> None:
    count, height, width = (int(str(storage[k])) for k in ("count", "height", "width"))
    values = values_of(str(storage["dtype"]), (count, height, width), seed=count + 7 * height)
    row, column = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    window = Window(
        row,
        column,
        data.draw(st.integers(1, height - row)),
        data.draw(st.integers(1, width - column)),
    )
    bands = data.draw(st.lists(st.integers(1, count), min_size=1, max_size=4))
    shape = len(bands), window.height, window.width
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.tif"
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            crs="EPSG:32631",
            transform=rasterio.Affine(10, 0, 0, 0, -10, 0),
            **storage,
        ) as target:
            target.write(values)
        tiles, key = read_directory(path)
        assert tiles is not None
        assert key is not None
        found = np.full(shape, 77, dtype=values.dtype)
        tiles.read(window, bands, list(found))
        with rasterio.open(path) as source:
            by_gdal = source.read(
                bands, window=((row, row + window.height), (column, column + window.width))
            )
        np.testing.assert_array_equal(found, by_gdal)
        # Of two pixels alone, no tile without one of them is read.
        rows = np.array([0, window.height - 1])
        columns = np.array([window.width - 1, 0])
        wanted = tiles.tiles_of(window, rows, columns)
        some = np.full(shape, 77, dtype=values.dtype)
        tiles.read(window, bands, list(some), wanted=wanted)
        np.testing.assert_array_equal(some[:, rows, columns], by_gdal[:, rows, columns])
        for number in set(range(tiles.across * tiles.down)) - wanted:
            down, across = divmod(number, tiles.across)
            top, left = down * tiles.tile[0], across * tiles.tile[1]
            part = some[
                :,
                max(0, top - row) : max(0, top - row + tiles.tile[0]),
                max(0, left - column) : max(0, left - column + tiles.tile[1]),
            ]
            assert (part == 77).all()
