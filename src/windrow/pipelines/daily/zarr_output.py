"""The Zarr group of a daily reconstruction: CF attributes, CRS, chunks of a block and two months.

Layout::

    DIR/                attributes: Conventions, title, source, comment, windrow
      reflectance       (time, band, y, x) int16, scale_factor 0.0001, -32768 where no data
      flag              (time, y, x) uint8: 0 predicted, 1 interpolated, 2 no data
      time, y, x        coordinates, CF
      band              blue, green, red, nir
      spatial_ref       the CRS as WKT, and the transform

No wall-clock time is stored, so that the same input gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import BloscCodec

from windrow import sensors
from windrow.inference.bimodal_predictor import MISSING, Daily
from windrow.sources.rasters.grid import Grid, Window

NO_DATA = -32_768
_TIME_CHUNK = 61
_SIDE = sensors.PLANETSCOPE_WINDOW
_AXES = ("time", "band", "y", "x")


def fine_grid(grid: Grid) -> Grid:
    """Returns the grid whose pixels are a third as wide and as high.

    Example:
        >>> fine_grid(Grid(2, 4, (9.0, 0.0, 0.0, 0.0, -9.0, 18.0), None)).transform
        (3.0, 0.0, 0.0, 0.0, -3.0, 18.0)
    """
    a, b, c, d, e, f = grid.transform
    transform = (a / _SIDE, b / _SIDE, c, d / _SIDE, e / _SIDE, f)
    return Grid(grid.height * _SIDE, grid.width * _SIDE, transform, grid.crs)


def create_output(
    path: Path,
    grid: Grid,
    days: npt.NDArray[np.datetime64],
    *,
    block: tuple[int, int],
    attributes: dict[str, str],
) -> None:
    """Writes a group whose pixels hold no data yet.

    Args:
        path: the folder of the group.
        grid: grid of the Sentinel-2 pixels, along the axes of its CRS.
        days: (D,) datetime64[D].
        block: height and width of a block in Sentinel-2 pixels; a chunk holds one.
        attributes: text about the whole.
    """
    fine = fine_grid(grid)
    group = zarr.open_group(path, mode="w", zarr_format=3)
    group.attrs.update({"Conventions": "CF-1.10", **attributes})
    shape = (len(days), len(sensors.PLANETSCOPE_BANDS), fine.height, fine.width)
    chunks = (min(_TIME_CHUNK, len(days)), shape[1], block[0] * _SIDE, block[1] * _SIDE)
    codec = BloscCodec(cname="zstd", clevel=3, shuffle="shuffle")
    group.create_array(
        "reflectance",
        shape=shape,
        chunks=chunks,
        dtype="int16",
        fill_value=NO_DATA,
        compressors=codec,
        dimension_names=_AXES,
        attributes={
            "units": "1",
            "long_name": "reflectance as PlanetScope would see it, predicted from Sentinel-2",
            "scale_factor": 1 / sensors.SCALE,
            "add_offset": 0.0,
            "_FillValue": NO_DATA,
            "grid_mapping": "spatial_ref",
            "ancillary_variables": "flag",
        },
    )
    group.create_array(
        "flag",
        shape=(shape[0], *shape[2:]),
        chunks=(chunks[0], *chunks[2:]),
        dtype="uint8",
        fill_value=MISSING,
        compressors=codec,
        dimension_names=("time", "y", "x"),
        attributes={
            "long_name": "origin of the reflectance",
            "flag_values": [0, 1, 2],
            "flag_meanings": "predicted interpolated no_data",
            "grid_mapping": "spatial_ref",
        },
    )
    _write_coordinates(group, fine, days)


def _write_coordinates(group: zarr.Group, fine: Grid, days: npt.NDArray[np.datetime64]) -> None:
    """Writes time, y, x, band and the CRS."""
    from pyproj import CRS

    x, y = (
        fine.centres(np.zeros(fine.width, dtype=np.intp), np.arange(fine.width))[0],
        fine.centres(np.arange(fine.height), np.zeros(fine.height, dtype=np.intp))[1],
    )
    crs = CRS.from_user_input(fine.crs)
    unit = "degree" if crs.is_geographic else "m"
    names = ("longitude", "latitude") if crs.is_geographic else _PROJECTED
    for name, values, standard in (("x", x, names[0]), ("y", y, names[1])):
        array = group.create_array(name, data=np.asarray(values), dimension_names=(name,))
        array.attrs.update({"standard_name": standard, "units": unit, "axis": name.upper()})
    time = group.create_array(
        "time", data=(days - days[0]).astype(np.int32), dimension_names=("time",)
    )
    time.attrs.update(
        {
            "standard_name": "time",
            "axis": "T",
            "units": f"days since {days[0]}",
            "calendar": "proleptic_gregorian",
        }
    )
    names_of_bands = np.array(sensors.PLANETSCOPE_BANDS, dtype=object)
    bands = group.create_array(
        "band", shape=names_of_bands.shape, dtype="str", dimension_names=("band",)
    )
    bands[:] = names_of_bands
    bands.attrs["long_name"] = "PlanetScope band"
    reference = group.create_array("spatial_ref", data=np.array(0), dimension_names=())
    a, b, c, d, e, f = fine.transform
    reference.attrs.update({**crs.to_cf(), "GeoTransform": f"{c} {a} {b} {f} {d} {e}"})


_PROJECTED = ("projection_x_coordinate", "projection_y_coordinate")


def write_block(path: Path, window: Window, daily: Daily) -> None:
    """Writes the pixels of a block. Writing it twice gives the same bytes.

    Args:
        path: the folder of the group.
        window: the block, in Sentinel-2 pixels.
        daily: its pixels, row by row.
    """
    num_days = daily.flag.shape[1]
    num_bands = len(sensors.PLANETSCOPE_BANDS)
    values = daily.reflectance.reshape(
        window.height, window.width, num_days, num_bands, _SIDE, _SIDE
    )
    values = values.transpose(2, 3, 0, 4, 1, 5)
    values = values.reshape(num_days, num_bands, window.height * _SIDE, window.width * _SIDE)
    known = np.isfinite(values)
    stored = np.rint(np.where(known, values, 0.0) * sensors.SCALE)
    stored = np.where(known, np.clip(stored, NO_DATA + 1, 32_767), NO_DATA).astype(np.int16)
    flag = daily.flag.reshape(window.height, window.width, num_days).transpose(2, 0, 1)
    flag = flag.repeat(_SIDE, axis=1).repeat(_SIDE, axis=2)
    rows = slice(window.row * _SIDE, (window.row + window.height) * _SIDE)
    columns = slice(window.column * _SIDE, (window.column + window.width) * _SIDE)
    group = zarr.open_group(path, mode="r+", zarr_format=3)
    _array(group, "reflectance")[:, :, rows, columns] = stored
    _array(group, "flag")[:, rows, columns] = flag


def _array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    array = group[name]
    assert isinstance(array, zarr.Array)
    return array
