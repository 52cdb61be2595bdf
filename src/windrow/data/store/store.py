"""A series store, opened for reading. Its metadata are verified once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import zarr
from pydantic import JsonValue

from windrow.data.legend import Legend
from windrow.data.season import CALENDAR_YEAR
from windrow.data.series import PER_SERIES, ProcessingLevel, Series
from windrow.data.store.checksums import (
    checksum_of_array,
    incomplete_store,
    verify_attributes,
)
from windrow.data.store.zarr_store import FORMAT, READABLE, array_of, is_store
from windrow.errors import DataError, SettingsError, StoreError

_KINDS = {"checksums": dict, "bands": list, "processing_level": str, "simulated": bool}
_NEEDED = ("reflectance", "day_of_year", "valid", "id", "field_id", "year")


class Store:
    """A series store with verified metadata. Arrays are verified when they are read.

    Open a store once and pass it on: functions that read a store take a ``Store``.
    :meth:`series` decodes and verifies every chunk, so call it once and keep its result.

    Args:
        path: folder written by ``windrow simulate``, ``windrow ingest`` or
            :class:`~windrow.data.store.zarr_store.StoreWriter`.

    Attributes:
        path: the folder.
        attributes: the metadata as JSON values: format, version, bands, provenance, checksums.
        bands: names of the Sentinel-2 bands, in order.
        processing_level: ``L1C`` or ``L2A``.
        simulated: True if the series come from the simulator.
        season_start: first day of the twelve months of a series, as ``MM-DD``.
        legend: classes of the labels; None if there are no labels.

    Raises:
        StoreError: the path holds no windrow series store, its version is unknown, or its
            metadata are incomplete or were changed.

    Example:
        >>> store = Store("stores/brandenburg")  # doctest: +SKIP
        >>> store  # doctest: +SKIP
        Store('stores/brandenburg': 300 series, 12 bands, L2A, with PlanetScope, simulated)
        >>> store.series()  # doctest: +SKIP
        Series(300 series, 27 fields, 146 dates, 12 bands, L2A, 2018, with PlanetScope, simulated)
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        if not isinstance(path, (str, PathLike)):
            raise StoreError(
                "a store is opened by its path",
                found=type(path).__name__,
                expected="the path of a folder",
            )
        self.path = Path(fspath(path))
        self._group = _open(self.path)
        attributes = cast(dict[str, JsonValue], dict(self._group.attrs))
        _check_version(attributes, self.path)
        labels = self._group.get("labels")
        legend = None if labels is None else dict(labels.attrs).get("legend")
        if attributes["version"] != 1:
            verify_attributes(attributes, legend, where=self.path)
        self.attributes: Mapping[str, JsonValue] = attributes
        self._checksums: dict[str, str] = _checksums(attributes, self.path)
        self.bands: tuple[str, ...] = tuple(map(str, cast(list[str], attributes["bands"])))
        self.processing_level = cast(ProcessingLevel, attributes["processing_level"])
        self.simulated = bool(attributes["simulated"])
        self.season_start = str(attributes.get("season_start", CALENDAR_YEAR))
        self.legend = _legend(legend, self.path) if "labels/label" in self._checksums else None

    def __len__(self) -> int:
        return int(array_of(self._group, "id").shape[0])

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        parts = [f"{len(self)} series", f"{len(self.bands)} bands", self.processing_level]
        if "planetscope" in self._checksums:
            parts.append("with PlanetScope")
        if self.legend is not None:
            parts.append(f"{len(self.legend)} classes")
        if self.simulated:
            parts.append("simulated")
        return f"Store({str(self.path)!r}: {', '.join(parts)})"

    @property
    def provenance(self) -> dict[str, JsonValue]:
        """Origin of the series: command, settings, seed, source."""
        stored = self.attributes.get("provenance")
        return dict(stored) if isinstance(stored, dict) else {}

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the store's checksums and metadata. It does not depend on the path."""
        return hashlib.sha256(json.dumps(self.attributes, sort_keys=True).encode()).hexdigest()

    def series(self, *, planetscope: bool = True) -> Series:
        """Reads all series into memory and verifies their checksums.

        Args:
            planetscope: False leaves out the PlanetScope series, which hold most of the bytes.

        Raises:
            StoreError: a chunk is damaged, or the metadata do not fit the arrays.
        """
        names = [name for name in self._checksums if not name.startswith("tables/")]
        if not planetscope:
            names = [name for name in names if not name.startswith("planetscope")]
        arrays = {name: self._read(name) for name in names}
        known = {name: arrays[name] for name in (*PER_SERIES, "planetscope_day") if name in arrays}
        truth = {
            name.removeprefix("truth/"): values
            for name, values in arrays.items()
            if name.startswith("truth/")
        }
        try:
            return Series(
                **known,
                label=arrays.get("labels/label"),
                legend=self.legend,
                bands=self.bands,
                processing_level=self.processing_level,
                simulated=self.simulated,
                season_start=self.season_start,
                truth=truth,
            )
        except (DataError, SettingsError) as error:
            raise StoreError(
                "the store's metadata do not fit its arrays", where=self.path, found=error.what
            ) from error

    def field_id(self) -> npt.NDArray[Any]:
        """Reads the field of each series, (N,), and nothing else.

        Raises:
            StoreError: the array is damaged.
        """
        return self._read("field_id")

    def has_table(self, name: str) -> bool:
        """Checks whether the store holds a small table of this name."""
        return any(key.startswith(f"tables/{name}/") for key in self._checksums)

    def table(self, name: str) -> dict[str, npt.NDArray[Any]]:
        """Reads the columns of a small table beside the series and verifies their checksums.

        Raises:
            StoreError: there is no such table, or it is damaged.
        """
        prefix = f"tables/{name}/"
        columns = [key for key in self._checksums if key.startswith(prefix)]
        if not columns:
            raise StoreError("the store has no such table", where=self.path, expected=name)
        return {key.removeprefix(prefix): self._read(key) for key in columns}

    def _read(self, name: str) -> npt.NDArray[Any]:
        damaged = StoreError(
            "the store is damaged or cut short",
            where=f"{self.path}, array {name}",
            hint="write it again from its source",
        )
        try:
            values = _decoded(array_of(self._group, name)[:])
        except Exception as error:  # codecs raise many kinds of error on damaged bytes
            raise damaged from error
        if checksum_of_array(values) != self._checksums[name]:
            raise damaged
        return values


StoreSource: TypeAlias = Store | str | PathLike[str]
"""An open store, or the path of one."""


def open_store(source: StoreSource) -> Store:
    """Opens the store at a path. A store that is open already is returned as it is.

    Raises:
        StoreError: for the reasons given at :class:`Store`.
    """
    return source if isinstance(source, Store) else Store(source)


def _open(path: Path) -> zarr.Group:
    if not is_store(path):
        raise StoreError(
            "no series store here",
            where=path,
            found="nothing" if not path.exists() else "something else",
            hint="make one with 'windrow simulate' or 'windrow ingest'",
        )
    try:
        return zarr.open_group(path, mode="r", zarr_format=3)
    except Exception as error:  # zarr raises many kinds of error on hostile metadata
        raise StoreError(
            "the store's metadata cannot be read", where=path, found=str(error)[:120]
        ) from error


def _check_version(attributes: Mapping[str, JsonValue], path: Path) -> None:
    if attributes.get("format") != FORMAT:
        raise StoreError("this Zarr group is not a series store", where=path)
    if attributes.get("version") not in READABLE:
        raise StoreError(
            "the store is of another version",
            where=path,
            found=attributes.get("version"),
            expected=" or ".join(map(str, READABLE)),
            hint="write it again with this version of windrow",
        )


def _checksums(attributes: Mapping[str, JsonValue], path: Path) -> dict[str, str]:
    """Gives the checksums by array, after a check that the metadata are complete."""
    for name, kind in _KINDS.items():
        if not isinstance(attributes.get(name), kind):
            raise incomplete_store(path, f"attribute {name}")
    checksums = cast(dict[str, str], attributes["checksums"])
    for name in _NEEDED:
        if name not in checksums:
            raise incomplete_store(path, f"a checksum of {name}")
    return checksums


def _legend(stored: Any, path: Path) -> Legend:
    try:
        return Legend.from_dict(stored)
    except (KeyError, TypeError, DataError) as error:
        raise incomplete_store(path, "a legend of the labels") from error


def _decoded(values: Any) -> npt.NDArray[Any]:
    array = np.asarray(values)
    return np.array(array.tolist(), dtype=str) if array.dtype.kind in "OT" else array
