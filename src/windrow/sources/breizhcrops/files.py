"""The files of BreizhCrops: regions, their index, and their series as HDF5 or raw CSV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from windrow.data.series import ProcessingLevel
from windrow.errors import DataError, SettingsError

REGIONS = ("frh01", "frh02", "frh03", "frh04", "belle-ile")
_LEVELS: tuple[ProcessingLevel, ...] = ("L1C", "L2A")


class LoadParcel(Protocol):
    """Reads one parcel by the key of the index."""

    def __call__(self, key: str) -> npt.NDArray[np.float64]:
        """Returns the array (T, columns)."""

    def header(self, key: str) -> tuple[str, ...]:
        """Returns the names of the columns, where the file has them."""


@dataclass(frozen=True)
class Region:
    """One region of one year and level.

    Attributes:
        name: name of the region, such as ``frh01``.
        year: calendar year.
        level: processing level.
        index: the index CSV.
        series: the HDF5 file or the folder of raw CSV.
        kind: format of the series.
    """

    name: str
    year: int
    level: ProcessingLevel
    index: Path
    series: Path
    kind: Literal["HDF5", "raw CSV"]

    def read_index(self) -> pd.DataFrame:
        """Reads the index: id, code, path, sequencelength, region.

        Raises:
            DataError: a column is missing.
        """
        frame = pd.read_csv(self.index, dtype={"CODE_CULTU": str, "path": str})
        missing = [c for c in ("CODE_CULTU", "path", "id", "sequencelength") if c not in frame]
        if missing:
            raise DataError(
                "an index without crop codes" if "CODE_CULTU" in missing else "no such column",
                where=self.index,
                found="columns " + ", ".join(map(str, frame.columns)),
                expected=f"column {missing[0]}",
            )
        return pd.DataFrame(
            {
                "id": frame["id"].astype(np.int64),
                "code": frame["CODE_CULTU"].astype(str),
                "path": frame["path"].astype(str),
                "sequencelength": frame["sequencelength"].astype(int),
                "region": self.name,
            }
        )

    @contextmanager
    def opened(self) -> Iterator[LoadParcel]:
        """Opens the series and yields a function from the index's path to a parcel's array."""
        if self.kind == "raw CSV":
            yield _RawCsv(self.series)
            return
        try:
            import h5py
        except ImportError:
            raise SettingsError(
                "HDF5 needs h5py", where=self.series, hint="pip install 'windrow[hdf5]'"
            ) from None
        try:
            file = h5py.File(self.series, "r")
        except OSError as error:
            raise DataError(
                "the HDF5 file cannot be read",
                where=self.series,
                found=str(error)[:120],
                hint="fetch it again: it may be cut short",
            ) from None
        with file:
            yield _Hdf5(self.series, file)


@dataclass(frozen=True)
class _Hdf5:
    path: Path
    file: Any

    def __call__(self, key: str) -> npt.NDArray[np.float64]:
        if key not in self.file:
            raise DataError(
                "a parcel of the index is missing",
                where=self.path,
                found=f"no dataset {key}",
                hint="fetch the file again: index and series do not fit",
            )
        try:
            return np.asarray(self.file[key][()], dtype=np.float64)
        except OSError as error:
            raise DataError(
                "a parcel cannot be read", where=f"{self.path}, {key}", found=str(error)[:120]
            ) from None

    def header(self, key: str) -> tuple[str, ...]:
        raise AssertionError(f"HDF5 has no column names: {key}")


@dataclass(frozen=True)
class _RawCsv:
    folder: Path

    def __call__(self, key: str) -> npt.NDArray[np.float64]:
        frame = self._frame(key)
        frame["doa"] = pd.to_datetime(frame["doa"], utc=True).dt.as_unit("ns").astype("int64")
        kept = frame.dropna().drop_duplicates("doa").sort_values("doa")
        return np.asarray(kept[list(self._names(kept))].to_numpy(dtype=np.float64))

    def header(self, key: str) -> tuple[str, ...]:
        return self._names(self._frame(key))

    def _frame(self, key: str) -> pd.DataFrame:
        parcel_path = self.folder / Path(key).name
        if not parcel_path.is_file():
            raise DataError(
                "a parcel of the index is missing", where=parcel_path, found="no such file"
            )
        frame = pd.read_csv(parcel_path, index_col=0)
        if "doa" not in frame:
            raise DataError(
                "no dates",
                where=parcel_path,
                found="columns " + ", ".join(map(str, frame)),
                expected="doa",
            )
        return frame

    def _names(self, frame: pd.DataFrame) -> tuple[str, ...]:
        ignored = {"id", "label", "code_cultu"}
        return tuple(str(name) for name in frame.columns if str(name).lower() not in ignored)


def find_root(path: Path) -> Path | None:
    """Finds the folder of ``classmapping.csv``: the path itself, or up to two folders above."""
    if not path.is_dir():
        return None
    candidates = (path, *path.resolve().parents[:2])
    return next(
        (candidate for candidate in candidates if (candidate / "classmapping.csv").is_file()), None
    )


def find_regions(path: Path, root: Path) -> list[Region]:
    """Finds all regions below the path that have an index and series, by year, level and name."""
    found = []
    for year in sorted(p for p in root.iterdir() if p.is_dir() and _is_year(p.name)):
        for level in _LEVELS:
            folder = year / level
            if not _within(folder, path):
                continue
            for name in REGIONS:
                region = _region(folder, name, int(year.name), level)
                if region is not None:
                    found.append(region)
    return found


def _is_year(name: str) -> bool:
    return len(name) == 4 and name.isascii() and name.isdigit()


def _within(folder: Path, path: Path) -> bool:
    found, asked = folder.resolve(), path.resolve()
    return found == asked or asked in found.parents


def _region(folder: Path, name: str, year: int, level: ProcessingLevel) -> Region | None:
    index = folder / f"{name}.csv"
    if not index.is_file():
        return None
    file = folder / f"{name}.h5"
    if file.is_file():
        return Region(name, year, level, index, file, "HDF5")
    raw = next((p for p in (folder / name / "csv", folder / name) if p.is_dir()), None)
    if raw is None:
        raise DataError(
            "a region has an index but no series",
            where=index,
            expected=f"{file.name}, or the folder {name}/csv",
        )
    return Region(name, year, level, index, raw, "raw CSV")
