"""Series embedded a second on one thread, by each backend, beside Hugging Face's BertModel.

BertModel (sdpa, float32, ready token vectors in, nothing pooled) runs at the same shape with all
dates. Ours goes from stored integers to one vector a series; ``clearest`` reads fewer dates. The
cosine is the smallest of any date's representation to the plain path's, all dates read, at these
weights. With ``--weights`` the encoder is a trained one. One line of JSON::

    python benchmarks/embed_cpu.py                  # the paper's shape
    python benchmarks/embed_cpu.py --weights RUN
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from measuring import best_seconds, setting, version
from windrow.data.normalization import Normalization
from windrow.data.series import Series
from windrow.experiments.recipes.pretraining import encoder as encoder_settings
from windrow.inference.frozen_encoder import FrozenEncoder, load
from windrow.models.encoders.transformer import Encoder, EncoderSettings
from windrow.models.weights import BandMoments, WeightsHeader, write_weights
from windrow.sensors import SENTINEL2_BANDS

BACKENDS = (
    ("torch", "float32"),
    ("torch", "bfloat16"),
    ("onnx", "float32"),
    ("onnx", "int8"),
)


def random_series(num_series: int, num_dates: int) -> Series:
    """Series without structure; speed does not depend on the values."""
    draw = np.random.default_rng(0)
    shape = (num_series, num_dates)
    return Series(
        reflectance=draw.integers(1, 6_000, (*shape, 12)).astype(np.int16),
        day_of_year=np.tile(np.linspace(0, 364, num_dates).astype(np.int16), (num_series, 1)),
        valid=np.ones(shape, dtype=bool),
        bands=SENTINEL2_BANDS,
        processing_level="L2A",
        id=np.arange(num_series),
        field_id=np.arange(num_series),
        year=np.full(num_series, 2018, dtype=np.int16),
        cloud_probability=draw.integers(0, 256, shape).astype(np.uint8),
        simulated=True,
    )


def random_weights(path: Path, settings: EncoderSettings, series: Series) -> Path:
    """Weights as training begins, but blocks twice as large, so that each of them counts."""
    torch.manual_seed(0)
    holder = nn.Module()
    holder.encoder = Encoder(settings, num_bands=len(series.bands))
    with torch.no_grad():
        for parameter in holder.encoder.blocks.parameters():
            if parameter.ndim == 2:
                parameter.mul_(2.0)
    header = WeightsHeader(
        format="windrow weights",
        version=1,
        encoder=settings,
        bands=series.bands,
        processing_level="L2A",
        normalization=BandMoments.of(Normalization.fit(series.reflectance, series.valid)),
        target_normalization=None,
        simulated=True,
        training_hash="",
        provenance={},
    )
    write_weights(path, holder, header=header)
    return path


def hugging_face(settings: EncoderSettings, num_series: int, num_dates: int) -> Callable[[], None]:
    """BertModel on ready token vectors."""
    from transformers import BertConfig, BertModel

    config = BertConfig(
        hidden_size=settings.width,
        num_hidden_layers=settings.num_layers,
        num_attention_heads=settings.num_heads,
        intermediate_size=settings.mlp_width,
        vocab_size=2,
        attn_implementation="sdpa",
    )
    bert = BertModel(config, add_pooling_layer=False).eval()
    tokens = torch.randn(num_series, num_dates, settings.width)

    def run() -> None:
        with torch.inference_mode():
            bert(inputs_embeds=tokens)

    return run


def main() -> None:
    """Measures all backends in turn and prints the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--num-layers", type=int, default=32)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--mlp-width", type=int, default=1_024)
    parser.add_argument("--weights", help="a trained encoder, in the place of the shape")
    parser.add_argument("--num-dates", type=int, default=144)
    parser.add_argument("--clearest", type=int, default=72)
    parser.add_argument("--num-series", type=int, default=16)
    parser.add_argument("--num-rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    series = random_series(options.num_series, options.num_dates)
    encoders = {}
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        weights = options.weights
        if weights is None:
            settings = encoder_settings(
                num_layers=options.num_layers, width=options.width, mlp_width=options.mlp_width
            )
            weights = random_weights(Path(folder) / "random.safetensors", settings, series)
        for backend, precision in BACKENDS:
            if backend == "onnx" and (version("onnx") is None or version("onnxruntime") is None):
                sys.stderr.write(f"ONNX Runtime is not installed: {precision} is left out\n")
                continue
            name = f"{backend}_{precision}"
            encoders[name] = load(weights, backend=backend, precision=precision)
    result = measure(options, series, encoders)
    sys.stdout.write(json.dumps(result) + "\n")


def measure(
    options: argparse.Namespace, series: Series, encoders: dict[str, FrozenEncoder]
) -> dict[str, object]:
    """Times, ratios and cosines."""
    plain = encoders["torch_float32"]
    settings = plain.header.encoder
    assert isinstance(settings, EncoderSettings)
    candidates: dict[str, Callable[[], object]] = {}
    if version("transformers") is None:
        sys.stderr.write("transformers is not installed: BertModel is left out\n")
    else:
        candidates["hugging_face"] = hugging_face(settings, len(series), series.num_dates)
    for name, encoder in encoders.items():
        for dates in (None, options.clearest):
            key = name if dates is None else f"{name}_clearest"
            candidates[key] = lambda e=encoder, d=dates: e.embed(series, max_dates=d)
    seconds = best_seconds(candidates, num_rounds=options.num_rounds)
    expected = plain.sequence(series)
    result: dict[str, object] = {
        "benchmark": "embed_cpu",
        **setting("torch", "transformers", "onnxruntime", threads=1, **vars(options)),
        "encoder": settings.to_dict(),
        "milliseconds_a_series": {
            name: round(1e3 * value / len(series), 3) for name, value in seconds.items()
        },
        "smallest_cosine": {
            name: round(smallest_cosine(encoder.sequence(series), expected), 6)
            for name, encoder in encoders.items()
        },
    }
    for peer in ("hugging_face", "torch_float32"):
        if peer in seconds:
            result[f"ratio_to_{peer}"] = {
                name: round(seconds[peer] / value, 2)
                for name, value in seconds.items()
                if name != peer
            }
    return result


def smallest_cosine(found: np.ndarray, expected: np.ndarray) -> float:
    """Over all dates of all series."""
    a, b = found.astype(np.float64), expected.astype(np.float64)
    product = (a * b).sum(-1)
    return float((product / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)).min())


if __name__ == "__main__":
    main()
