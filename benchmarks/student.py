"""Series a second of the student beside an encoder of 0.4 million parameters over 73 dates.

The yardstick is two layers of width 128, four heads, MLP 512, in float32 in torch, at the better of
two batch sizes; the student is the shape of the recipe in each backend. Both go from packed stored
integers to the representation of every date that they read. One line of JSON::

    python benchmarks/student.py
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from embed_cpu import BACKENDS, random_series, random_weights
from measuring import best_seconds, setting, version
from windrow.experiments.recipes.pretraining import encoder as encoder_settings
from windrow.experiments.recipes.pretraining import student
from windrow.inference.frozen_encoder import FrozenEncoder, load
from windrow.models.weights import load_encoder

YARDSTICK_DATES = 73
BATCH_SIZES = (64, 256)


def encoding(encoder: FrozenEncoder, num_dates: int, batch_size: int) -> Callable[[], None]:
    """Encodes 256 series of so many dates."""
    series = random_series(256, num_dates)

    def run() -> None:
        encoder.sequence(series, batch_size=batch_size, max_dates=num_dates)

    return run


def main() -> None:
    """Measures yardstick and student in turn and prints the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--num-rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = student()
    shapes = {
        "yardstick": encoder_settings(num_layers=2, width=128, mlp_width=512),
        "student": settings.encoder,
    }
    candidates: dict[str, Callable[[], object]] = {}
    num_parameters = {}
    with tempfile.TemporaryDirectory() as folder:
        files = {
            name: random_weights(Path(folder) / f"{name}.safetensors", shape, random_series(8, 36))
            for name, shape in shapes.items()
        }
        for name, file in files.items():
            encoder, _, _ = load_encoder(file)
            num_parameters[name] = sum(p.numel() for p in encoder.parameters())
        for batch_size in BATCH_SIZES:
            candidates[f"yardstick {batch_size}"] = encoding(
                load(files["yardstick"]), YARDSTICK_DATES, batch_size
            )
            for backend, precision in BACKENDS:
                if backend == "onnx" and version("onnxruntime") is None:
                    continue
                encoder_ = load(files["student"], backend=backend, precision=precision)
                name = f"{backend}_{precision} {batch_size}"
                candidates[name] = encoding(encoder_, settings.max_dates, batch_size)
    seconds = best_seconds(candidates, num_rounds=options.num_rounds)
    best: dict[str, float] = {}
    for name, value in seconds.items():
        key = name.split()[0]
        best[key] = min(value, best.get(key, value))
    yardstick = best.pop("yardstick")
    result = {
        "benchmark": "student",
        **setting("torch", "onnxruntime", threads=1, batch_sizes=BATCH_SIZES),
        "num_parameters": num_parameters,
        "yardstick_dates": YARDSTICK_DATES,
        "student_dates": settings.max_dates,
        "student": settings.encoder.to_dict(),
        "yardstick_series_a_second": round(256 / yardstick),
        "student_series_a_second": {name: round(256 / value) for name, value in best.items()},
        "ratio": {name: round(yardstick / value, 2) for name, value in best.items()},
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
