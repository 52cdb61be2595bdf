import json
import shutil

import numpy as np
import pandas as pd
import pytest

from windrow.data.store.zarr_store import write_store
from windrow.errors import DataError, OutputError, SettingsError, SplitError, StoreError
from windrow.experiments.recipes.pretraining import RECIPES, recipe
from windrow.inference.frozen_encoder import load
from windrow.pipelines.pretext.settings import PretrainingSettings
from windrow.pipelines.pretrain import pretrain
from windrow.pipelines.run.held_out import hold_out
from windrow.pipelines.run.metric_lines import TrainingLine, ValidationLine
from windrow.training.execution import ExecutionSettings


def changed(**changes):
    return PretrainingSettings.from_dict(recipe("tiny").to_dict() | changes)


@pytest.fixture(scope="module")
def store(make_series, tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "series"
    write_store(path, make_series(40), provenance={"source": "test"})
    return path


@pytest.fixture(scope="module")
def run(store, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "whole"
    told = []
    figures = pretrain(recipe("tiny"), store, path, on_progress=told.append)
    return path, told, figures


def lines(path):
    return [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]


def comparable(path):
    return [{k: v for k, v in line.items() if k != "series_per_second"} for line in lines(path)]


def test_run_directory(run):
    path, told, figures = run
    assert sorted(file.name for file in path.iterdir()) == [
        "checkpoint.safetensors",
        "config.yaml",
        "cost.json",
        "environment.json",
        "evaluation.json",
        "metrics.jsonl",
        "predictions.parquet",
        "weights.safetensors",
    ]
    assert PretrainingSettings.from_yaml(path / "config.yaml") == recipe("tiny")
    assert json.loads((path / "evaluation.json").read_text()) == figures
    assert lines(path) == told
    train = [line for line in told if line["kind"] == "train"]
    assert [line["step"] for line in train] == [4, 9, 14, 19]
    assert sorted(train[0]) == [
        "cloud", "gradient_norm", "kind", "learning_rate", "loss", "num_steps",
        "reconstruction", "season", "series_per_second", "step",
    ]  # fmt: skip
    validation = [line for line in told if line["kind"] == "validation"]
    assert [line["step"] for line in validation] == [9, 19]
    assert sorted(validation[0]) == ["cloud", "kind", "loss", "reconstruction", "season", "step"]
    assert validation[1]["loss"] < validation[0]["loss"]
    assert train[0].keys() <= TrainingLine.__annotations__.keys()
    assert validation[0].keys() <= ValidationLine.__annotations__.keys()
    table = pd.read_parquet(path / "predictions.parquet")
    assert table["series_id"].nunique() == 2


def test_held_out_fields_are_not_trained_on(run, make_series):
    series = make_series(40)
    training, held_out = hold_out(series, share=recipe("tiny").validation_share, seed=0)
    assert not set(training.field_id) & set(held_out.field_id)
    assert len(set(held_out.field_id)) == 4  # a fifth of the twenty fields
    assert len(training) + len(held_out) == 40
    assert load(run[0]).header.provenance["num_series"] == len(training)


def test_weights_load_and_carry_what_was_trained(run, make_series):
    encoder = load(run[0])
    assert encoder.simulated is True
    assert encoder.header.training_hash == recipe("tiny").content_hash()
    assert encoder.header.provenance["store"] == {"source": "test"}
    assert np.isfinite(encoder.embed(make_series(3, seed=8))).all()
    assert load(run[0] / "weights.safetensors").content_hash == encoder.content_hash


def test_same_seed_same_bytes_other_seed_other_weights(run, store, tmp_path):
    pretrain(recipe("tiny"), store, tmp_path / "again")
    for name in ("weights.safetensors", "checkpoint.safetensors", "evaluation.json",
                 "predictions.parquet"):  # fmt: skip
        assert (tmp_path / "again" / name).read_bytes() == (run[0] / name).read_bytes(), name
    pretrain(recipe("tiny", seed=1), store, tmp_path / "other")
    assert load(tmp_path / "other").content_hash != load(run[0]).content_hash


class Killed(BaseException):
    """Stands for a kill, which no handler for errors catches."""


@pytest.mark.parametrize("killed_at", [4, 14])
def test_killed_and_resumed_equals_uninterrupted_bit_for_bit(run, store, tmp_path, killed_at):
    def kill(record):
        if record["step"] == killed_at:
            raise Killed

    path = tmp_path / "killed"
    with pytest.raises(Killed):
        pretrain(recipe("tiny"), store, path, on_progress=kill)
    assert (path / "checkpoint.safetensors").exists() == (killed_at > 9)
    with (path / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "train", "st')  # a line cut by the kill
    pretrain(recipe("tiny"), store, path, resume=True)
    for name in ("weights.safetensors", "checkpoint.safetensors", "evaluation.json"):
        assert (path / name).read_bytes() == (run[0] / name).read_bytes(), name
    assert comparable(path) == comparable(run[0])


def test_resuming_a_finished_run_changes_nothing(run, store, tmp_path):
    path = tmp_path / "copy"
    shutil.copytree(run[0], path)
    pretrain(recipe("tiny"), store, path, resume=True)
    for file in run[0].iterdir():
        if file.name == "cost.json":  # seconds of a clock
            continue
        assert file.read_bytes() == (path / file.name).read_bytes(), file.name


def test_another_run_is_not_resumed(run, store, tmp_path, make_series):
    path = tmp_path / "copy"
    shutil.copytree(run[0], path)
    with pytest.raises(SettingsError, match=r"another setting\.batch_size; .*found 8; expected 4"):
        pretrain(changed(batch_size=4), store, path, resume=True)
    other = tmp_path / "other"
    write_store(other, make_series(40, seed=1), provenance={"source": "test"})
    with pytest.raises(SettingsError, match="the run on disk has another store"):
        pretrain(recipe("tiny"), other, path, resume=True)
    with pytest.raises(SettingsError, match="no run to resume"):
        pretrain(recipe("tiny"), store, tmp_path / "nothing", resume=True)
    with pytest.raises(OutputError, match="output exists already"):
        pretrain(recipe("tiny"), store, path)


def test_bad_data_is_refused_before_anything_is_written(store, tmp_path, make_series):
    path = tmp_path / "run"
    cases = [
        (StoreError, "no series store here", changed(), None),
        (DataError, "no PlanetScope to predict", changed(), make_series(40, planetscope=False)),
        (SplitError, "no field can be held out", changed(),
         make_series(40, series_per_field=40)),
        (SettingsError, "larger than the training set", changed(), make_series(8)),
        (SettingsError, "learned positions.*found 20; expected at least 24",
         changed(encoder=recipe("tiny").encoder.to_dict()
                 | {"position": "learned", "num_positions": 20}),
         make_series(40)),
    ]  # fmt: skip
    for number, (kind, text, settings, series) in enumerate(cases):
        source = tmp_path / f"store{number}"
        if series is not None:
            write_store(source, series, provenance={})
        with pytest.raises(kind, match=text):
            pretrain(settings, source, path)
        assert not path.exists()


def test_cloud_loss_off_is_said_and_validation_store_is_used(tmp_path, make_series):
    write_store(tmp_path / "train", make_series(16, clouds=False), provenance={})
    write_store(tmp_path / "held", make_series(6, seed=1, clouds=False), provenance={})
    told = []
    figures = pretrain(
        changed(num_steps=2),
        tmp_path / "train",
        tmp_path / "run",
        validation=tmp_path / "held",
        execution=ExecutionSettings(precision="bfloat16"),
        on_progress=told.append,
    )
    assert told[0] == {"kind": "note", "text": "no cloud probability: the cloud loss is off"}
    assert "cloud" not in told[1]
    assert figures["num_series"] == 6
    assert figures["cloud"] is None
    assert load(tmp_path / "run").header.provenance["num_series"] == 16


def test_divergence_stops_with_a_clear_line(store, tmp_path):
    rate = recipe("tiny").optimization.to_dict() | {"learning_rate": 1e30}
    with pytest.raises(SettingsError, match="the training diverged"):
        pretrain(changed(optimization=rate), store, tmp_path / "run")


def test_recipes_hold_the_papers_numbers():
    paper = recipe("paper")
    assert (paper.encoder.num_layers, paper.encoder.width, paper.encoder.num_heads) == (32, 256, 4)
    assert (paper.batch_size, paper.num_epochs, paper.optimization.learning_rate) == (64, 100, 1e-3)
    assert paper.optimization.warmup_share * paper.num_epochs == 5
    assert paper.task.masking.cloud_input == "masked"
    assert paper.task.losses.reduction == "sum"
    assert recipe("base").batch_size == 128
    assert all(recipe(name).recipe == name for name in RECIPES)
    with pytest.raises(SettingsError, match="unknown recipe; found big; expected tiny, small"):
        recipe("big")
    with pytest.raises(SettingsError, match="give either num_steps or num_epochs"):
        changed(num_epochs=3)
    with pytest.raises(SettingsError, match="checkpoint_every must be a multiple of log_every"):
        changed(checkpoint_every=7)


def test_cloudy_dates_dropped_and_packed_equal_padded(store, tmp_path):
    settings = changed(drop_cloudy_from=128, num_steps=4, log_every=2, validate_every=4,
                       checkpoint_every=4)  # fmt: skip
    lines_of = {}
    for packing in ("on", "off"):
        execution = ExecutionSettings(precision="float32", packing=packing)
        pretrain(settings, store, tmp_path / packing, execution=execution)
        lines_of[packing] = comparable(tmp_path / packing)
    for packed, padded in zip(lines_of["on"], lines_of["off"], strict=True):
        assert packed.pop("kind") == padded.pop("kind")
        assert packed == pytest.approx(padded, rel=1e-5)
