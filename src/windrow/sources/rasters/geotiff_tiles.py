"""GeoTIFFs of plain storage, read tile by tile without opening them in a raster library.

A stack of a season is hundreds of files of which a block needs one tile each; opening a file in
GDAL costs more than inflating that tile. So the directory of each file is read once (TIFF 6.0,
1992; BigTIFF, 2007), and a block is then a few reads at known places. Plain is: whole numbers or
floats of 8 to 64 bits, tiles or strips, uncompressed or deflate, predictor 1 or 2 (horizontal
differences), no tile left out. All else is left to GDAL, and so is the verdict on damaged files.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.sources.rasters.grid import Window

Inflate = Callable[[bytes, int], Any]

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _FILL_ORDER = 256, 257, 258, 259, 266
_SAMPLES, _ROWS_A_STRIP, _PLANAR, _PREDICTOR, _FORMAT = 277, 278, 284, 317, 339
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_STRIP_OFFSETS, _STRIP_COUNTS, _TILE_OFFSETS, _TILE_COUNTS = 273, 279, 324, 325
_PLACES = (_STRIP_OFFSETS, _STRIP_COUNTS, _TILE_OFFSETS, _TILE_COUNTS)
_NONE, _DEFLATE = (1,), (8, 32946)
_TYPES = {1: "u1", 2: "S1", 3: "u2", 4: "u4", 5: "u8", 6: "i1", 7: "u1", 8: "i2", 9: "i4"}
_TYPES |= {10: "i8", 11: "f4", 12: "f8", 13: "u4", 16: "u8", 17: "i8", 18: "u8"}
_KINDS = {1: "u", 2: "i", 3: "f"}
_HEAD = 8192
_LONGEST = 1 << 26


class NotPlain(Exception):  # noqa: N818  (no error: another reader takes over)
    """A file, or a tile of it, that this reader leaves to GDAL."""


@dataclass(frozen=True)
class TiffTiles:
    """Where the tiles of a file lie, and how they are stored.

    Attributes:
        path: the file.
        dtype: of its values, in the file's byte order.
        height, width, samples: of the image; samples are its bands.
        separate: each band has tiles of its own; else a tile holds all bands of a pixel together.
        strips: tiles are strips, of which the last one is as short as the image.
        tile: height and width of a tile.
        deflated: tiles are zlib streams; else they are not compressed.
        differences: a row holds the differences of neighbours (predictor 2).
        offsets, sizes: of each tile in bytes, band by band where they are separate.
    """

    path: Path
    dtype: np.dtype[Any]
    height: int
    width: int
    samples: int
    separate: bool
    strips: bool
    tile: tuple[int, int]
    deflated: bool
    differences: bool
    offsets: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]

    @property
    def across(self) -> int:
        """Tiles beside each other."""
        return -(-self.width // self.tile[1])

    @property
    def down(self) -> int:
        """Tiles below each other."""
        return -(-self.height // self.tile[0])

    def tiles_of(
        self, window: Window, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
    ) -> set[int]:
        """Returns the tiles in which pixels of a window lie."""
        row, column = window.row + rows, window.column + columns
        return set(np.unique(row // self.tile[0] * self.across + column // self.tile[1]).tolist())

    def read(
        self,
        window: Window,
        bands: Sequence[int],
        targets: Sequence[npt.NDArray[Any]],
        *,
        wanted: Collection[int] | None = None,
    ) -> None:
        """Puts a window of some bands (from 1) into arrays (height, width) of the window's size.

        Args:
            window: which pixels.
            bands: which bands.
            targets: one array a band.
            wanted: the tiles that are needed (:meth:`tiles_of`); pixels of others are not written.

        Raises:
            NotPlain: a tile cannot be read as it should; GDAL has to say what it is.
        """
        try:
            file = os.open(self.path, os.O_RDONLY)
        except OSError as error:
            raise NotPlain from error
        (height, width), across = self.tile, self.across
        try:
            for row in range(window.row // height * height, window.row + window.height, height):
                for column in range(
                    window.column // width * width, window.column + window.width, width
                ):
                    number = row // height * across + column // width
                    if wanted is not None and number not in wanted:
                        continue
                    inside, to = _overlap(Window(row, column, height, width), window)
                    rows = min(height, self.height - row) if self.strips else height
                    blocks = self._bands_of(file, number, rows, bands)
                    for block, target in zip(blocks, targets, strict=True):
                        target[to] = block[inside]
        finally:
            os.close(file)

    def _bands_of(
        self, file: int, number: int, rows: int, bands: Sequence[int]
    ) -> Iterator[npt.NDArray[Any]]:
        if self.separate:
            plane = self.across * self.down
            for band in bands:
                yield self._tile(file, (band - 1) * plane + number, rows)[..., 0]
        else:
            values = self._tile(file, number, rows)
            for band in bands:
                yield values[..., band - 1]

    def _tile(self, file: int, number: int, rows: int) -> npt.NDArray[Any]:
        samples = 1 if self.separate else self.samples
        shape = rows, self.tile[1], samples
        size = math.prod(shape) * self.dtype.itemsize
        content: Any = _read_at(file, int(self.offsets[number]), int(self.sizes[number]))
        if self.deflated:
            inflate = inflater()
            assert inflate is not None
            try:
                content = inflate(content, size)
            except Exception as error:  # the wheel's own kind, and those of its buffers
                raise NotPlain from error
        if len(content) != size:
            raise NotPlain
        values = np.frombuffer(content, dtype=self.dtype).reshape(shape)
        if not self.differences:
            return values
        native = values.astype(self.dtype.newbyteorder("="), copy=False)
        return np.cumsum(native, axis=1, dtype=native.dtype)  # wraps round, as the differences do


def _overlap(tile: Window, window: Window) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Returns what a tile and a window share: within the tile, and within the window."""
    top, left = max(tile.row, window.row), max(tile.column, window.column)
    bottom = min(tile.row + tile.height, window.row + window.height)
    right = min(tile.column + tile.width, window.column + window.width)
    return (
        (slice(top - tile.row, bottom - tile.row), slice(left - tile.column, right - tile.column)),
        (
            slice(top - window.row, bottom - window.row),
            slice(left - window.column, right - window.column),
        ),
    )


@cache
def inflater() -> Inflate | None:
    """Returns libdeflate, which takes half of zlib's time.

    None where the wheel is not installed.
    """
    try:
        import deflate
    except ImportError:
        return None
    inflate: Inflate = deflate.zlib_decompress
    return inflate


def read_directory(path: Path) -> tuple[TiffTiles | None, bytes | None]:
    """Reads a file's first directory.

    Returns:
        Its tiles, or None where it is not plain; and bytes that are equal for files whose
        directories differ in nothing but where their tiles lie, None where it is no TIFF.
    """
    try:
        with path.open("rb") as file:
            entries, order = _entries(file.fileno())
    except (NotPlain, OSError, struct.error):
        return None, None
    parts = [f"{order}{tag}:{kind}:".encode() + raw for tag, (kind, raw) in sorted(entries.items())]
    key = b"|".join(
        part for part, tag in zip(parts, sorted(entries), strict=True) if tag not in _PLACES
    )
    try:
        return _tiles(path, entries, order), key
    except (NotPlain, KeyError, ValueError):
        return None, key


def _read_at(file: int, offset: int, size: int) -> bytes:
    content = os.pread(file, size, offset)
    if len(content) != size:
        raise NotPlain
    return content


def _entries(file: int) -> tuple[dict[int, tuple[int, bytes]], str]:
    """Returns the tags of the first directory: their type and bytes; and the byte order."""
    head = os.pread(file, _HEAD, 0)

    def at(offset: int, size: int) -> bytes:
        if size > _LONGEST:
            raise NotPlain
        if offset + size <= len(head):
            return head[offset : offset + size]
        return _read_at(file, offset, size)

    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        raise NotPlain
    magic = struct.unpack_from(order + "H", head, 2)[0]
    if magic not in (42, 43):
        raise NotPlain
    big = magic == 43
    start = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)[0]
    width = 8 if big else 2
    number = struct.unpack(order + ("Q" if big else "H"), at(start, width))[0]
    step, form = (20, "HHQ") if big else (12, "HHI")
    inline = 8 if big else 4
    table = at(start + width, number * step)
    entries: dict[int, tuple[int, bytes]] = {}
    for position in range(0, len(table), step):
        tag, kind, count = struct.unpack_from(order + form, table, position)
        if kind not in _TYPES:
            raise NotPlain
        size = count * int(_TYPES[kind][1])
        field = table[position + step - inline : position + step]
        if size > inline:
            field = at(struct.unpack(order + ("Q" if big else "I"), field)[0], size)
        entries[tag] = kind, field[:size]
    return entries, order


def _tiles(path: Path, entries: dict[int, tuple[int, bytes]], order: str) -> TiffTiles:
    def values(tag: int, default: int | None = None) -> npt.NDArray[np.int64]:
        if tag not in entries and default is not None:
            return np.array([default], dtype=np.int64)
        kind, raw = entries[tag]
        return np.frombuffer(raw, dtype=order + _TYPES[kind]).astype(np.int64)

    def one(tag: int, default: int | None = None) -> int:
        found = set(values(tag, default).tolist())  # one value a band, which must be alike
        if len(found) != 1:
            raise NotPlain
        return int(found.pop())

    compression, predictor = one(_COMPRESSION, 1), one(_PREDICTOR, 1)
    kind, bits = _KINDS[one(_FORMAT, 1)], one(_BITS)
    deflated = compression in _DEFLATE
    plain = (
        (deflated or compression in _NONE)
        and (not deflated or inflater() is not None)
        and bits in ((8, 16, 32, 64) if kind != "f" else (32, 64))
        and (predictor == 1 or (predictor == 2 and deflated and kind != "f"))
        and one(_FILL_ORDER, 1) == 1
    )
    if not plain:
        raise NotPlain
    height, width, samples = one(_HEIGHT), one(_WIDTH), one(_SAMPLES, 1)
    strips = _TILE_WIDTH not in entries
    tile = (
        (min(one(_ROWS_A_STRIP, height), height), width)
        if strips
        else (one(_TILE_HEIGHT), one(_TILE_WIDTH))
    )
    separate = one(_PLANAR, 1) == 2
    offsets = values(_STRIP_OFFSETS if strips else _TILE_OFFSETS)
    sizes = values(_STRIP_COUNTS if strips else _TILE_COUNTS)
    found = TiffTiles(
        path=path,
        dtype=np.dtype(f"{order}{kind}{bits // 8}"),
        height=height,
        width=width,
        samples=samples,
        separate=separate,
        strips=strips,
        tile=tile,
        deflated=deflated,
        differences=predictor == 2,
        offsets=offsets,
        sizes=sizes,
    )
    number = found.across * found.down * (samples if separate else 1)
    if len(offsets) != number or len(sizes) != number or (offsets <= 0).any() or (sizes <= 0).any():
        raise NotPlain
    return found
