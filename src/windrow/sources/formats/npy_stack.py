"""Arrays of one image a date, ``.npy``: memory-mapped where they lie plain, else streamed.

Neither way holds more than a few rows of one image in memory, and neither reads pickled objects.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError
from windrow.sources.formats.archives import StoredFile

_ROWS = 64
_SKIP = 1 << 24


@dataclass(frozen=True)
class PixelChoice:
    """Pixels of a raster, in row-major order.

    Attributes:
        row: (N,) int32, not decreasing.
        column: (N,) int32.
    """

    row: npt.NDArray[np.int32]
    column: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True)
class DateArray:
    """An array (dates, rows, columns, channels) in a file.

    Attributes:
        stored: the file.
        shape: four sizes; a file without channels has one.
        dtype: type of its numbers.
    """

    stored: StoredFile
    shape: tuple[int, int, int, int]
    dtype: np.dtype[Any]

    def select(self, pixels: PixelChoice, dates: range | None = None) -> Iterator[npt.NDArray[Any]]:
        """Selects the values of some pixels, date by date: (N, channels) each.

        Raises:
            DataError: the file is cut short.
        """
        wanted = range(self.shape[0]) if dates is None else dates
        if self.stored.plain:
            yield from self._mapped(pixels, wanted)
        else:
            yield from self._streamed(pixels, wanted)

    def _mapped(self, pixels: PixelChoice, dates: range) -> Iterator[npt.NDArray[Any]]:
        try:
            mapped = np.load(self.stored.path, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError) as error:
            raise _cut_short(self.stored, str(error)) from error
        images = mapped.reshape(self.shape) if mapped.ndim == 3 else mapped
        for date in dates:
            yield np.asarray(images[date][pixels.row, pixels.column])

    def _streamed(self, pixels: PixelChoice, dates: range) -> Iterator[npt.NDArray[Any]]:
        _, height, width, channels = self.shape
        row_bytes = width * channels * self.dtype.itemsize
        with self.stored.open() as file:
            _header(file, self.stored)
            self._skip(file, dates.start * height * row_bytes)
            for _ in dates:
                chosen = np.empty((len(pixels), channels), dtype=self.dtype)
                for first in range(0, height, _ROWS):
                    num_rows = min(_ROWS, height - first)
                    content = self._exactly(file, num_rows * row_bytes)
                    block = np.frombuffer(content, dtype=self.dtype)
                    block = block.reshape(num_rows, width, channels)
                    start, stop = np.searchsorted(pixels.row, (first, first + num_rows))
                    here = slice(start, stop)
                    chosen[here] = block[pixels.row[here] - first, pixels.column[here]]
                yield chosen

    def _skip(self, file: IO[bytes], num_bytes: int) -> None:
        while num_bytes > 0:
            num_bytes -= len(self._exactly(file, min(num_bytes, _SKIP)))

    def _exactly(self, file: IO[bytes], num_bytes: int) -> bytes:
        content = file.read(num_bytes)
        while len(content) < num_bytes:
            more = file.read(num_bytes - len(content))
            if not more:
                raise _cut_short(self.stored, f"{num_bytes - len(content):,} bytes are missing")
            content += more
        return content


def open_date_array(stored: StoredFile) -> DateArray:
    """Reads the header of a ``.npy`` of three or four dimensions, whole or compressed.

    Raises:
        DataError: it is no array of numbers, has other dimensions, or is cut short.
    """
    try:
        with stored.open() as file:
            shape, fortran, dtype = _header(file, stored)
            start = file.tell()
    except (ValueError, OSError) as error:
        raise DataError("the array cannot be read", where=stored, found=str(error)[:120]) from error
    if dtype.hasobject or dtype.kind not in "iufb":
        raise DataError(
            "the array holds no numbers", where=stored, found=dtype, expected="integers or floats"
        )
    if len(shape) not in (3, 4) or 0 in shape or fortran:
        raise DataError(
            "the array has other dimensions",
            where=stored,
            found=f"{shape}{' in Fortran order' if fortran else ''}",
            expected="(dates, rows, columns, channels)",
        )
    if stored.plain:
        needed = start + math.prod(shape) * dtype.itemsize
        size = stored.path.stat().st_size
        if size < needed:
            raise _cut_short(stored, f"{size:,} of {needed:,} bytes")
    dates, rows, columns, *channels = shape
    return DateArray(stored, (dates, rows, columns, channels[0] if channels else 1), dtype)


def _header(file: IO[bytes], stored: StoredFile) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(file)
    raise DataError(
        "an unknown version of .npy",
        where=stored,
        found=".".join(map(str, version)),
        expected="1.0",
    )


def _cut_short(stored: StoredFile, found: str) -> DataError:
    return DataError(
        "the array is cut short", where=stored, found=found[:120], hint="download it again"
    )
