"""Small cubes in the layouts that users have: netCDF, Zarr, GeoTIFFs, and labelled parcels."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

HEIGHT, WIDTH = 12, 10
LEFT, TOP = 500_000.0, 5_600_000.0
CRS = "EPSG:32631"
BANDS = ("B02", "B04", "B8A")
DAYS = ("2018-05-01", "2018-05-06", "2018-05-11", "2018-05-16")


def values(num_dates: int = len(DAYS), bands: tuple[str, ...] = BANDS) -> npt.NDArray[np.uint16]:
    """(T, B, y, x), every value told apart, dark enough for clear land."""
    base = 300 + 400 * np.arange(len(bands))[None, :, None, None]
    date = 7 * np.arange(num_dates)[:, None, None, None]
    pixel = np.arange(HEIGHT * WIDTH).reshape(1, 1, HEIGHT, WIDTH)
    return (base + date + pixel).astype(np.uint16)


def transform() -> Any:
    """The affine transform of the cube's grid."""
    from rasterio.transform import from_origin

    return from_origin(LEFT, TOP, 10, 10)


def dataset(
    array: npt.NDArray[Any] | None = None,
    days: tuple[str, ...] = DAYS,
    bands: tuple[str, ...] = BANDS,
) -> Any:
    """The cube as an xarray data set, a variable a band, with CRS as an attribute."""
    import xarray

    data = values(len(days), bands) if array is None else array
    axes = ("time", "y", "x")
    coordinates = {
        "time": np.array(days, dtype="M8[ns]"),
        "y": TOP - 5 - 10 * np.arange(HEIGHT),
        "x": LEFT + 5 + 10 * np.arange(WIDTH),
    }
    variables = {band: (axes, data[:, index]) for index, band in enumerate(bands)}
    return xarray.Dataset(variables, coords=coordinates, attrs={"crs": CRS})


def write_tif(
    path: Path, array: npt.NDArray[Any], *, descriptions: tuple[str, ...] = (), **profile: Any
) -> Path:
    """One GeoTIFF (bands, y, x) on the cube's grid."""
    import rasterio

    path.parent.mkdir(parents=True, exist_ok=True)
    tags = profile.pop("tags", {})
    options = {
        "driver": "GTiff",
        "count": array.shape[0],
        "height": array.shape[1],
        "width": array.shape[2],
        "dtype": array.dtype,
        "crs": CRS,
        "transform": transform(),
        **profile,
    }
    with rasterio.open(path, "w", **options) as target:
        target.write(array)
        for index, text in enumerate(descriptions, start=1):
            target.set_band_description(index, text)
        target.update_tags(**tags)
    return path


def write_daily(root: Path, **profile: Any) -> Path:
    """One GeoTIFF of all bands a day."""
    for day, array in zip(DAYS, values(), strict=True):
        write_tif(root / f"S2_{day}.tif", array, descriptions=BANDS, **profile)
    return root


def write_by_band(root: Path) -> Path:
    """One GeoTIFF a day and band, as Sentinel-2's own products are cut."""
    for day, array in zip(DAYS, values(), strict=True):
        stamp = day.replace("-", "") + "T105031"
        for band, layer in zip(BANDS, array, strict=True):
            write_tif(root / f"T31UES_{stamp}_{band}_10m.tif", layer[None])
    return root


def box(left: int, top: int, right: int, bottom: int) -> Any:
    """A rectangle by its columns and rows of pixel corners."""
    from shapely.geometry import box as rectangle

    return rectangle(LEFT + 10 * left, TOP - 10 * bottom, LEFT + 10 * right, TOP - 10 * top)


def parcels(crs: str = CRS) -> Any:
    """Three parcels: 3 x 4, 2 x 2 and 4 x 3 pixels; crops 1200, 9120 and 1200."""
    import geopandas

    frame = geopandas.GeoDataFrame(
        {"field_id": [11, 12, 13], "crop_code": [1200, 9120, 1200]},
        geometry=[box(1, 1, 4, 5), box(6, 2, 8, 4), box(2, 7, 6, 10)],
        crs=CRS,
    )
    return frame.to_crs(crs)


def write_parcels(path: Path, frame: Any | None = None) -> Path:
    """Parcels in the format of the path's ending."""
    frame = parcels() if frame is None else frame
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # drivers warn of column names and CRS they cannot keep
        if path.suffix == ".parquet":
            frame.to_parquet(path)
        else:
            frame.to_file(path)
    return path


PARCEL_PIXELS = {
    11: [(row, column) for row in range(1, 5) for column in range(1, 4)],
    12: [(row, column) for row in range(2, 4) for column in range(6, 8)],
    13: [(row, column) for row in range(7, 10) for column in range(2, 6)],
}
"""The pixels whose centres lie in each parcel."""
