"""Finds dates whose content fits another day of the year better than their own.

Each date is compared with what *other* dates say of every day: predicted by a model, or
interpolated. The date fits the day with the smallest misfit, the median over pixels of the mean
absolute difference over bands. The median holds against clouds that cover less than half.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

NUM_FOLDS = 5
"""Parts of the dates that are left out in turn. Neighbouring dates lie in different parts."""


@dataclass(frozen=True)
class MisdatedSettings:
    """When a date looks misdated.

    Attributes:
        least_days: least number of days between the date and the day that it fits.
        least_ratio: least ratio of the misfit at its own day to the misfit at the day that it fits.
        least_pixels: least number of clear pixels; dates with fewer are not judged.
        least_clear: least share of the valid pixels that are clear.
    """

    least_days: int
    least_ratio: float
    least_pixels: int
    least_clear: float


@dataclass(frozen=True, eq=False)
class DateFit:
    """How well dates fit their day.

    Attributes:
        judged: (T,) bool, dates with enough clear pixels.
        misfit: (T,) float64, misfit at the own day, reflectance; NaN where not judged.
        fitted_day: (T,) int64, position of the day that fits best; -1 where not judged.
        fitted_misfit: (T,) float64, misfit at that day.
        misdated: (T,) bool, dates that look misdated.
    """

    judged: npt.NDArray[np.bool_]
    misfit: npt.NDArray[np.float64]
    fitted_day: npt.NDArray[np.int64]
    fitted_misfit: npt.NDArray[np.float64]
    misdated: npt.NDArray[np.bool_]


def folds(clear_dates: npt.NDArray[np.bool_]) -> Iterator[npt.NDArray[np.bool_]]:
    """Yields the parts of the dates that are left out in turn.

    Args:
        clear_dates: (T,) bool, dates to judge. Others are in no part.

    Yields:
        (T,) bool.
    """
    number = np.cumsum(clear_dates) - 1
    for fold in range(NUM_FOLDS):
        part = clear_dates & (number % NUM_FOLDS == fold)
        if part.any():
            yield part


def misfits(
    observed: npt.NDArray[np.floating],
    clear: npt.NDArray[np.bool_],
    daily: npt.NDArray[np.floating],
) -> npt.NDArray[np.float64]:
    """Computes the misfit of each date at each day.

    Args:
        observed: (N, T, B) reflectance of N pixels.
        clear: (N, T) bool.
        daily: (N, D, B) what other dates say of every day; NaN where they say nothing.

    Returns:
        (T, D) float64; NaN where no pixel can be compared.
    """
    num_dates, num_days = observed.shape[1], daily.shape[1]
    found = np.full((num_dates, num_days), np.nan)
    known = np.isfinite(daily).all(axis=(1, 2))
    for date in range(num_dates):
        rows = clear[:, date] & known
        if rows.any():
            difference = np.abs(observed[rows, date][:, None] - daily[rows])
            found[date] = np.median(difference.mean(axis=2), axis=0)
    return found


def judge(
    misfit: npt.NDArray[np.float64],
    own_day: npt.NDArray[np.int64],
    judged: npt.NDArray[np.bool_],
    settings: MisdatedSettings,
) -> DateFit:
    """Decides which dates look misdated.

    Args:
        misfit: (T, D), from :func:`misfits`.
        own_day: (T,) position of each date among the days.
        judged: (T,) bool, dates with enough clear pixels.
        settings: the rule.

    Example:
        >>> rule = MisdatedSettings(least_days=2, least_ratio=2, least_pixels=1, least_clear=0)
        >>> misfit = np.array([[0.01, 0.02, 0.03, 0.04], [0.09, 0.08, 0.07, 0.01]])
        >>> judge(misfit, np.array([0, 1]), np.array([True, True]), rule).misdated.tolist()
        [False, True]
    """
    judged = judged & np.isfinite(misfit).any(axis=1)
    filled = np.where(np.isfinite(misfit), misfit, np.inf)
    best = filled.argmin(axis=1)
    dates = np.arange(len(misfit))
    own, least = filled[dates, own_day], filled[dates, best]
    far = np.abs(best - own_day) >= settings.least_days
    misdated = judged & far & (own >= settings.least_ratio * least)
    return DateFit(
        judged=judged,
        misfit=np.where(judged, own, np.nan),
        fitted_day=np.where(judged, best, -1),
        fitted_misfit=np.where(judged, least, np.nan),
        misdated=misdated,
    )
