"""Sentinel-2's offset: since processing baseline 04.00, digital numbers stand 1,000 too high.

From 25 January 2022 on the products hold ``reflectance x 10,000 + 1,000``, so that values below
zero survive. Many archives take the 1,000 off again, many do not, and a reader that does not know
is wrong by .1 reflectance. Metadata decide where there are any; else the darkest values do, since
no scene of vegetated land is without a band below 0.07; and where neither does, the user is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError, SettingsError
from windrow.sources.reader import ReadingSummary

OFFSET = -1000
"""What brings digital numbers of baseline 04.00 and later to reflectance x 10,000."""

FIRST_DAY = np.datetime64("2022-01-25", "D")
"""The day from which all products are of baseline 04.00 or later."""

_DARK = 700.0
"""Digital numbers of the darkest band of clear land stay below this without the offset."""
_SHIFTED = (900.0, 1700.0)
"""Between these they lie with it; an overcast scene lies above."""
_QUANTILE = 0.001


@dataclass(frozen=True)
class Offset:
    """What is added to the digital numbers of each date, and why.

    Attributes:
        since_2022: added to dates from 25 January 2022 on.
        before: added to earlier dates.
        how: the reason, for the report.
    """

    since_2022: int
    before: int
    how: str

    def of_dates(self, dates: npt.NDArray[np.datetime64]) -> npt.NDArray[np.int64]:
        """What is added to each date.

        Example:
            >>> Offset(-1000, 0, "x").of_dates(np.array(["2022-01-24", "2022-01-25"], "M8[D]"))
            array([    0, -1000])
        """
        return np.where(dates >= FIRST_DAY, self.since_2022, self.before)


def offset_of_baseline(baseline: str | float) -> int:
    """The offset that a processing baseline calls for.

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
            raise DataError(
                "unknown processing baseline", found=text[:40], expected="a number such as 04.00"
            ) from None
    return OFFSET if number >= 4 else 0


def looks_shifted(darkest: npt.NDArray[np.float64]) -> Literal["yes", "no", "unclear"]:
    """Whether digital numbers hold the offset, from the darkest band of many observations.

    Example:
        >>> looks_shifted(np.array([250.0, 4000.0])), looks_shifted(np.array([1180.0, 4000.0]))
        ('no', 'yes')
    """
    if not len(darkest):
        return "unclear"
    floor = float(np.quantile(darkest, _QUANTILE, method="lower"))
    if floor < _DARK:
        return "no"
    return "yes" if _SHIFTED[0] <= floor <= _SHIFTED[1] else "unclear"


def given_offset(offset: int, dates: npt.NDArray[np.datetime64]) -> Offset:
    """The offset that a user says: of the dates since 2022, or of all where all are earlier.

    Raises:
        SettingsError: it is neither 0 nor -1000.
    """
    if offset not in (0, OFFSET):
        raise SettingsError(
            "unknown --baseline-offset", found=offset, expected=f"0 or {OFFSET}, as it is added"
        )
    later = bool((dates >= FIRST_DAY).any())
    return Offset(offset, 0 if later else offset, "as given")


def offset_from_values(
    darkest: npt.NDArray[np.float64],
    dates: npt.NDArray[np.datetime64],
    *,
    where: object,
    report: ReadingSummary,
) -> Offset:
    """Decides by the darkest values, where there are dates since 2022.

    Args:
        darkest: (R,) the darkest band of each usable observation, digital numbers.
        dates: (R,) their days.
        where: the file, for messages.
        report: where a doubt about earlier dates is said.

    Raises:
        DataError: there are dates since 2022 and their values do not tell: the user is asked.
    """
    later = dates >= FIRST_DAY
    if (~later).any() and looks_shifted(darkest[~later]) == "yes":
        report.say(
            "baseline_doubt",
            "dates before 2022 have no value as dark as land is: where they were reprocessed with "
            "baseline 04.00 or later, give --baseline-offset -1000",
        )
    if not later.any():
        return Offset(0, 0, "none: all dates are before baseline 04.00 (25 January 2022)")
    verdict = looks_shifted(darkest[later])
    if verdict == "unclear":
        raise DataError(
            "whether digital numbers hold the offset of baseline 04.00 (January 2022) is not clear",
            where=where,
            found=f"{np.min(darkest[later]):g} as darkest value since {FIRST_DAY}",
            expected=f"below {_DARK:g} without it, {_SHIFTED[0]:g} to {_SHIFTED[1]:g} with it",
            hint="give --baseline-offset -1000 to take it off, or 0 where that was done",
        )
    low = f"the darkest values since {FIRST_DAY} are {np.min(darkest[later]):g}"
    if verdict == "yes":
        return Offset(OFFSET, 0, f"{OFFSET}, detected: {low}")
    return Offset(0, 0, f"none, already taken off: {low}")
