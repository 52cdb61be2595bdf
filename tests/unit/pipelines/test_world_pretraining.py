"""Pre-training on simulated places: whole runs in seconds, resumed ones, folders of worlds."""

import json

import numpy as np
import pytest
import torch

from place_factory import make_place
from windrow.cli import main
from windrow.errors import OutputError, SettingsError
from windrow.experiments.recipes.worlds import world_recipe
from windrow.models.place_weights import load_place_network
from windrow.pipelines.run.metric_lines import PlaceValidationLine, TrainingLine
from windrow.pipelines.world_cache import FIRST_SCENARIO_WORLD, read_worlds
from windrow.pipelines.world_families import split_places
from windrow.pipelines.world_pretraining import pretrain_on_worlds

TINY = world_recipe("worlds-tiny")


@pytest.fixture(name="worlds", scope="module")
def _worlds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("worlds")
    read_worlds(folder, TINY.cache, [0, 1, 2, 3, FIRST_SCENARIO_WORLD, FIRST_SCENARIO_WORLD + 1])
    return folder


@pytest.fixture(name="run", scope="module")
def _run(tmp_path_factory, worlds):
    path = tmp_path_factory.mktemp("runs") / "whole"
    pretrain_on_worlds(TINY, path, worlds_path=worlds)
    return path


def test_a_run_leaves_weights_and_figures(run):
    figures = json.loads((run / "evaluation.json").read_text())
    assert figures["simulated"] is True
    assert figures["num_training_places"] == 3
    assert 0 < figures["accuracy"]["places"]["3"] < 1
    network, header = load_place_network(run / "weights.safetensors")
    assert header.crop_names[0] == "winter wheat"
    assert header.untrained_crops == ("hemp",)
    assert header.provenance["num_steps"] == figures["chosen_step"] + 1
    assert 0.05 < float(network.band_mean.mean()) < 0.5
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["kind"] == "validation"] == [2, 5]
    assert lines[0].keys() <= TrainingLine.__annotations__.keys()
    assert lines[-1].keys() == PlaceValidationLine.__annotations__.keys()


def test_a_killed_run_goes_on_to_the_same_weights(run, worlds, tmp_path):
    class KilledError(Exception):
        pass

    def kill(line):
        if line["kind"] == "train" and line["step"] == 3:
            raise KilledError

    path = tmp_path / "killed"
    with pytest.raises(KilledError):
        pretrain_on_worlds(TINY, path, worlds_path=worlds, on_progress=kill)
    with pytest.raises(OutputError, match="exists already"):
        pretrain_on_worlds(TINY, path, worlds_path=worlds)
    pretrain_on_worlds(TINY, path, worlds_path=worlds, resume=True)
    whole, _ = load_place_network(run / "weights.safetensors")
    again, _ = load_place_network(path / "weights.safetensors")
    for name, values in whole.state_dict().items():
        assert torch.equal(again.state_dict()[name], values), name
    other = TINY.model_copy(update={"num_steps": 8})
    with pytest.raises(SettingsError, match="another setting"):
        pretrain_on_worlds(other, path, worlds_path=worlds, resume=True)


def test_a_run_on_fewer_places_is_validated_on_the_same_ones(run, worlds, tmp_path):
    fewer = TINY.model_copy(update={"num_worlds": 1})
    known = {file.name for file in worlds.iterdir()}
    pretrain_on_worlds(fewer, tmp_path / "fewer", worlds_path=worlds)
    assert {file.name for file in worlds.iterdir()} == known
    figures = json.loads((tmp_path / "fewer" / "evaluation.json").read_text())
    assert figures["num_training_places"] == 2
    assert figures["num_places"] == json.loads((run / "evaluation.json").read_text())["num_places"]


def test_a_folder_of_other_worlds_is_refused(worlds):
    other = TINY.model_copy(update={"world_seed": 1})
    with pytest.raises(SettingsError, match="worlds of other settings"):
        read_worlds(worlds, other.cache, range(1))


def test_worlds_are_kept_and_found_again(worlds):
    before = {file.name: file.stat().st_mtime_ns for file in worlds.glob("*.safetensors")}
    first = read_worlds(worlds, TINY.cache, [0])[0]
    assert before == {file.name: file.stat().st_mtime_ns for file in worlds.glob("*.safetensors")}
    assert first.day_of_year.max() < 365
    farmland = read_worlds(worlds, TINY.cache, [FIRST_SCENARIO_WORLD])[0]
    assert farmland.crop_names == first.crop_names
    assert 36 <= farmland.latitude <= 60
    assert len(first) == 40


def test_families_are_held_out():
    settings = TINY.model_copy(
        update={"held_out_latitudes": (13.0, 17.0), "held_out_southern_l1c": True}
    )
    north, sahel = make_place(30), make_place(30, latitude=-15.0)
    settings = settings.model_copy(update={"held_out_crops": ("hemp",)})
    others = [north, sahel, make_place(30, crops=(0, 1))]
    places = split_places([north, sahel], others, settings, farmland=[north])
    assert len(places.training) == 1
    assert 4 not in places.training[0].crop
    counts = {name: len(found) for name, found in places.families.items()}
    assert counts == {"places": 2, "farmland": 1, "crops": 1, "climates": 1, "levels": 0}
    assert 4 in places.families["crops"][0].crop
    assert np.all([4 not in place.crop for place in places.families["places"]])


def test_the_command_pretrains_without_a_store(worlds, tmp_path, capsys):
    out = tmp_path / "run"
    main(["pretrain", "worlds-tiny", "--worlds", str(worlds), "--out", str(out), "--workers", "1"])
    assert capsys.readouterr().out.strip() == str(out)
    assert (out / "weights.safetensors").is_file()
