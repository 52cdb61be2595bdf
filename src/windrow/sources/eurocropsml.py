"""EuroCropsML (Reuss et al. 2025): one ``.npz`` a parcel, and splits with k labels a class.

``<NUTS3>_<parcel>_<EC_hcat_c>.npz`` holds ``data`` (T, 13), the parcel's median of each L1C band in
digital numbers, ``dates`` (T) and ``center`` (longitude, latitude). A split is a JSON file of file
names under ``train``, ``val`` and ``test``; each becomes a column of the store's table
``parcels``. Arrays are read without pickle.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.data.legend import Legend
from windrow.data.series import Series
from windrow.data.store.zarr_store import SHARD
from windrow.errors import DataError, SettingsError
from windrow.sources.formats.attributes import check_file, real_numbers
from windrow.sources.labels.legend_table import read_legend
from windrow.sources.reader import IngestOptions, Reading, ReadingSummary, refuse_options
from windrow.sources.values.baseline_offset import Dates, decide_offsets, nearest_offsets
from windrow.sources.values.offset_in_values import Observations
from windrow.sources.values.parcel_means import (
    CIRRUS_RATIO,
    ParcelBatch,
    ParcelSeries,
    TwelveMonths,
    parcels_to_series,
    twelve_months,
)
from windrow.sources.values.reflectance import RangeTally

OPTIONS = frozenset(
    {"year", "season_start", "tile", "protocol", "part", "legend", "baseline_offset"}
)

BANDS = tuple(sensors.SENTINEL2_L1C)
_NAME = re.compile(r"(?P<region>[A-Z]{2}[A-Z0-9]{0,3})_(?P<parcel>\d+)_(?P<code>\d+)\.npz")
_FOLDERS = ("", "preprocess", "preprocess/S2", "S2")
_PARTS = ("train", "val", "test")
_SAMPLE_PARCELS = 200
_KEPT = [index for index, band in enumerate(BANDS) if band != "B10"]


@dataclass(frozen=True)
class _Parcel:
    path: Path
    region: str
    code: str
    id: str


@dataclass(frozen=True)
class _Sample:
    """Observations (R, B) of some parcels, their days and the number of their parcel."""

    values: npt.NDArray[np.float64]
    dates: npt.NDArray[np.datetime64]
    parcel: npt.NDArray[np.intp]


def recognises(path: Path) -> bool:
    """Whether a folder holds ``.npz`` files named as EuroCropsML names them."""
    return _parcel_folder(path) is not None


def _parcel_folder(path: Path) -> Path | None:
    for name in _FOLDERS:
        folder = path / name
        if folder.is_dir() and any(_NAME.fullmatch(p.name) for p in folder.glob("*.npz")):
            return folder
    return None


def read(path: Path, options: IngestOptions) -> Reading:
    """Opens EuroCropsML.

    Options: ``season_start`` and ``year`` choose the twelve months; ``tile`` keeps the parcels
    whose NUTS region begins with it (``EE``, ``LV003``); ``protocol`` names a split
    (``latvia_vs_estonia/finetune/region_split_5``) and ``part`` one of train, val and test, to
    write only these; ``legend`` names the crop codes.

    Raises:
        DataError: a parcel or a split is damaged or does not fit.
        SettingsError: an option does not fit.
    """
    refuse_options(options, OPTIONS, product="EuroCropsML")
    folder = _parcel_folder(path)
    if folder is None:
        raise DataError("no EuroCropsML parcels", where=path)
    summary = ReadingSummary(source=str(path))
    parcels = _find_parcels(folder, options, summary)
    splits = _read_splits(path, parcels, summary)
    parcels, splits = _choose_part(parcels, splits, options, summary)
    every = [_dates(parcel, _load(parcel, ("dates",))[0]) for parcel in parcels]
    months = twelve_months(every, options, where=folder, summary=summary)
    sample = _check_bands(parcels, summary)
    offsets = _offsets(sample, options, folder, summary)
    legend, position = read_legend(
        options.legend, [p.code for p in parcels], where=folder, summary=summary
    )
    summary.say("product", f"EuroCropsML {months.year}, L1C, parcel medians")
    summary.say("bands", " ".join(BANDS[index] for index in _KEPT))
    summary.say("dropped_bands", "B10 (cirrus), which is no input")
    summary.say("scale", "dn (reflectance x 10,000)")
    summary.say("cloud", "not known: cloudy dates were left out by EuroCropsML, if at all")
    summary.say("classes", str(len(legend)))
    summary.count("parcels", len(parcels))
    table: dict[str, npt.NDArray[Any]] = {
        "id": np.array([p.id for p in parcels]),
        "nuts3": np.array([p.region for p in parcels]),
        "crop_code": np.array([p.code for p in parcels]),
        **splits,
    }
    return Reading(
        parts=_parts(parcels, (legend, position), (months, offsets), summary),
        summary=summary,
        provenance={"product": "EuroCropsML", "reference": "Reuss et al. 2025"},
        tables={"parcels": table},
    )


def _find_parcels(folder: Path, options: IngestOptions, summary: ReadingSummary) -> list[_Parcel]:
    found, foreign = [], 0
    for file_path in sorted(folder.glob("*.npz")):
        match = _NAME.fullmatch(file_path.name)
        if match is None:
            foreign += 1
            continue
        if options.tile is None or match["region"].startswith(options.tile):
            identity = f"{match['region']}_{match['parcel']}"
            found.append(_Parcel(file_path, match["region"], match["code"], identity))
    summary.count("files_with_another_name_left_out", foreign)
    if not found:
        raise SettingsError(f"no parcel of region {options.tile}", hint="give another --tile")
    ids = [parcel.id for parcel in found]
    if len(set(ids)) != len(ids):
        repeated = next(i for i in ids if ids.count(i) > 1)
        files = ", ".join(p.path.name for p in found if p.id == repeated)
        raise DataError("two files of one parcel", where=folder, found=files, hint="keep one")
    return found


def _read_splits(
    path: Path, parcels: list[_Parcel], summary: ReadingSummary
) -> dict[str, npt.NDArray[np.str_]]:
    """Reads a column a split file: train, val, test or nothing for each parcel."""
    row = {parcel.path.name: index for index, parcel in enumerate(parcels)}
    columns: dict[str, npt.NDArray[np.str_]] = {}
    absent: set[str] = set()
    for root in (path / "split", path.parent / "split", path.parent.parent / "split"):
        if not root.is_dir():
            continue
        for file_path in sorted(root.rglob("*.json")):
            name = file_path.relative_to(root).with_suffix("").as_posix()
            column = np.full(len(parcels), "", dtype="<U5")
            for part, files in _split_parts(file_path).items():
                known = [row[file] for file in files if file in row]
                absent.update(file for file in files if file not in row)
                column[known] = part
            columns[name.replace("/", ".")] = column
        break
    if columns:
        summary.say("splits", ", ".join(columns))
        summary.count("parcels_named_in_splits_but_not_read", len(absent))
    return columns


def _split_parts(file_path: Path) -> dict[str, list[str]]:
    """Returns the file names of each part; the meta-learning splits nest regions and classes."""
    try:
        content = json.loads(file_path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError("a split cannot be read", where=file_path, found=str(error)[:80]) from None
    if not isinstance(content, Mapping) or not set(content) <= set(_PARTS):
        raise DataError(
            "a split without parts", where=file_path, expected="file names under train, val, test"
        )
    parts = {part: list(_names(value)) for part, value in content.items()}
    seen: dict[str, str] = {}
    for part, names in parts.items():
        for name in names:
            if seen.setdefault(name, part) != part:
                raise DataError(
                    "a parcel stands in two parts of a split",
                    where=file_path,
                    found=f"{name} in {seen[name]} and {part}",
                )
    return parts


def _names(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield Path(value).name
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


def _choose_part(
    parcels: list[_Parcel],
    splits: dict[str, npt.NDArray[np.str_]],
    options: IngestOptions,
    summary: ReadingSummary,
) -> tuple[list[_Parcel], dict[str, npt.NDArray[np.str_]]]:
    if options.protocol is None:
        if options.part is not None:
            raise SettingsError("a part without a protocol", hint="name the split with --protocol")
        return parcels, splits
    name = options.protocol.removesuffix(".json").replace("/", ".")
    if name not in splits:
        raise SettingsError(
            f"no split {options.protocol}", found=", ".join(splits) or "no split at all"
        )
    kept = splits[name] != ""
    if options.part is not None:
        kept = splits[name] == options.part
    if not kept.any():
        raise SettingsError(f"no parcel in part {options.part} of {options.protocol}")
    summary.say("protocol", f"{name}, {options.part or 'all parts'}")
    chosen = [parcel for parcel, keep in zip(parcels, kept, strict=True) if keep]
    return chosen, {column: values[kept] for column, values in splits.items()}


def _load(parcel: _Parcel, names: tuple[str, ...]) -> list[npt.NDArray[Any]]:
    check_file(parcel.path)
    try:
        with parcel.path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            missing = [name for name in names if name not in file]
            if missing:
                raise DataError(
                    f"no array {missing[0]!r}", where=parcel.path, found=", ".join(file.files)
                )
            return [np.asarray(file[name]) for name in names]
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        pickled = "allow_pickle" in str(error) or "pickle" in str(error).lower()
        raise DataError(
            "the file holds Python objects, which are never loaded"
            if pickled
            else "the file is damaged or cut short",
            where=parcel.path,
            found=None if pickled else (str(error) or type(error).__name__)[:80],
        ) from None


def _dates(parcel: _Parcel, values: npt.NDArray[Any]) -> npt.NDArray[np.datetime64]:
    try:
        dates = values.astype("M8[D]")
    except (TypeError, ValueError):
        dates = None
    if dates is None or dates.ndim != 1 or values.dtype.kind not in "MU":
        raise DataError("dates are no dates", where=parcel.path, found=values.dtype)
    if np.isnat(dates).any():
        raise DataError("a date is missing", where=f"{parcel.path}, array dates", found="NaT")
    return np.asarray(dates)


def _values(parcel: _Parcel) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.datetime64]]:
    data, dates = _load(parcel, ("data", "dates"))
    days = _dates(parcel, dates)
    if data.ndim != 2 or data.shape != (len(days), len(BANDS)):
        raise DataError(
            "another number of bands or dates",
            where=parcel.path,
            found=f"data {data.shape}, {len(days)} dates",
            expected=f"(dates, {len(BANDS)})",
        )
    return real_numbers(data, field="the array data", where=parcel.path), days


def _centre(parcel: _Parcel) -> npt.NDArray[np.float64]:
    """Returns longitude and latitude of a parcel, in degrees."""
    field = "the array center"
    centre = real_numbers(_load(parcel, ("center",))[0], field=field, where=parcel.path).ravel()
    if len(centre) < 2 or not (np.abs(centre[:2]) <= (180, 90)).all():
        raise DataError(
            f"{field} is no place",
            where=parcel.path,
            found=" ".join(f"{value:g}" for value in centre[:3]) or "nothing",
            expected="longitude and latitude in degrees",
        )
    return centre[:2]


def _check_bands(parcels: list[_Parcel], summary: ReadingSummary) -> _Sample:
    """Returns a sample of observations.

    It checks that B10, if it is there, is the dark band.
    """
    spread = np.unique(np.linspace(0, len(parcels) - 1, _SAMPLE_PARCELS).astype(int))
    pairs = [_values(parcels[row]) for row in spread]
    values = np.concatenate([pair[0] for pair in pairs])
    dates = np.concatenate([pair[1] for pair in pairs])
    known = (values > 0).all(axis=1)
    if not known.any():
        raise DataError("no parcel has a value in every band", where=parcels[0].path.parent)
    means = values[known].mean(axis=0)
    darkest = int(np.argmin(means))
    dark = means[darkest] < CIRRUS_RATIO * np.sort(means)[1]
    if dark and BANDS[darkest] != "B10":
        raise DataError(
            "the bands are in another order",
            where=parcels[0].path.parent,
            found=f"the darkest in column {darkest + 1}",
            expected=f"the cirrus band B10 in column {BANDS.index('B10') + 1} of 13",
        )
    summary.say(
        "band_order",
        "numeric, B10 the darkest as it must be" if dark else "numeric, as EuroCropsML says",
    )
    number = np.repeat(np.arange(len(pairs)), [len(pair[1]) for pair in pairs])
    return _Sample(values[known][:, _KEPT], dates[known], number[known])


def _offsets(
    sample: _Sample, options: IngestOptions, folder: Path, summary: ReadingSummary
) -> tuple[npt.NDArray[np.datetime64], npt.NDArray[np.int64]]:
    """Returns the days of the sample, and what is added to each."""
    days, date = np.unique(sample.dates, return_inverse=True)
    bands = tuple(BANDS[index] for index in _KEPT)
    observed = Observations(sample.values, date, sample.parcel, bands)
    added = decide_offsets(
        observed,
        Dates.without_metadata(days),
        given=options.baseline_offset,
        where=folder,
        summary=summary,
    )
    return days, added


def _parts(
    parcels: list[_Parcel],
    classes: tuple[Legend, dict[str, int]],
    common: tuple[TwelveMonths, tuple[npt.NDArray[np.datetime64], npt.NDArray[np.int64]]],
    summary: ReadingSummary,
) -> Iterator[Series]:
    months, offsets = common
    legend, position = classes
    tally = RangeTally(summary)
    for start in range(0, len(parcels), SHARD):
        some = parcels[start : start + SHARD]
        series, centres = [], []
        for parcel in some:
            values, dates = months.of(*_values(parcel))
            added = np.where(values > 0, nearest_offsets(*offsets, dates)[:, None], 0)
            series.append(ParcelSeries((values + added)[:, _KEPT], dates, str(parcel.path)))
            centres.append(_centre(parcel))
        degrees = np.stack(centres)
        batch = ParcelBatch(
            bands=tuple(BANDS[index] for index in _KEPT),
            processing_level="L1C",
            year=months.year,
            num_dates=months.num_dates,
            season_start=months.start,
            id=np.array([parcel.id for parcel in some]),
            label=np.array([position[parcel.code] for parcel in some], dtype=np.int16),
            legend=legend,
            longitude=np.ascontiguousarray(degrees[:, 0]),
            latitude=np.ascontiguousarray(degrees[:, 1]),
        )
        yield parcels_to_series(series, batch, summary, tally)
    tally.refuse(where=parcels[0].path.parent)
