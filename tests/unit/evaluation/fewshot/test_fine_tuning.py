"""Frozen means frozen; fine-tuned means all of it moves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from windrow.classifiers.sequence import SequenceTraining, fine_tune, train_sequence_head
from windrow.data.store.zarr_store import write_store
from windrow.errors import SettingsError
from windrow.experiments.methods import METHODS
from windrow.experiments.recipes.heads import sequence_training
from windrow.inference.frozen_encoder import load
from windrow.models.heads.inputs import HeadInputs
from windrow.models.heads.transformer import TransformerSettings

encoders = pytest.mark.parametrize("name", ["random-encoder", "resmlp"])


@pytest.fixture(scope="module")
def series(make_series):
    return make_series(36, seed=2)


@pytest.fixture(scope="module")
def runs(make_series, tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoders")
    write_store(folder / "store", make_series(20), provenance={})
    steps = {"num_steps": 2, "batch_size": 32, "log_every": 2, "checkpoint_every": 2}
    for name, changes in (("random-encoder", {}), ("resmlp", steps)):
        method = METHODS[name]
        method.pretrain(method.settings("tiny", **changes), folder / "store", folder / name)
    return folder


def training(**changes: object) -> SequenceTraining:
    model = TransformerSettings(width=8, num_heads=2, num_layers=1, dropout=0.0)
    values = sequence_training("transformer").to_dict() | {
        "model": model,
        "epochs": 2,
        "min_steps": 6,
        **changes,
    }
    return SequenceTraining.from_dict(values)


def state(encoder):
    return encoder.trainable().state_dict()  # of a copy


@encoders
def test_frozen_nothing_moves_in_embedding_and_in_head_training(runs, series, name):
    encoder = load(runs / name)
    before, digest = state(encoder), encoder.content_hash
    encoder.embed(series)
    z = encoder.sequence(series)
    inputs = HeadInputs(values=z, day_of_year=series.day_of_year, valid=series.valid)
    label = np.arange(36) % 3
    train_sequence_head(inputs, label, np.arange(36), num_classes=3, settings=training(), seed=0)
    after = state(encoder)
    assert before.keys() == after.keys()
    for key, values in before.items():  # parameters and the statistics of batch norm
        assert torch.equal(values, after[key]), key
    assert not encoder.trainable().training
    np.testing.assert_array_equal(encoder.sequence(series), z)
    assert load(runs / name).content_hash == digest


@encoders
def test_fine_tuned_everything_moves_but_the_frozen_encoder(runs, series, name):
    encoder = load(runs / name)
    before = state(encoder)
    inputs = encoder.inputs(series)
    head = fine_tune(
        encoder.trainable(),
        inputs,
        np.arange(36) % 3,
        np.arange(36),
        num_classes=3,
        settings=training(learning_rate=0.01),
        seed=0,
    )
    moved = head.encoder.state_dict()
    for key, values in before.items():
        assert not torch.equal(values, moved[key]), key
    assert all(torch.equal(before[key], values) for key, values in state(encoder).items())
    assert not head.training
    probability = head.predict_probability(inputs)
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(
        head.predict_probability(inputs, batch_size=5), probability, atol=1e-5
    )


@encoders
def test_the_encoder_inside_sees_what_the_frozen_one_sees(runs, series, name):
    encoder = load(runs / name)
    inputs = encoder.inputs(series)
    module = encoder.trainable().eval()
    with torch.no_grad():
        z = module(
            torch.from_numpy(inputs.values),
            torch.from_numpy(inputs.day_of_year.astype(np.int64)),
            torch.from_numpy(inputs.valid),
        ).numpy()
    expected = encoder.sequence(series)
    np.testing.assert_allclose(z[series.valid], expected[series.valid], atol=1e-5)


def test_fine_tuning_repeats_and_its_seed_counts(runs, series):
    encoder = load(runs / "random-encoder")
    inputs, label = encoder.inputs(series), np.arange(36) % 3

    def probability(seed):
        head = fine_tune(
            encoder.trainable(), inputs, label, np.arange(36), num_classes=3,
            settings=training(), seed=seed,
        )  # fmt: skip
        return head.predict_probability(inputs)

    assert probability(0).tolist() == probability(0).tolist()
    assert probability(0).tolist() != probability(1).tolist()


def test_another_precision_cannot_be_trained_further(runs):
    encoder = load(runs / "random-encoder", precision="bfloat16")
    with pytest.raises(SettingsError, match=r"only an encoder in torch and float32 .*bfloat16"):
        encoder.trainable()
