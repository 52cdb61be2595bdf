"""Pairs of observations by two sensors, as single dates or as whole years.

The values stay on the device as 16-bit integers.

A set of 150,000 series of 144 dates holds 21 million pairs of single dates. They are never copied
out: each pair has a number, from which its series and date are computed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from windrow import sensors
from windrow.data.batches.resident import ResidentNormalization, resident
from windrow.data.day_of_year import MAX_DAYS
from windrow.data.normalization import Normalization
from windrow.data.season import CALENDAR_YEAR, calendar_days
from windrow.data.series import NO_DATA, Series
from windrow.errors import DataError

_ROWS = 1_024
"""Series examined at a time. This bounds the memory of the examination."""


@dataclass(frozen=True)
class PixelBatch:
    """The single dates of one training step, standardised.

    Attributes:
        sentinel2: (n, B) reflectance.
        planetscope: (n, 36) PlanetScope reflectance of the same day, or None.
    """

    sentinel2: Tensor
    planetscope: Tensor | None


class PixelPairs:
    """Every valid date of every series, with PlanetScope of the same day if wanted.

    Args:
        series: N series.
        normalization: mean and deviation of the Sentinel-2 bands.
        target_normalization: mean and deviation of the four PlanetScope bands. With None the
            pairs hold Sentinel-2 alone, and the series need no PlanetScope.
        device: device of the tensors.

    Attributes:
        num_items: number of pairs.

    Raises:
        DataError: PlanetScope is wanted, but the series have none or no date has both sensors.
    """

    def __init__(
        self,
        series: Series,
        *,
        normalization: Normalization,
        target_normalization: Normalization | None,
        device: str | torch.device = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self._num_dates = series.num_dates
        self._reflectance = resident(series.reflectance, self.device)
        self._normalization = ResidentNormalization.of(normalization, self.device)
        self._planetscope: Tensor | None = None
        usable = series.valid
        if target_normalization is not None:
            planetscope, step = _planetscope_steps(series)
            usable = usable & _whole(planetscope, step)
            self._planetscope = resident(planetscope, self.device)
            self._step = resident(step.astype(np.int16), self.device)
            window = sensors.PLANETSCOPE_WINDOW**2
            self._target_normalization = ResidentNormalization.of(
                target_normalization.repeat(window), self.device
            )
        if not usable.any():
            raise DataError(
                "no date was seen by both sensors",
                hint="use a store whose PlanetScope days hold the Sentinel-2 dates",
            )
        # If every date can be used, the number of a pair is its position.
        self._position: Tensor | None = None
        self.num_items = usable.size
        if not usable.all():
            kept = np.flatnonzero(usable)
            self.num_items = len(kept)
            narrow = kept.astype(np.int32) if usable.size < 2**31 else kept
            self._position = resident(narrow, self.device)

    def positions(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Finds the series and the date of each pair.

        Args:
            index: (n,) int64 numbers of pairs.

        Returns:
            Positions of the series and positions of the dates, (n,) int64 each.
        """
        flat = index.to(self.device)
        if self._position is not None:
            flat = self._position[flat].long()
        return torch.div(flat, self._num_dates, rounding_mode="floor"), flat % self._num_dates

    def batch(self, index: Tensor) -> PixelBatch:
        """Gives the pairs of these numbers, standardised.

        Args:
            index: (n,) int64 numbers of pairs.

        Returns:
            The values of the n pairs, float32.
        """
        row, date = self.positions(index)
        sentinel2 = self._normalization.apply(self._reflectance[row, date])
        if self._planetscope is None:
            return PixelBatch(sentinel2, None)
        step = self._step[row, date].long()
        return PixelBatch(sentinel2, self._target_normalization.apply(self._planetscope[row, step]))


@dataclass(frozen=True)
class YearBatch:
    """Whole years of one sensor, standardised. n series, T dates, K values per date.

    Attributes:
        values: (n, T, K), zero at invalid dates.
        day_of_year: (n, T) int64.
        valid: (n, T) bool.
        all_valid: True where no date of the whole set is invalid.
    """

    values: Tensor
    day_of_year: Tensor
    valid: Tensor
    all_valid: bool


class YearPairs:
    """The whole year of each pixel, once from each sensor.

    Args:
        series: N series with PlanetScope.
        normalization: mean and deviation of the Sentinel-2 bands.
        target_normalization: mean and deviation of the four PlanetScope bands.
        planetscope_every: stride over the PlanetScope days; 1 takes all of them.
        device: device of the tensors.

    Attributes:
        num_items: number of series.

    Raises:
        DataError: the series have no PlanetScope, or one series has no valid day of a sensor.
    """

    def __init__(
        self,
        series: Series,
        *,
        normalization: Normalization,
        target_normalization: Normalization,
        planetscope_every: int,
        device: str | torch.device = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self.num_items = len(series)
        planetscope, _ = _planetscope_steps(series)
        assert series.planetscope_day is not None
        days = series.planetscope_day[::planetscope_every]
        chosen = np.ascontiguousarray(planetscope[:, ::planetscope_every])
        known = _known_days(chosen)
        for name, valid in (("PlanetScope", known), ("Sentinel-2", series.valid)):
            if not valid.any(axis=1).all():
                empty = int(np.argmin(valid.any(axis=1)))
                raise DataError(f"a series has no {name} day", where=f"series {series.id[empty]}")
        self._reflectance = resident(series.reflectance, self.device)
        self._day = resident(
            np.where(series.valid, series.calendar_day, 0).astype(np.int16), self.device
        )
        self._valid = resident(series.valid, self.device)
        self._planetscope = resident(chosen, self.device)
        years = series.year if series.season_start != CALENDAR_YEAR else series.year[:1]
        days = np.tile(days, (len(years), 1))  # one row for all where days are of the calendar
        days = calendar_days(days, years, series.season_start)
        self._planetscope_day = resident(days.astype(np.int64), self.device)
        self._known = resident(known, self.device)
        self._normalization = ResidentNormalization.of(normalization, self.device)
        window = sensors.PLANETSCOPE_WINDOW**2
        self._target_normalization = ResidentNormalization.of(
            target_normalization.repeat(window), self.device
        )
        self._all_valid = (bool(series.valid.all()), bool(known.all()))

    @property
    def num_dates(self) -> tuple[int, int]:
        """Number of Sentinel-2 dates and of PlanetScope days, padding included."""
        return int(self._valid.shape[1]), int(self._known.shape[1])

    def batch(self, index: Tensor) -> tuple[YearBatch, YearBatch]:
        """Gives the years of both sensors for the series at these positions.

        Args:
            index: (n,) int64 positions of series.

        Returns:
            The Sentinel-2 years and the PlanetScope years.
        """
        row = index.to(self.device)
        valid, known = self._valid[row], self._known[row]
        sentinel2 = self._normalization.apply(self._reflectance[row])
        planetscope = self._target_normalization.apply(self._planetscope[row])
        shared = len(self._planetscope_day) == 1
        day = (self._planetscope_day if shared else self._planetscope_day[row]).expand(known.shape)
        return (
            YearBatch(
                sentinel2.masked_fill(~valid[..., None], 0.0),
                self._day[row].long(),
                valid,
                self._all_valid[0],
            ),
            YearBatch(
                planetscope.masked_fill(~known[..., None], 0.0), day, known, self._all_valid[1]
            ),
        )


def _planetscope_steps(series: Series) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int64]]:
    """Gives PlanetScope (N, P, 36) and the step of each Sentinel-2 date (N, T), -1 for none."""
    if series.planetscope is None or series.planetscope_day is None:
        raise DataError(
            "the series have no PlanetScope to pair with",
            hint="use a store with both sensors, or a method that needs Sentinel-2 alone",
        )
    step_of_day = np.full(MAX_DAYS, -1, dtype=np.int64)
    step_of_day[series.planetscope_day] = np.arange(len(series.planetscope_day))
    return series.planetscope, step_of_day[np.where(series.valid, series.day_of_year, 0)]


def _whole(
    planetscope: npt.NDArray[np.int16], step: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Marks the dates whose day has all 36 PlanetScope values, (N, T)."""
    whole = step >= 0
    known = _known_days(planetscope)
    for start in range(0, len(step), _ROWS):
        rows = slice(start, start + _ROWS)
        whole[rows] &= np.take_along_axis(known[rows], np.maximum(step[rows], 0), axis=1)
    return whole


def _known_days(planetscope: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
    """Marks the days with all 36 values, (N, P), without a copy of the whole array."""
    known = np.empty(planetscope.shape[:2], dtype=np.bool_)
    for start in range(0, len(planetscope), _ROWS):
        rows = slice(start, start + _ROWS)
        known[rows] = (planetscope[rows] != NO_DATA).all(axis=2)
    return known
