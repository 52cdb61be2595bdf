"""Refusal of columns whose cells hold lists or records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from windrow.errors import DataError


def refuse_nested(column: pd.Series[Any], where: str) -> None:
    """Refuses cells that are neither numbers nor text: lists, records, bytes.

    Raises:
        DataError: a cell is such; names its row.
    """
    if column.dtype != object:
        return
    for row, value in enumerate(column):
        if isinstance(value, bytes | Sequence | Mapping | np.ndarray) and not isinstance(
            value, str
        ):
            raise DataError(
                "a cell holds neither a number nor text",
                where=f"{where}, row {row + 1}",
                found=f"{type(value).__name__} {str(value)[:40]}",
                hint="write the column as numbers or text",
            )
