"""What the readers of the prepared HDF5 files share: names, dates, and PlanetScope's numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.data.series import NO_DATA
from windrow.errors import DataError, WindrowError
from windrow.sources.formats.attributes import check_numeric
from windrow.sources.formats.safe_pickle import read_timestamps
from windrow.sources.reader import ReadingSummary, Scale
from windrow.sources.values.reflectance import PLANETSCOPE_COUNT, RangeTally

FILES = {
    "pretraining_time2.h5": "pre-training series of both sensors",
    "pretraining_point2.h5": "pre-training pairs of one date",
    "train_sentinel_ts.hdf5": "task 1, training",
    "val_sentinel_ts.hdf5": "task 1, validation",
    "validation_train_sentinel_ts.hdf5": "task 2, training",
    "validation_val_sentinel_ts.hdf5": "task 2, validation",
}
SENTINEL2_DATES = "time_stamp_sentinel_list.pkl"
PLANETSCOPE_DATES = "time_stamp_planet_list.pkl"

NUM_PLANETSCOPE = len(sensors.PLANETSCOPE_BANDS)
WINDOW = sensors.PLANETSCOPE_WINDOW**2


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Returns the file, open.

    Raises:
        WindrowError: h5py is missing.
        DataError: the file is damaged or cut short.
    """
    try:
        import h5py
    except ImportError:
        raise WindrowError(
            "HDF5 files need the package h5py", hint="pip install 'windrow[hdf5]'"
        ) from None
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, RuntimeError) as error:
        raise DataError(
            "the HDF5 file cannot be read",
            where=path,
            found=str(error)[:120],
            hint="it is damaged or cut short: download it again",
        ) from error


def check_data_set(found: Any, name: str, path: Path) -> None:
    """Refuses a group where a data set of numbers should be.

    Raises:
        DataError: it is a group, or a data set of something else than real numbers.
    """
    if not hasattr(found, "dtype"):
        raise DataError(
            f"{name} is no data set", where=path, found="a group", expected="a data set of numbers"
        )
    check_numeric(found, field=f"the data set {name}", where=path)


def read_dates(folder: Path, name: str, number: int | None, *, beside: Path) -> list[datetime]:
    """Reads the dates of a pickled list, by the restricted unpickler.

    Args:
        folder: where it lies.
        name: of the file.
        number: how many there should be, or None.
        beside: the HDF5 file, for messages.

    Raises:
        DataError: the file is missing, hostile, of another length or not sorted.
    """
    dates_path = folder / name
    if not dates_path.is_file():
        raise DataError(
            "the dates are missing",
            where=beside,
            expected=f"{name} beside it",
            hint="'windrow download prepared' fetches it",
        )
    dates = read_timestamps(dates_path.read_bytes(), where=dates_path)
    if number is not None and len(dates) != number:
        raise DataError(
            "the dates and the series do not fit",
            where=dates_path,
            found=f"{len(dates)} dates",
            expected=f"{number}, as in {beside.name}",
        )
    if sorted(dates) != dates:
        raise DataError("the dates are not sorted", where=dates_path)
    return dates


def one_year(dates: Sequence[datetime], year: int | None, *, where: Path) -> int:
    """Returns the year of all dates, which is the one given where one is.

    Raises:
        DataError: a date lies in another year.
    """
    year = year or dates[0].year
    other = next((date for date in dates if date.year != year), None)
    if other is not None:
        raise DataError(
            "a date lies outside the year", where=where, found=other.date(), expected=year
        )
    return year


def planetscope_integers(
    values: npt.NDArray[Any], scale: Scale, *, where: object, summary: ReadingSummary
) -> npt.NDArray[np.int16]:
    """Returns PlanetScope (N, days, 4, 9) as (N, days, 36) int16.

    A pixel of no data is ``NO_DATA``.

    No data is 0 in all bands, or not finite or out of the range of reflectance in any.

    Args:
        values: as they stand in the file.
        scale: of the values.
        where: the file and rows, for messages.
        summary: where pixels out of range are counted.

    Raises:
        DataError: more than 1 % of the pixels are out of range.
    """
    missing = ~(values != 0).any(axis=2, keepdims=True)
    if values.dtype.kind == "f":
        missing = missing | ~np.isfinite(values).all(axis=2, keepdims=True)
        factor = float(sensors.SCALE) if scale == "reflectance" else 1.0
        values = np.rint(np.where(missing, 0, values * factor))
    tally = RangeTally()
    valid = tally.add(values, ~missing[:, :, 0], axis=2)
    tally.refuse(where=where)
    summary.count(PLANETSCOPE_COUNT, summary.counts.get(PLANETSCOPE_COUNT, 0) + tally.num_out)
    values = np.where(valid[:, :, None], values, NO_DATA).astype(np.int16)
    return values.reshape(len(values), -1, NUM_PLANETSCOPE * WINDOW)
