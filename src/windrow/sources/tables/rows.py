"""The rows of a table by series: their order, and series without a date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError


def by_first_appearance(
    keys: npt.NDArray[Any],
) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Returns ids in order of first appearance, their first rows, and each row's position."""
    unique, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    return unique[order], first[order], rank[inverse]


def refuse_series_without_date(
    valid: npt.NDArray[np.bool_], ids: npt.NDArray[Any], table_path: Path
) -> None:
    """Refuses a table in which a series has no valid date.

    Args:
        valid: (N, T) validity of each date.
        ids: (N,) ids of the series.
        table_path: path of the table, for the error.

    Raises:
        DataError: a series has no valid date.
    """
    without = np.flatnonzero(~valid.any(axis=1))
    if len(without):
        raise DataError(
            f"{len(without)} of {len(ids)} series have no usable date",
            where=f"{table_path}, id {ids[without[0]]}",
            found="an empty band, or 0 in every band, at every date",
            hint="leave these ids out, or fill their bands",
        )
