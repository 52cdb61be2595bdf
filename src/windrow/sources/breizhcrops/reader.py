"""BreizhCrops (Russwurm et al. 2020): parcel means of Brittany, HDF5 or raw CSV, L1C or L2A.

Layout: ``codes.csv``, ``classmapping.csv``, ``<year>/<level>/<region>.csv`` (the index) beside
``<region>.h5`` (one dataset per parcel) or ``<region>/csv/<parcel>.csv`` (raw). Regions frh01 to
frh04; belle-ile, a part of frh04 for quick trials, is read only where asked for or alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from windrow.data.legend import Legend
from windrow.data.series import Series
from windrow.data.store.zarr_store import SHARD
from windrow.errors import DataError, SettingsError
from windrow.sources.breizhcrops.columns import (
    CLOUD_MEANING,
    Columns,
    detect_columns,
    given_columns,
)
from windrow.sources.breizhcrops.files import Region, find_regions, find_root
from windrow.sources.reader import IngestOptions, Reading, ReadingSummary, refuse_options
from windrow.sources.values.cloud_measure import ClearShare
from windrow.sources.values.parcel_means import ParcelBatch, ParcelSeries, parcels_to_series
from windrow.sources.values.reflectance import RangeTally

OPTIONS = frozenset({"processing_level", "year", "tile", "bands", "protocol", "part", "classes"})

OFFICIAL_TRAIN: tuple[str, ...] = ("frh01", "frh02", "frh03")
OFFICIAL_TEST: tuple[str, ...] = ("frh04",)
PROTOCOLS = ("official", "leave-one-region-out")
LEFT_OUT_OF_SIX = (4, 5, 6)
"""Class ids that the paper's task leaves out: sunflower, orchards, nuts."""

_SAMPLE_PARCELS = 100


def recognises(path: Path) -> bool:
    """Whether a folder holds the class mapping of BreizhCrops and an index of a region."""
    root = find_root(path)
    return root is not None and bool(find_regions(path, root))


@dataclass(frozen=True)
class _Choice:
    """The regions and parcels that are read.

    ``index`` has one row per parcel: id, code, class_id, path, sequencelength, region.
    """

    regions: tuple[Region, ...]
    index: pd.DataFrame
    legend: Legend
    class_ids: tuple[int, ...]


def read(path: Path, options: IngestOptions) -> Reading:
    """Opens BreizhCrops.

    Options: ``year``, ``processing_level`` and ``tile`` (the region) choose where there are
    several; ``bands`` overrides the order of the columns; ``classes`` is all nine or the paper's
    six; ``protocol`` with ``part`` writes the train or test regions only.

    Raises:
        DataError: an index, a class mapping or a parcel is missing or damaged.
        SettingsError: an option does not fit, or must be given.
    """
    refuse_options(
        options,
        OPTIONS,
        product="BreizhCrops",
        reasons={"season_start": "each of its folders is one calendar year"},
    )
    root = find_root(path)
    if root is None:
        raise DataError("no classmapping.csv", where=path, hint="give the folder it lies in")
    summary = ReadingSummary(source=str(path))
    regions = _choose_regions(find_regions(path, root), options, summary)
    choice = _choose_parcels(root, regions, options, summary)
    columns = {region.name: _columns(region, choice, options, summary) for region in regions}
    level, year = regions[0].level, regions[0].year
    summary.say("product", f"BreizhCrops {year}, {level}, parcel means")
    summary.say("regions", ", ".join(f"{r.name} ({r.kind})" for r in regions))
    first = columns[regions[0].name]
    summary.say("bands", " ".join(first.bands))
    if "B10" in first.names:
        summary.say("dropped_bands", "B10 (cirrus), which is no input")
    elif level == "L2A":
        summary.say("missing_bands", "B01 and B09, which this level does not have")
    summary.say("scale", "dn (reflectance x 10,000)")
    summary.say("cloud", CLOUD_MEANING[level])
    summary.say("classes", ", ".join(choice.legend.names))
    summary.count("parcels", len(choice.index))
    return Reading(
        parts=_parts(choice, columns, summary),
        summary=summary,
        provenance={
            "product": "BreizhCrops",
            "reference": "Russwurm et al. 2020",
            "year": year,
            "regions": [region.name for region in regions],
        },
        tables={"parcels": _table(choice.index)},
    )


def _choose_regions(
    found: list[Region], options: IngestOptions, summary: ReadingSummary
) -> tuple[Region, ...]:
    for option, name, key in (
        ("--year", options.year, "year"),
        ("--processing-level", options.processing_level, "level"),
    ):
        there = sorted({str(getattr(region, key)) for region in found})
        if name is None and len(there) > 1:
            raise SettingsError(
                f"several of {option.removeprefix('--')}", found=", ".join(there), hint=f"{option}"
            )
        found = [r for r in found if name is None or getattr(r, key) == name]
        if not found:
            raise SettingsError(f"nothing of {option} {name}", found=", ".join(there))
    names = [region.name for region in found]
    wanted = _wanted_regions(names, options, summary)
    missing = [name for name in wanted if name not in names]
    if missing:
        raise DataError(
            f"region {missing[0]} is missing",
            where=found[0].index.parent,
            found=", ".join(names),
            expected=", ".join(wanted),
        )
    return tuple(region for region in found if region.name in wanted)


def _wanted_regions(
    names: list[str], options: IngestOptions, summary: ReadingSummary
) -> tuple[str, ...]:
    whole = tuple(name for name in names if name != "belle-ile") or tuple(names)
    if options.protocol is None:
        if options.part is not None:
            raise SettingsError("a part without a protocol", hint="give --protocol")
        if options.tile is not None:
            return (options.tile,)
        if "belle-ile" in names and whole != tuple(names):
            summary.say("left_out", "belle-ile, whose parcels are also in frh04")
        return whole
    if options.protocol not in PROTOCOLS:
        raise SettingsError(
            "unknown protocol", found=options.protocol, expected=" or ".join(PROTOCOLS)
        )
    if options.part not in ("train", "test"):
        raise SettingsError("a protocol needs --part train or --part test", found=options.part)
    if options.protocol == "official":
        train, test = OFFICIAL_TRAIN, OFFICIAL_TEST
    elif options.tile is None:
        raise SettingsError("which region is left out", hint="name it with --tile")
    else:
        test = (options.tile,)
        train = tuple(n for n in (*OFFICIAL_TRAIN, *OFFICIAL_TEST) if n != options.tile)
    summary.say("protocol", f"{options.protocol}: train {' '.join(train)}, test {' '.join(test)}")
    summary.say("part", options.part)
    return train if options.part == "train" else test


def _choose_parcels(
    root: Path, regions: tuple[Region, ...], options: IngestOptions, summary: ReadingSummary
) -> _Choice:
    mapping = _class_mapping(root / "classmapping.csv")
    index = pd.concat([region.read_index() for region in regions], ignore_index=True)
    class_of = dict(zip(mapping["code"].astype(str), mapping["id"].astype(int), strict=True))
    index["class_id"] = index["code"].map(class_of)
    unknown = index["class_id"].isna()
    summary.count("parcels_of_codes_outside_the_class_mapping_left_out", int(unknown.sum()))
    if unknown.any():
        codes = index.loc[unknown, "code"].value_counts()
        summary.say(
            "codes_left_out",
            ", ".join(f"{code} ({count})" for code, count in codes.head(10).items())
            + (f" and {len(codes) - 10} more" if len(codes) > 10 else ""),
        )
    empty = ~unknown & (index["sequencelength"] <= 0)
    summary.count("parcels_without_a_date_left_out", int(empty.sum()))
    index = index[~unknown & ~empty]
    ids = sorted(mapping["id"].astype(int).unique())
    if options.classes == "paper":
        ids = [number for number in ids if number not in LEFT_OUT_OF_SIX]
        rare = ~index["class_id"].isin(ids)
        summary.count("parcels_of_classes_outside_the_papers_six_left_out", int(rare.sum()))
        index = index[~rare]
    if index.empty:
        raise DataError("no parcel has a known crop code", where=regions[0].index)
    names = mapping.drop_duplicates("id").set_index("id")["classname"]
    legend = Legend(
        names=tuple(str(names[number]) for number in ids),
        codes=tuple(str(number) for number in ids),
    )
    index = index.reset_index(drop=True)
    repeated = index["id"].duplicated()
    if repeated.any():
        raise DataError(
            "a parcel stands in two rows of the index",
            where=regions[0].index.parent,
            found=index["id"][repeated].iloc[0],
        )
    return _Choice(regions, index, legend, tuple(ids))


def _class_mapping(path: Path) -> pd.DataFrame:
    frame = pd.read_csv(path, dtype={"code": str, "classname": str})
    missing = {"id", "classname", "code"} - set(frame.columns)
    if missing:
        raise DataError(
            "a class mapping without crop codes",
            where=path,
            found="columns " + ", ".join(map(str, frame.columns)),
            expected="index, id, classname, code",
        )
    return frame


def _columns(
    region: Region, choice: _Choice, options: IngestOptions, summary: ReadingSummary
) -> Columns:
    rows = choice.index[choice.index["region"] == region.name]
    spread = np.unique(np.linspace(0, len(rows) - 1, _SAMPLE_PARCELS).astype(int))
    with region.opened() as load:
        if region.kind == "raw CSV":
            names = load.header(str(rows["path"].iloc[0]))
            columns = Columns(names, "named in the raw CSV")
        else:
            parcels = [load(str(rows["path"].iloc[row])) for row in spread]
            widths = {parcel.shape[-1] for parcel in parcels}
            if len(widths) > 1:
                raise DataError(
                    "parcels have different numbers of columns",
                    where=region.series,
                    found=" and ".join(map(str, sorted(widths))),
                )
            sample = np.concatenate(parcels)
            columns = _said_or_found(sample, region, options)
            dates = columns.parcel(sample, str(region.series)).dates
            summary.say(f"dates_of_{region.name}", f"{dates.min()} to {dates.max()}, of a sample")
    if columns.processing_level != region.level:
        raise DataError(
            "the columns are of another processing level than the folder",
            where=region.series,
            found=f"{len(columns.names)} columns, {columns.processing_level}",
            expected=region.level,
        )
    summary.say(f"columns_of_{region.name}", f"{' '.join(columns.names)} ({columns.how})")
    return columns


def _said_or_found(
    sample: npt.NDArray[np.float64], region: Region, options: IngestOptions
) -> Columns:
    if options.bands is None:
        return detect_columns(sample, where=region.series)
    given = given_columns(options.bands, sample.shape[1], region.series)
    try:
        found = detect_columns(sample, where=region.series)
    except DataError:
        return given
    if found.names == given.names:
        return given
    return Columns(given.names, f"as given, but the data look {found.how}")


def _table(index: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    region = index["region"].to_numpy(dtype=str)
    part = np.where(np.isin(region, OFFICIAL_TRAIN), "train", "")
    return {
        "id": index["id"].to_numpy(dtype=np.int64),
        "region": region,
        "crop_code": index["code"].to_numpy(dtype=str),
        "official": np.where(np.isin(region, OFFICIAL_TEST), "test", part),
    }


def _parts(
    choice: _Choice, columns: dict[str, Columns], summary: ReadingSummary
) -> Iterator[Series]:
    position = {number: index for index, number in enumerate(choice.class_ids)}
    num_dates = int(choice.index["sequencelength"].max())
    tally = RangeTally(summary)
    share = ClearShare(summary, CLOUD_MEANING[choice.regions[0].level])
    for region in choice.regions:
        rows = choice.index[choice.index["region"] == region.name]
        order = columns[region.name]
        with region.opened() as load:
            for start in range(0, len(rows), SHARD):
                some = rows.iloc[start : start + SHARD]
                parcels: list[ParcelSeries] = []
                for key in some["path"]:
                    values = load(str(key))
                    if len(values) > num_dates:
                        raise DataError(
                            "a parcel has more dates than the index says",
                            where=f"{region.series}, {key}",
                            found=len(values),
                            expected=f"at most {num_dates}",
                        )
                    parcels.append(order.parcel(values, f"{region.series}, {key}"))
                label = [position[int(number)] for number in some["class_id"]]
                batch = ParcelBatch(
                    bands=order.bands,
                    processing_level=order.processing_level,
                    year=region.year,
                    num_dates=num_dates,
                    id=some["id"].to_numpy(dtype=np.int64),
                    label=np.array(label, dtype=np.int16),
                    legend=choice.legend,
                )
                series = parcels_to_series(parcels, batch, summary, tally)
                if series.cloud_probability is not None:
                    share.add(series.cloud_probability, series.valid)
                yield series
    tally.refuse(where=choice.regions[0].series)
    share.say()
