"""Every fault is measured by itself, on the same series and seeds."""

import json
from dataclasses import replace

import numpy as np
import pytest

from windrow.classifiers.sequence import SequenceTraining, train_sequence_head
from windrow.data.legend import Legend
from windrow.data.splits import draw_pixels
from windrow.data.store.zarr_store import write_store
from windrow.errors import OutputError, SettingsError
from windrow.evaluation.metrics import mean_of_batch_accuracies
from windrow.experiments import fault_effects
from windrow.experiments.fault_effect import Effect
from windrow.experiments.fault_effects import effect_settings, measure_effects
from windrow.experiments.recipes.heads import sequence_training
from windrow.experiments.recipes.known_faults import CORRECTED
from windrow.models.heads.inputs import HeadInputs
from windrow.models.heads.transformer import TransformerSettings

TINY = {
    "num_pretraining_series": 20, "num_labelled_series": 60, "num_train_per_class": 4,
    "num_test_per_class": 5, "epochs": 1, "num_few_fields": 1,
}  # fmt: skip


def test_every_switch_is_measured():
    assert list(fault_effects.MEASURES) == list(CORRECTED.to_dict())


def test_effects_are_written_and_paired(tmp_path, monkeypatch, make_series):
    def stand_in(path, *, scenario, num_series, seed):  # the simulator takes seconds
        series = make_series(num_series, seed=seed)
        label = (series.field_id % 3).astype(np.int16)
        legend = Legend(("a", "b", "c"), ("1", "2", "3"))
        series = replace(series, label=label, legend=legend)
        write_store(path, series, provenance={"scenario": scenario})

    monkeypatch.setattr(fault_effects, "simulate_store", stand_in)
    settings = effect_settings("tiny", (0, 1), ("pixel_draw", "accuracy")).model_copy(update=TINY)
    told = []
    result = measure_effects(tmp_path / "out", settings, lambda *each: told.append(each))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert json.loads((tmp_path / "out" / "corrections.json").read_text()) == result
    assert result["simulated"] is True
    for effect in result["effects"]:
        assert effect["num_pairs"] == 2  # a configuration, two seeds
        differences = np.subtract(effect["all_corrected"], effect["all_faulty"])
        assert effect["gain"] == pytest.approx(
            [differences.mean(), differences.min(), differences.max()]
        )
    assert [effect["switch"] for effect in result["effects"]] == ["pixel_draw", "accuracy"]
    with pytest.raises(OutputError, match="output exists already"):
        measure_effects(tmp_path / "out", settings)


def test_an_unknown_fault_is_refused():
    assert effect_settings("tiny", (0,)).switches == tuple(CORRECTED.to_dict())
    with pytest.raises(SettingsError, match="no such fault: luck; there are inception_blocks, "):
        effect_settings("tiny", (0,), ("luck",))


def test_an_effect_says_its_gain():
    found = Effect("plateau", "x", (0.5, 0.7), (0.4, 0.7)).to_dict()
    assert found["gain"] == pytest.approx([0.05, 0.0, 0.1])
    assert found["corrected"] == pytest.approx([0.6, 0.1])


def test_pixels_are_spread_over_fields_and_never_repeat():
    field = np.repeat(np.arange(6), [9, 1, 3, 5, 5, 5])
    label = np.repeat([0, 0, 0, 1, 1, -1], [9, 1, 3, 5, 5, 5]).astype(np.int16)
    drawn = draw_pixels(field, label, num_per_class=5, seed=3)
    assert len(np.unique(drawn)) == len(drawn) == 10
    counts = np.bincount(field[drawn], minlength=6)
    assert counts[:3].tolist() == [2, 1, 2]  # as even as fields of 9, 1 and 3 allow
    assert sorted(counts[3:5].tolist()) == [2, 3]
    assert counts[5] == 0
    assert len(draw_pixels(field, label, num_per_class=50, seed=3)) == 23  # all, and no more
    few = draw_pixels(field, label, num_per_class=40, seed=3, num_fields=1, replacement=True)
    assert len(few) == 80
    for each in (0, 1):
        assert len(np.unique(field[few][label[few] == each])) == 1
    assert draw_pixels(field, label, num_per_class=5, seed=3).tolist() == drawn.tolist()


@pytest.mark.parametrize("size", [1, 3, 4, 10, 64])
def test_mean_of_batches_against_the_loop(size):
    draw = np.random.default_rng(size)
    true, predicted = draw.integers(0, 3, 10), draw.integers(0, 3, 10)
    batches, at = [], 0
    while at < 10:
        pairs = list(zip(true[at : at + size], predicted[at : at + size], strict=True))
        batches.append(sum(int(t == p) for t, p in pairs) / len(pairs))
        at += size
    expected = sum(batches) / len(batches)
    found = mean_of_batch_accuracies(true, predicted, batch_size=size)
    assert found == pytest.approx(expected, abs=1e-12)
    if size in (1, 10, 64):
        assert found == pytest.approx((true == predicted).mean())


@pytest.mark.parametrize(("watches", "falls"), [("loss", False), ("accuracy", True)])
def test_a_plateau_that_watches_the_accuracy_slows_a_head_that_improves(
    watches, falls, monkeypatch
):
    generator = np.random.default_rng(0)
    label = np.arange(60) % 2
    values = generator.normal(0, 0.1, (60, 6, 2)) + label[:, None, None]
    inputs = HeadInputs(
        values=values.astype(np.float32),
        day_of_year=np.tile(np.arange(6, dtype=np.int16), (60, 1)),
        valid=np.ones((60, 6), dtype=np.bool_),
    )
    model = TransformerSettings(width=8, num_heads=2, num_layers=1, dropout=0.0)
    settings = SequenceTraining.from_dict(
        sequence_training("transformer").to_dict()
        | {
            "model": model,
            "epochs": 8,
            "min_steps": 1,
            "batch_size": 30,
            "learning_rate": 1e-3,
            "plateau_patience": 1,
            "plateau_watches": watches,
        }
    )
    rates = []
    original = fault_effects.train_sequence_head.__globals__["train"]

    def spy(module, **words):
        after = words.pop("on_step")

        def on_step(step, record):
            rates.append(record["learning_rate"])
            after(step, record)

        original(module, on_step=on_step, **words)

    monkeypatch.setitem(train_sequence_head.__globals__, "train", spy)
    train_sequence_head(inputs, label, np.arange(60), num_classes=2, settings=settings, seed=0)
    assert rates[0] == 1e-3
    assert (rates[-1] < 1e-3) == falls
