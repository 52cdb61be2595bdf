"""How many times faster batches are delivered than training eats them; one line of JSON.

Loading is what a training step needs before the model sees anything: order, index, normalise,
targets and masks. The ratio is of both in the same process, one after the other::

    python benchmarks/loader.py --num-series 2000 --recipe small
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from pathlib import Path

import torch

from windrow.data.batches.pretraining import BatchOrder, PretrainingData
from windrow.data.normalization import Normalization
from windrow.data.store.store import Store
from windrow.experiments.recipes.pretraining import recipe
from windrow.pipelines.pretrain import pretrain
from windrow.simulation.generate import simulate_store
from windrow.tasks.bert import mask
from windrow.tasks.keyed_random import seeded_draws


def main() -> None:
    """Measures the store's decoding, the loading of batches, and training."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--num-series", type=int, default=2_000)
    parser.add_argument("--num-steps", type=int, default=200)
    parser.add_argument("--recipe", default="small")
    options = parser.parse_args()
    rates: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        simulate_store(store, num_series=options.num_series, seed=0)
        settings = recipe(options.recipe).model_copy(
            update={
                "num_steps": options.num_steps,
                "num_epochs": None,
                "log_every": 50,
                "validate_every": options.num_steps,
                "checkpoint_every": options.num_steps,
            }
        )
        started = time.perf_counter()
        series = Store(store).series()
        decoding = options.num_series / (time.perf_counter() - started)
        data = PretrainingData(
            series,
            normalization=Normalization.fit(series.reflectance, series.valid),
            target=settings.task.target,
            target_normalization=Normalization.fit_planetscope(series.planetscope),
            target_offsets=settings.task.target_offsets,
        )
        order = BatchOrder(len(series), batch_size=settings.batch_size, seed=0)
        started = time.perf_counter()
        for step in range(options.num_steps):
            index = order.indices(step)
            batch = data.batch(index)
            mask(batch, data, settings.task, seeded_draws(0, 1, step=step, series=index))
        loading = options.num_steps * settings.batch_size / (time.perf_counter() - started)
        pretrain(
            settings,
            store,
            Path(folder) / "run",
            on_progress=lambda line: rates.append(line.get("series_per_second", 0.0)),
        )
    training = max(rates)
    result = {
        "benchmark": "loader",
        "recipe": options.recipe,
        "machine": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "decoding_series_per_second": round(decoding),
        "loading_series_per_second": round(loading),
        "training_series_per_second": round(training),
        "ratio": round(loading / training, 1),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
