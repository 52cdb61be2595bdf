"""Measures the error of daily reflectance on simulated series, where the truth is known.

The truth is the simulated PlanetScope of every day. The model reads all Sentinel-2 dates, cloudy
ones included. Beside it stand the same model interpolated between its dates, and the clear
Sentinel-2 observations of the matching bands, interpolated linearly. These have one value for the
nine pixels of PlanetScope, and know which dates are clear without an error.

    python tools/measure_reconstruction.py RUN STORE --num-series 400
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.data.daily_interpolation import interpolate_days
from windrow.data.season import first_days
from windrow.data.series import NO_DATA, Series
from windrow.data.store.store import open_store
from windrow.errors import DataError
from windrow.evaluation.daily_error import DailyError
from windrow.evaluation.reconstruction import MATCHING_BAND
from windrow.inference.bimodal_predictor import BimodalPredictor, PixelDates
from windrow.pipelines.daily.predictor import load_predictor

GROWING = (90, 304)
"""April to October."""


def main() -> None:
    """Prints a table of errors by estimate and band."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path, help="run directory of 'windrow pretrain'")
    parser.add_argument("store", type=Path, help="store of simulated series of both sensors")
    parser.add_argument("--num-series", type=int, default=400)
    parser.add_argument("--clear-below", type=int, default=16, help="cloud probability 0..255")
    options = parser.parse_args()
    series = open_store(options.store).series()
    chosen = np.linspace(0, len(series) - 1, min(options.num_series, len(series)))
    series = series.select(np.unique(chosen.astype(np.intp)))
    predictors = {
        name: load_predictor(
            options.run,
            bands=series.bands,
            processing_level=series.processing_level,
            use_queries=asked,
        )
        for name, asked in (("every day asked", True), ("dates, interpolated", False))
    }
    series = series.with_bands(predictors["every day asked"].header.bands)
    spans = {"the whole year": (0, 366), "April to October": GROWING}
    errors = {span: DailyError() for span in spans}
    for row in range(len(series)):
        _add(errors, spans, series.select(np.array([row])), predictors, options.clear_below)
    num_clear = (series.valid & (_truth(series)[2] < options.clear_below)).sum(axis=1)
    print(f"{len(series)} simulated series, {num_clear.mean():.0f} clear dates a series")
    for span, error in errors.items():
        print(f"\n{span}\n| estimate | band | RMSE | MAE | bias | within |")
        print("| --- | --- | --- | --- | --- | --- |")
        for line in error.rows():
            within = "" if line.within is None else f"{line.within:.4f}"
            print(
                f"| {line.estimate} | {line.band} | {line.rmse:.4f} | {line.mae:.4f}"
                f" | {line.bias:+.4f} | {within} |"
            )


def _add(
    errors: dict[str, DailyError],
    spans: dict[str, tuple[int, int]],
    series: Series,
    predictors: dict[str, BimodalPredictor],
    clear_below: int,
) -> None:
    """Adds the errors of one series."""
    planetscope, planetscope_day, cloud = _truth(series)
    keep = series.valid[0]
    dates = np.asarray(series.dates)[0, keep].astype("M8[D]")
    pixels = PixelDates(
        np.ascontiguousarray(series.reflectance[:, keep]), series.valid[:, keep], dates
    )
    start = first_days(series.year, series.season_start)[0]
    days = start + planetscope_day.astype("m8[D]")
    truth = np.where(planetscope == NO_DATA, np.nan, planetscope / sensors.SCALE)
    estimates = {name: each.daily(pixels, days).reflectance for name, each in predictors.items()}
    bands = [series.bands.index(name) for name in MATCHING_BAND.values()]
    clear = series.valid[:, keep] & (cloud[:, keep] < clear_below)
    values = pixels.reflectance[..., bands] / sensors.SCALE
    since = (dates - start).astype(np.int64)
    plain = interpolate_days(values, since, clear, planetscope_day.astype(np.int64))
    estimates["clear Sentinel-2, interpolated"] = np.repeat(plain, 9, axis=2)
    for span, (first, last) in spans.items():
        inside = _inside(planetscope_day, first, last)
        errors[span].add(truth[:, inside], {k: v[:, inside] for k, v in estimates.items()})


def _truth(
    series: Series,
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16], npt.NDArray[np.uint8]]:
    """Returns PlanetScope (N, P, 36), its days (P,) and the cloud probability (N, T)."""
    found = (series.planetscope, series.planetscope_day, series.cloud_probability)
    if not series.simulated or found[0] is None or found[1] is None or found[2] is None:
        raise DataError("the truth is known of simulated series of both sensors alone")
    return found[0], found[1], found[2]


def _inside(day: npt.NDArray[np.int16], first: int, last: int) -> npt.NDArray[np.bool_]:
    return np.asarray((day >= first) & (day < last))


if __name__ == "__main__":
    main()
