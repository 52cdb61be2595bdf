"""Training needs torch, numpy, pydantic and safetensors, and nothing else that windrow declares."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np

from windrow.experiments.recipes.pretraining import recipe

PROJECT = Path(__file__).parents[3] / "pyproject.toml"
ALWAYS = {
    *("zarr", "pandas", "pyarrow", "sklearn", "threadpoolctl", "yaml"),
    *("tyro", "rich", "matplotlib", "jinja2"),
}
EXTRAS = {
    *("scipy", "optuna", "xarray", "dask", "rasterio", "rioxarray", "h5py", "h5netcdf", "pooch"),
    *("requests", "onnx", "onnxruntime", "pyproj", "deflate", "geopandas", "pyogrio"),
    *("pystac_client", "odc", "transformers", "webdataset"),
}
BLOCKED = sorted(ALWAYS | EXTRAS)

CHILD = '''
import importlib, json, pkgutil, sys

sys.path.insert(0, sys.argv[1])
told = json.loads(sys.argv[2])


class Without:
    """Another finder, which finds no blocked package: as if it were not installed."""

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in told["blocked"]:
            return None
        return self.finder.find_spec(name, path, target)


sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]

import windrow.data.batches.pretraining
import windrow.models
import windrow.tasks
import windrow.training

for room in (windrow.models, windrow.tasks, windrow.training):
    for found in pkgutil.walk_packages(room.__path__, room.__name__ + "."):
        # Triton's; loaded only where Triton is
        if found.name != "windrow.models.kernels.triton_kernels":
            importlib.import_module(found.name)

import torch
from series_factory import make_series
from windrow.data.batches.pretraining import BatchOrder, PretrainingData
from windrow.data.normalization import Normalization
from windrow.models.encoders.transformer import EncoderSettings
from windrow.tasks.bert import BertSettings, apply_model, bert_losses, build_model, masked_batch
from windrow.tasks.keyed_random import seeded_draws
from windrow.training.checkpoint import load_checkpoint, save_checkpoint
from windrow.training.loop import train
from windrow.training.optimization import OptimizationSettings, build_optimizer

if told["imported"]:
    importlib.import_module(told["imported"])

task = BertSettings.model_validate_json(json.dumps(told["task"]))
encoder = EncoderSettings.model_validate_json(json.dumps(told["encoder"]))
optimization = OptimizationSettings.model_validate_json(json.dumps(told["optimization"]))
torch.set_num_threads(1)
series = make_series(8)
data = PretrainingData(
    series,
    normalization=Normalization.fit(series.reflectance, series.valid),
    target=task.target,
    target_normalization=Normalization.fit_planetscope(series.planetscope),
    target_offsets=task.target_offsets,
)
module = build_model(encoder, task, num_bands=len(series.bands), seed=0)
optimizer = build_optimizer(module, optimization)
order = BatchOrder(len(series), batch_size=4, seed=0)


def losses(step):
    index = order.indices(step)
    batch, masked = masked_batch(data, index, task, seeded_draws(0, 1, step=step, series=index))
    return bert_losses(apply_model(module, batch, masked), batch, masked, task.losses)


def weights():
    return torch.cat([values.detach().flatten() for values in module.parameters()])


seen = []
before = weights().clone()
train(
    module,
    optimizer=optimizer,
    compute_loss=losses,
    steps=range(2),
    learning_rate=lambda step: 1e-3,
    gradient_clip=1.0,
    on_step=lambda step, report: seen.append(float(report["loss"])),
)
save_checkpoint(told["checkpoint"], module=module, optimizer=optimizer, step=2, identity={})
step = load_checkpoint(told["checkpoint"], module=module, optimizer=optimizer, identity={})
roots = {name.partition(".")[0] for name, found in sys.modules.items() if found is not None}
print(
    json.dumps(
        {
            "losses": seen,
            "moved": float((weights() - before).abs().max()),
            "step": step,
            "loaded": sorted(roots & set(told["blocked"])),
        }
    )
)
'''


def _two_steps(tmp_path, imported=""):
    settings = recipe("tiny")
    told = {
        "blocked": BLOCKED,
        "imported": imported,
        "checkpoint": str(tmp_path / "two.safetensors"),
        "task": settings.task.model_dump(mode="json"),
        "encoder": settings.encoder.model_dump(mode="json"),
        "optimization": settings.optimization.model_dump(mode="json"),
    }
    tests = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-c", CHILD, str(tests), json.dumps(told)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_two_steps_without_any_other_package(tmp_path):
    done = _two_steps(tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["loaded"] == []
    assert found["step"] == 2
    assert (tmp_path / "two.safetensors").is_file()
    assert len(found["losses"]) == 2
    assert np.isfinite(found["losses"]).all()
    # Adam's first two steps of 1e-3 move a weight by about as much each.
    assert 5e-4 < found["moved"] < 5e-3


def test_what_is_blocked_is_indeed_absent_there(tmp_path):
    done = _two_steps(tmp_path, imported="pandas.api")
    assert done.returncode == 1
    assert "ModuleNotFoundError: No module named 'pandas'" in done.stderr
    assert not (tmp_path / "two.safetensors").exists()


def test_whatever_windrow_always_installs_is_blocked_but_for_four():
    """A dependency added to the project is blocked here, or the four become five."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    declared = {name.partition(">")[0] for name in project["dependencies"]}
    modules = {"scikit-learn": "sklearn", "pyyaml": "yaml"}
    needed = {"numpy", "torch", "pydantic", "safetensors"}
    assert needed <= declared
    assert {modules.get(name, name) for name in declared - needed} == ALWAYS
