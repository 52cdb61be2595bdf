"""Inputs of heads, and the removal of padding, so that padding has no effect on a head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from windrow.data.day_of_year import MAX_DAYS
from windrow.errors import DataError


@dataclass(frozen=True, eq=False)
class HeadInputs:
    """Inputs of a head: vectors of series, or sequences with their dates.

    Attributes:
        values: (N, F) vectors, or (N, T, D) sequences, float32 and finite where valid.
        day_of_year: (N, T) int16, with sequences only.
        valid: (N, T) bool, with sequences only; at least one valid date per series.

    Raises:
        DataError: shapes do not fit, a value is not finite, or a series has no valid date.
    """

    values: npt.NDArray[np.float32]
    day_of_year: npt.NDArray[np.int16] | None = None
    valid: npt.NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if self.values.ndim == 2:
            if self.day_of_year is not None or self.valid is not None:
                raise DataError("vectors have no dates", found=f"values {self.values.shape}")
            if not np.isfinite(self.values).all():
                raise DataError("an input of the head is not finite")
            return
        if self.values.ndim != 3 or self.day_of_year is None or self.valid is None:
            raise DataError(
                "a head sees vectors (N, F), or sequences (N, T, D) with their dates",
                found=f"values {self.values.shape}",
            )
        shape = self.values.shape[:2]
        if self.day_of_year.shape != shape or self.valid.shape != shape:
            raise DataError(
                "dates and values differ in shape",
                found=f"{self.day_of_year.shape}, {self.valid.shape}, {self.values.shape}",
            )
        if not self.valid.any(axis=1).all():
            raise DataError("a series has no valid date")
        days = self.day_of_year[self.valid]
        if len(days) and (days.min() < 0 or days.max() >= MAX_DAYS):
            raise DataError("a day of year is out of range", expected=f"0 to {MAX_DAYS - 1}")
        if not np.isfinite(self.values[self.valid]).all():
            raise DataError("an input of the head is not finite")

    def __len__(self) -> int:
        return int(self.values.shape[0])

    @property
    def num_features(self) -> int:
        """Length of a vector, or number of values per date."""
        return int(self.values.shape[-1])

    def select(self, index: npt.NDArray[np.intp]) -> HeadInputs:
        """Selects the series at these positions."""
        return HeadInputs(
            values=self.values[index],
            day_of_year=None if self.day_of_year is None else self.day_of_year[index],
            valid=None if self.valid is None else self.valid[index],
        )


def valid_first(
    values: Tensor, day_of_year: Tensor, valid: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Moves the valid dates of each series to the front, in their order, and zeroes the rest.

    A head that reads only the front, by length or by mask, does not depend on the position of the
    padding. The date axis is cut to the longest series of the batch.

    Args:
        values: (N, T, D).
        day_of_year: (N, T).
        valid: (N, T) bool.

    Returns:
        The three arrays, (N, L, D), (N, L) and (N, L), with L the largest number of valid dates.

    Example:
        >>> valid = torch.tensor([[False, True, True]])
        >>> values = torch.tensor([[[9.0], [1.0], [2.0]]])
        >>> valid_first(values, torch.tensor([[0, 5, 7]]), valid)[0].flatten().tolist()
        [1.0, 2.0]
    """
    order = torch.argsort(~valid, dim=1, stable=True)[:, : int(valid.sum(dim=1).max())]
    moved = valid.gather(1, order)
    packed = values.gather(1, order[..., None].expand(-1, -1, values.shape[-1]))
    days = day_of_year.gather(1, order).masked_fill(~moved, 0)
    return packed.masked_fill(~moved[..., None], 0.0), days, moved
