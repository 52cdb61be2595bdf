"""Batches cut from series that stay in memory as 16-bit integers.

A training step indexes and standardises the series itself. There is no data loader: indexing
resident tensors takes about a tenth of the time that a DataLoader takes for a batch of this size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from windrow import sensors
from windrow.data.batches.resident import ResidentNormalization, resident
from windrow.data.day_of_year import MAX_DAYS
from windrow.data.normalization import Normalization
from windrow.data.season import CALENDAR_YEAR, calendar_days
from windrow.data.series import NO_DATA, Series
from windrow.errors import DataError, SettingsError

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Integer

Target = Literal["planetscope", "sentinel2"]


@dataclass(frozen=True)
class Inputs:
    """The Sentinel-2 series of one step, standardised. N series, T dates, B bands.

    Attributes:
        values: (N, T, B) standardised Sentinel-2 reflectance, zero at invalid dates.
        day_of_year: (N, T) int64, of the calendar year.
        valid: (N, T) bool.
        month: (N, T) int64, 0..11.
        cloud_level: (N, T) int64, 0..31, or None if it is not known.
        all_valid: True if no date of the set is invalid; None if that is not known. It is kept
            in host memory, so that reading it does not wait for the device.
        date: (N, T) int64 position of each date among the stored dates; None if all dates stand
            in their stored order.
    """

    values: Float[Tensor, "series date band"]
    day_of_year: Integer[Tensor, "series date"]
    valid: Bool[Tensor, "series date"]
    month: Integer[Tensor, "series date"]
    cloud_level: Integer[Tensor, "series date"] | None
    all_valid: bool | None = None
    date: Integer[Tensor, "series date"] | None = None

    def series(self, rows: slice) -> Inputs:
        """Selects some of the series.

        Args:
            rows: slice of the series axis.
        """
        return replace(
            self,
            values=self.values[rows],
            day_of_year=self.day_of_year[rows],
            valid=self.valid[rows],
            month=self.month[rows],
            cloud_level=None if self.cloud_level is None else self.cloud_level[rows],
            date=None if self.date is None else self.date[rows],
        )

    def chosen_dates(self, date: Tensor) -> Inputs:
        """Selects W dates of each series.

        Args:
            date: (N, W) int64 positions on the date axis.
        """
        cloud = self.cloud_level
        return replace(
            self,
            values=self.values.gather(1, date[..., None].expand(*date.shape, self.values.shape[2])),
            day_of_year=self.day_of_year.gather(1, date),
            valid=self.valid.gather(1, date),
            month=self.month.gather(1, date),
            cloud_level=None if cloud is None else cloud.gather(1, date),
            date=date if self.date is None else self.date.gather(1, date),
        )


@dataclass(frozen=True, kw_only=True)
class Batch(Inputs):
    """The series of one step with their prediction targets. L lags, K target values.

    Attributes:
        target: (N, T, L, K) targets, standardised; zero where unknown.
        known: (N, T, L, K) bool, False where the target is unknown.
    """

    target: Float[Tensor, "series date lag value"]
    known: Bool[Tensor, "series date lag value"]

    def to(self, dtype: torch.dtype) -> Batch:
        """Converts the floating-point tensors to another precision."""
        return replace(self, values=self.values.to(dtype), target=self.target.to(dtype))


class PretrainingData:
    """Series and their targets, resident as 16-bit integers on one device.

    Args:
        series: the training series.
        normalization: mean and deviation of the Sentinel-2 bands.
        target: ``planetscope``, or ``sentinel2`` for the control with one sensor.
        target_normalization: mean and deviation of the target's bands (4 for PlanetScope).
        target_offsets: days from a date to its targets, such as (-2, -1, 0); (0,) for
            ``sentinel2``, whose target is the date itself.
        device: device of the tensors.

    Attributes:
        bands: names of the B bands.
        num_valid: (N,) number of valid dates of each series, in host memory.
        all_valid: whether every date of every series is valid.
        normalization: mean and deviation of the Sentinel-2 bands, on the device.
        target_normalization: mean and deviation of the K target values, on the device.

    Raises:
        DataError: PlanetScope is the target, but the series have none.
        SettingsError: offsets other than (0,) with the target ``sentinel2``.
    """

    def __init__(
        self,
        series: Series,
        *,
        normalization: Normalization,
        target: Target,
        target_normalization: Normalization,
        target_offsets: Sequence[int],
        device: str | torch.device = "cpu",
    ) -> None:
        if target == "planetscope" and series.planetscope is None:
            raise DataError(
                "the series have no PlanetScope to predict",
                hint="use a store with both sensors, or the setting target = sentinel2",
            )
        if target == "sentinel2" and tuple(target_offsets) != (0,):
            raise SettingsError(
                "Sentinel-2 can be predicted at its own dates only",
                where="setting target_offsets",
                found=tuple(target_offsets),
                expected="(0,)",
            )

        self.bands = series.bands
        self.num_series = len(series)
        self.num_dates = series.num_dates
        self.num_valid = series.valid.sum(axis=1)
        self.all_valid = bool(series.valid.all())
        self.device = torch.device(device)
        self._reflectance = resident(series.reflectance, device)
        day = np.where(series.valid, series.calendar_day, 0).astype(np.int16)
        self._day = resident(day, device)
        self._day_of_season: Tensor | None = None
        if series.season_start != CALENDAR_YEAR:
            self._day_of_season = resident(np.where(series.valid, series.day_of_year, 0), device)
        self._valid = resident(series.valid, device)
        month = series.month
        self._month = resident(month.astype(np.uint8), device)
        cloud = series.cloud_probability
        self._cloud = (
            None if cloud is None else resident(sensors.cloud_level(cloud).astype(np.uint8), device)
        )
        self._offsets = torch.tensor(tuple(target_offsets), device=device)
        self._planetscope: Tensor | None = None
        if target == "planetscope":
            assert series.planetscope is not None
            assert series.planetscope_day is not None
            target_normalization = target_normalization.repeat(sensors.PLANETSCOPE_WINDOW**2)
            self._planetscope = resident(series.planetscope, device)
            step_of_day = np.full(MAX_DAYS, -1, dtype=np.int64)
            step_of_day[series.planetscope_day] = np.arange(len(series.planetscope_day))
            self._step_of_day = resident(step_of_day, device)
            self._query_days(series)
        self.normalization = ResidentNormalization.of(normalization, device)
        self.target_normalization = ResidentNormalization.of(target_normalization, device)

    def _query_days(self, series: Series) -> None:
        """Keeps the days on which PlanetScope is known, for :meth:`with_queries`."""
        assert series.planetscope_day is not None
        days = np.asarray(series.planetscope_day, dtype=np.int16)
        years, row = np.unique(series.year, return_inverse=True)
        of_year = calendar_days(np.tile(days, (len(years), 1)), years, series.season_start)
        self._target_days = resident(days, self.device)
        self._target_calendar_days = resident(of_year.astype(np.int16), self.device)
        self._year_row = resident(row.astype(np.int64), self.device)

    @property
    def num_target_days(self) -> int:
        """Number P of days on which PlanetScope is known; 0 if Sentinel-2 is the target."""
        return 0 if self._planetscope is None else len(self._target_days)

    @property
    def has_cloud(self) -> bool:
        """Whether the cloud level of the dates is known."""
        return self._cloud is not None

    def inputs(self, index: Tensor) -> Inputs:
        """Gives the Sentinel-2 series at these positions, standardised.

        Args:
            index: (n,) int64 positions of series.
        """
        index = index.to(self.device)
        valid = self._valid[index]
        values = self.normalization.apply(self._reflectance[index])
        return Inputs(
            values=values.masked_fill(~valid[..., None], 0.0),
            day_of_year=self._day[index].long(),
            valid=valid,
            month=self._month[index].long(),
            cloud_level=None if self._cloud is None else self._cloud[index].long(),
            all_valid=self.all_valid,
        )

    def batch(self, index: Tensor) -> Batch:
        """Gives the series at these positions, standardised, with their targets.

        Args:
            index: (n,) int64 positions of series.
        """
        return self.with_targets(index, self.inputs(index))

    def with_targets(self, index: Tensor, inputs: Inputs) -> Batch:
        """Adds the prediction targets to the inputs.

        Args:
            index: (n,) int64 positions of the series of ``inputs``.
            inputs: these series, with all or some of their dates.
        """
        index = index.to(self.device)
        valid = inputs.valid
        if self._planetscope is None:
            stored = self._reflectance[index]
            if inputs.date is not None:
                date = inputs.date[..., None]
                stored = stored.gather(1, date.expand(*valid.shape, stored.shape[2]))
            target = stored[:, :, None, :]
            known = valid[:, :, None, None].expand_as(target)
        else:
            day = inputs.day_of_year
            if self._day_of_season is not None:  # PlanetScope's days count from there too
                day = self._day_of_season[index].long()
                day = day if inputs.date is None else day.gather(1, inputs.date)
            target_day = day[..., None] + self._offsets
            inside = (target_day >= 0) & (target_day < MAX_DAYS)
            step = self._step_of_day[target_day.clamp(0, MAX_DAYS - 1)]
            target = self._planetscope[index[:, None, None], step.clamp(min=0)]
            has_day = valid[..., None] & inside & (step >= 0)
            known = has_day[..., None] & (target != NO_DATA)
        standardised = self.target_normalization.apply(target)
        return Batch(
            values=inputs.values,
            day_of_year=inputs.day_of_year,
            valid=valid,
            month=inputs.month,
            cloud_level=inputs.cloud_level,
            all_valid=inputs.all_valid,
            date=inputs.date,
            target=standardised.masked_fill(~known, 0.0),
            known=known,
        )

    def with_queries(self, index: Tensor, batch: Batch, step: Tensor) -> Batch:
        """Appends Q days without an observation to a batch, with their PlanetScope targets.

        The days are invalid: no other date attends to them, and the month and the cloud level do
        not see them.

        Args:
            index: (N,) int64 positions of the series of ``batch``.
            batch: the batch, whose date axis gets Q more entries at its end.
            step: (N, Q) int64 positions 0..P - 1 of the days among the days of PlanetScope.
        """
        assert self._planetscope is not None
        index = index.to(self.device)
        day = self._target_days.long()[step]
        of_year = self._target_calendar_days[self._year_row[index][:, None], step].long()
        target_day = day[..., None] + self._offsets
        inside = (target_day >= 0) & (target_day < MAX_DAYS)
        found = self._step_of_day[target_day.clamp(0, MAX_DAYS - 1)]
        target = self._planetscope[index[:, None, None], found.clamp(min=0)]
        known = (inside & (found >= 0))[..., None] & (target != NO_DATA)
        target = self.target_normalization.apply(target).masked_fill(~known, 0.0)
        cloud = batch.cloud_level
        return Batch(
            values=F.pad(batch.values, (0, 0, 0, step.shape[1])),
            day_of_year=torch.cat((batch.day_of_year, of_year), dim=1),
            valid=F.pad(batch.valid, (0, step.shape[1])),
            month=F.pad(batch.month, (0, step.shape[1])),
            cloud_level=None if cloud is None else F.pad(cloud, (0, step.shape[1])),
            all_valid=False,
            target=torch.cat((batch.target, target), dim=1),
            known=torch.cat((batch.known, known), dim=1),
        )


class BatchOrder:
    """Assigns series to training steps, in a new random order each epoch.

    An epoch leaves out the last series if they do not fill a batch. The order depends on the seed
    and the step alone, so that a resumed run sees the same batches as an uninterrupted one.

    Args:
        num_series: number of training series.
        batch_size: number of series per step.
        seed: seed of the order.

    Raises:
        SettingsError: the batch is larger than the set.

    Example:
        >>> order = BatchOrder(4, batch_size=2, seed=1)
        >>> sorted(torch.cat([order.indices(2), order.indices(3)]).tolist())
        [0, 1, 2, 3]
    """

    def __init__(self, num_series: int, *, batch_size: int, seed: int) -> None:
        if batch_size > num_series:
            raise SettingsError(
                "the batch is larger than the training set",
                where="setting batch_size",
                found=f"{batch_size} of {num_series} series",
                hint="give more series or a smaller batch",
            )
        self.steps_per_epoch = num_series // batch_size
        self._num_series = num_series
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.int64)

    def indices(self, step: int) -> Tensor:
        """Gives the positions of the series of one step, (batch_size,) int64."""
        epoch, position = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            self._order = self.of_epoch(epoch)
            self._epoch = epoch
        return self._order[position * self._batch_size : (position + 1) * self._batch_size]

    def of_epoch(self, epoch: int) -> Tensor:
        """Gives the positions of all series in the order of one epoch, (num_series,) int64."""
        state = np.random.SeedSequence([self._seed, 0, epoch]).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(state[0] >> np.uint64(1)))
        return torch.randperm(self._num_series, generator=generator)
