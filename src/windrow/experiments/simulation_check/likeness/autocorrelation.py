"""Temporal statistics of a field's observations: autocorrelation, and jumps between dates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from windrow import sensors
from windrow.classifiers.features import INDICES
from windrow.data.day_of_year import MAX_DAYS, NUM_MONTHS
from windrow.data.series import Series
from windrow.experiments.simulation_check.likeness.two_sample_forest import clear_of

GAPS = ((1, 3), (4, 5), (6, 10), (11, 20), (21, 60))
"""Classes of gaps between two dates: first and last number of days of each class."""

JUMP_QUANTILES = (0.5, 0.75, 0.9)

BANDS = ("B02", "B04", "B08", "B11")
"""Bands that are compared beside NDVI and NDMI, where a set has them."""

Floats = npt.NDArray[np.float64]


def quantities(series: Series) -> dict[str, Floats]:
    """Returns NDVI, NDMI and some bands (reflectance 0..1) at every date, (N, T) each."""
    values = {
        band: series.reflectance[..., series.bands.index(band)] / sensors.SCALE
        for band in BANDS
        if band in series.bands
    }
    for name in ("NDVI", "NDMI"):
        if set(INDICES[name]) <= set(values):
            first, second = (values[band] for band in INDICES[name])
            total = first + second
            values[name] = np.divide(
                first - second, total, out=np.zeros_like(total), where=total > 0
            )
    return values


def by_day(
    values: Floats, day_of_year: npt.NDArray[np.int16], use: npt.NDArray[np.bool_]
) -> Floats:
    """Puts values (N, T) at their day, (N, 366).

    Days without a value are NaN. Of two values on one day the later one counts.
    """
    full = np.full((len(values), MAX_DAYS), np.nan)
    row, date = np.nonzero(use)
    full[row, day_of_year[row, date]] = values[row, date]
    return full


def autocorrelation(values: Floats, gaps: tuple[tuple[int, int], ...] = GAPS) -> pd.DataFrame:
    """Computes the correlation of all pairs of values of one row, by the gap between them.

    Args:
        values: (N, 366) anomalies by day, NaN for a missing value.
        gaps: first and last day of each class of gaps.

    Returns:
        columns first_day, last_day, correlation (NaN without a pair), num_pairs.
    """
    rows = []
    for first, last in gaps:
        products = before = after = 0.0
        num_pairs = 0
        for lag in range(first, last + 1):
            early, late = values[:, :-lag], values[:, lag:]
            both = np.isfinite(early) & np.isfinite(late)
            a, b = early[both], late[both]
            products += float(a @ b)
            before += float(a @ a)
            after += float(b @ b)
            num_pairs += len(a)
        scale = np.sqrt(before * after)
        rows.append((first, last, products / scale if scale > 0 else np.nan, num_pairs))
    return pd.DataFrame(rows, columns=["first_day", "last_day", "correlation", "num_pairs"])


def clear_autocorrelation(series: Series, *, clear_below: int) -> pd.DataFrame:
    """Computes the temporal autocorrelation of clear observations without season and crop.

    An anomaly is the value minus the mean of its class in its month. It contains the effects of
    field, weather and sensor.

    Args:
        series: field means with labels.
        clear_below: a date is clear below this cloud probability 0..255.

    Returns:
        columns quantity, first_day, last_day, correlation, num_pairs.
    """
    assert series.label is not None
    clear = clear_of(series, clear_below)
    month = series.month
    cell = (series.label.astype(np.int64)[:, None] + 1) * NUM_MONTHS + month
    parts = []
    for name, values in quantities(series).items():
        count = np.bincount(cell[clear], minlength=int(cell.max()) + 1)
        total = np.bincount(cell[clear], weights=values[clear], minlength=len(count))
        anomaly = values - (total / np.maximum(count, 1))[cell]
        found = autocorrelation(by_day(anomaly, series.day_of_year, clear))
        parts.append(found.assign(quantity=name))
    return pd.concat(parts, ignore_index=True)


def jumps(series: Series, *, clear_below: int) -> pd.DataFrame:
    """Computes quantiles of the absolute difference between successive clear dates, by gap.

    Args:
        series: field means.
        clear_below: a date is clear below this cloud probability 0..255.

    Returns:
        columns quantity, first_day, last_day, quantile, jump (NaN without a pair), num_pairs.
    """
    clear = clear_of(series, clear_below)
    rows = []
    for name, values in quantities(series).items():
        full = by_day(values, series.day_of_year, clear)
        row, day = np.nonzero(np.isfinite(full))
        same = row[1:] == row[:-1]
        gap = np.diff(day)[same]
        size = np.abs(np.diff(full[row, day]))[same]
        for first, last in GAPS:
            own = size[(gap >= first) & (gap <= last)]
            found = np.quantile(own, JUMP_QUANTILES) if len(own) else [np.nan] * 3
            for quantile, value in zip(JUMP_QUANTILES, found, strict=True):
                rows.append((name, first, last, quantile, float(value), len(own)))
    columns = ["quantity", "first_day", "last_day", "quantile", "jump", "num_pairs"]
    return pd.DataFrame(rows, columns=columns)
