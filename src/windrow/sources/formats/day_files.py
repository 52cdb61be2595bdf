"""A bounded scratch folder between files of one day each and series of one pixel each.

Products come day by day, stores are written series by series; one value of a series in each of
365 files of a day would mean random reads. So each day's values at the wanted pixels are written
once to a file of their own, and read back a block of pixels at a time. Each file appears whole or
not at all and is named after what it was made from, so that an interrupted ingest goes on where
it stopped, and never with values of another product or another choice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError
from windrow.files import atomic_file

ENDING = ".day"


class DayFiles:
    """Files of one day each, all of the same pixels.

    Args:
        folder: where they lie; made when the first is written.
        name: what they hold, an identifier.
        sources: what each day is made from: any text that changes when the source does.
        num_pixels: values of each day.
        dtype: of the value of one pixel on one day.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        sources: Sequence[str],
        num_pixels: int,
        dtype: npt.DTypeLike,
    ) -> None:
        self._folder = folder
        self._num_pixels = num_pixels
        self.dtype = np.dtype(dtype)
        self.paths = [
            folder / f"{name}-{step:03d}-{_digest(source)}{ENDING}"
            for step, source in enumerate(sources)
        ]

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def num_bytes(self) -> int:
        """Size of all files once written."""
        return len(self.paths) * self._num_pixels * self.dtype.itemsize

    def has(self, step: int) -> bool:
        """Whether a day is there already."""
        path = self.paths[step]
        return path.is_file() and path.stat().st_size == self._num_pixels * self.dtype.itemsize

    def first_missing(self) -> int:
        """Returns the first day that is not there; the number of days if all are."""
        return next((step for step in range(len(self)) if not self.has(step)), len(self))

    def write(self, step: int, values: npt.NDArray[Any]) -> None:
        """Writes one day.

        Raises:
            OutputError: the disk is full, or the folder not writable.
        """
        assert values.shape[0] == self._num_pixels
        with atomic_file(self.paths[step]) as temporary:
            np.ascontiguousarray(values).tofile(temporary)

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Reads the values of pixels ``start`` to ``stop``: (stop - start, days).

        Raises:
            DataError: a file was removed or cut short meanwhile.
        """
        values = np.empty((stop - start, len(self)), dtype=self.dtype)
        for step, path in enumerate(self.paths):
            if not self.has(step):
                raise DataError("a scratch file is gone", where=path, hint="run the ingest again")
            values[:, step] = np.fromfile(
                path, dtype=self.dtype, count=stop - start, offset=start * self.dtype.itemsize
            )
        return values


def remove_others(folder: Path, kept: Sequence[DayFiles]) -> None:
    """Removes day files of another choice or product from a scratch folder."""
    wanted = {path for files in kept for path in files.paths}
    for path in folder.glob(f"*{ENDING}"):
        if path not in wanted:
            path.unlink()


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()[:16]
