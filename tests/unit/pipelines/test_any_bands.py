"""One set of weights for any subset of bands: pre-trained, distilled, and used with few labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from series_factory import make_series
from weights_factory import make_weights
from windrow.classifiers.features import FeatureSettings
from windrow.cli.pretrain import main as pretrain_command
from windrow.data.store.zarr_store import write_store
from windrow.errors import BandError, SettingsError
from windrow.evaluation.fewshot.inputs import inputs_of_method
from windrow.experiments.methods import METHODS
from windrow.experiments.recipes.pretraining import any_bands, student, tiny
from windrow.inference.frozen_encoder import load
from windrow.models.weights import read_weights
from windrow.pipelines.distill import distill
from windrow.pipelines.pretext.settings import PretrainingSettings
from windrow.pipelines.pretrain import pretrain
from windrow.sensors import SENTINEL2_BANDS
from windrow.training.execution import ExecutionSettings

PLAIN = ExecutionSettings(precision="float32")
TEN = tuple(band for band in SENTINEL2_BANDS if band not in ("B01", "B09"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "series"
    write_store(path, make_series(40), provenance={"source": "test"})
    return path


@pytest.fixture(scope="module")
def run(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "any"
    pretrain(any_bands(tiny()), store, path, execution=PLAIN)
    return path


def test_pretraining_learns_what_a_missing_band_is(run: Path, store: Path) -> None:
    header, tensors = read_weights(run / "weights.safetensors")
    assert (header.bands, header.min_bands) == (SENTINEL2_BANDS, 3)
    # Begun at nought, the vector of every band has moved: every band was hidden at times.
    assert tensors["encoder.embedding.missing_band"].abs().amax(dim=1).min() > 1e-4
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if line["kind"] == "validation"]
    assert losses[1] < losses[0]
    again = run.parent / "again"
    pretrain(any_bands(tiny()), store, again, execution=PLAIN)
    whole = (run / "weights.safetensors").read_bytes()
    assert (again / "weights.safetensors").read_bytes() == whole


def test_any_subset_is_embedded(run: Path) -> None:
    series, encoder = make_series(9, seed=5), load(run)
    for bands in (TEN, ("B02", "B03", "B04", "B08"), ("B8A", "B04", "B12")):
        z = encoder.embed(series.with_bands(bands), pool="month")
        assert z.shape == (9, 12 * 16)
        assert np.isfinite(z).all()
    with pytest.raises(BandError, match="found B02 B03; expected at least 3 of B01"):
        encoder.embed(series.with_bands(("B02", "B03")))


def test_few_labels_say_what_is_missing(run: Path) -> None:
    found = inputs_of_method(
        make_series(9).with_bands(TEN),
        "representation",
        load(run),
        features=FeatureSettings(clear_below=None, step_days=10),
        pool="month",
        sequences=False,
    )
    assert found.notes == ("the representation is without band B01 B09",)


def test_a_student_of_ten_bands_reads_ten(tmp_path: Path) -> None:
    series = make_series(60, seed=3, planetscope=False)
    make_weights(tmp_path / "teacher", series, min_bands=3, missing_bands=True)
    write_store(tmp_path / "ten", series.with_bands(TEN), provenance={})
    shape = student().encoder.model_copy(update={"num_layers": 1, "width": 16, "mlp_width": 32})
    changes = {"encoder": shape, "max_dates": 8, "batch_size": 16, "num_steps": 4, "log_every": 2}
    told: list[Any] = []
    distill(
        student().model_copy(update=changes), tmp_path / "teacher", tmp_path / "ten",
        tmp_path / "student", execution=PLAIN, on_progress=told.append,
    )  # fmt: skip
    assert told[0] == {
        "kind": "note",
        "text": "the store is without band B01 B09: the student does not read it",
    }
    small, teacher = load(tmp_path / "student"), load(tmp_path / "teacher")
    assert small.bands == TEN
    at = [teacher.bands.index(band) for band in TEN]
    mean = teacher.header.normalization.mean
    assert small.header.normalization.mean == tuple(mean[index] for index in at)
    assert small.embed(series).shape == (60, 16)


def test_pretraining_on_chosen_bands(store: Path, tmp_path: Path) -> None:
    words = ["tiny", "--data", str(store), "--out", str(tmp_path / "run"), "--num-steps", "2"]
    pretrain_command([*words, "--bands", "B02", "B03", "B04", "B08"])
    header, _ = read_weights(tmp_path / "run" / "weights.safetensors")
    assert header.bands == ("B02", "B03", "B04", "B08")
    assert header.min_bands is None
    words[4] = str(tmp_path / "any")
    pretrain_command([*words, "--any-bands"])
    assert load(tmp_path / "any").header.min_bands == 3


def test_settings_that_do_not_fit() -> None:
    with pytest.raises(SettingsError, match="only bi-modal BERT learns to do without bands"):
        any_bands(METHODS["resmlp"].settings("small"))
    values = any_bands(tiny()).to_dict()
    del values["encoder"]["missing_bands"]
    with pytest.raises(SettingsError, match=r"band_dropout and encoder\.missing_bands go together"):
        PretrainingSettings.from_dict(values)
