"""How fast blocks of a stack of GeoTIFFs are read, against rioxarray with dask, on one core.

Both give the values of every date and band of each block; the ratio is of processor seconds on one
thread each, taken in turn, so that it holds on a machine that others use. The default is a season
of dates every five days, with one file a day and band (how Sentinel-2 is handed out) and with one
file a day (what users make; bands interleaved by pixel, GDAL's default). The other side opens
each file with ``rioxarray.open_rasterio``, joins them with ``xarray.concat`` and takes the values
of each block: with ``chunks=True`` (rioxarray's own choice, one band a chunk; ``ratio``), and with
all bands of one tile of the file a chunk (its best here; ``ratio_tile_chunks``). ``ratio_bound``
is what a reader would reach against the latter that only inflated the bytes, with libdeflate.
Prints one line of JSON a layout. Run::

    python benchmarks/read_blocks.py
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from windrow.sources.cubes.geotiffs import open_image_cube
from windrow.sources.rasters.grid import windows
from windrow.sources.reader import IngestOptions

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")


Layout = Literal["file_a_band", "file_a_day"]


def write_stack(
    folder: Path, layout: Layout, *, num_dates: int, size: int, tile: int, compress: str = "deflate"
) -> int:
    """Writes tiled, deflated GeoTIFFs of smooth fields with noise; returns their raw bytes.

    One file a day and band is how Sentinel-2 is distributed; one file a day is what users make.
    """
    random = np.random.default_rng(0)
    field = np.kron(random.integers(300, 3500, (size // 32, size // 32)), np.ones((32, 32)))
    for date in range(num_dates):
        day = np.datetime64("2018-01-01", "D") + 5 * date
        noise = random.normal(0, 60, (len(BANDS), size, size))
        values = np.clip(field + 40 * date + noise, 1, 10_000).astype(np.uint16)
        if layout == "file_a_day":
            _write(folder / f"S2_{day}.tif", values, BANDS, (tile, compress))
        else:
            for band, one in zip(BANDS, values, strict=True):
                _write(folder / f"S2_{day}_{band}.tif", one[None], (band,), (tile, compress))
    return num_dates * len(BANDS) * size * size * 2


def _write(
    path: Path, values: npt.NDArray[np.uint16], bands: tuple[str, ...], storage: tuple[int, str]
) -> None:
    import rasterio
    from rasterio.transform import from_origin

    tile, compress = storage

    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=len(bands),
        height=values.shape[1],
        width=values.shape[2],
        dtype="uint16",
        crs="EPSG:32631",
        transform=from_origin(5e5, 5.6e6, 10, 10),
        tiled=True,
        blockxsize=tile,
        blockysize=tile,
        compress=compress,
        interleave="pixel",
    ) as target:
        target.write(values)
        for index, band in enumerate(bands, start=1):
            target.set_band_description(index, band)


def read_windrow(folder: Path, block: int) -> int:
    """Reads every block through windrow; returns a sum as a check."""
    cube = open_image_cube(folder, IngestOptions())
    facts = cube.facts
    limit = block * block
    total = 0
    for window in windows(facts.grid, facts.native, 1, limit=limit):
        rows, columns = np.divmod(np.arange(window.height * window.width), window.width)
        total += _sum(cube.read(window, rows, columns).values)
    cube.close()
    return total


def read_rioxarray(folder: Path, block: int) -> int:
    """Reads every block through rioxarray's own chunks, on one thread; returns the same sum."""
    return _read_rioxarray(folder, block, True)


def read_rioxarray_tiles(folder: Path, block: int) -> int:
    """The same with all bands of one tile a chunk."""
    return _read_rioxarray(folder, block, {"y": block, "x": block})


def read_bytes(folder: Path, block: int) -> int:
    """Reads and inflates every tile once, and does nothing else: the bound of every reader."""
    from windrow.sources.rasters.geotiff_tiles import inflater, read_directory

    inflate = inflater()
    assert inflate is not None
    total = 0
    for place in folder.glob("*.tif"):
        tiles, _ = read_directory(place)
        assert tiles is not None
        size = tiles.tile[0] * tiles.tile[1] * tiles.samples * tiles.dtype.itemsize
        with place.open("rb") as file:
            for offset, length in zip(tiles.offsets.tolist(), tiles.sizes.tolist(), strict=True):
                file.seek(offset)
                content = file.read(length)
                total += len(inflate(content, size) if tiles.deflated else content)
    return total // 2


def _read_rioxarray(folder: Path, block: int, chunks: bool | dict[str, int]) -> int:
    import dask
    import rioxarray
    import xarray

    warnings.filterwarnings("ignore", message="Supplying chunks")  # rioxarray's own, of True
    total = 0
    with dask.config.set(scheduler="synchronous"):
        by_day: dict[str, list[xarray.DataArray]] = {}
        for place in sorted(folder.glob("*.tif")):
            layer = rioxarray.open_rasterio(place, chunks=chunks)
            by_day.setdefault(place.name[3:13], []).append(layer)
        days = [
            xarray.concat(layers, dim="band") if len(layers) > 1 else layers[0]
            for layers in by_day.values()
        ]
        stack = xarray.concat(days, dim="time")
        for row in range(0, stack.sizes["y"], block):
            for column in range(0, stack.sizes["x"], block):
                part = stack.isel(y=slice(row, row + block), x=slice(column, column + block))
                total += _sum(part.values)
        for layers in by_day.values():
            for layer in layers:
                layer.close()
    return total


def _sum(values: npt.NDArray[np.uint16]) -> int:
    return int(values[..., ::997].sum(dtype=np.int64) >= 0) * values.size


def main() -> None:
    """Writes a stack, reads it both ways in turn, and prints the ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--num-dates", type=int, default=73)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--tile", type=int, default=256)
    parser.add_argument("--compress", default="deflate", choices=("deflate", "none"))
    parser.add_argument("--repeat", type=int, default=2)
    settings = parser.parse_args()
    readers: dict[str, Callable[[Path, int], int]] = {
        "windrow": read_windrow,
        "rioxarray_dask": read_rioxarray,
        "rioxarray_dask_tile_chunks": read_rioxarray_tiles,
        "inflating_alone": read_bytes,
    }
    layouts: tuple[Layout, ...] = ("file_a_band", "file_a_day")
    for layout in layouts:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            raw = write_stack(
                folder,
                layout,
                num_dates=settings.num_dates,
                size=settings.size,
                tile=settings.tile,
                compress=settings.compress,
            )
            checks = {reader: readers[reader](folder, settings.tile) for reader in readers}  # warm
            assert len(set(checks.values())) == 1, checks
            best = dict.fromkeys(readers, float("inf"))
            for _ in range(settings.repeat):
                for reader, read in readers.items():
                    started = time.process_time()
                    read(folder, settings.tile)
                    best[reader] = min(best[reader], time.process_time() - started)
        mib = raw / 2**20
        result = {
            "benchmark": "read_blocks",
            "layout": layout,
            "num_dates": settings.num_dates,
            "num_bands": len(BANDS),
            "size": settings.size,
            "tile": settings.tile,
            "compress": settings.compress,
            "raw_mib": round(mib, 1),
            **{f"{reader}_mib_per_core_second": round(mib / s, 1) for reader, s in best.items()},
            "ratio": round(best["rioxarray_dask"] / best["windrow"], 2),
            "ratio_tile_chunks": round(best["rioxarray_dask_tile_chunks"] / best["windrow"], 2),
            "ratio_bound": round(best["rioxarray_dask_tile_chunks"] / best["inflating_alone"], 2),
        }
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
