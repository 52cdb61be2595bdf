"""Scale and offset of the assets of STAC items."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.errors import DataError
from windrow.sources.formats.attributes import finite_number
from windrow.sources.rasters.grid import Packing
from windrow.sources.values.baseline_offset import offset_of_baseline

_BASELINE = re.compile(r"N?\d\d\.?\d\d")


def packing_of_days(days: list[list[Any]], keys: list[str]) -> Packing:
    """Returns scale of every date and band from ``raster:bands``.

    Whole numbers of 0 are no data.
    """
    scales = np.array([[_raster(day[0], key, "scale") for key in keys] for day in days])
    scales[scales == 1.0] = np.nan
    return Packing(scales, np.zeros_like(scales), np.zeros_like(scales))


def _raster(item: Any, key: str, field: str) -> float:
    """Returns a number that ``raster:bands`` of an asset gives, NaN where it gives none."""
    fields = item.assets[key].extra_fields
    bands = fields.get("raster:bands")
    value = fields.get(f"raster:{field}")
    if value is None and isinstance(bands, list) and bands and isinstance(bands[0], dict):
        value = bands[0].get(field)
    if value is None:
        return float("nan")
    try:
        return finite_number(value, field=field, where=key)
    except DataError:
        raise DataError(
            f"{field} of raster:bands is no number",
            where=f"item {item.id}, asset {key}",
            found=repr(value)[:40],
        ) from None


def _offsets(days: list[list[Any]], key: str) -> npt.NDArray[np.float64]:
    """Returns the offset of each date from what its items say, NaN where they say nothing."""
    result = []
    for items in days:
        found = {_offset(item, key) for item in items}
        if len(found) > 1:
            raise DataError(
                "items of one day differ in the offset of their processing baseline",
                where=" and ".join(f"item {item.id}" for item in items),
                hint="keep the items of one baseline",
            )
        offset = found.pop()
        result.append(np.nan if offset is None else float(offset))
    return np.array(result, dtype=np.float64)


def _offset(item: Any, key: str) -> int | None:
    """The flag of Earth Search comes first: catalogues keep the offset in ``raster:bands``."""
    properties = item.properties
    if properties.get("earthsearch:boa_offset_applied") is True:
        return 0
    offset = _raster(item, key, "offset")
    if np.isfinite(offset) and offset:
        return round(offset * sensors.SCALE if abs(offset) < 1 else offset)
    baseline, version = "s2:processing_baseline", properties.get("processing:version")
    if properties.get(baseline):
        where = f"item {item.id}, {baseline}"
        return offset_of_baseline(str(properties[baseline]), where=where)
    if version and _BASELINE.fullmatch(str(version).strip()):  # else it is some other program's
        return offset_of_baseline(str(version))
    return None
