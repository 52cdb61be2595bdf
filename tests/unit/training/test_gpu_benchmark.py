"""The benchmark on a GPU measures the paper's recipe, which it cannot import there."""

import importlib.util
from pathlib import Path

from windrow.experiments.recipes import recipe

FILE = Path(__file__).resolve().parents[3] / "benchmarks" / "train_gpu.py"


def test_its_settings_are_the_recipes():
    spec = importlib.util.spec_from_file_location("train_gpu", FILE)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    paper = recipe("paper")
    assert benchmark.paper_encoder() == paper.encoder
    assert benchmark.paper_task() == paper.task
    assert benchmark.paper_optimization() == paper.optimization
    assert paper.batch_size == benchmark.BATCH
    assert paper.num_epochs * 150_000 // paper.batch_size == benchmark.PAPER_STEPS
