"""The loss curve of five float64 steps: a refactoring must not change it."""

import pytest
import torch

from windrow.data.batches.pretraining import BatchOrder, PretrainingData
from windrow.data.normalization import Normalization
from windrow.experiments.recipes.pretraining import recipe, task
from windrow.tasks.bert import apply_model, bert_losses, build_model, mask
from windrow.tasks.keyed_random import seeded_draws
from windrow.training.loop import train
from windrow.training.optimization import adamw, warmup_cosine

GOLDEN = {
    ("masked", "sum"): [
        27.8936226612975,
        23.387486599085218,
        26.14240641058469,
        24.709648021847904,
        26.330054658549816,
    ],
    ("visible", "mean"): [
        6.527038155126315,
        6.324421506330868,
        6.368935708851945,
        6.342472916218228,
        6.330772682433304,
    ],
}


def _curve(series, cloud_input, reduction):
    settings = recipe("tiny")
    pretext = task(cloud_input=cloud_input, reduction=reduction)
    data = PretrainingData(
        series,
        normalization=Normalization.fit(series.reflectance, series.valid),
        target="planetscope",
        target_normalization=Normalization.fit_planetscope(series.planetscope),
        target_offsets=pretext.target_offsets,
    )
    order = BatchOrder(len(series), batch_size=4, seed=0)
    module = build_model(settings.encoder, pretext, num_bands=12, seed=0).double()
    losses = []

    def compute_loss(step):
        index = order.indices(step)
        batch = data.batch(index).to(torch.float64)
        masked = mask(batch, data, pretext, seeded_draws(0, 1, step=step, series=index))
        return bert_losses(apply_model(module, batch, masked), batch, masked, pretext.losses)

    train(
        module,
        optimizer=adamw(module, settings.optimization),
        compute_loss=compute_loss,
        steps=range(5),
        learning_rate=warmup_cosine(settings.optimization, num_steps=5),
        gradient_clip=settings.optimization.gradient_clip,
        on_step=lambda step, record: losses.append(record["loss"].item()),
    )
    return losses


@pytest.mark.parametrize(("cloud_input", "reduction"), list(GOLDEN))
def test_five_steps(make_series, cloud_input, reduction):
    # 1e-7: the standardised inputs are float32, whose rounding may differ between processors.
    expected = pytest.approx(GOLDEN[cloud_input, reduction], rel=1e-7)
    assert _curve(make_series(8), cloud_input, reduction) == expected
