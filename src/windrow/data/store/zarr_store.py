"""The series store: a Zarr v3 group, self-describing, checked and readable by xarray.

Layout (N series; every array has named dimensions)::

    STORE/                     attributes: format, version, simulated, bands, processing_level,
                               provenance, checksums, attributes_checksum
      reflectance              (series, date, band) int16, reflectance x 10,000
      day_of_year, valid, cloud_probability            (series, date)
      id, field_id, year, longitude, latitude          (series)
      planetscope              (series, planetscope_step, planetscope_value) int16
      planetscope_day          (planetscope_step) int16
      labels/label             (series) int16, attribute ``legend``
      truth/NAME               (series, ...), of simulated stores only
      tables/NAME/COLUMN       (row), small tables beside the series, such as a split by field

No wall-clock time and no path is stored, so that equal content gives equal bytes. The checksum of
an array is the SHA-256 of its decoded bytes in C order, so that a reader finds a damaged or cut
chunk. The attributes and the legend share a checksum of their own. Series are decoded once and
whole: random reads inside compressed chunks are hundreds of times slower than memory and never
happen in a training loop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import BloscCodec

from windrow.data.season import CALENDAR_YEAR
from windrow.data.series import PER_SERIES, Series, check_alike, concatenate
from windrow.data.store.checksums import (
    ATTRIBUTES_CHECKSUM,
    bytes_of_array,
    checksum_of_attributes,
)
from windrow.errors import DataError, StoreError
from windrow.files import atomic_folder, writing_errors
from windrow.json_values import JsonValue

FORMAT = "windrow series store"
VERSION = 2
READABLE = (1, 2)
"""Versions that can be read. Stores of version 1 have no checksum of their attributes."""

SHARD = 4_000
CHUNK = 250

_DIMENSIONS: dict[str, tuple[str, ...]] = {
    "reflectance": ("series", "date", "band"),
    "day_of_year": ("series", "date"),
    "valid": ("series", "date"),
    "cloud_probability": ("series", "date"),
    "planetscope": ("series", "planetscope_step", "planetscope_value"),
}
_ATTRIBUTES: dict[str, dict[str, str | int | float]] = {
    "reflectance": {"units": "1", "scale": 1e-4, "long_name": "Sentinel-2 reflectance"},
    "planetscope": {
        "units": "1",
        "scale": 1e-4,
        "no_data": -32768,
        "long_name": "PlanetScope surface reflectance, 4 bands x 3x3 pixels, band-major",
    },
    "day_of_year": {"long_name": "day of year, 0 = 1 January"},
    "cloud_probability": {"long_name": "cloud probability, 0..255"},
}


_REFLECTANCE_LEVEL, _LEVEL = 5, 3


def _level(name: str) -> int:
    """Chooses the compression level of an array.

    Real reflectance shrinks to 0.82 of its size at level 3 and to 0.74 at level 5, which is
    slower. The PlanetScope series hold most of the bytes and stay at the faster level.
    """
    return _REFLECTANCE_LEVEL if name == "reflectance" else _LEVEL


class StoreWriter(AbstractContextManager["StoreWriter"]):
    """Writes a store part by part in bounded memory. A failed write leaves no store.

    Args:
        path: path of the new store; nothing may exist there.
        provenance: origin of the series as JSON values: command, settings, seed, source.

    Raises:
        StoreError: no series were appended before the end.

    Example:
        >>> with StoreWriter(path, provenance={"source": "fields.csv"}) as writer:  # doctest: +SKIP
        ...     for part in parts:
        ...         writer.append(part)
    """

    def __init__(self, path: str | Path, *, provenance: Mapping[str, object]) -> None:
        self._path = Path(path)
        self._provenance = dict(provenance)
        self._folder = atomic_folder(path)
        self._pending: list[Series] = []
        self._num_pending = 0
        self._num_written = 0
        self._hashes: dict[str, hashlib._Hash] = {}
        self._first: Series | None = None
        self._ids: set[int | str] = set()

    def __enter__(self) -> Self:
        root = self._folder.__enter__()
        self._group = zarr.open_group(root, mode="w-", zarr_format=3)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            try:
                with writing_errors(self._path):
                    self._finish()
            except BaseException as failure:
                self._folder.__exit__(type(failure), failure, failure.__traceback__)
                raise
        self._folder.__exit__(kind, error, trace)

    def append(self, part: Series) -> None:
        """Appends series to the store.

        Raises:
            DataError: the part differs from the first in bands, level, legend or arrays, or an
                id occurs twice.
            StoreError: the part has another number of dates than the first.
            OutputError: the disk is full.
        """
        if len(part) == 0:
            return
        if self._first is None:
            self._first = part.select(slice(0, 0))
        check_alike(part, self._first)  # the parts are never in memory together
        self._check_ids(part)
        self._pending.append(part)
        self._num_pending += len(part)
        if self._num_pending >= SHARD:
            with writing_errors(self._path):
                merged = concatenate(self._pending)
                whole = len(merged) // SHARD * SHARD
                for start in range(0, whole, SHARD):
                    self._write(merged.select(slice(start, start + SHARD)))
                rest = merged.select(slice(whole, None))
            self._pending = [rest] if len(rest) else []
            self._num_pending = len(rest)

    def add_table(self, name: str, columns: Mapping[str, npt.NDArray[Any]]) -> None:
        """Adds a small table, which :meth:`windrow.data.store.store.Store.table` reads.

        Args:
            name: name of the table.
            columns: numbers or text by column name, each (rows,).

        Raises:
            DataError: the columns differ in length.
        """
        if len({len(values) for values in columns.values()}) > 1:
            raise DataError("the columns of a table differ in length", where=name)
        with writing_errors(self._path):
            for column, values in columns.items():
                self._put(f"tables/{name}/{column}", values, (f"{name}_row",))

    def add_provenance(self, name: str, value: Any) -> None:
        """Adds a JSON value to the provenance, once the series are written."""
        self._provenance[name] = value

    def _check_ids(self, part: Series) -> None:
        ids = part.id.tolist()
        repeated = self._ids.intersection(ids)
        if repeated:
            raise DataError("a series id occurs twice", found=min(repeated, key=str))
        self._ids.update(ids)

    def _finish(self) -> None:
        if self._pending:
            self._write(concatenate(self._pending))
        first = self._first
        if first is None:
            raise StoreError("no series to write", where=self._path)
        if first.planetscope_day is not None:
            self._put("planetscope_day", first.planetscope_day, ("planetscope_step",))
        legend = None if first.legend is None else first.legend.to_dict()
        if legend is not None:
            self._group["labels"].attrs["legend"] = legend
        attributes: dict[str, object] = {
            "format": FORMAT,
            "version": VERSION,
            "simulated": first.simulated,
            "processing_level": first.processing_level,
            "bands": list(first.bands),
            "num_series": self._num_written,
            "provenance": self._provenance,
            **_season(first),
            "checksums": {name: h.hexdigest() for name, h in sorted(self._hashes.items())},
        }
        checksum = checksum_of_attributes(attributes, legend)
        attributes[ATTRIBUTES_CHECKSUM] = checksum
        self._group.attrs.update(cast(dict[str, JsonValue], attributes))

    def _write(self, part: Series) -> None:
        num_dates = array_of(self._group, "reflectance").shape[1] if self._num_written else None
        if num_dates not in (None, part.num_dates):
            raise StoreError(
                "series of different length in one store",
                found=part.num_dates,
                expected=num_dates,
                hint="pad all parts to one number of dates (windrow.data.series.pad_dates)",
            )
        for name in PER_SERIES:
            values = getattr(part, name)
            if values is None:
                continue
            if values.dtype.kind == "i" and name in ("id", "field_id"):
                values = values.astype(np.int64)
            key = "labels/label" if name == "label" else name
            self._put(key, values, _DIMENSIONS.get(name, ("series",)), _ATTRIBUTES.get(name))
        for name, values in part.truth.items():
            inner = tuple(f"{name}_{axis}" for axis in range(1, values.ndim))
            self._put(f"truth/{name}", values, ("series", *inner))
        self._num_written += len(part)

    def _put(
        self,
        name: str,
        values: npt.NDArray[Any],
        dimensions: tuple[str, ...],
        attributes: Mapping[str, str | int | float] | None = None,
    ) -> None:
        text = values.dtype.kind == "U"
        inner = tuple(max(size, 1) for size in values.shape[1:])
        if name not in self._hashes:
            self._hashes[name] = hashlib.sha256()
            self._group.create_array(
                name,
                shape=(0, *values.shape[1:]),
                chunks=(CHUNK, *inner),
                shards=(SHARD, *inner),
                dtype="str" if text else values.dtype,
                compressors=[BloscCodec(cname="zstd", clevel=_level(name), shuffle="shuffle")],
                dimension_names=list(dimensions),
                attributes=dict(attributes or {}),
            )
        array = array_of(self._group, name)
        start = array.shape[0]
        array.resize((start + len(values), *values.shape[1:]))
        array[start:] = values.astype(object) if text else values
        self._hashes[name].update(bytes_of_array(values))


def _season(first: Series) -> dict[str, str]:
    """Returns the first day of the seasons as an attribute.

    It is left out where seasons are calendar years.
    """
    return {} if first.season_start == CALENDAR_YEAR else {"season_start": first.season_start}


def write_store(path: str | Path, series: Series, *, provenance: Mapping[str, object]) -> None:
    """Writes one part as a store.

    Args:
        path: path of the new store; nothing may exist there.
        series: the series to write.
        provenance: origin of the series as JSON values.

    Raises:
        OutputError: the disk is full.
    """
    with StoreWriter(path, provenance=provenance) as writer:
        writer.append(series)


def is_store(path: str | Path) -> bool:
    """Checks whether the path is a folder that holds a Zarr v3 group."""
    return (Path(path) / "zarr.json").is_file()


def array_of(group: zarr.Group, name: str) -> zarr.Array[Any]:
    """Gives an array of an open Zarr group.

    Raises:
        StoreError: the name belongs to a group, not to an array.
    """
    array = group[name]
    if not isinstance(array, zarr.Array):
        raise StoreError("an array of the store is a group", where=name)
    return array
