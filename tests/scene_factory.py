"""Small made-up scenes with clouds, as netCDF cubes and as folders of GeoTIFFs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray

from cube_factory import write_tif
from place_factory import PEAK

BANDS = ("B02", "B03", "B04", "B05", "B08", "B11")
LEFT, TOP = 500_000.0, 5_630_000.0
CLEAR, CLOUDY = 4, 9


def crop_of_pixels(height: int, width: int) -> npt.NDArray[np.int64]:
    """Crops in patches of 8 x 8 pixels, (height, width), positions in ``place_factory.CROPS``."""
    rows, columns = np.mgrid[0:height, 0:width] // 8
    return np.asarray((rows * 3 + columns) % 5)


def make_scene(
    height: int = 24,
    width: int = 40,
    *,
    num_dates: int = 30,
    seed: int = 0,
    crs: str = "EPSG:32631",
) -> Any:
    """A scene of 2019 as an xarray data set with a variable per band and SCL."""
    draw = np.random.default_rng(0)
    crop = crop_of_pixels(height, width)
    day = np.sort(draw.choice(365, num_dates, replace=False))
    peak = np.array(PEAK)[crop] + draw.normal(0, 5, crop.shape)
    green = np.exp(-(((day[:, None, None] - peak) / 35) ** 2))
    slope = np.array([-0.03, -0.03, -0.03, 0.1, 0.3, 0.2])
    values = 0.1 + green[:, None] * slope[:, None, None]
    values = values + draw.normal(0, 0.01, values.shape)
    clouds = draw.random((num_dates, height, width)) < 0.3
    values = np.where(clouds[:, None], 0.6, values)
    scl = np.where(clouds, CLOUDY, CLEAR).astype(np.uint8)
    numbers = np.clip(np.rint(values * 1e4), 1, 9_000).astype(np.uint16)
    axes = ("time", "y", "x")
    variables = {band: (axes, numbers[:, index]) for index, band in enumerate(BANDS)}
    return xarray.Dataset(
        {**variables, "SCL": (axes, scl)},
        coords={
            "time": np.datetime64("2019-01-01", "ns") + day.astype("m8[D]").astype("m8[ns]"),
            "y": TOP - 5 - 10 * np.arange(height),
            "x": LEFT + 5 + 10 * np.arange(width),
        },
        attrs={"crs": crs} if crs else {},
    )


def write_scene(path: Path, scene: Any, *, chunk: int = 8) -> Path:
    """Writes a scene as netCDF in chunks of so many rows and columns."""
    shape = (scene.sizes["time"], chunk, chunk)
    encoding = {name: {"chunksizes": shape, "zlib": True} for name in scene.data_vars}
    scene.to_netcdf(path, engine="h5netcdf", encoding=encoding)
    return path


def write_scene_tifs(folder: Path, scene: Any) -> Path:
    """Writes a scene as one GeoTIFF per day, all bands and SCL in it."""
    import rasterio

    for number, date in enumerate(scene.time.values.astype("M8[D]").astype(str)):
        layers = np.stack([scene[name].values[number] for name in (*BANDS, "SCL")])
        write_tif(
            folder / f"S2_{date}.tif",
            layers.astype(np.uint16),
            descriptions=(*BANDS, "SCL"),
            crs=scene.attrs["crs"],
            transform=rasterio.Affine(10, 0, LEFT, 0, -10, TOP),
            tiled=True,
            blockxsize=16,
            blockysize=16,
        )
    return folder
