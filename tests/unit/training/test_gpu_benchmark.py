"""The benchmark on a GPU: it measures the paper's recipe, and every part of it runs."""

import importlib
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from windrow.experiments.recipes.pretraining import recipe

FOLDER = Path(__file__).resolve().parents[3] / "benchmarks"
TINY = ["--device", "cpu", "--shape", "tiny", "--num-series", "16", "--steps", "10", "--block", "1"]


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("train_gpu")


def told(text):
    records = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert not [record for record in records if "error" in record or "skipped" in record]
    return records


def test_its_settings_are_the_recipes(benchmark):
    """Which it cannot import on a machine with a GPU, as recipes need pandas and zarr."""
    settings = importlib.import_module("gpu_training.settings")
    paper, shape = recipe("paper"), settings.SHAPES["paper"]
    assert shape.encoder() == paper.encoder
    assert settings.paper_task() == paper.task
    assert settings.paper_optimization() == paper.optimization
    assert paper.batch_size == shape.batch
    assert paper.num_epochs * 150_000 // paper.batch_size == settings.PAPER_STEPS


def test_the_curve_of_what_pretrain_does_lies_on_the_plain_one(benchmark, capsys):
    assert benchmark.main([*TINY, "--parts", "curve,packed"]) == 0
    records = told(capsys.readouterr().out)
    fast, against = (record for record in records if record.get("part") == "curve")
    assert fast["steps"] == against["steps"] == 10
    assert fast["minutes_for_100_epochs"] == pytest.approx(fast["ms"] * 234_375 / 6e4, abs=0.01)
    assert against["largest"] < 1e-3  # of bfloat16, with sums in bfloat16 and in float32
    ratio = records[-1]
    assert ratio["share_kept"] == pytest.approx(0.34, abs=0.1)
    assert ratio["largest"] < 1e-3


def test_without_a_gpu_it_says_so(benchmark, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert benchmark.main([]) == 0
    assert '"skipped": "there is no CUDA here"' in capsys.readouterr().out


@pytest.mark.slow
def test_every_part_runs():
    parts = ["ceilings", "products", "attention", "equality", "plain", "variants", "profile"]
    parts += ["kernels"] if find_spec("triton") else []
    parts += ["hf"] if find_spec("transformers") else []  # of the extra 'bench'
    done = subprocess.run(
        [sys.executable, str(FOLDER / "train_gpu.py"), *TINY, "--parts", ",".join(parts)],
        capture_output=True, text=True, timeout=2_000, check=True,
    )  # fmt: skip
    records = told(done.stdout)
    assert {record["part"] for record in records[1:]} == set(parts)
    for record in records:
        if record.get("part") == "kernels" and "errors" in record:
            assert max(map(float, record["errors"])) < 1e-6
        if record.get("part") == "equality":
            assert record["largest"] < 1e-3
        if record.get("part") == "hf":
            assert record["ratio"] > 0
            assert len(record["ms"]) == len(record["ours_ms"]) == 4
