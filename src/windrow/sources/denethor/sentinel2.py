"""The Sentinel-2 cube of a DENETHOR tile: dates, grid, reflectance, clouds and validity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.errors import BandError, DataError
from windrow.sources.denethor.layout import TileFiles
from windrow.sources.formats.npy_stack import DateArray, PixelChoice, open_date_array
from windrow.sources.formats.safe_pickle import BoundingBox, read_bounding_box, read_timestamps
from windrow.sources.reader import ReadingSummary, Scale
from windrow.sources.values.reflectance import agreed_scale, scale_of, to_integers


@dataclass(frozen=True)
class Sentinel2Cube:
    """One tile's cube, opened but not read.

    Attributes:
        bands: (T, H, W, B).
        clouds: (T, H, W, 1) or None.
        is_data: (T, H, W, 1) or None: where False, the date is invalid.
        names: names of the B bands.
        dates: of each step, in UTC.
        timestamps: the file that the dates come from.
        box: bounds as the cube's own file gives them, or None.
    """

    bands: DateArray
    clouds: DateArray | None
    is_data: DateArray | None
    names: tuple[str, ...]
    dates: tuple[datetime, ...]
    timestamps: str
    box: BoundingBox | None

    @property
    def num_dates(self) -> int:
        """Number of acquisitions."""
        return self.bands.shape[0]


@dataclass(frozen=True)
class CubeDate:
    """One acquisition at N chosen pixels.

    Attributes:
        valid: (N,) bool.
        reflectance: (N, B) int16, x 10,000, 0 where not valid.
        cloud_probability: (N,) uint8; 0 where the cube has none.
        out_of_range: (N,) bool: there are data, but a band is no reflectance; not valid.
    """

    valid: npt.NDArray[np.bool_]
    reflectance: npt.NDArray[np.int16]
    cloud_probability: npt.NDArray[np.uint8]
    out_of_range: npt.NDArray[np.bool_]


def open_cube(
    tile: TileFiles, root: Path, *, bands: tuple[str, ...] | None, summary: ReadingSummary
) -> Sentinel2Cube:
    """Opens the cube of a tile from headers and pickles.

    Args:
        tile: its files.
        root: the folder, for messages.
        bands: order of the bands; None takes the twelve of the product.
        summary: where it is said what was found.

    Raises:
        DataError: a file is missing or damaged, sizes differ, or the dates do not fit.
        BandError: another number of bands.
    """
    files = tile.sentinel2
    for kind in ("bands", "timestamp"):
        if kind not in files:
            raise DataError(
                f"the {tile.name} tile has no Sentinel-2 {kind}",
                where=root,
                found=", ".join(sorted(files)) or "no Sentinel-2 file",
                expected="bands.npy, clp.npy and timestamp.pkl, or s2_*.zip with them",
            )
    cube = open_date_array(files["bands"])
    names = sensors.check_bands(bands) if bands else sensors.SENTINEL2_BANDS
    if cube.shape[3] != len(names):
        raise BandError(
            "the cube has another number of bands",
            where=cube.stored,
            found=cube.shape[3],
            expected=f"{len(names)}: {' '.join(names)}",
            hint="name the bands in their order with --bands",
        )
    others = [
        _companion(open_date_array(files[kind]), cube) if kind in files else None
        for kind in ("clp", "is_data")
    ]
    dates = read_timestamps(files["timestamp"].read(), where=files["timestamp"])
    if len(dates) != cube.shape[0]:
        raise DataError(
            "the dates and the cube do not fit",
            where=files["timestamp"],
            found=f"{len(dates)} dates and {cube.shape[0]} images",
        )
    box = None
    if "bbox" in files:
        box = read_bounding_box(files["bbox"].read(), where=files["bbox"])
    summary.say("sentinel2", f"{cube.shape[0]} dates of {cube.shape[1]} x {cube.shape[2]} pixels")
    summary.say("bands", " ".join(names) + (" (as given)" if bands else " (the product's order)"))
    summary.say("cloud", "clp, probability 0..255" if others[0] else "not known: no clp.npy")
    return Sentinel2Cube(
        cube, others[0], others[1], names, tuple(dates), str(files["timestamp"]), box
    )


def _companion(array: DateArray, cube: DateArray) -> DateArray:
    if array.shape[:3] != cube.shape[:3] or array.shape[3] != 1:
        raise DataError(
            "two arrays of one cube differ in size",
            where=array.stored,
            found=array.shape,
            expected=f"{cube.shape[:3]} as in {cube.stored.name}",
        )
    return array


def detect_scale(cube: Sentinel2Cube, pixels: PixelChoice, given: Scale | None) -> Scale:
    """Detects the scale of the first date that has data at the pixels.

    Raises:
        DataError: no date has data, or the values fit no scale or not the one given.
    """
    for date, values in enumerate(cube.bands.select(pixels)):
        where = f"{cube.bands.stored}, {_day(cube, date)}"
        found = scale_of(values, where=where)
        if found is not None:
            return agreed_scale(found, given, where=where)
    raise DataError(
        "no date has data inside the parcels", where=cube.bands.stored, found="NaN or 0 everywhere"
    )


def read_dates(
    cube: Sentinel2Cube, pixels: PixelChoice, scale: Scale, dates: range
) -> Iterator[CubeDate]:
    """Reads acquisitions at the pixels, one at a time.

    A pixel is invalid at a date where a band is NaN or out of range, where all bands are 0, and
    where the cube says that it has no data.

    Raises:
        DataError: a file is cut short, or the scale is mixed.
    """
    clouds = cube.clouds.select(pixels, dates) if cube.clouds else None
    is_data = cube.is_data.select(pixels, dates) if cube.is_data else None
    for date, values in zip(dates, cube.bands.select(pixels, dates), strict=True):
        usable = np.ones(len(pixels), dtype=np.bool_)
        if is_data is not None:
            usable = next(is_data)[:, 0].astype(np.bool_)
        where = f"{cube.bands.stored}, {_day(cube, date)}"
        converted = to_integers(values, scale, where=where)
        valid = converted.valid & usable
        reflectance = np.where(valid[:, None], converted.values, np.int16(0))
        if clouds is None:
            probability = np.zeros(len(pixels), dtype=np.uint8)
        else:
            probability = _probability(next(clouds)[:, 0], cube, date)
        yield CubeDate(valid, reflectance, probability, converted.out_of_range & usable)


def _day(cube: Sentinel2Cube, date: int) -> str:
    return f"date {cube.dates[date].date().isoformat()}"


def _probability(values: npt.NDArray[Any], cube: Sentinel2Cube, date: int) -> npt.NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return np.asarray(values)
    assert cube.clouds is not None
    known = np.nan_to_num(values.astype(np.float64), nan=255.0)
    if len(known) and (known.min() < 0 or known.max() > 255):
        raise DataError(
            "a cloud value is out of range",
            where=f"{cube.clouds.stored}, {_day(cube, date)}",
            found=f"{known.min():g} to {known.max():g}",
            expected="0 to 255",
        )
    return np.rint(known).astype(np.uint8)
