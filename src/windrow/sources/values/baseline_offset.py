"""Sentinel-2's offset: since processing baseline 04.00, digital numbers stand 1,000 too high.

From 25 January 2022 on the products hold ``reflectance x 10,000 + 1,000``, so that values below
zero survive; older dates hold it too where they were reprocessed (Collection 1). Many archives
take the 1,000 off again, many do not. So the offset is decided for each date, from metadata where
there are any, and it is checked against the values: ``offset_in_values`` says what they show.
Where metadata and values contradict each other, or neither tells, the user is asked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError, SettingsError
from windrow.sources.reader import BaselineOffset, ReadingSummary
from windrow.sources.values.offset_in_values import (
    DARK,
    FIRST_DAY,
    OFFSET,
    SHIFTED,
    Observations,
    Shown,
    shown_by_values,
)

METADATA: dict[str, str] = {
    "`_N0500_` anywhere in the path of a file": "-1000 from N0400 on, else 0",
    "tag, attribute or column `processing_baseline`": "-1000 from 04.00 on, else 0",
    "tag or attribute `BOA_ADD_OFFSET`": "the number that stands there",
    "`add_offset` of a netCDF variable, offset of a GeoTIFF's band": "the number, x 10,000",
    "`earthsearch:boa_offset_applied: true` of a STAC item": "0",
    "`s2:processing_baseline` or `processing:version` of a STAC item": "as the baseline",
}
"""What metadata say of the offset; in this order where several stand there, the last two apart."""


@dataclass(frozen=True)
class Dates:
    """The dates of an input, and what metadata say of their offset.

    Attributes:
        days: (G,) datetime64[D]; a day may stand twice, with different metadata.
        declared: (G,) what metadata say is to be added, NaN where they say nothing.
    """

    days: npt.NDArray[np.datetime64]
    declared: npt.NDArray[np.float64]

    @staticmethod
    def without_metadata(days: npt.NDArray[np.datetime64]) -> Dates:
        """Dates of which no metadata are known."""
        return Dates(days, np.full(len(days), np.nan))


def offset_of_baseline(baseline: str | float, *, where: object = None) -> int:
    """Returns the offset that a processing baseline calls for.

    Args:
        baseline: its number, with or without the letter N.
        where: the file and the field in which it stands, for messages.

    Raises:
        DataError: it is no number of a baseline.

    Example:
        >>> offset_of_baseline("03.01"), offset_of_baseline("05.10"), offset_of_baseline("N0400")
        (0, -1000, -1000)
    """
    text = str(baseline).strip().upper()
    if text.startswith("N") and text[1:].isdigit():
        number = float(text[1:]) / 100
    else:
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
    if not 0 <= number < 100:
        raise DataError(
            "unknown processing baseline",
            where=where,
            found=repr(str(baseline))[:40],
            expected="a number such as 04.00",
            hint="correct it, or take it out of the metadata",
        )
    return OFFSET if number >= 4 else 0


def decide_offsets(
    observed: Observations,
    dates: Dates,
    *,
    given: BaselineOffset | None,
    where: object,
    summary: ReadingSummary,
) -> npt.NDArray[np.int64]:
    """Decides what is added to the digital numbers of each date, after saying so.

    Args:
        observed: digital numbers as they stand, of usable observations.
        dates: the days and their metadata.
        given: what the user said, or None.
        where: the file, for messages.
        summary: where it is said what is applied, and what is doubted.

    Returns:
        (G,) 0 or -1000 each, or what metadata name.

    Raises:
        DataError: metadata and values contradict each other, or neither tells.
        SettingsError: the number given is neither 0 nor -1000.
    """
    shown = shown_by_values(observed, dates.days)
    known = np.isfinite(dates.declared)
    if isinstance(given, str) and given not in ("metadata", "values"):
        raise SettingsError(
            "unknown --baseline-offset",
            found=given,
            expected=f"0 or {OFFSET}, as it is added, or metadata or values",
        )
    if isinstance(given, int):
        return _given(given, shown, dates.days, summary)
    if given != "values" and known.all():
        if given is None:
            _refuse_contradiction(observed, shown, dates, where)
        return _say(summary, dates.days, dates.declared.astype(np.int64), "from metadata")
    if given == "metadata":
        raise DataError(
            "metadata do not say whether the offset of baseline 04.00 was taken off",
            where=where,
            found=f"nothing on {int((~known).sum())} of {len(known)} dates",
            hint="give --baseline-offset values, 0 or -1000",
        )
    added = _from_values(shown, dates.days, where, summary)
    if given is None and known.any():
        _refuse_contradiction(observed, shown, dates, where)
        added = np.where(known, np.nan_to_num(dates.declared), added).astype(np.int64)
    return _say(summary, dates.days, added, _reason(shown, dates.days, added, summary))


def nearest_offsets(
    days: npt.NDArray[np.datetime64],
    added: npt.NDArray[np.int64],
    wanted: npt.NDArray[np.datetime64],
) -> npt.NDArray[np.int64]:
    """Returns the offset of the nearest day, for days of which the sample held none.

    Example:
        >>> days = np.array(["2022-01-10", "2022-02-01"], dtype="M8[D]")
        >>> wanted = np.array(["2022-01-12", "2022-03-01"], dtype="M8[D]")
        >>> nearest_offsets(days, np.array([0, -1000]), wanted)
        array([    0, -1000])
    """
    apart = np.abs(wanted.astype(np.int64)[:, None] - days.astype(np.int64)[None, :])
    return np.asarray(added[np.argmin(apart, axis=1)])


def _given(
    given: int, shown: Shown, days: npt.NDArray[np.datetime64], summary: ReadingSummary
) -> npt.NDArray[np.int64]:
    if given not in (0, OFFSET):
        raise SettingsError(
            "unknown --baseline-offset",
            found=given,
            expected=f"0 or {OFFSET}, as it is added to every date, or metadata or values",
        )
    against = shown.without_offset if given else shown.with_offset
    if against.any():
        told = "it was taken off already" if given else "they still hold it"
        summary.say(
            "baseline_doubt",
            f"{_days(days[against])} look as if {told} (darkest value "
            f"{shown.floor[against].min():g})",
        )
    return _say(summary, days, np.full(len(days), given, dtype=np.int64), "as given")


def _say(
    summary: ReadingSummary,
    days: npt.NDArray[np.datetime64],
    added: npt.NDArray[np.int64],
    how: str,
) -> npt.NDArray[np.int64]:
    shifted = added != 0
    if not shifted.any():
        summary.say("baseline_offset", f"none, {how}")
    elif shifted.all():
        summary.say("baseline_offset", f"{added.min()} on all {len(days)} dates, {how}")
    else:
        text = f"{added.min()} on {_days(days[shifted])}, 0 on {_days(days[~shifted])}"
        summary.say("baseline_offset", f"{text}, {how}")
    return added


def _days(days: npt.NDArray[np.datetime64]) -> str:
    """Returns how many dates, and from when to when.

    Example:
        >>> _days(np.array(["2022-02-01", "2022-03-01"], dtype="M8[D]"))
        '2 dates (2022-02-01 to 2022-03-01)'
    """
    if len(days) == 1:
        return f"1 date ({days[0]})"
    return f"{len(days)} dates ({days.min()} to {days.max()})"


def _from_values(
    shown: Shown, days: npt.NDArray[np.datetime64], where: object, summary: ReadingSummary
) -> npt.NDArray[np.int64]:
    """Returns what the values call for.

    Dates before 2022 of which they do not tell are taken as 0.
    """
    open_dates = np.isnan(shown.added)
    late = open_dates & (days >= FIRST_DAY)
    if late.any():
        raise DataError(
            "whether digital numbers hold the offset of baseline 04.00 (January 2022) is not clear",
            where=where,
            found=f"{shown.floor[late].min():g} as darkest value since {FIRST_DAY}, and no green "
            "vegetation that would be as bright without the offset alone",
            expected=f"below {DARK:g} without it, {SHIFTED[0]:g} to {SHIFTED[1]:g} with it",
            hint="give --baseline-offset -1000 to take it off, or 0 where that was done",
        )
    if open_dates.any() and (shown.floor[open_dates].min() >= SHIFTED[0]):
        summary.say(
            "baseline_doubt",
            f"{_days(days[open_dates])} have no value as dark as land is, which bright soil or "
            "clouds explain; where they were reprocessed with baseline 04.00 or later, give "
            "--baseline-offset -1000",
        )
    return np.nan_to_num(shown.added).astype(np.int64)


def _reason(
    shown: Shown,
    days: npt.NDArray[np.datetime64],
    added: npt.NDArray[np.int64],
    summary: ReadingSummary,
) -> str:
    shifted = added != 0
    if not shifted.any():
        if (days < FIRST_DAY).all():
            return "as all dates are before baseline 04.00 (25 January 2022)"
        return f"already taken off, the darkest value is {shown.floor.min():g}"
    filled = int(shown.filled.sum())
    summary.count("dates_too_cloudy_to_show_the_offset_taken_like_the_nearest", filled)
    return f"detected: the darkest values there are {shown.floor[shifted].min():g}"


def _refuse_contradiction(
    observed: Observations, shown: Shown, dates: Dates, where: object
) -> None:
    """Refuses metadata that the values contradict.

    Raises:
        DataError: a date is too dark for the offset that metadata name, or still holds the offset
            after what they name is taken off.
    """
    declared = dates.declared
    wrong = (declared <= OFFSET) & shown.without_offset
    text = f"metadata say {OFFSET}, but it is taken off already"
    floor = shown.floor
    if not wrong.any():
        taken_off = observed.plus(np.nan_to_num(declared))
        left = shown_by_values(taken_off, dates.days)
        wrong = np.isfinite(declared) & left.with_offset
        text = "metadata say that there is none left, but the values hold it"
        floor = left.floor
    if wrong.any():
        raise DataError(
            "metadata and values contradict each other about the offset of baseline 04.00",
            where=where,
            found=f"{_days(dates.days[wrong])} with {floor[wrong].min():g} as darkest value: "
            f"{text}",
            hint="follow one of them with --baseline-offset values or --baseline-offset metadata, "
            "or give 0 or -1000 for every date",
        )


def offset_table() -> str:
    """Returns what metadata say of the offset, as a Markdown table.

    Example:
        >>> offset_table().splitlines()[0]
        '| metadata | added to digital numbers |'
    """
    lines = ["| metadata | added to digital numbers |", "| --- | --- |"]
    lines += [f"| {name} | {meaning} |" for name, meaning in METADATA.items()]
    return "\n".join(lines) + "\n"
