"""How many times faster training is when invalid dates are dropped; one line of JSON.

The same series, batches and masks twice, step by step in turn: padded, with an attention mask, and
packed. The losses must be the same to 1e-5::

    python benchmarks/varying_length.py --kept 0.34 --recipe small
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import numpy as np
import torch
from torch import Tensor

from measuring import setting
from windrow.data.batches.pretraining import BatchOrder, PretrainingData
from windrow.data.normalization import Normalization
from windrow.data.series import Series
from windrow.experiments.recipes.pretraining import recipe
from windrow.sensors import SENTINEL2_BANDS
from windrow.tasks.bert import Sizes, apply_model, bert_losses, build_model, masked_batch
from windrow.tasks.keyed_random import seeded_draws

DATES = 144


def random_series(num_series: int, *, kept: float, equal: bool, seed: int = 0) -> Series:
    """Series of 144 dates of which a share is there: of each date by chance, or of each series."""
    draw = np.random.default_rng(seed)
    day = np.sort(draw.choice(365, DATES, replace=False)).astype(np.int16)
    chance = draw.uniform(size=(num_series, DATES))
    valid = chance < kept
    if equal:
        valid = chance.argsort(axis=1).argsort(axis=1) < round(kept * DATES)
    valid[~valid.any(axis=1), 0] = True
    shape = (num_series, DATES, len(SENTINEL2_BANDS))
    return Series(
        reflectance=draw.integers(100, 5_000, shape).astype(np.int16),
        day_of_year=np.tile(day, (num_series, 1)),
        valid=valid,
        bands=SENTINEL2_BANDS,
        processing_level="L2A",
        id=np.arange(num_series),
        field_id=np.arange(num_series),
        year=np.full(num_series, 2018, dtype=np.int16),
        cloud_probability=draw.integers(0, 256, (num_series, DATES)).astype(np.uint8),
        planetscope=draw.integers(100, 5_000, (num_series, 365, 36)).astype(np.int16),
        planetscope_day=np.arange(365, dtype=np.int16),
        simulated=True,
    )


def main() -> None:
    """Times padded and packed steps in turn."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kept", type=float, default=0.34)
    parser.add_argument("--equal", action="store_true", help="series of one length")
    parser.add_argument("--recipe", default="small")
    parser.add_argument("--num-steps", type=int, default=30)
    options = parser.parse_args()
    settings = recipe(options.recipe)
    series = random_series(4 * settings.batch_size, kept=options.kept, equal=options.equal)
    data = PretrainingData(
        series,
        normalization=Normalization.fit(series.reflectance, series.valid),
        target="planetscope",
        target_normalization=Normalization.fit_planetscope(series.planetscope),
        target_offsets=settings.task.target_offsets,
    )
    order = BatchOrder(len(series), batch_size=settings.batch_size, seed=0)
    module = build_model(settings.encoder, settings.task, num_bands=12, seed=0)

    def step(number: int, *, packed: bool) -> tuple[float, float]:
        module.zero_grad(set_to_none=True)
        started = time.process_time()
        index = order.indices(number)
        counts = data.num_valid[index.numpy()]
        sizes = Sizes(int(counts.max()), int(counts.sum())) if packed else None
        draws = seeded_draws(0, 1, step=number, series=index)
        batch, masked = masked_batch(data, index, settings.task, draws, sizes=sizes)
        outputs = apply_model(module, batch, masked, sizes=sizes)
        loss: Tensor = bert_losses(outputs, batch, masked, settings.task.losses)["loss"]
        loss.backward()
        return time.process_time() - started, loss.item()

    times: dict[bool, list[float]] = {False: [], True: []}
    largest = 0.0
    for number in range(options.num_steps + 3):
        losses = {}
        for packed in (False, True):
            seconds, losses[packed] = step(number, packed=packed)
            if number >= 3:
                times[packed].append(seconds)
        largest = max(largest, abs(losses[True] / losses[False] - 1))
    padded_ms, packed_ms = (1e3 * min(times[packed]) for packed in (False, True))
    result = {
        "benchmark": "varying_length",
        **setting("torch", threads=torch.get_num_threads()),
        "recipe": options.recipe,
        "batch_size": settings.batch_size,
        "dates": DATES,
        "share_kept": round(float(data.num_valid.mean()) / DATES, 3),
        "shortest_and_longest": [int(data.num_valid.min()), int(data.num_valid.max())],
        "padded_ms": round(padded_ms, 1),
        "packed_ms": round(packed_ms, 1),
        "ratio": round(padded_ms / packed_ms, 2),
        "largest_relative_difference_of_the_loss": largest,
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
