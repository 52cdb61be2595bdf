"""Statistics of one set of fields: bands, seasons, clear dates.

Each function takes field means and returns a long table; it compares nothing. Temporal statistics
are in :mod:`windrow.experiments.simulation_check.likeness.autocorrelation`, cloud statistics in
:mod:`windrow.experiments.simulation_check.likeness.clouds`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from windrow import sensors
from windrow.classifiers.features import INDICES, FeatureSettings, grid_days, index_features
from windrow.data.day_of_year import NUM_MONTHS
from windrow.data.series import Series
from windrow.experiments.simulation_check.likeness.two_sample_forest import clear_of

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
"""Quantiles of reflectance and of the number of clear dates."""

SPREAD = (0.1, 0.5, 0.9)
"""Quantiles over the fields of a class: median, 10 and 90 %."""


def reflectance_quantiles(series: Series, *, clear_below: int) -> pd.DataFrame:
    """Computes quantiles of reflectance by band, for clear and for cloudy observations.

    Returns:
        columns sky (clear, cloudy), band, quantile, reflectance (0..1, NaN where there is no such
        observation), num_observations.
    """
    clear = clear_of(series, clear_below)
    rows = []
    for sky, use in (("clear", clear), ("cloudy", series.valid & ~clear)):
        seen = series.reflectance[use] / sensors.SCALE
        found = np.full((len(QUANTILES), len(series.bands)), np.nan)
        if len(seen):
            found = np.quantile(seen, QUANTILES, axis=0)
        for position, band in enumerate(series.bands):
            for quantile, value in zip(QUANTILES, found[:, position], strict=True):
                rows.append((sky, band, quantile, float(value), len(seen)))
    return pd.DataFrame(
        rows, columns=["sky", "band", "quantile", "reflectance", "num_observations"]
    )


def band_correlation(series: Series, *, clear_below: int) -> pd.DataFrame:
    """Computes the correlation between bands over all clear observations.

    Returns:
        columns band, other, correlation (-1..1; NaN where a band does not vary).
    """
    seen = series.reflectance[clear_of(series, clear_below)].astype(np.float64)
    centred = seen - seen.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (centred.T @ centred) / np.outer(length, length)
    rows = [
        (band, other, float(found[i, j]))
        for i, band in enumerate(series.bands)
        for j, other in enumerate(series.bands)
    ]
    return pd.DataFrame(rows, columns=["band", "other", "correlation"])


def season_profiles(series: Series, features: FeatureSettings) -> pd.DataFrame:
    """Computes NDVI, NDMI, red edge and SWIR index over the year by class, with quantiles.

    Clear observations of each field are interpolated to the grid. The quantiles are over the
    fields of a class on each day.

    Args:
        series: field means with labels.
        features: the grid.

    Returns:
        columns class, index, day_of_year, quantile, value, num_fields.
    """
    assert series.label is not None
    assert series.legend is not None
    days = grid_days(features)
    values = index_features(series, features).values.reshape(len(series), len(days), -1)
    parts = []
    for position, name in enumerate(series.legend.names):
        own = values[series.label == position]
        if len(own) == 0:
            continue
        found = np.quantile(own, SPREAD, axis=0)  # (3, G, 4)
        for number, index in enumerate(INDICES):
            parts.append(
                pd.DataFrame(
                    {
                        "class": name,
                        "index": index,
                        "day_of_year": np.tile(days, len(SPREAD)),
                        "quantile": np.repeat(SPREAD, len(days)),
                        "value": found[:, :, number].ravel(),
                        "num_fields": len(own),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def clear_dates_by_month(series: Series, *, clear_below: int) -> npt.NDArray[np.int64]:
    """Counts the clear dates of each field in each month, (N, 12); two passes on a day are one."""
    clear = clear_of(series, clear_below)
    row, date = np.nonzero(clear)
    # One entry per field and day.
    _, first = np.unique(
        row.astype(np.int64) * 1024 + series.day_of_year[row, date], return_index=True
    )
    row, date = row[first], date[first]
    month = series.month[row, date]
    counts = np.bincount(row * NUM_MONTHS + month, minlength=len(series) * NUM_MONTHS)
    return counts.reshape(len(series), 12).astype(np.int64)


def clear_date_table(series: Series, *, clear_below: int) -> pd.DataFrame:
    """Counts the clear dates of fields: quantiles over fields for the year, means by month.

    Returns:
        columns month (1..12, or 0 for the year), quantile (NaN for a mean), num_dates.
    """
    counts = clear_dates_by_month(series, clear_below=clear_below)
    year = counts.sum(axis=1)
    rows = [(0, quantile, float(np.quantile(year, quantile))) for quantile in QUANTILES]
    rows.append((0, np.nan, float(year.mean())))
    rows += [(month + 1, np.nan, float(counts[:, month].mean())) for month in range(NUM_MONTHS)]
    return pd.DataFrame(rows, columns=["month", "quantile", "num_dates"])
