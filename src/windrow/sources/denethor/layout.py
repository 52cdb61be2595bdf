"""Finds the files of DENETHOR in three public layouts, which are recognised by file names.

(a) the original, ``PlanetL3H/{Train,Test}/PF-SR/YYYY-MM-DD.tif`` or ``33N/18E-242N/PF-SR/...``,
``crops_train_2018.geojson`` and ``S2/.../s2_train.zip``; (b) Radiant MLHub, whose folders begin
with ``dlr_fusion_competition_germany``; (c) Source Cooperative, whose labels begin with ``br-``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from windrow.errors import DataError
from windrow.sources.formats.archives import StoredFile, zip_members

TILES = {"train": "33N/18E-242N", "test": "33N/17E-243N"}
"""The two tiles of the data set: train in 2018, test in 2019."""

_DEPTH = 8
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}$")
_RADIANT = "dlr_fusion_competition_germany"
_ARRAYS = re.compile(r"(bands|clp|is_data)\.npy(\.gz)?", re.IGNORECASE)
_PICKLES = re.compile(r"(timestamp|bbox)\.pkl", re.IGNORECASE)
_ZIP = re.compile(r"s2.*\.zip", re.IGNORECASE)
_LABELS = re.compile(r"(labels|crops_.*|.*crop-labels.*)\.geojson", re.IGNORECASE)


@dataclass
class TileFiles:
    """The files of one tile.

    Attributes:
        name: ``train`` or ``test``, or ``tile`` where no name says which.
        labels: GeoJSON files of parcels.
        sentinel2: by kind (``bands``, ``clp``, ``is_data``, ``timestamp``, ``bbox``).
        planetscope: daily files by date.
        planetscope_5day: files every five days, where a product of that name is there.
        quality: quality files by date, of the daily and of the five-day product.
    """

    name: str
    labels: list[Path] = field(default_factory=list)
    sentinel2: dict[str, StoredFile] = field(default_factory=dict)
    planetscope: dict[date, Path] = field(default_factory=dict)
    planetscope_5day: dict[date, Path] = field(default_factory=dict)
    quality: dict[date, Path] = field(default_factory=dict)
    quality_5day: dict[date, Path] = field(default_factory=dict)

    def merge(self, other: TileFiles) -> None:
        """Takes over the files of a tile without a name."""
        self.labels.extend(other.labels)
        for kind, stored in other.sentinel2.items():
            _put(self.sentinel2, kind, stored, self.name)
        for name in ("planetscope", "planetscope_5day", "quality", "quality_5day"):
            for day, path in getattr(other, name).items():
                _put_day(getattr(self, name), day, path)


@dataclass(frozen=True)
class Layout:
    """The files of a folder.

    Attributes:
        letter: ``a``, ``b`` or ``c``.
        tiles: the tiles, train before test.
        simulated: whether a file ``SIMULATED.txt`` marks the data as simulated.
    """

    letter: str
    tiles: tuple[TileFiles, ...]
    simulated: bool


def is_denethor(path: Path) -> bool:
    """Whether a folder holds files under the names of DENETHOR."""
    if not path.is_dir():
        return False
    return any(
        _planetscope_day(stored) is not None
        or (_ARRAYS.fullmatch(stored.name) and stored.name.lower().startswith("bands"))
        or (_ZIP.fullmatch(stored.name) and _tile_name(stored.name) is not None)
        for stored in _files(path)
    )


def find_layout(root: Path) -> Layout:
    """Sorts the files of a folder by tile and kind.

    Raises:
        DataError: two files stand for one day or one array, an archive would escape its folder,
            or files without a tile's name lie beside two named tiles.
    """
    tiles: dict[str, TileFiles] = {}
    letter, simulated = "a", False
    for path in _files(root):
        relative = path.relative_to(root).as_posix()
        name = _tile_name(relative) or "tile"
        tile = tiles.setdefault(name, TileFiles(name))
        if _sort(path, tile):
            letter = "b" if _RADIANT in relative else "c" if path.name.startswith("br-") else letter
        simulated |= path.name == "SIMULATED.txt"
    found = {n: t for n, t in tiles.items() if t.labels or t.sentinel2 or t.planetscope}
    found |= {n: t for n, t in tiles.items() if t.planetscope_5day}
    unnamed = found.pop("tile", None)
    if unnamed is not None:
        if len(found) > 1:
            raise DataError(
                "some files do not say to which tile they belong",
                where=root,
                expected="the words train or test, or 18E-242N or 17E-243N, in every path",
                hint="ingest the folder of one tile",
            )
        if found:
            next(iter(found.values())).merge(unnamed)
        else:  # the folder itself may be that of a tile
            unnamed.name = _tile_name("/".join(root.resolve().parts[-2:])) or "tile"
            found[unnamed.name] = unnamed
    order = ("train", "test", "tile")
    return Layout(letter, tuple(found[name] for name in order if name in found), simulated)


def _files(root: Path) -> Iterator[Path]:
    base = len(root.parts)
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        if len(Path(folder).parts) - base >= _DEPTH:
            folders.clear()
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(folder) / name


def _tile_name(text: str) -> str | None:
    if re.search(r"18E[-_]?242N", text):
        return "train"
    if re.search(r"17E[-_]?243N", text):
        return "test"
    words = re.split(r"[^a-z0-9]+", text.lower())
    named = [word for word in words if word in ("train", "test")]
    return named[-1] if named else None


def _planetscope_day(path: Path) -> tuple[str, date] | None:
    """Returns kind (``sr`` or ``qa``) and day of a PlanetScope file, None for any other file."""
    name = path.name.lower()
    if name in ("sr.tif", "qa.tif") and "source_planet" in path.parent.name:
        kind, text = name[:2], path.parent.name[-10:]
    elif name.endswith(".tif") and path.parent.name.upper() in ("PF-SR", "PF-QA"):
        kind, text = path.parent.name[-2:].lower(), path.stem[-10:]
    else:
        return None
    if not _DATE.fullmatch(text):
        return None
    try:
        return kind, date.fromisoformat(text)
    except ValueError:
        raise DataError(
            "a file's date does not exist", where=path, found=text, expected="YYYY-MM-DD"
        ) from None


def _sort(path: Path, tile: TileFiles) -> bool:
    """Puts a file where it belongs; False if it is none of the data set."""
    day = _planetscope_day(path)
    if day is not None:
        slow = "5day" in "/".join(path.parts[-3:]).lower()
        kind = {"sr": "planetscope", "qa": "quality"}[day[0]] + ("_5day" if slow else "")
        _put_day(getattr(tile, kind), day[1], path)
    elif _ARRAYS.fullmatch(path.name) or _PICKLES.fullmatch(path.name):
        _put(tile.sentinel2, path.name.split(".")[0].lower(), StoredFile(path), tile.name)
    elif _ZIP.fullmatch(path.name):
        for member in zip_members(path):
            if _ARRAYS.fullmatch(member.name) or _PICKLES.fullmatch(member.name):
                _put(tile.sentinel2, member.name.split(".")[0].lower(), member, tile.name)
    elif _LABELS.fullmatch(path.name):
        tile.labels.append(path)
    else:
        return False
    return True


def _put(known_files: dict[str, StoredFile], kind: str, stored: StoredFile, tile: str) -> None:
    known = known_files.get(kind)
    if known is None or (known.member is not None and stored.member is None):
        known_files[kind] = stored  # unpacked beside its archive: the unpacked file is read
    elif known.member is None and stored.member is not None:
        return
    else:
        raise DataError(
            f"two files hold {kind} of the {tile} tile",
            where=stored,
            found=f"also {known}",
            hint="keep one of them",
        )


def _put_day(days: dict[date, Path], day: date, path: Path) -> None:
    if day in days:
        raise DataError(
            f"two files for one day, {day.isoformat()}",
            where=path,
            found=f"also {days[day]}",
            hint="keep one of them",
        )
    days[day] = path
