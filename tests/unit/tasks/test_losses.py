"""Each loss against a loop written from its formula."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from windrow.data.batches.pretraining import PretrainingData
from windrow.data.normalization import Normalization
from windrow.experiments.recipes.pretraining import encoder, task
from windrow.tasks.bert import apply_model, bert_losses, build_model, mask
from windrow.tasks.keyed_random import seeded_draws
from windrow.tasks.losses import cloud_loss, pool_months, reconstruction_loss, season_loss

SHAPE = (3, 5, 2, 4)


@pytest.fixture
def tensors():
    draw = torch.Generator().manual_seed(0)
    prediction = torch.randn(SHAPE, generator=draw, dtype=torch.float64)
    target = torch.randn(SHAPE, generator=draw, dtype=torch.float64)
    return prediction, target, draw


@pytest.mark.parametrize(("reduction", "divisor"), [("sum", 1), ("mean", 4)])
def test_reconstruction_is_equation_1_where_nothing_is_missing(tensors, reduction, divisor):
    prediction, target, _ = tensors
    dates = [[0, 1, 3], [2, 4], [0]]  # T of each series
    scored = torch.zeros(SHAPE, dtype=torch.bool)
    expected = 0.0
    for n, chosen in enumerate(dates):
        total = 0.0
        for i in chosen:
            scored[n, i] = True
            for lag in range(2):
                error = [float(prediction[n, i, lag, k] - target[n, i, lag, k]) for k in range(4)]
                total += sum(e * e for e in error) / 2  # averaged over the two target days
        expected += total / (2 * len(chosen)) / len(dates)
    value = reconstruction_loss(prediction, target, scored, reduction=reduction)
    assert value.item() == pytest.approx(expected / divisor, rel=1e-12)


def test_reconstruction_counts_no_missing_value(tensors):
    prediction, target, draw = tensors
    scored = torch.rand(SHAPE, generator=draw) < 0.5
    scored[1] = False  # a series without any target counts nowhere
    worse = torch.where(scored, target, torch.full_like(target, 1e6))
    expected = 0.0
    for n in (0, 2):
        error = ((prediction - target)[n][scored[n]] ** 2).tolist()
        expected += 4 * sum(error) / len(error) / 2 / 2
    value = reconstruction_loss(prediction, worse, scored, reduction="sum")
    assert value.item() == pytest.approx(expected, rel=1e-12)
    nothing = torch.zeros(SHAPE, dtype=torch.bool)
    assert reconstruction_loss(prediction, target, nothing, reduction="sum").item() == 0.0


def _cross_entropy(logits, wanted):
    return math.log(sum(math.exp(x) for x in logits)) - logits[wanted]


@pytest.mark.parametrize("auxiliary", ["cross_entropy", "mse"])
def test_season_loss_is_equation_2_over_the_months_with_a_date(auxiliary):
    draw = torch.Generator().manual_seed(1)
    z = torch.randn((2, 6, 3), generator=draw, dtype=torch.float64)
    month = torch.tensor([[0, 0, 4, 4, 4, 11], [2, 3, 3, 7, 7, 7]])
    valid = torch.tensor([[1, 1, 1, 0, 1, 1], [1, 1, 1, 0, 0, 0]]) > 0
    classifier = nn.Linear(3, 12 if auxiliary == "cross_entropy" else 1, dtype=torch.float64)
    pooled, present = pool_months(z, month, valid)
    value = season_loss(classifier(pooled), present, auxiliary=auxiliary)
    expected = 0.0
    for n in range(2):
        terms = []
        for m in range(12):
            rows = [z[n, t] for t in range(6) if valid[n, t] and month[n, t] == m]
            if not rows:
                continue
            output = classifier(sum(rows) / len(rows)).tolist()
            if auxiliary == "cross_entropy":
                terms.append(_cross_entropy(output, m))
            else:
                terms.append((output[0] - m / 11) ** 2)
        expected += sum(terms) / len(terms) / 2
    assert value.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("auxiliary", ["cross_entropy", "mse"])
def test_cloud_loss_is_equation_3(auxiliary):
    draw = torch.Generator().manual_seed(2)
    size = 32 if auxiliary == "cross_entropy" else 1
    output = torch.randn((3, 4, size), generator=draw, dtype=torch.float64)
    level = torch.randint(0, 32, (3, 4), generator=draw)
    chosen = torch.tensor([[1, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0]]) > 0
    expected = 0.0
    for n in (0, 2):
        terms = []
        for t in range(4):
            if chosen[n, t] and auxiliary == "cross_entropy":
                terms.append(_cross_entropy(output[n, t].tolist(), int(level[n, t])))
            elif chosen[n, t]:
                terms.append((output[n, t, 0].item() - int(level[n, t]) / 31) ** 2)
        expected += sum(terms) / len(terms) / 2
    value = cloud_loss(output, level, chosen, num_levels=32, auxiliary=auxiliary)
    assert value.item() == pytest.approx(expected, rel=1e-12)


def _step(series, settings, **encoder_changes):
    normalization = Normalization.fit(series.reflectance, series.valid)
    data = PretrainingData(
        series,
        normalization=normalization,
        target=settings.target,
        target_normalization=Normalization.fit_planetscope(series.planetscope)
        if settings.target == "planetscope"
        else normalization,
        target_offsets=settings.target_offsets,
    )
    shape = encoder(num_layers=1, width=16, mlp_width=32).model_copy(update=encoder_changes)
    module = build_model(shape, settings, num_bands=len(series.bands), seed=0)
    batch = data.batch(torch.arange(len(series)))
    masked = mask(
        batch, data, settings, seeded_draws(0, 1, step=0, series=torch.arange(len(series)))
    )
    return module, batch, masked


def test_total_is_the_weighted_sum_and_cloud_is_off_without_probability(make_series):
    settings = task(cloud_input="masked", reduction="mean")
    weights = {"reconstruction_weight": 2.0, "season_weight": 3.0, "cloud_weight": 5.0}
    losses = settings.losses.model_copy(update=weights)
    module, batch, masked = _step(make_series(6), settings)
    parts = bert_losses(apply_model(module, batch, masked), batch, masked, losses)
    expected = 2 * parts["reconstruction"] + 3 * parts["season"] + 5 * parts["cloud"]
    assert parts["loss"].item() == pytest.approx(expected.item(), rel=1e-6)
    # At the start all classes are about equally likely: log 12 and log 32.
    assert parts["season"].item() == pytest.approx(math.log(12), rel=0.1)
    assert parts["cloud"].item() == pytest.approx(math.log(32), rel=0.1)
    module, batch, masked = _step(make_series(6, clouds=False), settings)
    parts = bert_losses(apply_model(module, batch, masked), batch, masked, losses)
    assert sorted(parts) == ["loss", "reconstruction", "season"]


def test_control_predicts_sentinel2_itself(make_series):
    settings = task(cloud_input="visible", reduction="mean").model_copy(
        update={"target": "sentinel2", "target_offsets": (0,)}
    )
    series = make_series(6, planetscope=False)
    module, batch, masked = _step(series, settings)
    assert batch.target.shape == (6, 24, 1, 12)
    assert torch.equal(batch.target[:, :, 0], batch.values)
    outputs = apply_model(module, batch, masked)
    assert outputs.prediction.shape == batch.target.shape
    assert np.isfinite(bert_losses(outputs, batch, masked, settings.losses)["loss"].item())
