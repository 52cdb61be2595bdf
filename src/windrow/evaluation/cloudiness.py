"""Clouds over fields: how many, how long they stay, and how they are shaped."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from windrow.data.batches import month_of_day
from windrow.data.series import Series
from windrow.errors import DataError
from windrow.evaluation.persistence import autocorrelation, by_day

PERSISTENCE_GAPS = tuple((day, day) for day in range(1, 16))
"""Days between two dates, for the persistence of clouds."""

LONGEST_RUN = 12
"""Runs of so many dates or more are counted together."""

FRACTION_EDGES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
"""Classes of cloud fraction, the first from 0 on and the last up to 1, both included."""

Floats = npt.NDArray[np.float64]


def cloud_fraction(series: Series) -> Floats:
    """Cloud fraction 0..1 at every date, (N, T).

    Raises:
        DataError: it is not known.
    """
    if series.cloud_probability is None:
        raise DataError("the series have no cloud measure", hint="give a column cloud_fraction")
    return np.asarray(series.cloud_probability / 255.0)


def cloud_fraction_by_month(series: Series) -> pd.DataFrame:
    """Mean cloud fraction of each month.

    Returns:
        columns month (1..12), cloud_fraction (NaN without a date), num_observations.
    """
    month = month_of_day(series.day_of_year, series.year)[series.valid]
    count = np.bincount(month, minlength=12)
    total = np.bincount(month, weights=cloud_fraction(series)[series.valid], minlength=12)
    mean = np.divide(total, count, out=np.full(12, np.nan), where=count > 0)
    return pd.DataFrame(
        {"month": np.arange(1, 13), "cloud_fraction": mean, "num_observations": count}
    )


def cloud_persistence(series: Series) -> pd.DataFrame:
    """Autocorrelation of a field's cloud fraction by days between dates, the month's mean out.

    Returns:
        columns first_day, last_day, correlation, num_pairs.
    """
    fraction = cloud_fraction(series)
    mean = cloud_fraction_by_month(series)["cloud_fraction"].to_numpy()
    anomaly = fraction - mean[month_of_day(series.day_of_year, series.year)]
    return autocorrelation(by_day(anomaly, series.day_of_year, series.valid), PERSISTENCE_GAPS)


def cloud_runs(series: Series) -> pd.DataFrame:
    """Lengths of runs of successive clear and cloudy dates of a field, in dates.

    A date is cloudy from a cloud fraction of one half on. Runs that the year cuts count as long as
    they are seen.

    Returns:
        columns sky (clear, cloudy), length (1 .. 12, the last meaning so many or more), share of
        the runs of that sky, num_runs.
    """
    row, date = np.nonzero(series.valid)
    cloudy = cloud_fraction(series)[row, date] >= 0.5
    starts = np.flatnonzero(
        np.concatenate([[True], (row[1:] != row[:-1]) | (cloudy[1:] != cloudy[:-1])])
    )
    length = np.minimum(np.diff(np.append(starts, len(row))), LONGEST_RUN)
    parts = []
    for sky, state in (("clear", False), ("cloudy", True)):
        own = length[cloudy[starts] == state]
        counts = np.bincount(own, minlength=LONGEST_RUN + 1)[1:]
        parts.append(
            pd.DataFrame(
                {
                    "sky": sky,
                    "length": np.arange(1, LONGEST_RUN + 1),
                    "share": counts / max(len(own), 1),
                    "num_runs": len(own),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def cloud_fraction_shares(
    series: Series, place: npt.NDArray[np.integer] | None = None
) -> pd.DataFrame:
    """How often a field, and a whole place on one date, is clear, partly and fully cloudy.

    Args:
        series: field means.
        place: (N,) the place that a field lies in, fields of which are seen on the same dates;
            None takes all as one place.

    Returns:
        columns of (field, place), least and most (edges of the cloud fraction), share.
    """
    fraction = cloud_fraction(series)[series.valid]
    places = np.zeros(len(series), dtype=np.int64) if place is None else place
    row, date = np.nonzero(series.valid)
    key = places[row].astype(np.int64) * 1024 + series.day_of_year[row, date]
    _, inverse = np.unique(key, return_inverse=True)
    of_place = np.bincount(inverse, weights=fraction) / np.bincount(inverse)
    parts = []
    for name, values in (("field", fraction), ("place", of_place)):
        counts, edges = np.histogram(np.clip(values, 0, 1), FRACTION_EDGES)
        parts.append(
            pd.DataFrame(
                {"of": name, "least": edges[:-1], "most": edges[1:], "share": counts / len(values)}
            )
        )
    return pd.concat(parts, ignore_index=True)
