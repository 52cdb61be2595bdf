"""Two processes train as one: the same losses, the same weights, the same restart.

In the plain loop, and by steps on the device alone (which CUDA captures).
"""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch

import shared_training
from windrow.data.store.zarr_store import write_store
from windrow.errors import SettingsError
from windrow.experiments.recipes.pretraining import recipe
from windrow.models.weights import read_weights
from windrow.pipelines.pretrain import pretrain
from windrow.tasks.losses import reconstruction_loss, season_loss
from windrow.training.distributed import Processes, joined
from windrow.training.execution import ExecutionSettings

SETTINGS = recipe("tiny").model_copy(
    update={"num_steps": 6, "log_every": 1, "validate_every": 6, "checkpoint_every": 3}
)
WORDS = ["--num-steps", "6", "--log-every", "1", "--validate-every", "6", "--checkpoint-every", "3"]


def test_a_batch_is_cut_into_equal_parts():
    assert Processes().rows(8) is None
    parts = [Processes(rank=rank, number=4).rows(8) for rank in range(4)]
    assert [list(range(8))[part] for part in parts] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    with pytest.raises(SettingsError, match=r"equal parts.*8 over 3 processes"):
        Processes(rank=0, number=3).rows(8)


def test_without_torchrun_a_process_is_alone(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined("cpu") as (processes, device):
        assert (processes, device) == (Processes(rank=0, number=1), "cpu")
        assert processes.writes
        assert processes.mean_count(torch.tensor(3)).item() == 3


def test_the_mean_of_the_parts_losses_is_the_loss_of_the_whole():
    """Also where a part has fewer series to score than the other, or none."""
    draw = torch.Generator().manual_seed(0)
    prediction, target = torch.randn((2, 6, 5, 3, 4), generator=draw)
    scored = torch.rand((6, 5, 3, 4), generator=draw) < 0.5
    scored[3:] = False
    scored[0] = False
    whole = reconstruction_loss(prediction, target, scored, reduction="sum")
    halves = [
        reconstruction_loss(
            prediction[part], target[part], scored[part], reduction="sum",
            mean_count=lambda count: torch.tensor(2 / 2.0),
        )
        for part in (slice(0, 3), slice(3, 6))
    ]  # fmt: skip
    assert sum(halves).item() / 2 == pytest.approx(whole.item(), rel=1e-6)
    none = season_loss(
        torch.randn((2, 12, 12)),
        torch.zeros((2, 12), dtype=torch.bool),
        auxiliary="cross_entropy",
        mean_count=lambda count: torch.tensor(0.0),
    )
    assert none.item() == 0


def _torchrun(store, out, *words):
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone",
        "-m", "windrow", "pretrain", "tiny", "--data", str(store), "--out", str(out), *words,
        "--execution.precision", "float32",
    ]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


def _curve(path):
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    skipped = {"series_per_second", "kind"}
    return [{k: v for k, v in line.items() if k not in skipped} for line in lines]


@pytest.fixture(scope="module")
def store(make_series, tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "series"
    write_store(path, make_series(40, num_dates=12), provenance={"source": "test"})
    return path


def test_two_processes_have_the_losses_of_one():
    settings = {
        name: value
        for name, value in recipe("tiny").to_dict().items()
        if name in {"encoder", "task", "optimization"}
    }
    environment = {
        "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()),
        "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo",
    }  # fmt: skip
    started = [
        subprocess.Popen(
            [sys.executable, shared_training.__file__, json.dumps(settings)],
            env=os.environ | environment | {"RANK": str(rank)}, text=True, stdout=subprocess.PIPE,
        )
        for rank in range(2)
    ]  # fmt: skip
    expected, alone = shared_training.losses_of_steps(settings)
    assert len(expected) == 4
    assert np.array(alone) == pytest.approx(np.array(expected), rel=1e-5)
    for process in started:  # both report the loss and the gradient of the whole batch
        for found in json.loads(process.communicate(timeout=250)[0]):
            assert np.array(found) == pytest.approx(np.array(expected), rel=1e-5)


def _free_port():
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]


@pytest.mark.slow
def test_two_processes_equal_one_and_go_on_from_a_checkpoint(store, tmp_path):
    pretrain(SETTINGS, store, tmp_path / "one", execution=ExecutionSettings(precision="float32"))
    done = _torchrun(store, tmp_path / "two", *WORDS)
    assert done.returncode == 0, done.stderr
    expected, found = _curve(tmp_path / "one"), _curve(tmp_path / "two")
    assert len(found) == len(expected) == 7  # six steps, and a validation
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=1e-5)
    names = {file.name for file in (tmp_path / "one").iterdir()}
    assert {file.name for file in (tmp_path / "two").iterdir()} == names
    _, whole = read_weights(tmp_path / "two" / "weights.safetensors")

    # Killed after its fourth step: the checkpoint of the third is what is left.
    half = tmp_path / "half"
    half.mkdir()
    for name in ("config.yaml", "environment.json"):
        (half / name).write_bytes((tmp_path / "two" / name).read_bytes())
    first = SETTINGS.model_copy(update={"num_steps": 6})
    _stop_after(first, store, half, step=3)
    done = _torchrun(store, half, *WORDS, "--resume")
    assert done.returncode == 0, done.stderr
    assert [line["step"] for line in _curve(half)] == [0, 1, 2, 3, 4, 5, 5]
    _, resumed = read_weights(half / "weights.safetensors")
    for name, values in whole.items():
        if not name.endswith("query_key_value.bias"):  # whose keys' part is rounding alone
            assert torch.allclose(resumed[name], values, atol=1e-5), name


class Killed(BaseException):
    """Stands for a kill."""


def _stop_after(settings, store, path, *, step):
    def kill(record):
        if record.get("step") == step:
            raise Killed

    with pytest.raises(Killed):
        pretrain(
            settings, store, path, resume=True, on_progress=kill,
            execution=ExecutionSettings(precision="float32"),
        )  # fmt: skip


@pytest.mark.slow
def test_a_batch_that_cannot_be_cut_is_one_line_and_exit_code_2(store, tmp_path):
    done = _torchrun(store, tmp_path / "odd", *WORDS, "--batch-size", "7")
    assert done.returncode != 0
    assert "the batch cannot be cut into equal parts" in done.stderr
    assert "exitcode  : 2" in done.stderr
