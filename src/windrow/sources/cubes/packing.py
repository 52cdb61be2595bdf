"""How netCDF and Zarr variables are packed, and what their attributes say of the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.sources.formats.attributes import finite_number, positive_number
from windrow.sources.rasters.grid import Packing
from windrow.sources.values.baseline_offset import offset_of_baseline

NO_DATA_ATTRIBUTES = ("_FillValue", "missing_value", "nodata", "no_data")
OFFSET_ATTRIBUTES = ("BOA_ADD_OFFSET", "boa_add_offset")
BASELINE_NAMES = ("processing_baseline", "s2:processing_baseline")


def packing_of_variables(variables: Sequence[Any], num_dates: int, path: Path) -> Packing:
    """Returns scale, offset and no data of each band, by the attributes of its own variable.

    A ``scale_factor`` of 1 says nothing, since many writers add it to digital numbers.

    Args:
        variables: one a band, not decoded.
        num_dates: T; the attributes of a variable hold for all of its dates.
        path: the file, for messages.

    Raises:
        DataError: an attribute is no number; names variable and attribute.
    """
    rows = []
    for variable in variables:
        where = f"{path}, variable {variable.name}"
        attributes = {key: value for key, value in variable.attrs.items() if value is not None}
        scale, offset = np.nan, 0.0
        if "scale_factor" in attributes:
            value = attributes["scale_factor"]
            scale = positive_number(value, field="the attribute scale_factor", where=where)
        if "add_offset" in attributes:
            value = attributes["add_offset"]
            offset = finite_number(value, field="the attribute add_offset", where=where)
        no_data = 0.0 if variable.dtype.kind in "iu" else np.nan
        name = next((name for name in NO_DATA_ATTRIBUTES if name in attributes), None)
        if name is not None and not _is_nan(attributes[name]):
            no_data = finite_number(attributes[name], field=f"the attribute {name}", where=where)
        elif name is not None:
            no_data = np.nan
        rows.append((np.nan if scale == 1.0 else scale, offset, no_data))
    values = np.tile(np.array(rows, dtype=np.float64), (num_dates, 1, 1))
    return Packing(values[..., 0], values[..., 1], values[..., 2])


def declared_offsets(
    dataset: Any, time: str, steps: npt.NDArray[np.intp], path: Path
) -> npt.NDArray[np.float64]:
    """Returns the baseline's offset of each date, (T,), NaN where the data set does not say it.

    Raises:
        DataError: an attribute is no number.
    """
    count = len(steps)
    for name in OFFSET_ATTRIBUTES:
        if name in dataset.attrs:
            value = dataset.attrs[name]
            return np.full(count, finite_number(value, field=f"the attribute {name}", where=path))
    if str(dataset.attrs.get("boa_offset_applied", "")).lower() in ("true", "1", "yes"):
        return np.zeros(count)
    for name in BASELINE_NAMES:
        if name in dataset.attrs:
            where = f"{path}, attribute {name}"
            return np.full(count, float(offset_of_baseline(str(dataset.attrs[name]), where=where)))
        if name in dataset.variables and dataset[name].dims == (time,):
            texts = [str(value) for value in dataset[name].values[steps].tolist()]
            where = f"{path}, variable {name}"
            return np.array([_offset_of_text(text, where) for text in texts], dtype=np.float64)
    return np.full(count, np.nan)


def _offset_of_text(text: str, where: str) -> float:
    return np.nan if text in ("", "nan", "None") else float(offset_of_baseline(text, where=where))


def _is_nan(value: Any) -> bool:
    """Whether a value of no data is NaN, which no whole number can be."""
    try:
        return bool(np.isnan(np.asarray(value, dtype=np.float64)).all()) and np.size(value) > 0
    except (TypeError, ValueError):
        return False
