"""Whether digital numbers hold the offset of baseline 04.00, as far as the values show it.

Land without the offset has a band below 700 somewhere on every clear date; with it, none below
900. A date without dark values may hold the offset, or be hazy or of bright soil alone. Green
vegetation tells them apart: without the offset its red light is far darker than 900. In an input
that mixes both, a date that holds the offset is about 1,000 brighter than its neighbours *in
every band*, while haze hardly brightens the near infrared. The most likely sequence of dates
with and without the offset is found by dynamic programming (Viterbi 1967).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

OFFSET = -1000
"""What brings digital numbers of baseline 04.00 and later to reflectance x 10,000."""

FIRST_DAY = np.datetime64("2022-01-25", "D")
"""The day from which all products are of baseline 04.00 or later."""

DARK = 700.0
"""Digital numbers of the darkest band of clear land stay below this without the offset."""
SHIFTED = (900.0, 1700.0)
"""Between these they lie with it; an overcast scene lies above."""

_SHARE = 0.01
_GREEN = 0.4
_MIN_EARLY_DATES = 3
_SWITCH = 300.0
_BRIGHTEST = 2700.0
"""With the offset, a date that is clear has a band below, over the brightest soil."""
_MOSTLY = 0.2
"""A date shows the land where at least this share of its observations is clear."""
_MANY, _LONG, _HALF = 0.25, 3, 0.5
_CLEARLY, _PERHAPS = 1500.0, 400.0
"""What speaks for the offset on a green date without dark values, with and without clouds known;
in the units of a misfit of the values."""
_RED, _NEAR_INFRARED = ("B04", "B05"), ("B08", "B8A", "B07")


@dataclass(frozen=True)
class Observations:
    """Digital numbers of usable observations.

    Attributes:
        values: (R, B) digital numbers.
        date: (R,) position of each in the list of dates.
        series: (R,) number of the series of each: the same place at several dates.
        bands: names of the B bands.
        clear: (R,) whether a cloud measure calls it clear, or None where there is none.
    """

    values: npt.NDArray[np.float64]
    date: npt.NDArray[np.intp]
    series: npt.NDArray[np.intp]
    bands: Sequence[str]
    clear: npt.NDArray[np.bool_] | None = None

    def plus(self, added: npt.NDArray[np.float64]) -> Observations:
        """Returns the observations after something was added to each date."""
        return replace(self, values=self.values + added[self.date][:, None])


@dataclass(frozen=True)
class Shown:
    """What the values show of each of G dates.

    Attributes:
        floor: (G,) the darkest value; infinite where nothing was observed.
        added: (G,) 0 or -1000, what the values call for; NaN where they do not tell.
        filled: (G,) True where a date itself does not tell, and its nearest neighbour does.
        without_offset, with_offset: (G,) True where the date itself tells.
    """

    floor: npt.NDArray[np.float64]
    added: npt.NDArray[np.float64]
    filled: npt.NDArray[np.bool_]

    without_offset: npt.NDArray[np.bool_]
    with_offset: npt.NDArray[np.bool_]


def shown_by_values(observed: Observations, days: npt.NDArray[np.datetime64]) -> Shown:
    """Decides date by date, apart for the dates before and since 25 January 2022.

    Args:
        observed: digital numbers before anything is added.
        days: (G,) the dates.
    """
    floor, dark, green = _by_date(observed, len(days))
    shifted = ~dark & (floor >= SHIFTED[0]) & (floor <= SHIFTED[1])
    added = np.full(len(days), np.nan)
    told = np.zeros(len(days), dtype=np.bool_)
    for era in (days < FIRST_DAY, days >= FIRST_DAY):
        here = np.flatnonzero(era)
        if not len(here):
            continue
        surely = observed.clear is not None or days[here[0]] >= FIRST_DAY
        least = 1 if surely else _MIN_EARLY_DATES
        candidates = shifted & green & era
        if not (dark & era).any():
            if candidates.sum() >= least:
                added[here] = OFFSET
                told |= candidates
            continue
        added[here] = 0
        told |= dark & era
        seen = floor <= SHIFTED[1]
        if observed.clear is not None:
            seen = dark | (_clear_share(observed, len(days)) >= _MOSTLY) & (floor <= _BRIGHTEST)
        bright = seen & era & ~dark
        if candidates.any() or (observed.clear is not None and bright.any()):
            order = here[np.argsort(days[here], kind="stable")]
            shown = order[seen[order]]
            clearly = _CLEARLY if observed.clear is not None else _PERHAPS
            evidence = np.where(green, clearly, 0.0)
            evidence[dark | (floor < SHIFTED[0])] = -np.inf
            holds = _most_likely(observed, shown, evidence=evidence[shown])
            if observed.clear is None:
                everywhere = np.ones(len(shown), dtype=np.bool_)
                holds = _without_haze(holds, doubtful=everywhere, at_ends=True)
            else:
                cloudy = _clear_share(observed, len(days))[shown] < _HALF
                holds = _without_haze(holds, doubtful=cloudy, at_ends=False)
            told[shown[holds & green[shown]]] = True
            added[order] = _nearest(days, order, shown, np.where(holds, OFFSET, 0))
    with_offset = told & (added == OFFSET)
    return Shown(floor, added, np.isfinite(added) & ~told, told & (added == 0), with_offset)


def _by_date(
    observed: Observations, num_dates: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Returns each date's darkest value, whether it is dark, and whether vegetation is green."""
    darkest = observed.values.min(axis=1) if len(observed.values) else np.empty(0)
    date = observed.date
    floor = np.full(num_dates, np.inf)
    np.minimum.at(floor, date, darkest)
    number = np.bincount(date, minlength=num_dates)
    num_dark = np.bincount(date, weights=darkest < DARK, minlength=num_dates)
    dark = (num_dark > 0) & (num_dark >= _SHARE * number)
    index = _greenness(observed)
    seen = np.ones(len(date), dtype=np.bool_) if observed.clear is None else observed.clear
    num_green = np.bincount(date, weights=seen & (index >= _GREEN), minlength=num_dates)
    green = (num_green > 0) & (num_green >= _SHARE * number)
    # An outlier below what the dates' share of dark values allows is no floor.
    outlier = ~dark & (floor < DARK)
    for position in np.flatnonzero(outlier):
        floor[position] = np.quantile(darkest[date == position], _SHARE, method="higher")
    return floor, dark, green


def _clear_share(observed: Observations, num_dates: int) -> npt.NDArray[np.float64]:
    """Returns the share of each date's observations that a cloud measure calls clear."""
    assert observed.clear is not None
    number = np.bincount(observed.date, minlength=num_dates)
    clear = np.bincount(observed.date, weights=observed.clear, minlength=num_dates)
    return np.asarray(clear / np.maximum(number, 1))


def _greenness(observed: Observations) -> npt.NDArray[np.float64]:
    """Returns (near infrared - red) / (near infrared + red); 0 where a band is missing."""
    position = {band: index for index, band in enumerate(observed.bands)}
    red = next((position[band] for band in _RED if band in position), None)
    infrared = next((position[band] for band in _NEAR_INFRARED if band in position), None)
    if red is None or infrared is None:
        return np.zeros(len(observed.values))
    one, other = observed.values[:, infrared], observed.values[:, red]
    return np.asarray((one - other) / np.maximum(one + other, 1.0))


def _most_likely(
    observed: Observations, dates: npt.NDArray[np.intp], *, evidence: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Returns which of some dates, in order, hold the offset.

    Args:
        observed: the observations.
        dates: (n,) positions of the dates.
        evidence: (n,) what each date itself costs if it is taken not to hold it; minus infinity
            where it cannot hold it.
    """
    rows = _rows_of_dates(observed, dates)
    alone = np.stack([np.maximum(evidence, 0.0), np.where(np.isfinite(evidence), 0.0, np.inf)])
    cost = alone[:, 0]
    back: list[npt.NDArray[np.intp]] = []
    for index in range(1, len(dates)):
        jump = _jump(observed, rows[index - 1], rows[index])
        step = [
            [np.abs(jump + OFFSET * (to - one)).mean() + _SWITCH * (one != to) for to in (0, 1)]
            for one in (0, 1)
        ]
        total = cost[:, None] + np.array(step)
        back.append(np.argmin(total, axis=0))
        cost = total.min(axis=0) + alone[:, index]
    state = int(np.argmin(cost))
    states = [state]
    for choice in reversed(back):
        state = int(choice[state])
        states.append(state)
    return np.array(states[::-1], dtype=np.bool_)


def _without_haze(
    holds: npt.NDArray[np.bool_], *, doubtful: npt.NDArray[np.bool_], at_ends: bool
) -> npt.NDArray[np.bool_]:
    """Leaves out short runs of doubtful dates where few hold the offset: they are taken for haze.

    Without a cloud measure a tenth of the dates pass for shifted. With one, so do two mostly cloudy
    dates in a row.

    Args:
        holds: (n,) which dates, in order, seem to hold the offset.
        doubtful: (n,) dates that show too little clear land to be believed alone.
        at_ends: whether a run at the first or last date is left out too; an archive may switch
            there.
    """
    if holds.mean() >= _MANY:
        return holds
    kept = holds.copy()
    edges = np.flatnonzero(np.diff(holds.astype(np.int8))) + 1
    for start, stop in itertools.pairwise([0, *edges.tolist(), len(holds)]):
        inside = start > 0 and stop < len(holds)
        short = stop - start < _LONG and doubtful[start:stop].all()
        if short and (inside or at_ends):
            kept[start:stop] = False
    return kept


def _rows_of_dates(
    observed: Observations, dates: npt.NDArray[np.intp]
) -> list[npt.NDArray[np.intp]]:
    """Returns the rows of each date: the clear ones where it has any."""
    order = np.argsort(observed.date, kind="stable")
    ordered = observed.date[order]
    starts, stops = np.searchsorted(ordered, dates), np.searchsorted(ordered, dates, side="right")
    rows = []
    for start, stop in zip(starts, stops, strict=True):
        here = order[start:stop]
        if observed.clear is not None and observed.clear[here].any():
            here = here[observed.clear[here]]
        rows.append(here)
    return rows


def _jump(
    observed: Observations, before: npt.NDArray[np.intp], after: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """Returns how much brighter each band is at a date than before.

    The median over common series.
    """
    _, one, other = np.intersect1d(
        observed.series[before], observed.series[after], return_indices=True
    )
    first, second = observed.values[before], observed.values[after]
    if len(one):
        return np.asarray(np.median(second[other] - first[one], axis=0))
    return np.asarray(np.median(second, axis=0) - np.median(first, axis=0))


def _nearest(
    days: npt.NDArray[np.datetime64],
    wanted: npt.NDArray[np.intp],
    known: npt.NDArray[np.intp],
    added: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    apart = np.abs(days[wanted].astype(np.int64)[:, None] - days[known].astype(np.int64)[None, :])
    return np.asarray(added[np.argmin(apart, axis=1)])
