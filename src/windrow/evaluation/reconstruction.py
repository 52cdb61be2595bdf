"""Evaluation of pre-training on held-out fields, in comparison with simple baselines.

The figures are R2 and RMSE of the predicted PlanetScope reflectance by band and lag, and the
accuracies of the month and of the cloud level, with and without the position encoding. The
held-out dates are masked as in training. Two baselines predict the same values. One is the mean
of the day over the training series. The other is the nearest clear Sentinel-2 observation that
the model could see, in the matching band. As a reference, the same is computed from *all* clear
observations, hidden ones included.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from windrow import sensors
from windrow.data.batches.pretraining import Batch, PretrainingData
from windrow.data.day_of_year import MAX_DAYS
from windrow.data.season import calendar_days
from windrow.data.series import NO_DATA, Series
from windrow.evaluation.reconstruction_figures import (
    CloudFigures,
    MonthFigures,
    ReconstructionFigures,
)
from windrow.evaluation.reconstruction_scores import BAND_SHAPE, PIXELS, Hits, Scores
from windrow.models.bimodal_bert import BimodalBert
from windrow.tasks.bert import BertSettings, Outputs, apply_model, mask
from windrow.tasks.keyed_random import seeded_draws
from windrow.tasks.masking import CLOUD, UNCHANGED, VISIBLE, Masked

MATCHING_BAND = {"blue": "B02", "green": "B03", "red": "B04", "nir": "B08"}
"""Sentinel-2 band nearest to each PlanetScope band."""

_STREAM = 3
"""Random stream of the evaluation, independent of those of training and validation."""


@dataclass(frozen=True)
class PretextData:
    """Data of the evaluation and of its baselines.

    Attributes:
        training: series that the model was trained on; source of the baselines.
        held_out: series of other fields, on which the model is evaluated.
        resident: the held-out series, standardised as in training.
    """

    training: Series
    held_out: Series
    resident: PretrainingData


def evaluate_pretext(
    module: BimodalBert,
    data: PretextData,
    *,
    task: BertSettings,
    seed: int,
    clear_below: int,
    growing_season: tuple[int, int],
    batch_size: int = 128,
) -> ReconstructionFigures:
    """Computes the held-out figures of a pre-trained model.

    Snow makes the visible bands vary three times as much as crops do. R2 over the whole year
    therefore measures mostly the prediction of snow, so the rows are repeated for the growing
    season.

    Args:
        module: the model.
        data: data of the evaluation.
        task: settings of the training; the masks are drawn in the same way.
        seed: seed of the masks.
        clear_below: an observation is clear if its cloud probability (0..255) is below this.
        growing_season: first target day in the season, and first day after it.
        batch_size: series at a time. The result depends on it, because masked dates can take the
            values of another series in the batch.

    Returns:
        The figures of the task's target, of the month and of the cloud level. A part that is off
        is None.
    """
    planetscope = task.target == "planetscope"
    names = sensors.PLANETSCOPE_BANDS if planetscope else data.held_out.bands
    scores = Scores(len(names), len(task.target_offsets))
    seasonal = Scores(len(names), len(task.target_offsets))
    offsets = torch.tensor(task.target_offsets, device=data.resident.device)
    months, clouds = Hits(), Hits()
    months_blind, clouds_blind = Hits(), Hits()
    day_mean = _day_means(data.training) if planetscope else None
    was_training = module.training
    module.eval()
    for start in range(0, len(data.held_out), batch_size):
        index = torch.arange(start, min(start + batch_size, len(data.held_out)))
        batch, masked, outputs, blind = _run(module, data.resident, task, index, seed)
        months.add_months(outputs)
        months_blind.add_months(blind)
        clouds.add_clouds(outputs, batch, masked)
        clouds_blind.add_clouds(blind, batch, masked)
        estimates = {"model": _reflectance(outputs.prediction, data.resident)}
        if day_mean is not None:
            rows = data.held_out.select(index.numpy())
            estimates |= _baselines(rows, day_mean, masked, task, clear_below)
        target = _reflectance(batch.target, data.resident)
        scored = batch.known & masked.scored[:, :, None, None]
        day = batch.day_of_year[..., None] + offsets
        growing = (day >= growing_season[0]) & (day < growing_season[1])
        scores.add(target, scored.cpu().numpy(), estimates)
        seasonal.add(target, (scored & growing[..., None]).cpu().numpy(), estimates)
    module.train(was_training)
    rows_by_band = scores.rows(names, task.target_offsets)
    return {
        "simulated": data.held_out.simulated,
        "num_series": len(data.held_out),
        "planetscope": rows_by_band if planetscope else None,
        "planetscope_growing_season": seasonal.rows(names, task.target_offsets)
        if planetscope
        else None,
        "sentinel2": None if planetscope else rows_by_band,
        "month": _month_figures(months, months_blind),
        "cloud": _cloud_figures(clouds, clouds_blind, data.training),
    }


def predict_table(
    module: BimodalBert,
    data: PretextData,
    *,
    task: BertSettings,
    seed: int,
    num_series: int,
) -> pd.DataFrame:
    """Tabulates predicted and observed PlanetScope of held-out pixels, one row per day and band.

    The dates are masked as in training. ``predicted`` is missing on days without a Sentinel-2
    observation.

    Args:
        module: the model.
        data: data of the evaluation.
        task: settings of the training, with PlanetScope as the target.
        seed: seed of the masks.
        num_series: number of series, spread over the held-out series.

    Returns:
        The columns series_id, day_of_year (of the calendar year, 0 = 1 January), valid,
        cloud_probability (missing if unknown), band, observed and predicted (reflectance 0..1,
        mean of the nine pixels), and lag (0).
    """
    held_out = data.held_out
    num_series = min(num_series, len(held_out))
    index = np.unique(np.linspace(0, len(held_out) - 1, num_series).astype(np.intp))
    module.eval()
    batch, _, outputs, _ = _run(module, data.resident, task, torch.from_numpy(index), seed)
    lag = task.target_offsets.index(0) if 0 in task.target_offsets else None
    predicted = _reflectance(outputs.prediction, data.resident)
    assert held_out.planetscope is not None
    assert held_out.planetscope_day is not None
    days = held_out.planetscope_day
    tables = []
    for row, position in enumerate(index):
        observed = _pixel_mean(held_out.planetscope[position])
        valid = batch.valid[row].cpu().numpy()
        dates = held_out.day_of_year[position].astype(np.int64)
        by_day = np.full((MAX_DAYS, len(sensors.PLANETSCOPE_BANDS)), np.nan)
        cloud_by_day = np.full(MAX_DAYS, np.nan)
        if lag is not None:
            values = predicted[row, valid, lag].reshape(-1, *BAND_SHAPE)
            by_day[dates[valid]] = values.mean(axis=2)
        if held_out.cloud_probability is not None:
            cloud_by_day[dates[valid]] = held_out.cloud_probability[position][valid]
        is_date = np.isin(np.arange(MAX_DAYS), dates[valid])
        year = held_out.year[position : position + 1]
        of_year = calendar_days(days[None], year, held_out.season_start)[0]
        for band, name in enumerate(sensors.PLANETSCOPE_BANDS):
            columns = {
                "series_id": np.repeat(held_out.id[position], len(days)),
                "day_of_year": of_year.astype(np.int64),
                "valid": is_date[days],
                "cloud_probability": cloud_by_day[days],
                "band": name,
                "observed": observed[:, band],
                "predicted": by_day[days, band],
                "lag": 0,
            }
            tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def _run(
    module: BimodalBert, resident: PretrainingData, task: BertSettings, index: Tensor, seed: int
) -> tuple[Batch, Masked, Outputs, Outputs]:
    """Gives a batch, its masks, and the outputs with and without the position."""
    index = index.to(resident.device)
    batch = resident.batch(index)
    masked = mask(batch, resident, task, seeded_draws(seed, _STREAM, step=0, series=index))
    with torch.inference_mode():
        outputs = apply_model(module, batch, masked)
        blind = apply_model(module, batch, masked, use_position=False)
    return batch, masked, outputs, blind


def _reflectance(standardised: Tensor, resident: PretrainingData) -> npt.NDArray[np.float64]:
    values = resident.target_normalization.invert(standardised)
    array: npt.NDArray[np.float64] = values.double().cpu().numpy()
    return array


def _pixel_mean(planetscope: npt.NDArray[np.int16]) -> npt.NDArray[np.float64]:
    """Averages stored integers (..., 36) to reflectance (..., 4), NaN where all are missing."""
    values = planetscope.reshape(*planetscope.shape[:-1], *BAND_SHAPE)
    known = values != NO_DATA
    total = np.where(known, values, 0).sum(axis=-1, dtype=np.float64)
    count = known.sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1) / sensors.SCALE, np.nan)


def _day_means(training: Series) -> npt.NDArray[np.float64]:
    """Averages the training series by day, (366, 4). Days without a value take the overall mean."""
    assert training.planetscope is not None
    assert training.planetscope_day is not None
    means = np.full((MAX_DAYS, len(sensors.PLANETSCOPE_BANDS)), np.nan)
    for step, day in enumerate(training.planetscope_day):
        values = training.planetscope[:, step].reshape(-1, *BAND_SHAPE)
        known = values != NO_DATA
        total = np.where(known, values, 0).sum(axis=(0, 2), dtype=np.float64)
        count = known.sum(axis=(0, 2))
        means[day] = np.where(count > 0, total / np.maximum(count, 1) / sensors.SCALE, np.nan)
    return np.where(np.isnan(means), np.nanmean(means, axis=0), means)


def _baselines(
    rows: Series,
    day_mean: npt.NDArray[np.float64],
    masked: Masked,
    task: BertSettings,
    clear_below: int,
) -> dict[str, npt.NDArray[np.float64]]:
    """Computes the estimates (n, T, L, 36) of the baselines, by name."""
    offsets = np.array(task.target_offsets)
    target_day = np.where(rows.valid, rows.day_of_year, 0).astype(np.int64)[..., None] + offsets
    by_day = day_mean[np.clip(target_day, 0, MAX_DAYS - 1)]
    estimates = {"day_mean": np.repeat(by_day, PIXELS, axis=-1)}
    matching = [MATCHING_BAND[name] for name in sensors.PLANETSCOPE_BANDS]
    if rows.cloud_probability is None or not set(matching) <= set(rows.bands):
        return estimates
    bands = [rows.bands.index(name) for name in matching]
    values = rows.reflectance[:, :, bands] / sensors.SCALE
    clear = rows.valid & (rows.cloud_probability < clear_below)
    roles = masked.roles.cpu().numpy()
    seen = (roles == UNCHANGED) | (roles == VISIBLE)
    if masked.token is None:
        seen |= roles == CLOUD
    for name, usable in (("nearest_clear", clear & seen), ("nearest_clear_any", clear)):
        nearest = _nearest(rows.day_of_year.astype(np.int64), usable, target_day)
        found = values[np.arange(len(rows))[:, None, None], nearest]
        has_any = np.asarray(usable.any(axis=1))[:, None, None, None]
        estimates[name] = np.repeat(np.where(has_any, found, by_day), PIXELS, axis=-1)
    return estimates


def _nearest(
    day: npt.NDArray[np.int64], usable: npt.NDArray[np.bool_], target_day: npt.NDArray[np.int64]
) -> npt.NDArray[np.intp]:
    """Finds the usable date nearest to each target day, (n, T, L); the earlier one on a tie."""
    distance = np.abs(day[:, None, None, :] - target_day[..., None])
    far = np.where(usable[:, None, None, :], distance, 10 * MAX_DAYS)
    return np.asarray(far.argmin(axis=-1))


def _month_figures(hits: Hits, blind: Hits) -> MonthFigures | None:
    """Gives the figures of the month. The majority answer is any of the most frequent months."""
    if hits.total == 0:
        return None
    assert hits.counts is not None
    return {
        "accuracy": hits.accuracy,
        "accuracy_without_position": blind.accuracy,
        "majority_rate": float(hits.counts.max()) / hits.total,
    }


def _cloud_figures(hits: Hits, blind: Hits, training: Series) -> CloudFigures | None:
    """Gives the figures of the cloud level, whose majority class comes from the training series."""
    if hits.total == 0 or training.cloud_probability is None:
        return None
    levels = sensors.cloud_level(training.cloud_probability[training.valid])
    majority = int(np.bincount(levels, minlength=sensors.NUM_CLOUD_LEVELS).argmax())
    rate, error = hits.majority(majority)
    return {
        "accuracy": hits.accuracy,
        "accuracy_without_position": blind.accuracy,
        "mean_absolute_error": hits.mean_absolute_error,
        "majority_rate": rate,
        "majority_mean_absolute_error": error,
    }
