"""The prepared HDF5 files of the group's earlier study (Zenodo record 7737587).

Pre-training pairs of both sensors, and labelled Sentinel-2 series of two tasks, as the group drew
them from DENETHOR. They hold neither field ids nor clouds, and the record names no licence.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.data.day_of_year import days_of_year
from windrow.data.legend import DENETHOR
from windrow.data.series import Series
from windrow.data.store.zarr_store import SHARD
from windrow.errors import BandError, DataError, SettingsError, WindrowError
from windrow.sources.prepared.pairs import is_pairs, open_pairs
from windrow.sources.prepared.record import (
    FILES,
    NUM_PLANETSCOPE,
    PLANETSCOPE_DATES,
    SENTINEL2_DATES,
    WINDOW,
    check_data_set,
    one_year,
    opened,
    planetscope_integers,
    read_dates,
)
from windrow.sources.reader import (
    UNKNOWN_FIELDS,
    IngestOptions,
    Reading,
    ReadingSummary,
    Scale,
    refuse_options,
)
from windrow.sources.values.reflectance import (
    RangeTally,
    agreed_scale,
    factor_of,
    scale_of,
    to_integers,
)

OPTIONS = frozenset({"scale", "bands", "year", "num_series", "planetscope", "pair_order"})
ENDINGS = (".h5", ".hdf5")
_BLOCK = SHARD // 4

PlanetLayout = Literal["series first", "days first, pixel by pixel", "days first, window by window"]


def recognises(path: Path) -> bool:
    """Whether this is one of the files, by name or by its data sets, or a folder with one."""
    if path.is_dir():
        return any((path / name).is_file() for name in FILES)
    if not path.is_file() or path.suffix.lower() not in ENDINGS:
        return False
    if path.name in FILES:
        return True
    try:
        with opened(path) as file:
            return "sentinel2_data" in file or {"time_series", "crop_labels"} <= set(file)
    except WindrowError:
        return False


def read(path: Path, options: IngestOptions) -> Reading:
    """Opens one of the files; PlanetScope's old and new layout are told apart by shape.

    Raises:
        WindrowError: h5py is missing.
        SettingsError: the path is a folder with several files.
        DataError: the file is damaged or of another shape, or its dates are missing.
    """
    refuse_options(
        options,
        OPTIONS,
        product="the prepared files",
        reasons={"season_start": "their days are those of one calendar year"},
    )
    file = _chosen_file(path)
    summary = ReadingSummary(str(file))
    if is_pairs(file):
        parts = open_pairs(file, options, summary)
    else:
        if options.pair_order is not None:
            raise SettingsError(
                "--pair-order does not concern series",
                where=file,
                hint="leave it out: it is of pairs of one date (pretraining_point2.h5)",
            )
        parts = _Prepared(file, options, summary).parts()
    provenance = {
        "product": "prepared_h5",
        "record": "doi:10.5281/zenodo.7737587",
        "file": file.name,
        "fields": UNKNOWN_FIELDS,
        "seed": options.seed,
    }
    return Reading(parts, summary, provenance)


def _of_file(path: Path) -> int:
    """Returns what row 0 of a file has for its field: rows of two files are never one field."""
    return zlib.crc32(path.name.encode()) * 10**9


def _chosen_file(path: Path) -> Path:
    if path.is_file():
        return path
    there = [name for name in FILES if (path / name).is_file()]
    if len(there) > 1:
        raise SettingsError(
            "several prepared files here, each a store of its own",
            where=path,
            found="; ".join(f"{name} ({FILES[name]})" for name in there),
            hint="give the path of one of them",
        )
    return path / there[0]


@dataclass(frozen=True)
class _Shapes:
    num_series: int
    num_dates: int
    planet: tuple[int, ...] | None
    labels: bool


class _Prepared:
    """One file, opened by its shapes and dates; its series come in blocks."""

    def __init__(self, path: Path, options: IngestOptions, summary: ReadingSummary) -> None:
        self._path, self._options, self._summary = path, options, summary
        with opened(path) as file:
            self._name = "time_series" if "time_series" in file else "sentinel2_data"
            self._shapes = self._check_shapes(file)
            self._layout = self._planet_layout(file) if self._shapes.planet else None
            self._scale = self._detect_scale(file)
        folder = path.parent
        num = self._shapes.num_dates
        self._dates = read_dates(folder, SENTINEL2_DATES, num, beside=path)
        self._year = one_year(self._dates, options.year, where=folder / SENTINEL2_DATES)
        self._planet_dates: list[datetime] = []
        if self._shapes.planet:
            num_days = self._shapes.planet[1 if self._layout == "series first" else 0]
            self._planet_dates = read_dates(folder, PLANETSCOPE_DATES, num_days, beside=path)
            one_year(self._planet_dates, options.year, where=folder / PLANETSCOPE_DATES)
        self._rows = self._choose_rows()
        self._say()

    def _check_shapes(self, file: Any) -> _Shapes:
        if self._name not in file:
            raise DataError(
                "this is none of the prepared files",
                where=self._path,
                found="data sets " + (", ".join(file) or "none"),
                expected="sentinel2_data and planet_data, or time_series and crop_labels",
            )
        for name in (self._name, "planet_data", "crop_labels"):
            if name in file:
                check_data_set(file[name], name, self._path)
        shape = file[self._name].shape
        self._bands = sensors.check_bands(self._options.bands or sensors.SENTINEL2_BANDS)
        if len(shape) != 3 or shape[2] != len(self._bands):
            raise BandError(
                "the Sentinel-2 series have another shape",
                where=self._path,
                found=f"{self._name} {shape}",
                expected=f"(series, dates, {len(self._bands)} bands)",
            )
        planet = None
        if "planet_data" in file and self._options.planetscope != "none":
            planet = tuple(file["planet_data"].shape)
        labels = "crop_labels" in file
        if labels and file["crop_labels"].shape not in ((shape[0],), (shape[0], 1)):
            raise DataError(
                "labels and series differ in number",
                where=self._path,
                found=f"crop_labels {file['crop_labels'].shape}, {shape[0]} series",
                expected=f"({shape[0]},)",
            )
        if not shape[0] or not shape[1]:
            raise DataError("no series", where=self._path, found=f"{self._name} {shape}")
        return _Shapes(shape[0], shape[1], planet, labels)

    def _planet_layout(self, file: Any) -> PlanetLayout:
        shape, num = self._shapes.planet, self._shapes.num_series
        assert shape is not None
        if len(shape) == 4 and shape[0] == num and shape[2:] == (NUM_PLANETSCOPE, WINDOW):
            return "series first"
        if len(shape) == 3 and shape[0] and shape[1:] == (NUM_PLANETSCOPE, num * WINDOW):
            # Nothing says which index runs faster; the nine pixels of one window are alike.
            values = np.asarray(file["planet_data"][0, 0], dtype=np.float64)
            by_pixel = np.nanvar(values.reshape(num, WINDOW), axis=1).mean()
            by_window = np.nanvar(values.reshape(WINDOW, num), axis=0).mean()
            if by_pixel <= by_window:
                return "days first, pixel by pixel"
            return "days first, window by window"
        raise DataError(
            "the PlanetScope series have another shape",
            where=self._path,
            found=f"planet_data {shape}",
            expected=f"({num}, days, 4, 9) or (days, 4, {num * WINDOW})",
        )

    def _detect_scale(self, file: Any) -> Scale:
        for start in range(0, self._shapes.num_series, _BLOCK):
            found = scale_of(file[self._name][start : start + _BLOCK], where=self._path)
            if found is not None:
                return agreed_scale(found, self._options.scale, where=self._path)
        raise DataError("no series has data", where=self._path, found="NaN or 0 everywhere")

    def _choose_rows(self) -> npt.NDArray[np.intp]:
        num, wanted = self._shapes.num_series, self._options.num_series
        if wanted is None or wanted >= num:
            return np.arange(num)
        return np.sort(np.random.default_rng(self._options.seed).permutation(num)[:wanted])

    def _say(self) -> None:
        summary, shapes = self._summary, self._shapes
        summary.say("content", FILES.get(self._path.name, "a prepared file under another name"))
        summary.say("processing_level", "L2A (DENETHOR's)")
        summary.say("bands", " ".join(self._bands))
        summary.say("scale", f"{self._scale} (detected)")
        summary.say("dates", f"{self._dates[0].date()} to {self._dates[-1].date()}")
        if self._path.name.startswith("validation_"):
            summary.say("dates_assumed", "task 2 is of 2019, but the record's dates are these")
        if shapes.planet:
            summary.say("planetscope", f"{len(self._planet_dates)} days, {self._layout}")
        elif self._options.planetscope == "none":
            summary.say("planetscope", "none (as wanted)")
        else:
            summary.say("planetscope", "none in this file")
        summary.say("cloud", "not known: the cloud loss is off")
        summary.say("field", "not known: a split cannot be checked for leakage")
        summary.say("licence", "the record names none")
        summary.count("series_in_the_file", shapes.num_series)
        summary.count("series", len(self._rows))

    def parts(self) -> Iterator[Series]:
        """Returns the chosen series, block by block; those without any usable date are left out."""
        left_out = 0
        self._tally = RangeTally(self._summary)
        with opened(self._path) as file:
            for start in range(0, self._shapes.num_series, _BLOCK):
                stop = min(start + _BLOCK, self._shapes.num_series)
                first, last = np.searchsorted(self._rows, (start, stop))
                rows = self._rows[first:last]
                if not len(rows):
                    continue
                part = self._block(file, start, stop, rows)
                seen = part.valid.any(axis=1)
                left_out += int((~seen).sum())
                self._summary.count("series_without_a_usable_date_left_out", left_out)
                if seen.any():
                    yield part.select(np.flatnonzero(seen))
        self._tally.refuse(where=self._path, factor=factor_of(self._scale))

    def _block(self, file: Any, start: int, stop: int, rows: npt.NDArray[np.intp]) -> Series:
        inside = rows - start
        where = f"{self._path}, rows {start} to {stop - 1}"
        converted = to_integers(file[self._name][start:stop][inside], self._scale, where=where)
        self._tally.count_part(converted)
        name = "dates_of_series_without_data_made_invalid"
        number = int((~converted.valid).sum())
        self._summary.count(name, self._summary.counts.get(name, 0) + number)
        days = days_of_year(self._dates)
        fine = fine_days = None
        if self._shapes.planet:
            fine = self._planet(file["planet_data"], start, stop)[inside]
            fine_days = days_of_year(self._planet_dates)
        label = None
        if self._shapes.labels:
            label = self._labels(file["crop_labels"][start:stop][inside], rows)
        return Series(
            reflectance=converted.values,
            day_of_year=np.tile(days, (len(rows), 1)),
            valid=converted.valid,
            bands=self._bands,
            processing_level="L2A",
            id=rows.astype(np.int64),
            field_id=_of_file(self._path) + rows.astype(np.int64),
            year=np.full(len(rows), self._year, dtype=np.int16),
            planetscope=fine,
            planetscope_day=fine_days,
            label=label,
            legend=None if label is None else DENETHOR,
        )

    def _planet(self, data: Any, start: int, stop: int) -> npt.NDArray[np.int16]:
        num, count = self._shapes.num_series, stop - start
        if self._layout == "series first":
            values = np.asarray(data[start:stop])
        elif self._layout == "days first, pixel by pixel":
            block = data[:, :, start * WINDOW : stop * WINDOW]
            values = block.reshape(-1, NUM_PLANETSCOPE, count, WINDOW).transpose(2, 0, 1, 3)
        else:
            blocks = [data[:, :, k * num + start : k * num + stop] for k in range(WINDOW)]
            values = np.stack(blocks, axis=-1).transpose(2, 0, 1, 3)
        where = f"{self._path}, rows {start} to {stop - 1}"
        return planetscope_integers(values, self._scale, where=where, summary=self._summary)

    def _labels(
        self, values: npt.NDArray[Any], rows: npt.NDArray[np.intp]
    ) -> npt.NDArray[np.int16]:
        codes = values.reshape(len(rows))
        known = (codes == np.round(codes)) & (codes >= 0) & (codes <= len(DENETHOR))
        if not known.all():
            row = int(np.argmin(known))
            raise DataError(
                "an unknown crop code",
                where=f"{self._path}, row {rows[row]}",
                found=codes[row],
                expected=f"1 to {len(DENETHOR)}, 0 unlabelled",
            )
        return (codes.astype(np.int16) - 1).astype(np.int16)
