"""Averages the pixels of each field to one series, as a field table holds it.

Real field tables hold means over a field's pixels and the share of cloudy pixels. Pixels,
simulated or real, are converted to this form before the two sets are compared.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.data.series import Series
from windrow.errors import DataError


def field_means(series: Series, *, cloudy_from: int) -> Series:
    """Computes the mean series of each field and the share of cloudy pixels on each day.

    Series that are one per field already are returned unchanged. Otherwise the observed pixels of
    a field are averaged day by day; two passes on one day become one. The result has no
    PlanetScope, no coordinates and no simulator truth.

    Args:
        series: N pixels of F fields, with a cloud probability.
        cloudy_from: cloud probability 0..255 from which a pixel is cloudy.

    Returns:
        F series in the order of the sorted field ids; ``cloud_probability`` is 255 times the
        share of cloudy pixels.

    Raises:
        DataError: the cloud probability is not known, or a field has pixels of two classes or
            years.

    Example:
        >>> from windrow.simulation import simulate_parts
        >>> part = next(simulate_parts("brandenburg-2018", num_series=8, seed=1))
        >>> fields = field_means(part, cloudy_from=102)
        >>> len(fields) == len(np.unique(part.field_id)), fields.num_dates <= part.num_dates
        (True, True)
    """
    if series.cloud_probability is None:
        raise DataError(
            "the series have no cloud measure",
            expected="a column of cloud fraction or probability",
            hint="give one, such as cloud_fraction 0..1",
        )
    fields, first, field = np.unique(series.field_id, return_index=True, return_inverse=True)
    if len(fields) == len(series):
        return replace(
            series,
            planetscope=None,
            planetscope_day=None,
            longitude=None,
            latitude=None,
            truth={},
        )
    for name in ("label", "year"):
        values = getattr(series, name)
        if values is not None and (values != values[first][field]).any():
            mixed = int(np.argmax(values != values[first][field]))
            raise DataError(
                f"field {series.field_id[mixed]} has series of two {name}s",
                hint="name the column of fields with --field-column",
            )
    row, date = np.nonzero(series.valid)
    slots, slot = np.unique(
        field[row].astype(np.int64) * 1024 + series.day_of_year[row, date], return_inverse=True
    )
    count = np.bincount(slot, minlength=len(slots))
    reflectance = _mean_by_slot(series.reflectance[row, date], slot, count)
    cloudy = series.cloud_probability[row, date] >= cloudy_from
    share = np.bincount(slot, weights=cloudy, minlength=len(slots)) / count
    of_field = slots // 1024
    position = np.arange(len(slots)) - np.searchsorted(of_field, np.arange(len(fields)))[of_field]
    at = (of_field, position)

    def filled(values: npt.NDArray[Any], dtype: Any) -> npt.NDArray[Any]:
        full = np.zeros((len(fields), int(position.max()) + 1, *values.shape[1:]), dtype=dtype)
        full[at] = values
        return full

    return Series(
        reflectance=filled(np.rint(reflectance), np.int16),
        day_of_year=filled(slots % 1024, np.int16),
        valid=filled(np.ones(len(slots)), np.bool_),
        bands=series.bands,
        processing_level=series.processing_level,
        id=fields,
        field_id=fields,
        year=series.year[first],
        cloud_probability=filled(np.rint(255 * share), np.uint8),
        label=None if series.label is None else series.label[first],
        legend=series.legend,
        simulated=series.simulated,
    )


def _mean_by_slot(
    values: npt.NDArray[np.int16], slot: npt.NDArray[np.intp], count: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    """Averages the rows of ``values`` (M, B) that fall into each of S slots, (S, B)."""
    columns = [
        np.bincount(slot, weights=values[:, band], minlength=len(count))
        for band in range(values.shape[1])
    ]
    return np.asarray(np.stack(columns, axis=1) / count[:, None])
