"""Two hundred steps in bfloat16 laid over the same steps in float32, on the processor."""

import numpy as np
import pytest

from windrow.data.batches.pretraining import BatchOrder, PretrainingData
from windrow.data.normalization import Normalization
from windrow.experiments.recipes.pretraining import recipe
from windrow.tasks.bert import apply_model, bert_losses, build_model, mask
from windrow.tasks.keyed_random import seeded_draws
from windrow.training.execution import ExecutionSettings
from windrow.training.loop import train
from windrow.training.optimization import adamw, warmup_cosine

NUM_STEPS = 200


def _curve(series, precision):
    settings = recipe("tiny")
    execution = ExecutionSettings(precision=precision)
    data = PretrainingData(
        series,
        normalization=Normalization.fit(series.reflectance, series.valid),
        target="planetscope",
        target_normalization=Normalization.fit_planetscope(series.planetscope),
        target_offsets=settings.task.target_offsets,
    )
    order = BatchOrder(len(series), batch_size=8, seed=0)
    module = build_model(settings.encoder, settings.task, num_bands=12, seed=0)
    losses = []

    def compute_loss(step):
        index = order.indices(step)
        batch = data.batch(index)
        masked = mask(batch, data, settings.task, seeded_draws(0, 1, step=step, series=index))
        with execution.autocast():
            outputs = apply_model(module, batch, masked)
        return bert_losses(outputs, batch, masked, settings.task.losses)

    train(
        module,
        optimizer=adamw(module, settings.optimization),
        compute_loss=compute_loss,
        steps=range(NUM_STEPS),
        learning_rate=warmup_cosine(settings.optimization, num_steps=NUM_STEPS),
        gradient_clip=settings.optimization.gradient_clip,
        on_step=lambda step, record: losses.append(record["loss"].item()),
    )
    return np.array(losses)


@pytest.mark.slow
def test_the_curves_lie_over_each_other(make_series):
    series = make_series(16)
    plain, fast = _curve(series, "float32"), _curve(series, "bfloat16")
    assert plain[-20:].mean() < 0.9 * plain[:20].mean()  # it learns, so there is a curve
    assert not np.array_equal(plain, fast)
    # bfloat16 has three digits; single steps part by its rounding, windows of 20 hardly.
    np.testing.assert_allclose(fast, plain, rtol=0.02)
    windows = [curve.reshape(-1, 20).mean(axis=1) for curve in (fast, plain)]
    np.testing.assert_allclose(*windows, rtol=0.005)
