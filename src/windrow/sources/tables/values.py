"""What the numbers of a table mean: scale of reflectance, clouds, and the offset of each date."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from windrow.errors import DataError, SettingsError
from windrow.sources.formats.table_columns import numbers
from windrow.sources.reader import ReadingSummary, Scale, TableOptions
from windrow.sources.values.baseline_offset import Dates, decide_offsets, offset_of_baseline
from windrow.sources.values.cloud_measure import CLEAR_BELOW, ClearShare, describe, recognise_clouds
from windrow.sources.values.cloud_names import choose_cloud_name
from windrow.sources.values.offset_in_values import Observations
from windrow.sources.values.reflectance import (
    LARGEST_REFLECTANCE,
    SMALLEST_BRIGHT_DN,
    RangeTally,
    factor_of,
)

BASELINE_COLUMNS = ("processing_baseline", "s2:processing_baseline", "baseline")
"""Columns that hold the processing baseline of each row, such as 05.09."""
PRODUCT_COLUMNS = ("product_id", "product", "product_name", "title")
"""Columns that hold the name of a product, of which ``_N0509_`` is the processing baseline."""

_SHORTEST_FIRST = ("B02", "B03", "B01", "B04", "B05", "B06", "B07", "B08", "B8A", "B09")
_BASELINE = re.compile(r"_(N\d{4})_")
_TRUTH = {"true": 1.0, "t": 1.0, "yes": 1.0, "y": 1.0, "false": 0.0, "f": 0.0, "no": 0.0, "n": 0.0}


@dataclass(frozen=True)
class Rows:
    """The rows of a table, brought into the order of its series.

    Attributes:
        frame: the table as it was read.
        order: (R,) which row of it each one is.
        series: (R,) number of its series.
        keys: (R,) id of its series, for messages.
        days: (R,) datetime64[D].
        columns: column of each band.
        cloud: column of clouds, or None.
    """

    frame: pd.DataFrame
    order: npt.NDArray[np.intp]
    series: npt.NDArray[np.intp]
    keys: npt.NDArray[Any]
    days: npt.NDArray[np.datetime64]
    columns: Mapping[str, str]
    cloud: str | None


@dataclass(frozen=True)
class RowValues:
    """What the rows of a table mean.

    Attributes:
        valid: (R,) bool.
        reflectance: (R, B) int16, 0 where not valid.
        cloud: (R,) cloud probability 0..255, or None where the table has none.
    """

    valid: npt.NDArray[np.bool_]
    reflectance: npt.NDArray[np.int16]
    cloud: npt.NDArray[np.uint8] | None


def choose_cloud_column(
    frame: pd.DataFrame, given: str | None, table_path: Path, summary: ReadingSummary
) -> str | None:
    """Chooses the column of clouds: the one given, or found by name; names those that are not read.

    Raises:
        DataError: the column given is not there.
    """
    names = [str(column) for column in frame.columns]
    if given is not None and given not in names:
        raise DataError(
            f"no cloud column {given!r}", where=table_path, found="columns " + ", ".join(names)
        )
    found, others = choose_cloud_name(names)
    if given is not None:
        others = [name for name in (found, *others) if name is not None and name != given]
    if others:
        summary.say("cloud_columns_not_read", ", ".join(others))
    return given if given is not None else found


def values_of_rows(
    rows: Rows, options: TableOptions, table_path: Path, summary: ReadingSummary
) -> RowValues:
    """Returns scale, clouds and offset of a table's rows.

    Args:
        rows: the rows.
        options: what the user said of scale, clouds, offset and no data.
        table_path: the file, for messages.
        summary: where it is said what was taken, and what was left out is counted.

    Raises:
        DataError: no row is usable; the scale is mixed or impossible; what the clouds mean or
            whether the offset was taken off is not clear; or more than 1 % of the rows are out of
            the range of reflectance.
        SettingsError: ``cloud_measure`` is given and there are no clouds.
    """
    frame = rows.frame
    values = np.stack([numbers(frame[c], c, table_path) for c in rows.columns], axis=1)[rows.order]
    if options.no_data is not None:
        values[values == options.no_data] = np.nan
    usable, scaled, scale = _scaled(values, rows.keys, options.scale, table_path, summary)
    cloud = _clouds(rows, scaled, usable, options=options, table_path=table_path, summary=summary)
    added = _offsets(
        rows, scaled, usable, cloud=cloud, options=options, table_path=table_path, summary=summary
    )
    integers = np.where(usable[:, None], np.round(scaled) + added[:, None], 0.0)
    tally = RangeTally(summary)
    valid = tally.add(integers, usable)
    tally.refuse(where=table_path, factor=factor_of(scale))
    reflectance = np.where(valid[:, None], integers, 0.0).astype(np.int16)
    return RowValues(valid, reflectance, cloud)


def _scaled(
    values: npt.NDArray[np.float64],
    keys: npt.NDArray[Any],
    given: Scale | None,
    table_path: Path,
    summary: ReadingSummary,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64], Scale]:
    """Returns a mask of usable rows, their digital numbers (R, B), and their stored scale."""
    empty = np.isnan(values).any(axis=1)
    if empty.all():
        raise DataError(
            "every date has an empty band",
            where=table_path,
            found="NaN in every row",
            hint="leave out the columns of bands that were not measured",
        )
    no_data = ~empty & (values == 0).all(axis=1)
    usable = ~empty & ~no_data
    summary.count("dates_with_an_empty_band_made_invalid", int(empty.sum()))
    summary.count("dates_with_0_in_every_band_made_invalid", int(no_data.sum()))
    if not usable.any():
        raise DataError("every band is 0 at every date", where=table_path, expected="reflectance")
    found = _scale(values[usable], keys[usable], table_path)
    if given is not None and given not in get_args(Scale):
        raise DataError("unknown scale", found=given, expected="reflectance or dn")
    if given is not None and found != given:
        raise DataError(
            f"the values do not fit the scale {given!r}",
            where=table_path,
            found=f"values that look like {found!r}",
            hint="leave the scale out, or mend the table",
        )
    how = "0..1" if found == "reflectance" else "reflectance x 10,000"
    summary.say("scale", f"{found} ({how}, {'as given' if given else 'detected'})")
    scaled = np.where(usable[:, None], values, 0.0) * factor_of(found)
    return usable, np.clip(scaled, -1e9, 1e9), found


def _clouds(
    rows: Rows,
    scaled: npt.NDArray[np.float64],
    usable: npt.NDArray[np.bool_],
    *,
    options: TableOptions,
    table_path: Path,
    summary: ReadingSummary,
) -> npt.NDArray[np.uint8] | None:
    column = rows.cloud
    if column is None:
        if options.cloud_measure is not None:
            raise SettingsError(
                "--cloud-measure without clouds",
                where=table_path,
                hint="name them with --cloud-column",
            )
        summary.say("cloud", "not known: every date counts as clear")
        return None
    measured = _truth_or_numbers(rows.frame[column], column, table_path)[rows.order]
    bands = list(rows.columns.values())
    shortest = next((bands.index(band) for band in _SHORTEST_FIRST if band in bands), 0)
    layer = recognise_clouds(
        column,
        measured,
        blue=np.where(usable, scaled[:, shortest], np.nan),
        given=options.cloud_measure,
        where=table_path,
    )
    probability = layer.probability(measured, where=table_path)
    summary.count("dates_of_unknown_cloud_taken_as_cloudy", int(np.isnan(measured).sum()))
    share = ClearShare(summary, describe(layer))
    share.add(probability, usable)
    share.say()
    return probability


def _truth_or_numbers(
    column: pd.Series[Any], name: str, table_path: Path
) -> npt.NDArray[np.float64]:
    """Returns numbers; true and false, in the usual words, as 1 and 0."""
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        words = column.astype("string").str.strip().str.lower()
        truth = words.map(_TRUTH)
        if (truth.isna() == column.isna()).all():
            return np.asarray(truth.to_numpy(dtype=np.float64, na_value=np.nan))
    return numbers(column, name, table_path)


def _offsets(
    rows: Rows,
    scaled: npt.NDArray[np.float64],
    usable: npt.NDArray[np.bool_],
    *,
    cloud: npt.NDArray[np.uint8] | None,
    options: TableOptions,
    table_path: Path,
    summary: ReadingSummary,
) -> npt.NDArray[np.int64]:
    """Returns what is added to each row, (R,), date by date."""
    declared = _declared(rows)
    key = np.stack([rows.days.astype(np.int64), np.nan_to_num(declared, nan=1.0)], axis=1)
    _, first, date = np.unique(key[usable], axis=0, return_index=True, return_inverse=True)
    at = np.flatnonzero(usable)[first]
    observed = Observations(
        values=scaled[usable],
        date=date.ravel(),
        series=rows.series[usable],
        bands=tuple(rows.columns.values()),
        clear=None if cloud is None else cloud[usable] < CLEAR_BELOW // 2,
    )
    found = decide_offsets(
        observed,
        Dates(rows.days[at], declared[at]),
        given=options.baseline_offset,
        where=table_path,
        summary=summary,
    )
    added = np.zeros(len(usable), dtype=np.int64)
    added[usable] = found[date.ravel()]
    return added


def _declared(rows: Rows) -> npt.NDArray[np.float64]:
    """Returns what a column of baselines or product names says of each row, NaN where nothing."""
    by_name = {str(column).strip().lower(): column for column in rows.frame.columns}
    declared = np.full(len(rows.order), np.nan)
    for name in (*PRODUCT_COLUMNS, *BASELINE_COLUMNS):
        if name not in by_name:
            continue
        texts, code = np.unique(
            rows.frame[by_name[name]].astype("string").fillna("").to_numpy(dtype=str),
            return_inverse=True,
        )
        offsets = [_offset_in_text(text, is_product=name in PRODUCT_COLUMNS) for text in texts]
        said = np.array(offsets)[code][rows.order]
        declared = np.where(np.isnan(said), declared, said)
    return declared


def _offset_in_text(text: str, *, is_product: bool) -> float:
    if is_product:
        match = _BASELINE.search(text)
        return float(offset_of_baseline(match[1])) if match else np.nan
    return float(offset_of_baseline(text)) if text.strip() else np.nan


def _scale(values: npt.NDArray[np.float64], keys: npt.NDArray[Any], table_path: Path) -> Scale:
    """Returns the one scale of all rows: each row votes by its largest value, and all must agree.

    A dark row of digital numbers may stay below ``LARGEST_REFLECTANCE``, but then its values are
    whole numbers, which reflectance that is not 0 or 1 is not.
    """
    finite = np.isfinite(values).all(axis=1)
    values, keys = values[finite], keys[finite]
    if not len(values):
        raise DataError(
            "every reflectance is infinite", where=table_path, hint="leave cells without data empty"
        )
    largest = values.max(axis=1)
    whole = (values == np.round(values)).all(axis=1)
    reflectance = (largest <= LARGEST_REFLECTANCE) & ~whole
    dn = largest >= SMALLEST_BRIGHT_DN
    if dn.any() and reflectance.any():
        raise DataError(
            "the scale of reflectance is mixed",
            where=f"{table_path}, ids {keys[np.argmax(reflectance)]} and {keys[np.argmax(dn)]}",
            found=f"{int(reflectance.sum())} dates in 0..1 and {int(dn.sum())} x 10,000",
            hint="bring all rows to one scale",
        )
    between = ~dn & (largest > LARGEST_REFLECTANCE)
    if dn.any() and dn.sum() >= between.sum():
        return "dn"
    if not between.any() and not dn.any():
        return "reflectance"
    row = int(np.argmax(between))
    raise DataError(
        "the scale of reflectance is impossible",
        where=f"{table_path}, id {keys[row]}",
        found=f"{largest[row]:g} as largest value of a date",
        expected="reflectance 0..1 or reflectance x 10,000",
        hint="convert percent or decibels to reflectance",
    )
