"""Pairs of one date of the prepared files (``pretraining_point2.h5``): which date each is of.

The file holds as many pixels for each of the dates of ``time_stamp_sentinel_list.pkl``, but not
which row is of which date. Two orders are natural: date by date, or pixel by pixel. The pixels of
one date share its weather, its sun and its season, so the right order is the one whose dates
explain the values; where neither does, the user is asked. The result is one series a pair, with a
single Sentinel-2 date and PlanetScope on that day alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.data.day_of_year import days_of_year
from windrow.data.series import NO_DATA, Series
from windrow.errors import BandError, DataError
from windrow.sources.prepared.record import (
    FILES,
    NUM_PLANETSCOPE,
    SENTINEL2_DATES,
    WINDOW,
    one_year,
    opened,
    planetscope_integers,
    read_dates,
)
from windrow.sources.reader import IngestOptions, ReadingSummary, Scale
from windrow.sources.values.reflectance import (
    RangeTally,
    agreed_scale,
    factor_of,
    scale_of,
    to_integers,
)

PairOrder = Literal["date", "pixel"]

_SENTINEL2, _PLANETSCOPE = "sentinel2_data", "planet_data"
PAIRS_A_BLOCK = 50_000
"""Pairs read at a time."""

SERIES_A_PART = 2_000
"""Series handed on at a time."""

SAMPLED_PAIRS = 60_000
"""About how many pairs decide the order of dates and pixels."""

_LEAST_EXPLAINED, _LEAST_RATIO = 0.1, 2.0


def is_pairs(path: Path) -> bool:
    """Whether a prepared file holds pairs of one date rather than series.

    Raises:
        DataError: the file is damaged or cut short.
    """
    with opened(path) as file:
        return _SENTINEL2 in file and file[_SENTINEL2].ndim == 2


def explained_by_groups(values: npt.NDArray[Any], group: npt.NDArray[np.integer[Any]]) -> float:
    """Computes the share of the ranks' variance that the groups explain, corrected for chance.

    This is omega squared of a one-way analysis of variance (Hays 1963) of the ranks of each band,
    and its mean over the bands: ranks, because a few clouds would rule the variance of the values.
    0 is what groups at random give, 1 is groups whose values are equal.

    Args:
        values: (n, bands).
        group: (n,) whole numbers from 0.

    Example:
        >>> random = np.random.default_rng(0)
        >>> group = np.repeat(np.arange(20), 50)
        >>> values = group[:, None] + random.normal(0, 0.1, (1000, 2))
        >>> round(explained_by_groups(values, group), 2)
        1.0
        >>> abs(explained_by_groups(values, random.permutation(group))) < 0.05
        True
    """
    num, groups = len(values), np.unique(group, return_inverse=True)[1]
    size = np.bincount(groups)
    if len(size) < 2 or num <= len(size):
        return 0.0
    shares = []
    for band in values.T:
        rank = np.unique(band, return_inverse=True)[1].astype(np.float64)
        if rank.max() == 0:
            continue
        mean = np.bincount(groups, weights=rank) / size
        between = float((size * (mean - rank.mean()) ** 2).sum())
        total = float(((rank - rank.mean()) ** 2).sum())
        within = (total - between) / (num - len(size))
        shares.append((between - (len(size) - 1) * within) / (total + within))
    return float(np.mean(shares)) if shares else 0.0


def open_pairs(path: Path, options: IngestOptions, summary: ReadingSummary) -> Iterator[Series]:
    """Opens a file of pairs, and yields one series a pair, in parts.

    Raises:
        DataError: shapes or dates do not fit, or the order of the pairs cannot be told.
        BandError: another number of bands.
    """
    pairs = _Pairs(path, options, summary)
    return pairs.parts()


class _Pairs:
    """A file of pairs: its shapes, dates and order."""

    def __init__(self, path: Path, options: IngestOptions, summary: ReadingSummary) -> None:
        self._path, self._options, self._summary = path, options, summary
        self._bands = sensors.check_bands(options.bands or sensors.SENTINEL2_BANDS)
        dates = read_dates(path.parent, SENTINEL2_DATES, None, beside=path)
        self._year = one_year(dates, options.year, where=path.parent / SENTINEL2_DATES)
        self._day = days_of_year(dates)
        with opened(path) as file:
            self._num, self._fine = self._check_shapes(file)
            self._a_date = self._num // len(dates)
            self._scale = self._detect_scale(file)
            self._order, how = self._find_order(file)
        num, wanted = self._num, options.num_series
        self._rows: npt.NDArray[np.intp] | None = None
        if wanted is not None and wanted < num:
            random = np.random.default_rng(options.seed)
            self._rows = np.sort(random.choice(num, size=wanted, replace=False))
        self._say(dates[0].date().isoformat(), dates[-1].date().isoformat(), how)

    def _check_shapes(self, file: Any) -> tuple[int, bool]:
        num, *bands = file[_SENTINEL2].shape
        if bands != [len(self._bands)]:
            raise BandError(
                "the pairs have another number of bands",
                where=self._path,
                found=f"{_SENTINEL2} {file[_SENTINEL2].shape}",
                expected=f"(pairs, {len(self._bands)} bands)",
            )
        if num == 0 or num % len(self._day):
            raise DataError(
                "the pairs and the dates do not fit",
                where=self._path,
                found=f"{num} pairs",
                expected=f"as many pixels for each of the {len(self._day)} dates of "
                f"{SENTINEL2_DATES}",
            )
        if _PLANETSCOPE not in file or self._options.planetscope == "none":
            return num, False
        shape = file[_PLANETSCOPE].shape
        if shape != (num, NUM_PLANETSCOPE, WINDOW):
            raise DataError(
                "the PlanetScope pairs have another shape",
                where=self._path,
                found=f"{_PLANETSCOPE} {shape}",
                expected=f"({num}, {NUM_PLANETSCOPE}, {WINDOW})",
            )
        return num, True

    def _detect_scale(self, file: Any) -> Scale:
        for start in range(0, self._num, PAIRS_A_BLOCK):
            values = file[_SENTINEL2][start : start + PAIRS_A_BLOCK]
            found = scale_of(values[:, None], where=self._path)
            if found is not None:
                return agreed_scale(found, self._options.scale, where=self._path)
        raise DataError("no pair has data", where=self._path, found="NaN or 0 everywhere")

    def _find_order(self, file: Any) -> tuple[PairOrder, str]:
        """Finds the order, and how it was found."""
        rows, values = self._sample(file)
        known = np.isfinite(values).all(axis=1) & (values != 0).any(axis=1)
        rows, values = rows[known], values[known]
        explained: dict[PairOrder, float] = {
            order: explained_by_groups(values, self._date_of(rows, order))
            for order in ("date", "pixel")
        }
        shares = (
            f"dates explain {explained['date']:.0%} of the variance date by date, "
            f"{explained['pixel']:.0%} pixel by pixel"
        )
        best: PairOrder = "date" if explained["date"] >= explained["pixel"] else "pixel"
        other: PairOrder = "pixel" if best == "date" else "date"
        clear = explained[best] >= _LEAST_EXPLAINED and (
            explained[best] >= _LEAST_RATIO * explained[other]
        )
        given = self._options.pair_order
        if given is not None:
            against = "; the values look otherwise" if clear and best != given else ""
            return given, f"as given ({shares}{against})"
        if not clear:
            raise DataError(
                "which date each pair is of cannot be told",
                where=self._path,
                found=shares,
                hint="give --pair-order date or pixel if you know it, or take "
                "pretraining_time2.h5, whose dates are known",
            )
        return best, f"told from the values: {shares}"

    def _sample(self, file: Any) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
        """Rows drawn from the whole file.

        Drawn one by one: a run of rows would be few pixels at all dates if the order is by pixel,
        and what distinguishes those pixels would pass for weather.
        """
        random = np.random.default_rng(0)
        share = min(1.0, SAMPLED_PAIRS / self._num)
        rows, values = [], []
        for start in range(0, self._num, PAIRS_A_BLOCK):
            block = file[_SENTINEL2][start : start + PAIRS_A_BLOCK]
            kept = np.flatnonzero(random.random(len(block)) < share)
            rows.append(start + kept)
            values.append(block[kept].astype(np.float64))
        return np.concatenate(rows), np.concatenate(values)

    def _date_of(self, rows: npt.NDArray[np.intp], order: PairOrder) -> npt.NDArray[np.intp]:
        return rows // self._a_date if order == "date" else rows % len(self._day)

    def _pixel_of(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        return rows % self._a_date if self._order == "date" else rows // len(self._day)

    def _say(self, first: str, last: str, how: str) -> None:
        summary = self._summary
        names = {"date": "date by date", "pixel": "pixel by pixel"}
        summary.say("content", FILES.get(self._path.name, "pairs of one date"))
        summary.say("processing_level", "L2A (DENETHOR's)")
        summary.say("bands", " ".join(self._bands))
        summary.say("scale", f"{self._scale} (detected)")
        summary.say("dates", f"{len(self._day)}, {first} to {last}, {self._a_date:,} pairs each")
        summary.say("pair_order", f"{names[self._order]}, {how}")
        summary.say("dates_assumed", f"they follow each other as in {SENTINEL2_DATES}")
        summary.say("planetscope", "on the day of the pair alone" if self._fine else "none")
        summary.say("cloud", "not known: the cloud loss is off")
        summary.say("field", "not known: the pairs of one position count as one pixel")
        summary.say("licence", "the record names none")
        summary.count("pairs_in_the_file", self._num)
        summary.count("series", self._num if self._rows is None else len(self._rows))

    def parts(self) -> Iterator[Series]:
        """Returns the chosen pairs, block by block; those without data are left out and counted."""
        left_out = 0
        tally = RangeTally(self._summary)
        with opened(self._path) as file:
            for start in range(0, self._num, PAIRS_A_BLOCK):
                stop = min(start + PAIRS_A_BLOCK, self._num)
                rows = np.arange(start, stop)
                if self._rows is not None:
                    first, last = np.searchsorted(self._rows, (start, stop))
                    rows = self._rows[first:last]
                if not len(rows):
                    continue
                bands = file[_SENTINEL2][start:stop][rows - start]
                fine = file[_PLANETSCOPE][start:stop][rows - start] if self._fine else None
                where = f"{self._path}, rows {start} to {stop - 1}"
                converted = to_integers(bands[:, None], self._scale, where=where)
                seen = np.flatnonzero(converted.valid[:, 0])
                left_out += len(rows) - len(seen)
                tally.count_part(converted)
                self._summary.count("pairs_without_data_left_out", left_out)
                for begin in range(0, len(seen), SERIES_A_PART):
                    kept = seen[begin : begin + SERIES_A_PART]
                    yield self._series(
                        rows[kept], converted.values[kept], None if fine is None else fine[kept]
                    )
        tally.refuse(where=self._path, factor=factor_of(self._scale))

    def _series(
        self,
        rows: npt.NDArray[np.intp],
        reflectance: npt.NDArray[np.int16],
        fine: npt.NDArray[Any] | None,
    ) -> Series:
        date = self._date_of(rows, self._order)
        days = np.unique(self._day)
        planetscope = None
        if fine is not None:
            shape = len(rows), len(days), NUM_PLANETSCOPE * WINDOW
            planetscope = np.full(shape, NO_DATA, dtype=np.int16)
            step = np.searchsorted(days, self._day[date])
            values = planetscope_integers(
                fine[:, None], self._scale, where=self._path, summary=self._summary
            )[:, 0]
            planetscope[np.arange(len(rows)), step] = values
        return Series(
            reflectance=reflectance,
            day_of_year=self._day[date][:, None],
            valid=np.ones((len(rows), 1), dtype=np.bool_),
            bands=self._bands,
            processing_level="L2A",
            id=rows.astype(np.int64),
            field_id=self._pixel_of(rows).astype(np.int64),
            year=np.full(len(rows), self._year, dtype=np.int16),
            planetscope=planetscope,
            planetscope_day=None if planetscope is None else days.astype(np.int16),
        )
