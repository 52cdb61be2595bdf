"""Every method goes one way: settings, a run directory with its cost, a representation."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from windrow.cli import main
from windrow.data.normalization import Normalization
from windrow.data.store.zarr_store import write_store
from windrow.errors import DataError, SettingsError
from windrow.experiments.methods import METHODS
from windrow.experiments.recipes.known_faults import CORRECTED, PAPER, corrections, one_fault
from windrow.inference.frozen_encoder import load
from windrow.models.encoders.build import build_encoder
from windrow.models.flops import encoder_flops, num_parameters
from windrow.models.weights import load_encoder, read_weights
from windrow.pipelines.pretext.settings import PretrainingSettings
from windrow.pipelines.run.cost import read_cost
from windrow.pipelines.run.held_out import hold_out

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
    settings = short("scratch")
    training, _ = hold_out(make_series(40), share=settings.validation_share, seed=settings.seed)
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
    with pytest.raises(
        SettingsError, match=r"setting encoder\.transformer\.layers: no such setting"
    ):
        METHODS["bert"].settings("small", encoder={"layers": 8})
    with pytest.raises(
        DataError, match=r"the cost of the pre-training is missing; in .*cost\.json"
    ):
        read_cost(tmp_path)
    with pytest.raises(SettingsError, match="nothing to train; in setting num_steps; found 5"):
        METHODS["scratch"].pretrain(
            METHODS["scratch"].settings("tiny", num_steps=5), store, tmp_path / "run"
        )


def test_barlow_twins_is_a_setting_of_every_contrastive_method(store, tmp_path, runs):
    for name in ("resmlp", "scarf", "spectro-temporal"):
        settings = short(name, task={"loss": {"kind": "barlow_twins"}})
        path = tmp_path / name
        METHODS[name].pretrain(settings, store, path)
        first = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        assert all(np.isfinite(line["loss"]) for line in first)
        assert load(path).content_hash != load(runs[0] / name).content_hash


def test_contrastive_training_raises_retrieval_above_chance(store, tmp_path):
    settings = short(
        "resmlp", num_steps=100, batch_size=128, log_every=100, checkpoint_every=100,
        validate_every=100, encoder={"num_layers": 2, "dropout": 0.0},
        optimization={"learning_rate": 3e-3},
    )  # fmt: skip
    METHODS["resmlp"].pretrain(settings, store, tmp_path / "run")
    found = json.loads((tmp_path / "run" / "evaluation.json").read_text())["retrieval"]
    assert found["all"]["num_pairs"] == 88  # held-out pairs are fewer than a batch
    # Eight of 51 where one is chance; through cloud nothing can be told apart.
    assert found["clear"]["top1"] > 4 * found["clear"]["chance"]
    assert found["clear"]["num_pairs"] == 51
    assert found["growing_season"]["num_pairs"] == 62


def test_weights_of_a_resmlp_serve_the_commands(runs, store, tmp_path, capsys):
    out = tmp_path / "z.parquet"
    main(["embed", str(store), "--weights", str(runs[0] / "resmlp"), "--out", str(out)])
    table = pd.read_parquet(out)
    assert table.shape == (40, 1 + 12 * 32)  # pooled by month
    assert np.isfinite(table.drop(columns="id").to_numpy()).all()
    run = tmp_path / "scarf"
    words = ["--num-steps", "2", "--log-every", "2", "--checkpoint-every", "2", "--batch-size", "8"]
    main(["pretrain", "scarf/tiny", "--data", str(store), "--out", str(run), *words])
    assert load(run).header.encoder.kind == "resmlp"
    with pytest.raises(SystemExit, match="2"):
        main(["pretrain", "scarf/huge", "--data", str(store), "--out", str(run)])
    assert "no such method and scale; found scarf/huge" in capsys.readouterr().err


def test_an_encoder_of_another_kind_is_refused(store, tmp_path):
    resmlp = METHODS["resmlp"].settings("tiny").encoder.to_dict()
    transformer = METHODS["bert"].settings("tiny").encoder.to_dict()
    for name, encoder, found in (
        ("bert", resmlp, "resmlp"), ("spectro-temporal", resmlp, "resmlp"),
        ("scarf", transformer, "transformer"), ("resmlp", transformer, "transformer"),
    ):  # fmt: skip
        settings = PretrainingSettings.from_dict(
            METHODS[name].settings("tiny").to_dict() | {"encoder": encoder}
        )
        with pytest.raises(SettingsError, match=rf"encoder\.kind; found {found}; expected"):
            METHODS[name].pretrain(settings, store, tmp_path / name)


def test_weights_from_before_there_were_kinds_load_with_the_same_hash(runs, tmp_path):
    """The header of old weights names no kind of encoder."""
    path = runs[0] / "bert" / "weights.safetensors"
    header, tensors = read_weights(path)
    values = header.to_dict()
    assert values["encoder"].pop("kind") == "transformer"
    save_file(tensors, tmp_path / "old.safetensors", metadata={"windrow": json.dumps(values)})
    _, old, digest = load_encoder(tmp_path / "old.safetensors")
    assert digest == load_encoder(path)[2]
    assert old == header
