"""What is written by hand here, beside the library that does the same work.

Five comparisons, each a line of JSON: the ONNX graph beside ``torch.onnx.export`` and ONNX
Runtime's quantizer, operation counts beside ``torch.utils.flop_counter``, the sign-flip test beside
``scipy.stats.permutation_test``, trees on disk beside skops, and leases beside flufl.lock. Seconds
are those of the processor, on one thread, the best of several rounds in turn::

    python benchmarks/machinery.py
    python benchmarks/machinery.py onnx
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from embed_cpu import random_series, random_weights, smallest_cosine
from measuring import setting, version
from windrow.data.day_of_year import MONTH_OF_DAY
from windrow.data.series import Series
from windrow.evaluation.paired_tests import sign_flip_test
from windrow.experiments.recipes.pretraining import encoder as encoder_settings
from windrow.experiments.recipes.pretraining import student
from windrow.inference.onnx.graph import write_onnx
from windrow.models.encoders.build import build_encoder
from windrow.models.encoders.transformer import Encoder, EncoderSettings
from windrow.models.flops import encoder_flops, head_flops
from windrow.models.heads.lstm import LstmSettings
from windrow.models.heads.sequence import build_base_model
from windrow.models.weights import WeightsHeader, load_encoder
from windrow.sensors import SCALE

NAMES = ("reflectance", "day_of_year", "valid", "year")


def least_seconds(
    candidates: dict[str, Callable[[], object]],
    num_rounds: int,
    *,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, float]:
    """The least seconds of each; they take turns, after one run that does not count."""
    for run in candidates.values():
        run()
    best = dict.fromkeys(candidates, float("inf"))
    for _ in range(num_rounds):
        for name, run in candidates.items():
            started = clock()
            run()
            best[name] = min(best[name], clock() - started)
    return best


class WholeEncoder(nn.Module):
    """Normaliser, encoder and pooling as one module, which is what the ONNX file holds."""

    def __init__(self, encoder: Encoder, header: WeightsHeader) -> None:
        super().__init__()
        self.encoder = encoder.eval().requires_grad_(False)
        moments = header.normalization.normalization()
        number = np.arange(12)
        distance = np.abs(number[:, None] - number) * 2 + (number[:, None] < number)
        for name, values in (
            ("band_mean", moments.mean.astype(np.float32)),
            ("band_std", moments.std.astype(np.float32)),
            ("month_of_day", MONTH_OF_DAY),
            ("distance", distance.astype(np.float32)),
        ):
            self.register_buffer(name, torch.from_numpy(values))

    def forward(
        self, reflectance: Tensor, day_of_year: Tensor, valid: Tensor, year: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The representation of every date, its mean and its monthly means."""
        day, year, weight = day_of_year.long(), year.long(), valid[..., None].float()
        values = (reflectance.float() / float(SCALE) - self.band_mean) / self.band_std * weight
        z = self.encoder(values, day, valid, all_valid=False) * weight
        leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
        month = self.month_of_day[leap.long()[:, None], day.clamp(0, 365)]
        chosen = ((month[..., None] == torch.arange(12)) & valid[..., None]).float()
        counts = chosen.sum(1)
        means = chosen.transpose(1, 2) @ z / counts.clamp(min=1)[..., None]
        nearest = torch.where(counts[:, None, :] > 0, self.distance, 99.0).argmin(2)
        months = means.gather(1, nearest[..., None].expand_as(means))
        return z, z.sum(1) / weight.sum(1).clamp(min=1), months


def export_by_torch(module: WholeEncoder, path: Path) -> None:
    """By ``torch.onnx.export`` with free numbers of series and dates."""
    series = random_series(3, 20)
    arguments = tuple(torch.from_numpy(np.asarray(getattr(series, name))) for name in NAMES)
    n, t = torch.export.Dim("series"), torch.export.Dim("date")
    program = torch.onnx.export(
        module,
        arguments,
        dynamo=True,
        opset_version=20,
        input_names=NAMES,
        output_names=["z", "mean", "month"],
        dynamic_shapes=({0: n, 1: t}, {0: n, 1: t}, {0: n, 1: t}, {0: n}),
        verbose=False,
    )
    program.save(path, external_data=False)


def optimise(path: Path, out: Path, *, num_heads: int, width: int) -> None:
    """By the optimizer of transformers that comes with ONNX Runtime."""
    from onnxruntime.transformers import optimizer

    model = optimizer.optimize_model(
        str(path), model_type="vit", num_heads=num_heads, hidden_size=width, opt_level=1
    )
    model.save_model_to_file(str(out))


def quantise(path: Path, out: Path, *, num_bands: int) -> None:
    """By ONNX Runtime's quantizer, in the way of ours: a scale a column, the embedding apart."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(path).graph
    embedding = {each.name for each in graph.initializer if num_bands in each.dims}
    quantize_dynamic(
        str(path),
        str(out),
        per_channel=True,
        weight_type=QuantType.QUInt8,
        op_types_to_quantize=["MatMul"],
        nodes_to_exclude=[node.name for node in graph.node if embedding & set(node.input)],
    )


def onnx(num_rounds: int) -> dict[str, object]:
    """Milliseconds a series, the file's size, seconds to make it, and agreement with torch."""
    small = encoder_settings(num_layers=4, width=128, mlp_width=512)
    return {
        "student": one_shape(student().encoder, 256, student().max_dates, num_rounds),
        "4 layers of 128": one_shape(small, 64, 72, num_rounds),
    }


def one_shape(
    settings: EncoderSettings, num_series: int, num_dates: int, num_rounds: int
) -> dict[str, object]:
    """The files of both kinds, made and compared."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        series = random_series(num_series, num_dates)
        file = random_weights(folder / "random.safetensors", settings, series)
        encoder, header, content_hash = load_encoder(file)
        assert isinstance(encoder, Encoder)
        module = WholeEncoder(encoder, header)

        def ours(path: Path, precision: Literal["float32", "int8"]) -> None:
            write_onnx(path, encoder, header=header, content_hash=content_hash, precision=precision)

        exported = folder / "library float32.onnx"
        heads, width = settings.num_heads, settings.width
        made: dict[str, Callable[[Path], None]] = {
            "ours float32": lambda path: ours(path, "float32"),
            "library float32": lambda path: export_by_torch(module, path),
            "library float32 optimised": lambda path: optimise(
                exported, path, num_heads=heads, width=width
            ),
            "ours int8": lambda path: ours(path, "int8"),
            "library int8": lambda path: quantise(exported, path, num_bands=len(series.bands)),
        }
        seconds = {}
        for which, make in made.items():
            started = time.process_time()
            make(folder / f"{which}.onnx")
            seconds[which] = round(time.process_time() - started, 2)
        return compare_files(folder, module, series, seconds, num_rounds)


def compare_files(
    folder: Path, module: WholeEncoder, series: Series, seconds: dict[str, float], num_rounds: int
) -> dict[str, object]:
    """Each ONNX file beside the module in torch; a fifth of the dates is invalid for agreement."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    full = {name: np.asarray(getattr(series, name)) for name in NAMES}
    some = {**full, "valid": np.random.default_rng(1).random(series.valid.shape) < 0.8}
    read = some["valid"]
    with torch.inference_mode():
        expected = module(*(torch.from_numpy(some[name]) for name in NAMES))[0].numpy()
    sessions = {
        which: onnxruntime.InferenceSession(
            folder / f"{which}.onnx", options, providers=["CPUExecutionProvider"]
        )
        for which in seconds
    }
    runs: dict[str, Callable[[], object]] = {
        which: lambda s=session: s.run(["z"], full) for which, session in sessions.items()
    }
    best = least_seconds(runs, num_rounds)
    return {
        which: {
            "milliseconds_a_series": round(1e3 * best[which] / len(series), 3),
            "megabytes": round((folder / f"{which}.onnx").stat().st_size / 1e6, 2),
            "seconds_to_make": seconds[which],
            "smallest_cosine": round(smallest_cosine(found := z[read], expected[read]), 6),
            "largest_difference": float(np.abs(found - expected[read]).max()),
        }
        for which, session in sessions.items()
        for z in session.run(["z"], some)
    }


def operations(num_rounds: int) -> dict[str, object]:
    """Counts and milliseconds; torch counts by running the model on one series of 144 dates."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    large = encoder_settings(num_layers=32, width=256, mlp_width=1_024)
    lstm = LstmSettings(hidden=64, num_layers=2, dropout=0.1)
    batch = (
        torch.zeros(1, 144, 12),
        torch.zeros(1, 144, dtype=torch.long),
        torch.ones(1, 144, dtype=torch.bool),
    )

    def counted(build: Callable[[], nn.Module]) -> int:
        apart = sdpa_kernel(SDPBackend.MATH)  # of the fused attention torch counts nothing
        with apart, FlopCounterMode(display=False) as counter, torch.no_grad():
            build().eval()(*batch)
        return counter.get_total_flops()

    runs = {
        "encoder": (
            lambda: encoder_flops(large, num_bands=12, num_dates=144),
            lambda: counted(lambda: build_encoder(large, num_bands=12)),
        ),
        "lstm": (
            lambda: head_flops(lstm, num_inputs=12, num_classes=9, num_dates=144),
            lambda: counted(lambda: build_base_model(12, 9, lstm)),
        ),
    }
    result: dict[str, object] = {}
    for name, (ours, library) in runs.items():
        best = least_seconds({"ours": ours, "library": library}, num_rounds)
        result[name] = {
            "count": {"ours": ours(), "library": library()},
            "milliseconds": {which: round(1e3 * value, 3) for which, value in best.items()},
        }
    return result


def sign_flips(num_rounds: int) -> dict[str, object]:
    """P values and milliseconds by the number of pairs."""
    from scipy.stats import permutation_test

    def by_library(difference: np.ndarray) -> float:
        found = permutation_test(
            (difference,),
            lambda values, axis: values.sum(axis=axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=2**20 if len(difference) <= 20 else 100_000,
            batch=4_096,
            rng=np.random.default_rng(0),
        )
        return float(found.pvalue)

    result: dict[str, object] = {}
    for num_pairs in (3, 10, 15, 20, 30):
        difference = np.random.default_rng(num_pairs).normal(0.3, 1.0, num_pairs)
        runs = {
            "ours": lambda d=difference: sign_flip_test(d),
            "library": lambda d=difference: by_library(d),
        }
        best = least_seconds(runs, num_rounds)
        result[f"{num_pairs} pairs"] = {
            "p_value": {which: run() for which, run in runs.items()},
            "milliseconds": {which: round(1e3 * value, 2) for which, value in best.items()},
        }
    return result


def trees(num_rounds: int) -> dict[str, object]:
    """A forest of 500 trees: megabytes, milliseconds to write and read, and a hostile file."""
    import skops.io
    from safetensors.numpy import load_file, save_file

    from windrow.classifiers.shallow import TreesSettings, fit_light_head

    draw = np.random.default_rng(0)
    label = draw.integers(0, 9, 600)
    features = draw.normal(size=(600, 144)).astype(np.float32)
    features[:, 0] += label
    settings = TreesSettings(kind="extra_trees", num_trees=500, min_rows_a_leaf=1)
    fit = fit_light_head(features, label, num_classes=9, settings=settings, seed=0)
    with tempfile.TemporaryDirectory() as name:
        ours, library = Path(name) / "ours.safetensors", Path(name) / "library.skops"

        def write_ours() -> None:
            head = fit.to_model()
            arrays = ("root", "feature", "threshold", "left", "right", "value")
            tensors = {each: getattr(head, each) for each in arrays}
            for each in ("root", "feature", "left", "right"):
                tensors[each] = tensors[each].astype(np.int32)
            save_file(tensors, ours)

        def read_library() -> object:
            return skops.io.load(library, trusted=skops.io.get_untrusted_types(file=library))

        runs = {
            "ours write": write_ours,
            "library write": lambda: skops.io.dump(fit.estimator, library),
            "ours read": lambda: load_file(ours),
            "library read": read_library,
        }
        best = least_seconds(runs, num_rounds)
        return {
            "milliseconds": {which: round(1e3 * value, 1) for which, value in best.items()},
            "megabytes": {
                "ours": round(ours.stat().st_size / 1e6, 2),
                "library": round(library.stat().st_size / 1e6, 2),
            },
            "types_not_trusted": skops.io.get_untrusted_types(file=library),
        }


def leases(num_rounds: int) -> dict[str, object]:
    """Milliseconds of the processor and of the clock to take and to complete a lease."""
    from datetime import timedelta

    from flufl.lock import Lock

    from windrow.experiments.study.leases import Leases

    num_jobs = 200
    result: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        ours = Leases(folder)

        def library(job: str) -> Lock:
            return Lock(str(Path(folder) / job), lifetime=timedelta(seconds=90))

        def run(hold: Callable[[str], object]) -> None:
            for number in range(num_jobs):
                with hold(f"cell {number}"):
                    pass

        runs = {"ours": lambda: run(ours.held), "library": lambda: run(library)}
        for clock in (time.process_time, time.perf_counter):
            best = least_seconds(runs, num_rounds, clock=clock)
            result[clock.__name__] = {
                which: round(1e3 * value / num_jobs, 3) for which, value in best.items()
            }
    return result


NEEDED = {
    onnx: ("onnxscript", "onnxruntime"),
    operations: (),
    sign_flips: ("scipy",),
    trees: ("skops",),
    leases: ("flufl.lock",),
}
"""The comparisons, and the packages that each needs."""


def main() -> None:
    """Runs comparisons, by default all, and prints a line of JSON for each."""
    comparisons = {each.__name__: each for each in NEEDED}
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("which", nargs="*", choices=[[], *comparisons], default=[])
    parser.add_argument("--num-rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for which in options.which or comparisons:
        compare = comparisons[which]
        missing = [name for name in NEEDED[compare] if version(name) is None]
        if missing:
            sys.stderr.write(f"{missing[0]} is not installed: {which} is left out\n")
            continue
        result = {
            "benchmark": "machinery",
            **setting("torch", *NEEDED[compare], threads=1, num_rounds=options.num_rounds),
            which: compare(options.num_rounds),
        }
        sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
