"""Representations on disk in 16 bit, computed once and read by all heads of a task and method.

54,000 series of 144 dates and width 256 take 4 GB in 16 bit and would take 8 GB in 32 bit. The
files are memory-mapped, so that a head reads only what it needs. They are removed when no
remaining cell needs them.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from windrow.data.series import Series
from windrow.errors import DataError
from windrow.files import atomic_folder, write_json
from windrow.json_values import JsonObject

BYTES_A_VALUE = 2
SERIES_A_CALL = 1_024


class Representing(Protocol):
    """The interface of a representation."""

    @property
    def width(self) -> int:
        """D, the number of values per date."""
        ...

    @property
    def content_hash(self) -> str:
        """Hash of everything that determines the representation."""
        ...

    def sequence(self, series: Series) -> npt.NDArray[np.float32]:
        """Represents N series, (N, T, D)."""
        ...


@dataclass(frozen=True, eq=False)
class StoredRepresentation:
    """An opened representation.

    Attributes:
        values: (N, T, D) float16, mapped read-only.
        about: JSON values stored with it, such as hash, shape and seconds.
    """

    values: npt.NDArray[np.float16]
    about: JsonObject


def bytes_of(num_series: int, num_dates: int, width: int) -> int:
    """Returns the size of a representation on disk in bytes.

    Example:
        >>> bytes_of(54_000, 144, 256)
        3981312000
    """
    return num_series * num_dates * width * BYTES_A_VALUE


def write_representation(
    folder: str | Path,
    series: Series,
    representation: Representing,
    *,
    about: JsonObject,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Represents all series and writes the result; it appears complete or not at all.

    Args:
        folder: the folder to write, which must not exist.
        series: N series.
        representation: the representation.
        about: JSON values to store with it; may be filled while the values are computed.
        on_progress: called with the number of series done and their total.

    Raises:
        DataError: a value is not finite or too large for 16 bit.
        OutputError: the disk is full.
    """
    shape = (len(series), series.num_dates, representation.width)
    with atomic_folder(folder) as temporary:
        # Not mapped: a page that finds no room on the disk kills the process, a write is an error.
        with (temporary / "z.npy").open("wb") as file:
            np.lib.format.write_array_header_1_0(
                file,
                {
                    "descr": np.lib.format.dtype_to_descr(np.dtype(np.float16)),
                    "fortran_order": False,
                    "shape": shape,
                },
            )
            for start in range(0, len(series), SERIES_A_CALL):
                rows = slice(start, min(start + SERIES_A_CALL, len(series)))
                part = _represented(series.select(rows), representation, folder)
                assert part.shape == (rows.stop - start, *shape[1:])
                file.write(part.data)
                if on_progress is not None:
                    on_progress(rows.stop, len(series))
            file.flush()
            os.fsync(file.fileno())
        write_json(
            temporary / "about.json",
            {**about, "shape": list(shape), "content_hash": representation.content_hash},
        )


def _represented(
    series: Series, representation: Representing, folder: str | Path
) -> npt.NDArray[np.float16]:
    """Computes the representation, (N, T, D)."""
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(representation.sequence(series), dtype=np.float16)
    if not np.isfinite(values).all():
        raise DataError(
            "a representation does not fit into 16 bit",
            where=folder,
            expected="finite values of at most 65,504",
        )
    return values


def is_written(folder: str | Path) -> bool:
    """Whether the folder holds a complete representation."""
    return (Path(folder) / "about.json").is_file()


def open_representation(folder: str | Path) -> StoredRepresentation:
    """Maps a representation into memory.

    Raises:
        DataError: it is missing, or its arrays do not fit the stored description.
    """
    path = Path(folder)
    try:
        about = json.loads((path / "about.json").read_text(encoding="utf-8"))
        values = np.load(path / "z.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(
            "no representation here, or it is damaged",
            where=path,
            found=str(error)[:120],
            hint="remove the folder; it will be made again",
        ) from error
    if values.dtype != np.float16 or list(values.shape) != about.get("shape"):
        raise DataError(
            "the representation is not what stands beside it",
            where=path,
            found=f"{values.dtype} {values.shape}",
            hint="remove the folder; it will be made again",
        )
    return StoredRepresentation(values, about)


def remove_representation(folder: str | Path) -> None:
    """Removes a representation, if it exists.

    The description is removed before the values, so that no process opens an incomplete
    representation.
    """
    path = Path(folder)
    (path / "about.json").unlink(missing_ok=True)
    shutil.rmtree(path, ignore_errors=True)
