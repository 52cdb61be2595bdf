"""``pretrain`` by steps on the device alone, here on the processor without a graph.

On CUDA these steps are captured and replayed; what they compute, and how ``pretrain`` feeds them,
stops and goes on, is the same. On a processor they run where blocks are compiled
(``--execution.compile on``), which takes a compiler and half a minute: the quick tests switch them
on without compiling anything.
"""

import json
import shutil

import pytest

from windrow.cli import pretrain as command
from windrow.data.store.zarr_store import write_store
from windrow.errors import SettingsError
from windrow.experiments.recipes.pretraining import recipe
from windrow.models.weights import read_weights
from windrow.pipelines import pretrain as pretraining
from windrow.pipelines.pretext.settings import PretrainingSettings
from windrow.pipelines.pretrain import pretrain
from windrow.training.device.cuda_graph import CapturedTraining
from windrow.training.execution import ExecutionSettings


def changed(**changes):
    return PretrainingSettings.from_dict(recipe("tiny").to_dict() | changes)


@pytest.fixture(scope="module")
def store(make_series, tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "series"
    write_store(path, make_series(40, num_dates=12), provenance={"source": "test"})
    return path


@pytest.fixture
def on_device(monkeypatch):
    """Steps on the device alone, and a list of the sizes that each was told."""
    monkeypatch.setattr(ExecutionSettings, "on_device", True)
    monkeypatch.setattr(pretraining, "train", None)  # the plain loop is not called in secret
    return watched(monkeypatch)


def watched(monkeypatch):
    """The sizes that every step on the device alone is told."""
    advance, told = CapturedTraining.advance, []

    def noted(training, sizes=None):
        told.append(sizes)
        advance(training, sizes)

    monkeypatch.setattr(CapturedTraining, "advance", noted)
    return told


def lines(path):
    found = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "series_per_second"} for line in found]


def assert_close(found, expected, *, rel):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.pop("kind") == other.pop("kind")
        assert one == pytest.approx(other, rel=rel)


@pytest.mark.parametrize("packing", ["off", "on"])
def test_60_steps_lie_on_the_plain_loops(store, tmp_path, monkeypatch, packing):
    """Two hundred are in ``tests/unit/training/device/test_cuda_graph.py``."""
    settings = changed(num_steps=60, log_every=1, validate_every=20, checkpoint_every=60)
    plain, fast = tmp_path / "plain", tmp_path / "fast"
    execution = ExecutionSettings(precision="float32", packing="off")
    pretrain(settings, store, plain, execution=execution)
    with monkeypatch.context() as patched:
        patched.setattr(ExecutionSettings, "on_device", True)
        patched.setattr(pretraining, "train", None)
        told = watched(patched)
        execution = ExecutionSettings(precision="float32", packing=packing)
        pretrain(settings, store, fast, execution=execution)
    assert len(told) == 60
    assert all((sizes is None) == (packing == "off") for sizes in told)
    # Every loss, its parts, the norm of the gradient and the rate of every step; 3 validations.
    expected, found = lines(plain), lines(fast)
    assert len(found) == 63
    assert found[-1]["loss"] < 0.9 * found[0]["loss"]
    assert_close(found, expected, rel=1e-5)
    _, wanted = read_weights(plain / "weights.safetensors")
    _, weights = read_weights(fast / "weights.safetensors")
    for name, values in wanted.items():
        if not name.endswith("query_key_value.bias"):  # whose keys' part is rounding alone
            assert (weights[name] - values).abs().max() < 1e-4, name


class Killed(BaseException):
    """Stands for a kill, which no handler for errors catches."""


@pytest.mark.parametrize("packing", ["off", "on"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_killed_and_resumed_equals_uninterrupted_bit_for_bit(
    store, tmp_path, on_device, precision, packing
):
    def kill(record):
        if record["step"] == 14:
            raise Killed

    execution = ExecutionSettings(precision=precision, packing=packing)
    whole, path = tmp_path / "whole", tmp_path / "killed"
    pretrain(recipe("tiny"), store, whole, execution=execution)
    with pytest.raises(Killed):
        pretrain(recipe("tiny"), store, path, execution=execution, on_progress=kill)
    assert (path / "checkpoint.safetensors").exists()
    del on_device[:]
    pretrain(recipe("tiny"), store, path, resume=True, execution=execution)
    assert len(on_device) == 10  # from the checkpoint of the tenth step
    for name in ("weights.safetensors", "checkpoint.safetensors", "evaluation.json"):
        assert (path / name).read_bytes() == (whole / name).read_bytes(), name
    assert lines(path) == lines(whole)


@pytest.mark.parametrize("first", ["plain", "on the device"])
def test_a_run_goes_on_in_the_other_way(store, tmp_path, monkeypatch, first):
    """A checkpoint does not say by which kind of steps it came about."""

    def kill(record):
        if record["step"] == 14:
            raise Killed

    execution = ExecutionSettings(precision="float32")
    whole, path = tmp_path / "whole", tmp_path / "killed"
    pretrain(recipe("tiny"), store, whole, execution=execution)
    monkeypatch.setattr(ExecutionSettings, "on_device", first != "plain")
    with pytest.raises(Killed):
        pretrain(recipe("tiny"), store, path, execution=execution, on_progress=kill)
    monkeypatch.setattr(ExecutionSettings, "on_device", first == "plain")
    pretrain(recipe("tiny"), store, path, resume=True, execution=execution)
    assert_close(lines(path), lines(whole), rel=1e-5)


def test_bfloat16_products_have_float32_masters(store, tmp_path, on_device):
    settings = changed(num_steps=40, log_every=10, validate_every=40, checkpoint_every=40)
    found = {}
    for precision in ("float32", "bfloat16"):
        path = tmp_path / precision
        pretrain(settings, store, path, execution=ExecutionSettings(precision=precision))
        _, weights = read_weights(path / "weights.safetensors")
        assert {str(values.dtype) for values in weights.values()} == {"torch.float32"}
        assert any(
            (values.bfloat16().float() != values).any() for values in weights.values()
        )  # they are masters, and no copies of what was rounded
        found[precision] = [line["loss"] for line in lines(path)]
    assert found["bfloat16"] != found["float32"]
    assert found["bfloat16"] == pytest.approx(found["float32"], rel=5e-3)


def test_compiling_without_a_compiler_is_refused_at_the_door(store, tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(
        SettingsError,
        match=r"needs a C\+\+ compiler; in setting compile; found on, and no no-such-compiler",
    ):
        pretrain(recipe("tiny"), store, tmp_path / "run", execution=ExecutionSettings(compile="on"))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch's compiler warns of itself
@pytest.mark.parametrize("packing", ["off", "on"])
def test_the_command_with_compiled_blocks(store, tmp_path, monkeypatch, packing):
    """``--execution.compile on``: torch compiles the blocks and AdamW for the processor."""
    if shutil.which("g++") is None:
        pytest.skip("needs g++")
    words = [
        "tiny", "--data", str(store), "--log-every", "1", "--checkpoint-every", "10",
        "--execution.device", "cpu", "--execution.precision", "float32",
    ]  # fmt: skip
    command.main([*words, "--out", str(tmp_path / "plain"), "--execution.packing", "off"])
    told = watched(monkeypatch)
    fast = [*words, "--execution.compile", "on", "--execution.packing", packing]
    command.main([*fast, "--out", str(tmp_path / "fast")])
    assert len(told) == 20
    assert_close(lines(tmp_path / "fast"), lines(tmp_path / "plain"), rel=1e-5)
