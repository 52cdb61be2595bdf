"""Lists the dates of a cube: how cloudy they are, and which look misdated."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from windrow import sensors
from windrow.data.daily_interpolation import interpolate_days
from windrow.data.series import Series
from windrow.errors import DataError
from windrow.evaluation.misdated import DateFit, MisdatedSettings, folds, judge, misfits
from windrow.evaluation.reconstruction import MATCHING_BAND
from windrow.files import check_output
from windrow.inference.bimodal_predictor import BimodalPredictor, PixelDates
from windrow.mapping.scene import Scene
from windrow.pipelines.daily.predictor import load_predictor
from windrow.pipelines.run.table_writer import TABLE_SUFFIXES, write_table
from windrow.sources.cubes.open_cube import is_cube, open_cube
from windrow.sources.open_any import open_input
from windrow.sources.reader import CubeOptions

_STEP = 5
"""Days between the days that a date is compared with."""


@dataclass(frozen=True)
class ScreenDatesRequest:
    """What is screened, and how.

    Attributes:
        source: a cube, or a series store or field table whose series share their dates.
        rule: when a date looks misdated.
        weights: the run directory of a bi-modal BERT; None uses the cube's own cloud measure and
            interpolation.
        cube_options: how to read a cube.
        num_pixels: largest number of pixels that are read, spread over the scene.
        clear_below: a pixel is clear if its cloud probability 0..255 is below this.
    """

    source: str | Path
    rule: MisdatedSettings
    weights: str | Path | None = None
    cube_options: CubeOptions = field(default_factory=CubeOptions)
    num_pixels: int = 256
    clear_below: int = 128


@dataclass(frozen=True, eq=False)
class ScreenedDates:
    """What is known of each date.

    Attributes:
        dates: (T,) datetime64[D].
        table: T rows.
        fit: how well dates fit their day.
        cloud: (T,) cloud level as a share 0..1, NaN where not known.
        lines: what was read.
    """

    dates: npt.NDArray[np.datetime64]
    table: pa.Table
    fit: DateFit
    cloud: npt.NDArray[np.float64]
    lines: tuple[str, ...]


def screen_dates(request: ScreenDatesRequest, *, out: str | Path | None = None) -> ScreenedDates:
    """Lists the dates of a cube with their cloud level and with the day that their content fits.

    Args:
        request: what is screened, and how.
        out: the table to write, Parquet or CSV by its suffix; None writes none.

    Raises:
        DataError: the input cannot be read, or its series do not share their dates.
        WeightsError: the weights cannot be read or are not of bi-modal BERT.
        OutputError: the table exists or cannot be written.
    """
    if out is not None:
        check_output(out, inputs=(request.source,), suffixes=TABLE_SUFFIXES)
    series, lines = _read(request)
    dates = _shared_dates(series, request.source)
    predictor = None
    if request.weights is not None:
        predictor = load_predictor(
            request.weights, bands=series.bands, processing_level=series.processing_level
        )
    predicted = None if predictor is None else _predicted_cloud(predictor, series, dates)
    measured = _share(series)
    pixel_cloud = measured if predicted is None else predicted
    clear = series.valid.copy()
    if pixel_cloud is not None:
        limit = request.clear_below / 256
        clear &= np.nan_to_num(pixel_cloud, nan=1.0) < limit
    if measured is not None:
        clear &= measured < request.clear_below / 256
    fit = _fit(series, dates, clear, predictor, request.rule)
    cloud = _mean_by_date(pixel_cloud, series.valid)
    table = _table(dates, series.valid, fit, measured=measured, predicted=predicted)
    if out is not None:
        write_table(out, table)
    by = "predicted by the weights" if predicted is not None else "the cube's own measure"
    lines = (*lines, f"cloud level: {by if pixel_cloud is not None else 'not known'}")
    return ScreenedDates(dates, table, fit, cloud, lines)


def _read(request: ScreenDatesRequest) -> tuple[Series, tuple[str, ...]]:
    path = Path(request.source)
    if is_cube(path):
        opened = open_cube(path, request.cube_options.for_ingest())
        scene = Scene(opened, bands=opened.facts.bands, clear_below=None, latitude=None)
        series = scene.sample(request.num_pixels)
        return series, tuple(opened.summary.lines())
    found = open_input(path)
    series = found.series
    if len(series) > request.num_pixels:
        chosen = np.linspace(0, len(series) - 1, request.num_pixels).astype(np.intp)
        series = series.select(np.unique(chosen))
    return series, tuple(found.summary.lines())


def _shared_dates(series: Series, where: object) -> npt.NDArray[np.datetime64]:
    """Returns the (T,) dates that all series share."""
    dates = np.asarray(series.dates).astype("M8[D]")
    first = np.where(series.valid, dates, np.datetime64("9999-01-01")).min(axis=0)
    last = np.where(series.valid, dates, np.datetime64("0001-01-01")).max(axis=0)
    seen = series.valid.any(axis=0)
    if (first[seen] != last[seen]).any():
        raise DataError(
            "the series do not share their dates",
            where=where,
            expected="a cube, or series of one scene",
        )
    # A date without any valid pixel stands where padding put it.
    shared = np.where(seen, first, dates[0])
    return np.asarray(shared.astype("M8[D]"))


def _share(series: Series) -> npt.NDArray[np.float64] | None:
    """Returns the series' own cloud probability (N, T) as a share, or None."""
    if series.cloud_probability is None:
        return None
    return np.asarray(series.cloud_probability / 255.0)


def _pixels(
    predictor: BimodalPredictor,
    series: Series,
    dates: npt.NDArray[np.datetime64],
    valid: npt.NDArray[np.bool_],
) -> PixelDates:
    bands = predictor.header.bands
    values = np.zeros((*valid.shape, len(bands)), dtype=np.int16)
    for position, name in enumerate(bands):
        if name in series.bands:
            values[..., position] = series.reflectance[..., series.bands.index(name)]
    return PixelDates(values, valid, dates)


def _predicted_cloud(
    predictor: BimodalPredictor, series: Series, dates: npt.NDArray[np.datetime64]
) -> npt.NDArray[np.float64]:
    pixels = _pixels(predictor, series, dates, series.valid)
    return np.asarray(predictor.cloud(pixels), dtype=np.float64)


def _fit(
    series: Series,
    dates: npt.NDArray[np.datetime64],
    clear: npt.NDArray[np.bool_],
    predictor: BimodalPredictor | None,
    rule: MisdatedSettings,
) -> DateFit:
    """Compares each date with what the others say of every fifth day."""
    own = (dates - dates.min()).astype(np.int64)
    days = np.arange(0, own.max() + _STEP, _STEP)
    num_clear, num_valid = clear.sum(axis=0), series.valid.sum(axis=0)
    judged = (num_clear >= min(rule.least_pixels, len(series))) & (
        num_clear >= rule.least_clear * num_valid
    )
    names = series.bands if predictor is None else tuple(MATCHING_BAND.values())
    kept = [name for name in names if name in series.bands]
    bands = [series.bands.index(name) for name in kept]
    observed = series.reflectance[..., bands] / sensors.SCALE
    in_steps = np.rint(own / _STEP).astype(np.int64)

    def round_of(trusted: npt.NDArray[np.bool_]) -> DateFit:
        misfit = np.full((len(dates), len(days)), np.nan)
        for part in folds(judged):
            rest = trusted & ~part
            if predictor is None:
                daily = interpolate_days(observed, own, clear & rest, days)
            else:
                pixels = _pixels(predictor, series, dates, series.valid & rest)
                daily = _matching_bands(predictor, pixels, days, kept)
            misfit[part] = misfits(observed[:, part], clear[:, part], daily)
        return judge(misfit, in_steps, judged, _in_steps(rule))

    first = round_of(np.ones(len(dates), dtype=np.bool_))
    # Two dates that were swapped hide each other: the suspects of the first round say nothing now.
    fit = round_of(~first.misdated) if first.misdated.any() else first
    return replace(fit, fitted_day=np.where(fit.judged, days[fit.fitted_day], -1))


def _matching_bands(
    predictor: BimodalPredictor, pixels: PixelDates, days: npt.NDArray[np.int64], kept: list[str]
) -> npt.NDArray[np.float32]:
    """Predicts the bands that match Sentinel-2's, (N, D, bands), as means of nine pixels."""
    calendar = pixels.dates.min() + days.astype("m8[D]")
    found = predictor.daily(pixels, calendar).reflectance
    found = found.reshape(*found.shape[:2], len(MATCHING_BAND), -1).mean(axis=3)
    chosen = [at for at, name in enumerate(MATCHING_BAND.values()) if name in kept]
    return np.asarray(found[..., chosen])


def _in_steps(rule: MisdatedSettings) -> MisdatedSettings:
    return replace(rule, least_days=max(1, round(rule.least_days / _STEP)))


def _mean_by_date(
    share: npt.NDArray[np.float64] | None, valid: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    num_valid = valid.sum(axis=0)
    if share is None:
        return np.full(len(num_valid), np.nan)
    total = np.where(valid, share, 0.0).sum(axis=0)
    return np.where(num_valid > 0, total / np.maximum(num_valid, 1), np.nan)


def _table(
    dates: npt.NDArray[np.datetime64],
    valid: npt.NDArray[np.bool_],
    fit: DateFit,
    *,
    measured: npt.NDArray[np.float64] | None,
    predicted: npt.NDArray[np.float64] | None,
) -> pa.Table:
    fitted = dates.min() + np.where(fit.judged, fit.fitted_day, 0).astype("m8[D]")
    off = np.abs(fitted - dates).astype(np.int64)
    missing = ~fit.judged

    def number(values: npt.NDArray[np.float64]) -> pa.Array:
        return pa.array(values, mask=~np.isfinite(values))

    return pa.table(
        {
            "date": pa.array(dates),
            "pixels_with_data": pa.array(valid.sum(axis=0)),
            "cloud_measured": number(_mean_by_date(measured, valid)),
            "cloud_predicted": number(_mean_by_date(predicted, valid)),
            "judged": pa.array(fit.judged),
            "misfit": number(fit.misfit),
            "fitted_date": pa.array(fitted, mask=missing),
            "fitted_misfit": number(fit.fitted_misfit),
            "days_off": pa.array(off, mask=missing),
            "misdated": pa.array(fit.misdated),
        }
    )
