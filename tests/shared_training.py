"""A short training that several processes may share; light to import, as each of them does."""

import json
import sys

import torch

from series_factory import make_series
from windrow.data.batches import PretrainingData
from windrow.data.normalization import Normalization
from windrow.models.encoder import EncoderSettings
from windrow.tasks.bert import BertSettings, apply_model, bert_losses, build_model, masked_batch
from windrow.tasks.draws import seeded_draws
from windrow.training.distributed import joined
from windrow.training.loop import train
from windrow.training.optimization import OptimizationSettings, adamw

BATCH_SIZE = 8


def losses_of_steps(settings, *, num_steps=4):
    """The losses that this process reports; ``settings`` of the encoder, task and optimization."""
    series = make_series(12, num_dates=12)
    encoder = EncoderSettings.from_dict(settings["encoder"])
    task = BertSettings.from_dict(settings["task"])
    data = PretrainingData(
        series,
        normalization=Normalization.fit(series.reflectance, series.valid),
        target=task.target,
        target_normalization=Normalization.fit_planetscope(series.planetscope),
        target_offsets=task.target_offsets,
    )
    module = build_model(encoder, task, num_bands=12, seed=0)
    optimizer = adamw(module, OptimizationSettings.from_dict(settings["optimization"]))
    index = torch.arange(BATCH_SIZE)
    curve = []
    with joined("cpu") as (processes, _):

        def compute_loss(step):
            draws = seeded_draws(0, 1, step=step, series=index)
            rows = processes.rows(BATCH_SIZE)
            batch, masked = masked_batch(data, index, task, draws, rows=rows)
            outputs = apply_model(module, batch, masked)
            mean_count = processes.mean_count
            return bert_losses(outputs, batch, masked, task.losses, mean_count=mean_count)

        train(
            module,
            optimizer=optimizer,
            compute_loss=compute_loss,
            num_steps=num_steps,
            gradient_clip=1.0,
            processes=processes,
            on_step=lambda step, report: curve.append(
                [float(report["loss"]), float(report["gradient_norm"])]
            ),
        )
    return curve


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.stdout.write(json.dumps(losses_of_steps(json.loads(sys.argv[1]))) + "\n")
