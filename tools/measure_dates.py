"""Measures how many planted swaps of dates 'windrow screen-dates' finds on simulated landscapes.

Each landscape of a store of simulated series is screened as it is, where every suspect is a false
alarm, and with two clear dates swapped at random.

    python tools/measure_dates.py STORE [--weights RUN] --num-swaps 5
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from windrow.data.series import Series
from windrow.data.store.store import open_store
from windrow.data.store.zarr_store import write_store
from windrow.experiments.recipes.dates import misdated
from windrow.pipelines.daily.screen_dates import ScreenDatesRequest, ScreenedDates, screen_dates

LEAST_GAP = 60
"""Least number of days between two dates that are swapped."""


def main() -> None:
    """Prints shares of swapped dates found, and false alarms."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("store", type=Path, help="store of simulated series")
    parser.add_argument("--weights", type=Path, help="run directory of 'windrow pretrain'")
    parser.add_argument("--num-swaps", type=int, default=5, help="swaps per landscape")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    series = replace(open_store(options.store).series(planetscope=False), truth={})
    draw = np.random.default_rng(options.seed)
    judged = alarms = found = either = swaps = 0
    for landscape in _landscapes(series):
        plain = _screen(landscape, options.weights)
        judged += int(plain.fit.judged.sum())
        alarms += int(plain.fit.misdated.sum())
        for _ in range(options.num_swaps):
            pair = _pair(plain, draw)
            hits = int(_screen(_swapped(landscape, pair), options.weights).fit.misdated[pair].sum())
            found += hits
            either += hits > 0
            swaps += 1
    print(f"{alarms} false alarms among {judged} dates that were judged")
    print(f"{swaps} swaps: {either} with a date found; {found} of {2 * swaps} dates found")


def _landscapes(series: Series) -> Iterator[Series]:
    """Yields the series that share their dates."""
    _, number = np.unique(series.day_of_year, axis=0, return_inverse=True)
    for which in np.unique(number):
        yield series.select(np.flatnonzero(number.ravel() == which))


def _screen(series: Series, weights: Path | None) -> ScreenedDates:
    with tempfile.TemporaryDirectory() as folder:
        write_store(Path(folder) / "store", series, provenance={"source": "measure_dates"})
        request = ScreenDatesRequest(Path(folder) / "store", misdated(), weights=weights)
        return screen_dates(request)


def _pair(plain: ScreenedDates, draw: np.random.Generator) -> npt.NDArray[np.intp]:
    """Draws two judged dates far apart."""
    judged = np.flatnonzero(plain.fit.judged)
    while True:
        pair = draw.choice(judged, 2, replace=False)
        if abs((plain.dates[pair[0]] - plain.dates[pair[1]]).astype(int)) >= LEAST_GAP:
            return np.asarray(pair)


def _swapped(series: Series, pair: npt.NDArray[np.intp]) -> Series:
    order = np.arange(series.num_dates)
    order[pair] = order[pair[::-1]]
    cloud = series.cloud_probability
    return replace(
        series,
        reflectance=series.reflectance[:, order],
        valid=series.valid[:, order],
        cloud_probability=None if cloud is None else cloud[:, order],
    )


if __name__ == "__main__":
    main()
