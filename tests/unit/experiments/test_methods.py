"""Every method goes one way: settings, a run directory with its cost, a representation."""

import json

import numpy as np
import pytest
import torch

from windrow.data.normalization import Normalization
from windrow.data.store import write_store
from windrow.errors import DataError, SettingsError
from windrow.evaluation.inference import load
from windrow.experiments.corrections import CORRECTED, PAPER, corrections, one_fault
from windrow.experiments.cost import read_cost
from windrow.experiments.methods import METHODS
from windrow.experiments.pretraining import _hold_out
from windrow.models.encoders import build_encoder
from windrow.models.flops import encoder_flops, num_parameters
from windrow.models.weights import load_encoder

names = pytest.mark.parametrize("name", list(METHODS))


@pytest.fixture(scope="module")
def store(make_series, tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "series"
    write_store(path, make_series(40), provenance={"source": "test"})
    return path


def short(name, **changes):
    method = METHODS[name]
    steps = {"log_every": 2, "validate_every": 2, "checkpoint_every": 2, "batch_size": 16}
    if method.pretrains:
        steps["num_steps"] = 4
    return method.settings("tiny", **(steps | changes))


@pytest.fixture(scope="module")
def runs(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    costs = {}
    for name, method in METHODS.items():
        costs[name] = method.pretrain(short(name), store, folder / name)
    return folder, costs


@names
def test_run_directory_and_representation(runs, make_series, name):
    folder, costs = runs
    path, method = folder / name, METHODS[name]
    assert {"config.yaml", "cost.json", "environment.json", "weights.safetensors"} <= {
        file.name for file in path.iterdir()
    }
    representation = method.load(path)
    series = make_series(5, seed=3)
    z = representation.sequence(series)
    assert z.shape == (5, series.num_dates, representation.width)
    assert z.dtype == np.float32
    assert np.isfinite(z).all()
    assert (z[~series.valid] == 0).all()
    assert (z[series.valid] != 0).any()
    assert load(path).content_hash == representation.content_hash
    cost = costs[name]
    assert cost == read_cost(path)
    assert (cost.seconds > 0, cost.flops > 0, cost.num_steps > 0) == (method.pretrains,) * 3
    if method.pretrains:
        assert cost.num_items == 4 * short(name).batch_size
        lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        assert [line["step"] for line in lines if line["kind"] == "validation"] == [1, 3]
        assert all(np.isfinite(line["loss"]) for line in lines)


@names
def test_widths_are_bounded_by_the_scale(name):
    for scale, bound in (("tiny", 32), ("small", 64)):
        encoder = METHODS[name].settings(scale).encoder
        assert getattr(encoder, "width", 0) <= bound


@names
def test_seed_decides_all(store, tmp_path, runs, name):
    method = METHODS[name]
    method.pretrain(short(name), store, tmp_path / "again")
    same = (tmp_path / "again" / "weights.safetensors").read_bytes()
    assert same == (runs[0] / name / "weights.safetensors").read_bytes()
    method.pretrain(short(name, seed=1), store, tmp_path / "other")
    first, other = method.load(runs[0] / name), method.load(tmp_path / "other")
    assert (first.content_hash != other.content_hash) or short(name).encoder.kind == "bands"


class Killed(BaseException):
    """Stands for a kill, which no handler for errors catches."""


@pytest.mark.parametrize("name", [n for n, m in METHODS.items() if m.pretrains])
def test_killed_and_resumed_equals_uninterrupted(store, tmp_path, runs, name):
    def kill(record):
        if record.get("step") == 3:
            raise Killed

    method, path = METHODS[name], tmp_path / "killed"
    with pytest.raises(Killed):
        method.pretrain(short(name), store, path, on_progress=kill)
    before = read_cost(path)
    assert before.num_steps == 2
    cost = method.pretrain(short(name), store, path, resume=True)
    assert cost.num_steps == 4
    assert cost.seconds > before.seconds
    for file in ("weights.safetensors", "checkpoint.safetensors", "evaluation.json"):
        assert (path / file).read_bytes() == (runs[0] / name / file).read_bytes(), file


def test_scratch_is_the_standardised_bands(runs, store, make_series):
    representation = METHODS["scratch"].load(runs[0] / "scratch")
    training, _ = _hold_out(make_series(40), short("scratch"))
    fitted = Normalization.fit(training.reflectance, training.valid)
    series = make_series(4, seed=5)
    expected = (series.reflectance / 1e4 - fitted.mean) / fitted.std
    found = representation.sequence(series)
    np.testing.assert_allclose(found[series.valid], expected[series.valid], rtol=1e-4, atol=1e-5)
    assert representation.flops_per_series(144) == 0


def test_random_weights_are_those_of_the_seed(runs):
    encoder, header, _ = load_encoder(runs[0] / "random-encoder" / "weights.safetensors")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        expected = build_encoder(header.encoder, num_bands=12)
    for name, values in expected.state_dict().items():
        assert torch.equal(encoder.state_dict()[name], values), name
    assert header.provenance["num_steps"] == 0


def test_cost_counts_encoder_and_outputs(runs):
    settings = short("bert")
    encoder, _, _ = load_encoder(runs[0] / "bert" / "weights.safetensors")
    cost = runs[1]["bert"]
    width, dates = settings.encoder.width, 24
    forward = encoder_flops(settings.encoder, num_bands=12, num_dates=dates)
    forward += 2 * width * (dates * (3 * 36 + 32) + 12 * 12)
    assert cost.flops == 3 * forward * 4 * 16
    assert cost.num_encoder_parameters == sum(p.numel() for p in encoder.parameters())
    outputs = (width + 1) * (3 * 36 + 32 + 12) + width
    assert cost.num_parameters == cost.num_encoder_parameters + outputs
    assert num_parameters(encoder) == 0  # loaded frozen


def test_variance_is_divided_by_with_the_fault_alone(store, tmp_path, runs):
    method = METHODS["scratch"]
    settings = short("scratch", variant=one_fault("normalization"))
    method.pretrain(settings, store, tmp_path / "run")
    right = method.load(runs[0] / "scratch").header.normalization
    wrong = method.load(tmp_path / "run").header.normalization
    np.testing.assert_allclose(wrong.std, np.square(right.std), rtol=1e-12)
    assert wrong.mean == right.mean


def test_variants_differ_in_every_switch_and_single_faults_in_one():
    corrected, paper = CORRECTED.to_dict(), PAPER.to_dict()
    assert all(corrected[name] != paper[name] for name in corrected)
    for name in corrected:
        assert one_fault(name).to_dict() == corrected | {name: paper[name]}
    assert corrections("paper") is PAPER
    assert METHODS["bert"].settings("paper", variant="paper").normalization == "variance"


def test_nested_changes_and_their_errors(store, tmp_path):
    settings = METHODS["bert"].settings("small", encoder={"num_layers": 8}, batch_size=4)
    assert (settings.encoder.num_layers, settings.encoder.width) == (8, 64)
    assert settings.batch_size == 4
    with pytest.raises(SettingsError, match=r"setting encoder\.transformer\.layers: extra inputs"):
        METHODS["bert"].settings("small", encoder={"layers": 8})
    with pytest.raises(DataError, match=r"no cost of a pre-training here; in .*cost\.json"):
        read_cost(tmp_path)
    with pytest.raises(SettingsError, match="nothing to train; in setting num_steps; found 5"):
        METHODS["scratch"].pretrain(
            METHODS["scratch"].settings("tiny", num_steps=5), store, tmp_path / "run"
        )
