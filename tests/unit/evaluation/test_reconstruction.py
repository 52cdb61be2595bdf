"""The held-out figures against loops over single values."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from windrow.data.batches.pretraining import PretrainingData
from windrow.data.normalization import Normalization
from windrow.data.series import NO_DATA
from windrow.evaluation.reconstruction import PretextData, evaluate_pretext, predict_table
from windrow.experiments.recipes.pretraining import encoder, task
from windrow.tasks.bert import apply_model, build_model, mask
from windrow.tasks.keyed_random import seeded_draws
from windrow.tasks.masking import UNCHANGED

SEED = 5
SEASON = (120, 200)
TASK = task(cloud_input="masked", reduction="mean")


def _prepare(training, held_out, settings=TASK):
    normalization = Normalization.fit(training.reflectance, training.valid)
    target = normalization
    if settings.target == "planetscope":
        target = Normalization.fit_planetscope(training.planetscope)
    resident = PretrainingData(
        held_out,
        normalization=normalization,
        target=settings.target,
        target_normalization=target,
        target_offsets=settings.target_offsets,
    )
    shape = encoder(num_layers=1, width=16, mlp_width=32)
    module = build_model(shape, settings, num_bands=len(training.bands), seed=0)
    return module, PretextData(training, held_out, resident)


@pytest.fixture(scope="module")
def evaluated(make_series):
    training, held_out = make_series(20), make_series(6, seed=1)
    module, data = _prepare(training, held_out)
    figures = evaluate_pretext(
        module, data, task=TASK, seed=SEED, clear_below=128, growing_season=SEASON
    )
    batch = data.resident.batch(torch.arange(6))
    masked = mask(batch, data.resident, TASK, seeded_draws(SEED, 3, step=0, series=torch.arange(6)))
    with torch.no_grad():
        outputs = apply_model(module.eval(), batch, masked)
    return module, data, figures, masked, outputs


def _naive_estimates(data, masked, outputs, *, band, lag, season=(0, 365)):
    """Observed, and each estimate of it, one scored value after the other."""
    training, held_out = data.training, data.held_out
    moments = Normalization.fit_planetscope(training.planetscope)
    column = held_out.bands.index(("B02", "B03", "B04", "B08")[band])
    rows = {"observed": [], "model": [], "day_mean": [], "nearest_clear": []}
    for n in range(len(held_out)):
        seen = [
            t
            for t in range(held_out.num_dates)
            if masked.roles[n, t] == UNCHANGED and held_out.cloud_probability[n, t] < 128
        ]
        for t in range(held_out.num_dates):
            if masked.roles[n, t] > 2:
                continue
            day = int(held_out.day_of_year[n, t]) + lag
            if not season[0] <= day < season[1]:
                continue
            past = training.planetscope[:, day, 9 * band : 9 * band + 9]
            day_mean = past[past != NO_DATA].mean() / 1e4
            nearest = day_mean
            if seen:
                best = min(seen, key=lambda s, n=n, d=day: abs(int(held_out.day_of_year[n, s]) - d))
                nearest = held_out.reflectance[n, best, column] / 1e4
            for k in range(9 * band, 9 * band + 9):
                stored = held_out.planetscope[n, day, k]
                if stored == NO_DATA:
                    continue
                predicted = outputs.prediction[n, t, (-2, -1, 0).index(lag), k].item()
                rows["observed"].append(stored / 1e4)
                rows["model"].append(predicted * moments.std[band] + moments.mean[band])
                rows["day_mean"].append(day_mean)
                rows["nearest_clear"].append(nearest)
    return {name: np.array(values) for name, values in rows.items()}


@pytest.mark.parametrize(
    ("key", "season"), [("planetscope", (0, 365)), ("planetscope_growing_season", SEASON)]
)
@pytest.mark.parametrize(("band", "lag"), [(0, -2), (1, -1), (3, 0)])
def test_r2_and_rmse_of_model_and_baselines(evaluated, key, season, band, lag):
    _, data, figures, masked, outputs = evaluated
    naive = _naive_estimates(data, masked, outputs, band=band, lag=lag, season=season)
    name = ("blue", "green", "red", "nir")[band]
    row = next(row for row in figures[key] if row["band"] == name and row["lag"] == lag)
    observed = naive.pop("observed")
    spread = ((observed - observed.mean()) ** 2).mean()
    for name, estimate in naive.items():
        prefix = "" if name == "model" else f"baseline_{name}_"
        error = ((estimate - observed) ** 2).mean()
        assert row[f"{prefix}rmse"] == pytest.approx(np.sqrt(error), rel=1e-4), name
        assert row[f"{prefix}r2"] == pytest.approx(1 - error / spread, rel=1e-3, abs=1e-3), name
    assert row["baseline_nearest_clear_any_r2"] is not None


def test_cloud_and_month_figures_beside_the_majority(evaluated):
    _, data, figures, masked, outputs = evaluated
    levels = data.training.cloud_probability[data.training.valid] // 8
    majority = np.bincount(levels).argmax()
    right, error, common, common_error = [], [], [], []
    for n, t in torch.argwhere(masked.cloud).tolist():
        level = int(data.held_out.cloud_probability[n, t]) // 8
        answer = int(outputs.cloud[n, t].argmax())
        right.append(answer == level)
        error.append(abs(answer - level))
        common.append(level == majority)
        common_error.append(abs(level - majority))
    cloud = figures["cloud"]
    assert cloud["accuracy"] == pytest.approx(np.mean(right))
    assert cloud["mean_absolute_error"] == pytest.approx(np.mean(error))
    assert cloud["majority_rate"] == pytest.approx(np.mean(common))
    assert cloud["majority_mean_absolute_error"] == pytest.approx(np.mean(common_error))
    months = outputs.season.argmax(dim=-1)[outputs.present]
    wanted = torch.arange(12).expand(6, 12)[outputs.present]
    assert figures["month"]["accuracy"] == pytest.approx((months == wanted).double().mean().item())
    assert figures["month"]["majority_rate"] == pytest.approx(
        torch.bincount(wanted).max().item() / len(wanted)
    )
    assert figures["simulated"] is True
    assert figures["num_series"] == 6
    assert not any(parameter.grad is not None for parameter in evaluated[0].parameters())


def test_what_is_off_is_none(make_series):
    settings = TASK.model_copy(update={"target": "sentinel2", "target_offsets": (0,)})
    bare = {"planetscope": False, "clouds": False}
    module, data = _prepare(make_series(8, **bare), make_series(3, seed=1, **bare), settings)
    figures = evaluate_pretext(
        module, data, task=settings, seed=0, clear_below=128, growing_season=SEASON
    )
    assert figures["planetscope"] is None
    assert figures["cloud"] is None
    assert [row["band"] for row in figures["sentinel2"]] == list(data.held_out.bands)
    no_blue = [band for band in data.held_out.bands if band != "B02"]
    training, held_out = make_series(8, bands=no_blue), make_series(3, seed=1, bands=no_blue)
    module, data = _prepare(training, held_out)
    row = evaluate_pretext(module, data, task=TASK, seed=0, clear_below=128, growing_season=SEASON)[
        "planetscope"
    ][0]
    assert row["baseline_nearest_clear_r2"] is None
    assert row["baseline_day_mean_r2"] is not None


def test_table_of_predictions(evaluated):
    module, data, _, _, _ = evaluated
    table = predict_table(module, data, task=TASK, seed=SEED, num_series=3)
    assert table.columns.tolist() == [
        "series_id", "day_of_year", "valid", "cloud_probability", "band", "observed", "predicted",
        "lag",
    ]  # fmt: skip
    assert len(table) == 3 * 4 * 365
    held_out = data.held_out
    assert table["series_id"].unique().tolist() == [0, 2, 5]
    one = table[(table["series_id"] == 2) & (table["band"] == "nir")].set_index("day_of_year")
    days = held_out.day_of_year[2, held_out.valid[2]]
    assert one.index[one["valid"]].tolist() == sorted(set(days.tolist()))
    assert one["predicted"].notna().equals(one["valid"].rename("predicted"))
    day = int(days[4])
    assert one.loc[day, "observed"] == pytest.approx(held_out.planetscope[2, day, 27:].mean() / 1e4)
    assert one.loc[day, "cloud_probability"] in held_out.cloud_probability[2]
    assert one.loc[~one["valid"], "cloud_probability"].isna().all()


def test_missing_days_stay_missing(make_series):
    held_out = make_series(2, seed=1)
    gaps = held_out.planetscope.copy()
    gaps[:, 40] = NO_DATA
    module, data = _prepare(make_series(8), replace(held_out, planetscope=gaps))
    table = predict_table(module, data, task=TASK, seed=0, num_series=1)
    assert table.loc[table["day_of_year"] == 40, "observed"].isna().all()
    assert np.isfinite(
        evaluate_pretext(module, data, task=TASK, seed=0, clear_below=128, growing_season=SEASON)[
            "planetscope"
        ][0]["r2"]
    )
