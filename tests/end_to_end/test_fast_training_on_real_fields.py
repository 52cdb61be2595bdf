"""On real fields near Munich the fast ways of training have the losses of the plain one."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from windrow.data.batches.pretraining import PretrainingData
from windrow.data.normalization import Normalization
from windrow.experiments.recipes.pretraining import encoder, optimization, task
from windrow.sources.tables.series import read_table
from windrow.tasks.bert import Sizes, apply_model, bert_losses, build_model, masked_batch
from windrow.tasks.keyed_random import seeded_draws
from windrow.training.device.cuda_graph import CapturedTraining, CaptureSettings
from windrow.training.optimization import adamw

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("WINDROW_DATA", ROOT.parent / "shared" / "data")) / "bavaria2018"

pytestmark = pytest.mark.skipif(
    not (FOLDER / "observations.parquet").is_file(),
    reason=f"the real fields are not at {FOLDER}; set WINDROW_DATA",
)


def test_clear_dates_packed_and_on_the_device_alone() -> None:
    series = read_table(FOLDER / "observations.parquet").series
    series = series.select(np.arange(24))
    blue = series.reflectance[:, :, series.bands.index("B02")]
    series = replace(series, valid=series.valid & (blue < 1_500))  # bright dates are clouds
    assert 0.2 < series.valid.mean() < 0.9
    pretext = task(cloud_input="visible", reduction="mean").model_copy(
        update={"target": "sentinel2", "target_offsets": (0,)}
    )
    moments = Normalization.fit(series.reflectance, series.valid)
    data = PretrainingData(
        series, normalization=moments, target="sentinel2", target_normalization=moments,
        target_offsets=(0,),
    )  # fmt: skip
    shape = encoder(num_layers=2, width=32, mlp_width=64)
    index = torch.arange(24)
    sizes = Sizes(int(data.num_valid.max()), int(data.num_valid.sum()))

    def losses(module, index, step, sizes):
        draws = seeded_draws(0, 1, step=step, series=index)
        batch, masked = masked_batch(data, index, pretext, draws, sizes=sizes)
        return bert_losses(
            apply_model(module, batch, masked, sizes=sizes), batch, masked, pretext.losses
        )

    def curve(sizes):
        module = build_model(shape, pretext, num_bands=12, seed=0)
        found = []
        training = CapturedTraining(
            module, optimizer=adamw(module, optimization(learning_rate=1e-3)), losses=losses,
            learning_rate=lambda step: 1e-3, steps=range(3), first_index=index,
            first_sizes=sizes,
            settings=CaptureSettings(
                graph=False, compile_update=False, low_precision=False, gradient_clip=1.0
            ),
        )  # fmt: skip
        training.run(
            lambda step: index,
            sizes=lambda step: sizes,
            on_step=lambda step, record: found.append(float(record["loss"])),
        )
        return found

    module = build_model(shape, pretext, num_bands=12, seed=0)
    plain = losses(module, index, 0, None)["loss"].item()
    padded, packed = curve(None), curve(sizes)
    assert padded[0] == pytest.approx(plain, rel=1e-5)
    assert packed == pytest.approx(padded, rel=1e-5)
