"""A short training that several processes may share; light to import, as each of them does."""

import json
import sys

import torch

from series_factory import make_series
from windrow.data.batches.pretraining import PretrainingData
from windrow.data.normalization import Normalization
from windrow.models.encoders.transformer import EncoderSettings
from windrow.tasks.bert import BertSettings, apply_model, bert_losses, build_model, masked_batch
from windrow.tasks.keyed_random import seeded_draws
from windrow.training.device.cuda_graph import CapturedTraining, CaptureSettings
from windrow.training.distributed import joined
from windrow.training.loop import train
from windrow.training.optimization import OptimizationSettings, adamw

BATCH_SIZE = 8


def losses_of_steps(settings, *, num_steps=4):
    """Loss and norm of the gradient that this process records of each step.

    Args:
        settings: of the encoder, task and optimization.
        num_steps: of each way.

    Returns:
        the curve of the plain loop, and that of steps on the device alone.
    """
    series = make_series(12, num_dates=12)
    task = BertSettings.from_dict(settings["task"])
    optimization = OptimizationSettings.from_dict(settings["optimization"])
    data = PretrainingData(
        series,
        normalization=Normalization.fit(series.reflectance, series.valid),
        target=task.target,
        target_normalization=Normalization.fit_planetscope(series.planetscope),
        target_offsets=task.target_offsets,
    )
    index = torch.arange(BATCH_SIZE)

    def begin():
        encoder = EncoderSettings.from_dict(settings["encoder"])
        module = build_model(encoder, task, num_bands=12, seed=0)
        return module, adamw(module, optimization)

    def losses(module, index, step, sizes):
        draws = seeded_draws(0, 1, step=step, series=index)
        rows = processes.rows(BATCH_SIZE)
        batch, masked = masked_batch(data, index, task, draws, rows=rows)
        mean_count = processes.mean_count
        outputs = apply_model(module, batch, masked)
        return bert_losses(outputs, batch, masked, task.losses, mean_count=mean_count)

    curves = [], []

    def kept_in(curve):
        return lambda step, record: curve.append(
            [float(record["loss"]), float(record["gradient_norm"])]
        )

    with joined("cpu") as (processes, _):
        module, optimizer = begin()
        train(
            module,
            optimizer=optimizer,
            compute_loss=lambda step: losses(module, index, step, None),
            steps=range(num_steps),
            gradient_clip=1.0,
            processes=processes,
            on_step=kept_in(curves[0]),
        )
        module, optimizer = begin()
        training = CapturedTraining(
            module,
            optimizer=optimizer,
            losses=losses,
            learning_rate=lambda step: optimization.learning_rate,
            steps=range(num_steps),
            first_index=index,
            settings=CaptureSettings(
                graph=False,
                compile_update=False,
                low_precision=False,
                gradient_clip=1.0,
                processes=processes,
            ),
        )
        training.run(lambda step: index, on_step=kept_in(curves[1]))
    return curves


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.stdout.write(json.dumps(losses_of_steps(json.loads(sys.argv[1]))) + "\n")
