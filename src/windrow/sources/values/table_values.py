"""What the numbers of a table mean: scale of reflectance, measure of clouds, days of the year."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.errors import DataError
from windrow.sources.reader import ReadingSummary, Scale
from windrow.sources.values.reflectance import (
    LARGEST_REFLECTANCE,
    SMALLEST_BRIGHT_DN,
    RangeTally,
    factor_of,
)


def reflectance_as_integers(
    values: npt.NDArray[np.float64],
    keys: npt.NDArray[Any],
    scale: Scale | None,
    place: Path,
    report: ReadingSummary,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int16]]:
    """Which rows are usable, and their reflectance x 10,000.

    Args:
        values: (R, B), NaN where a cell is empty.
        keys: (R,) the series' id of each row, for messages.
        scale: None detects it.
        place: the file, for messages.
        report: where the scale and the rows left out are said.

    Returns:
        valid (R,) and reflectance (R, B) int16, 0 where not valid.

    Raises:
        DataError: no row is usable, the scale is mixed, or more than 1 % of the rows are out of
            the range of reflectance.
    """
    empty = np.isnan(values).any(axis=1)
    if empty.all():
        raise DataError(
            "every date has an empty band",
            where=place,
            found="NaN in every row",
            hint="leave out the columns of bands that were not measured",
        )
    no_data = ~empty & (values == 0).all(axis=1)
    usable = ~empty & ~no_data
    report.count("dates_with_an_empty_band_made_invalid", int(empty.sum()))
    report.count("dates_with_0_in_every_band_made_invalid", int(no_data.sum()))
    if not usable.any():
        raise DataError("every band is 0 at every date", where=place, expected="reflectance")
    found = _scale(values[usable], keys[usable], place)
    if scale is not None and scale not in get_args(Scale):
        raise DataError("unknown scale", found=scale, expected="reflectance or dn")
    if scale is not None and found != scale:
        raise DataError(
            f"the values do not fit the scale {scale!r}",
            where=place,
            found=f"values that look like {found!r}",
            hint="leave the scale out, or mend the table",
        )
    how = "0..1" if found == "reflectance" else "reflectance x 10,000"
    report.say("scale", f"{found} ({how}, {'as given' if scale else 'detected'})")
    scaled = np.round(np.where(usable[:, None], values, 0.0) * factor_of(found))
    tally = RangeTally(report)
    valid = tally.add(scaled, usable)
    tally.refuse(where=place, factor=factor_of(found))
    return valid, np.where(valid[:, None], scaled, 0.0).astype(np.int16)


def _scale(values: npt.NDArray[np.float64], keys: npt.NDArray[Any], place: Path) -> Scale:
    """The one scale of all rows: each row votes by its largest value, and all must agree.

    A dark row of digital numbers may stay below ``LARGEST_REFLECTANCE``, but then its values are
    whole numbers, which reflectance that is not 0 or 1 is not.
    """
    finite = np.isfinite(values).all(axis=1)
    values, keys = values[finite], keys[finite]
    if not len(values):
        raise DataError(
            "every reflectance is infinite", where=place, hint="leave cells without data empty"
        )
    largest = values.max(axis=1)
    whole = (values == np.round(values)).all(axis=1)
    reflectance = (largest <= LARGEST_REFLECTANCE) & ~whole
    dn = largest >= SMALLEST_BRIGHT_DN
    if dn.any() and reflectance.any():
        raise DataError(
            "the scale of reflectance is mixed",
            where=f"{place}, ids {keys[np.argmax(reflectance)]} and {keys[np.argmax(dn)]}",
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
        where=f"{place}, id {keys[row]}",
        found=f"{largest[row]:g} as largest value of a date",
        expected="reflectance 0..1 or reflectance x 10,000",
        hint="convert percent or decibels to reflectance",
    )


def clouds_as_probability(
    values: npt.NDArray[np.float64], column: str, place: Path, report: ReadingSummary
) -> npt.NDArray[np.uint8]:
    """Cloud probability 0..255 of a column of clouds.

    A column ``cloud_fraction`` is 0..1 and ``clp`` is 0..255; any other is 0..1 where no value
    exceeds 1, else 0..255. An empty cell becomes 255, since it cannot be called clear; counted.

    Raises:
        DataError: a value is negative or above the range.
    """
    unknown = np.isnan(values)
    known = values[~unknown]
    largest = float(known.max()) if len(known) else 0.0
    name = column.strip().lower()
    fraction = name == "cloud_fraction" or (name != "clp" and largest <= 1.0)
    limit = 1.0 if fraction else 255.0
    if len(known) and (known.min() < 0 or not largest <= limit):
        raise DataError(
            "a cloud value is out of range",
            where=f"{place}, column {column}",
            found=f"{known.min():g} to {largest:g}",
            expected=f"0 to {limit:g}",
        )
    filled = np.where(unknown, limit, values)
    report.say("cloud", f"{column!r}, {'fraction 0..1' if fraction else 'probability 0..255'}")
    report.count("dates_of_unknown_cloud_taken_as_cloudy", int(unknown.sum()))
    if fraction:
        return sensors.cloud_probability_of_fraction(filled)
    return np.round(filled).astype(np.uint8)
