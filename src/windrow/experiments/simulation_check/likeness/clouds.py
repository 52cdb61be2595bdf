"""Cloud statistics over fields: fraction, persistence and shape."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pandas as pd

from windrow.data.day_of_year import NUM_MONTHS
from windrow.data.series import Series
from windrow.errors import DataError
from windrow.experiments.simulation_check.likeness.autocorrelation import autocorrelation, by_day

PERSISTENCE_GAPS = tuple((day, day) for day in range(1, 16))
"""Classes of days between two dates, for the persistence of clouds."""

LONGEST_RUN = 12
"""Longest length of a run that is counted by itself, dates; longer runs are counted with it."""

FRACTION_EDGES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
"""Edges of the classes of cloud fraction; the first class includes 0, the last includes 1."""

DISTANCES_M = (0.0, 50.0, 150.0, 400.0, 1000.0, 3000.0)
"""Edges of the distances between two pixels or fields of one place, metres."""

NUM_PAIRS = 4000
"""Number of pairs drawn for the spatial shape of clouds."""

_METRES_A_DEGREE = 111_320.0

Floats = npt.NDArray[np.float64]


def cloud_fraction(series: Series) -> Floats:
    """Returns the cloud fraction 0..1 at every date, (N, T).

    Raises:
        DataError: the series have no cloud measure.
    """
    if series.cloud_probability is None:
        raise DataError("the series have no cloud measure", hint="give a column cloud_fraction")
    return np.asarray(series.cloud_probability / 255.0)


def cloud_fraction_by_month(series: Series) -> pd.DataFrame:
    """Computes the mean cloud fraction of each month.

    Returns:
        columns month (1..12), cloud_fraction (NaN without a date), num_observations.
    """
    month = series.month[series.valid]
    count = np.bincount(month, minlength=NUM_MONTHS)
    total = np.bincount(month, weights=cloud_fraction(series)[series.valid], minlength=NUM_MONTHS)
    mean = np.divide(total, count, out=np.full(12, np.nan), where=count > 0)
    return pd.DataFrame(
        {"month": np.arange(1, NUM_MONTHS + 1), "cloud_fraction": mean, "num_observations": count}
    )


def cloud_persistence(series: Series) -> pd.DataFrame:
    """Computes the autocorrelation of a field's cloud fraction without the monthly mean.

    Returns:
        columns first_day, last_day, correlation, num_pairs.
    """
    fraction = cloud_fraction(series)
    mean = cloud_fraction_by_month(series)["cloud_fraction"].to_numpy()
    anomaly = fraction - mean[series.month]
    return autocorrelation(by_day(anomaly, series.day_of_year, series.valid), PERSISTENCE_GAPS)


def cloud_runs(series: Series) -> pd.DataFrame:
    """Counts the lengths of runs of successive clear and cloudy dates of a field, in dates.

    A date is cloudy from a cloud fraction of one half on. A run at the start or end of the year
    counts with its length inside the year.

    Returns:
        columns sky (clear, cloudy), length (1 .. 12; 12 means 12 or more), share of the runs of
        that sky, num_runs.
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
    """Computes how often a field and a whole place are clear, partly cloudy and fully cloudy.

    Args:
        series: field means.
        place: (N,) the place of each field, whose fields are observed on the same dates; None
            takes all fields as one place.

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


def cloud_shape(
    series: Series, place: npt.NDArray[np.integer], *, cloudy_from: int, seed: int
) -> pd.DataFrame | None:
    """Computes how often exactly one of two pixels or fields is cloudy, by their distance.

    Small clouds make near neighbours differ; large clouds make only distant pairs differ.

    Args:
        series: pixels or fields, before they are averaged.
        place: (N,) the place of each; both members of a pair lie in one place.
        cloudy_from: cloud probability 0..255 from which a pixel is cloudy.
        seed: seed of the drawn pairs.

    Returns:
        columns least_m, most_m, share (of the dates on which both were seen; NaN without a pair),
        num_pairs; or None where the coordinates or the clouds are not known.
    """
    if series.longitude is None or series.latitude is None or series.cloud_probability is None:
        return None
    flags = by_day(
        (series.cloud_probability >= cloudy_from).astype(np.float64),
        series.day_of_year,
        series.valid,
    )
    first, second = _pairs_of_places(place, seed)
    east = (series.longitude[first] - series.longitude[second]) * np.cos(
        np.radians(series.latitude[first])
    )
    north = series.latitude[first] - series.latitude[second]
    distance = _METRES_A_DEGREE * np.hypot(east, north)
    both = np.isfinite(flags[first]) & np.isfinite(flags[second])
    differ = both & (flags[first] != flags[second])
    rows = []
    for least, most in itertools.pairwise(DISTANCES_M):
        own = (distance >= least) & (distance < most)
        seen = int(both[own].sum())
        share = float(differ[own].sum() / seen) if seen else np.nan
        rows.append((least, most, share, int(own.sum())))
    return pd.DataFrame(rows, columns=["least_m", "most_m", "share", "num_pairs"])


def _pairs_of_places(
    place: npt.NDArray[np.integer], seed: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Draws pairs of two different series of one place and returns their positions."""
    order = np.argsort(place, kind="stable")
    _, start, count = np.unique(place[order], return_index=True, return_counts=True)
    generator = np.random.default_rng(seed)
    first = generator.integers(len(place), size=NUM_PAIRS)  # a position in ``order``
    group = np.searchsorted(start, first, side="right") - 1
    step = 1 + np.floor(generator.uniform(size=NUM_PAIRS) * (count[group] - 1)).astype(np.intp)
    second = start[group] + (first - start[group] + step) % count[group]
    two = count[group] > 1
    return order[first[two]], order[second[two]]
