"""How netCDF and Zarr variables are packed, and what their attributes say of the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError
from windrow.sources.rasters.grid import Packing
from windrow.sources.values.baseline_offset import offset_of_baseline

NO_DATA_ATTRIBUTES = ("_FillValue", "missing_value", "nodata", "no_data")
OFFSET_ATTRIBUTES = ("BOA_ADD_OFFSET", "boa_add_offset")
BASELINE_NAMES = ("processing_baseline", "s2:processing_baseline")


def packing_of_variables(variables: Sequence[Any], num_dates: int, path: Path) -> Packing:
    """Scale, offset and no data of each band, by the attributes of its own variable.

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
        scale = _attribute(variable, "scale_factor", np.nan, path)
        offset = _attribute(variable, "add_offset", 0.0, path)
        no_data = 0.0 if variable.dtype.kind in "iu" else np.nan
        name = next((name for name in NO_DATA_ATTRIBUTES if name in variable.attrs), None)
        if name is not None:
            no_data = _attribute(variable, name, no_data, path)
        rows.append((np.nan if scale == 1.0 else scale, offset, no_data))
    values = np.tile(np.array(rows, dtype=np.float64), (num_dates, 1, 1))
    return Packing(values[..., 0], values[..., 1], values[..., 2])


def declared_offsets(
    dataset: Any, time: str, steps: npt.NDArray[np.intp], path: Path
) -> npt.NDArray[np.float64]:
    """The baseline's offset of each date, (T,), NaN where the data set does not say it.

    Raises:
        DataError: an attribute is no number.
    """
    count = len(steps)
    for name in OFFSET_ATTRIBUTES:
        if name in dataset.attrs:
            return np.full(count, _attribute(dataset, name, np.nan, path))
    if str(dataset.attrs.get("boa_offset_applied", "")).lower() in ("true", "1", "yes"):
        return np.zeros(count)
    for name in BASELINE_NAMES:
        if name in dataset.attrs:
            return np.full(count, float(offset_of_baseline(str(dataset.attrs[name]))))
        if name in dataset.variables and dataset[name].dims == (time,):
            texts = [str(value) for value in dataset[name].values[steps].tolist()]
            return np.array([_offset_of_text(text) for text in texts], dtype=np.float64)
    return np.full(count, np.nan)


def _offset_of_text(text: str) -> float:
    return np.nan if text in ("", "nan", "None") else float(offset_of_baseline(text))


def _attribute(holder: Any, name: str, default: float, path: Path) -> float:
    if name not in holder.attrs:
        return default
    try:
        return float(np.ravel(holder.attrs[name])[0])
    except (ValueError, TypeError, IndexError):
        holder_name = getattr(holder, "name", None)
        raise DataError(
            f"the attribute {name} is no number",
            where=path if holder_name is None else f"{path}, variable {holder_name}",
            found=repr(holder.attrs[name])[:40],
        ) from None
