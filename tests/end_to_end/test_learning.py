"""The pretext task can be learned: one batch is overfitted, each loss alone falls."""

import pytest
import torch

from windrow.data.batches.pretraining import PretrainingData
from windrow.data.normalization import Normalization
from windrow.experiments.recipes.pretraining import encoder, optimization, task
from windrow.tasks.bert import apply_model, bert_losses, build_model, mask
from windrow.tasks.keyed_random import seeded_draws
from windrow.training.loop import train
from windrow.training.optimization import adamw


def _fit(series, *, num_steps, weights, cloud_input="visible"):
    pretext = task(cloud_input=cloud_input, reduction="mean")
    losses = pretext.losses.model_copy(update=weights)
    data = PretrainingData(
        series,
        normalization=Normalization.fit(series.reflectance, series.valid),
        target="planetscope",
        target_normalization=Normalization.fit_planetscope(series.planetscope),
        target_offsets=pretext.target_offsets,
    )
    shape = encoder(num_layers=2, width=32, mlp_width=64)
    module = build_model(shape, pretext, num_bands=12, seed=0)
    batch = data.batch(torch.arange(len(series)))
    masked = mask(
        batch, data, pretext, seeded_draws(0, 1, step=0, series=torch.arange(len(series)))
    )
    curve = []
    train(
        module,
        optimizer=adamw(module, optimization(learning_rate=3e-3)),
        compute_loss=lambda step: bert_losses(
            apply_model(module, batch, masked), batch, masked, losses
        ),
        steps=range(num_steps),
        gradient_clip=1.0,
        on_step=lambda step, record: curve.append(
            {name: float(record[name]) for name in ("reconstruction", "season", "cloud")}
        ),
    )
    return curve


def test_one_batch_is_overfitted(make_series):
    weights = {"reconstruction_weight": 10.0, "season_weight": 1.0, "cloud_weight": 1.0}
    curve = _fit(make_series(4), num_steps=250, weights=weights)
    # The noise of single pixels differs between the nine, and is learned by heart too.
    assert curve[-1]["reconstruction"] < 0.05 * curve[0]["reconstruction"]
    assert curve[-1]["season"] < 0.05
    assert curve[-1]["cloud"] < 0.05


@pytest.mark.parametrize("name", ["reconstruction", "season", "cloud"])
def test_each_loss_alone_is_learned(make_series, name):
    weights = {f"{each}_weight": float(each == name) for each in
               ("reconstruction", "season", "cloud")}  # fmt: skip
    curve = _fit(make_series(4), num_steps=100, weights=weights)
    assert curve[-1][name] < 0.3 * curve[0][name]
