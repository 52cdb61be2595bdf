"""Arms at work, twins and budgets, on what is smallest."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from study_factory import labelled, settings_of
from windrow.data.store.store import Store
from windrow.data.store.zarr_store import write_store
from windrow.errors import WeightsError
from windrow.experiments.scheduling.budget import budget_of
from windrow.experiments.scheduling.timings import NUM_DATES, EncoderRate, Rates
from windrow.experiments.study.arms import arms_of, benchmark_arms
from windrow.experiments.study.cells import inputs_of
from windrow.experiments.study.representation_store import bytes_of
from windrow.experiments.study.settings import Cell
from windrow.experiments.study.simulated_tasks import balanced, simulate_stores, twin_size
from windrow.models.heads.inputs import HeadInputs
from windrow.simulation.scenarios import scenario_settings
from windrow.training.execution import ExecutionSettings

CPU = ExecutionSettings().resolved()

METHODS = ("scratch", "end-to-end", "random-forest")


def _settings(**changes):
    options = {
        "kind": "benchmark",
        "scale": "tiny",
        "data": "simulated",
        "arms": benchmark_arms(METHODS, "tiny"),
        "tasks": ["task1"],
        "heads": ["transformer"],
        "num_fields": (),
        "until_days": (),
        "num_configurations": 1,
    }
    return settings_of(**(options | changes))


def _cell(arm, head="transformer"):
    return Cell(
        task="task1",
        arm=arm,
        head=head,
        configuration=1,
        seed=0,
        num_fields=None,
        until_day=None,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Run directories of methods that learn nothing before the labels."""
    folder = tmp_path_factory.mktemp("arms")
    write_store(folder / "store", labelled(40), provenance={})
    arms = arms_of(_settings())
    for name, arm in arms.items():
        arm.pretraining.pretrain(folder / "store", folder / name, seed=0, execution=CPU)
        assert arm.pretraining.is_trained(folder / name)
        assert arm.pretraining.cost(folder / name).num_steps == 0
    return folder, arms


def test_the_paper_takes_the_mean_over_batches_of_the_head_and_a_forest_has_none() -> None:
    corrected = arms_of(_settings())
    paper = arms_of(_settings(variant="paper"))
    size = paper["scratch"].fitting.training(_cell("scratch")).batch_size
    assert size > 1
    assert paper["scratch"].fitting.accuracy_batch(_cell("scratch")) == size
    assert paper["random-forest"].fitting.accuracy_batch(_cell("random-forest", "forest")) is None
    assert corrected["scratch"].fitting.accuracy_batch(_cell("scratch")) is None


def test_another_processing_level_is_refused_unless_it_is_asked_for_and_said(trained) -> None:
    folder, arms = trained
    arm, series = arms["scratch"], labelled(6)
    above = replace(series, processing_level="L1C")
    with pytest.raises(WeightsError, match="another processing level"):
        arm.pretraining.load(folder / "scratch", above, device="cpu", accept_other_level=False)
    accepted, notes = arm.pretraining.load(
        folder / "scratch", above, device="cpu", accept_other_level=True
    )
    same, nothing = arm.pretraining.load(
        folder / "scratch", series, device="cpu", accept_other_level=True
    )
    assert notes == (
        "the representation was trained on L2A and sees L1C, as in the paper's task 3",
    )
    assert nothing == ()
    assert np.array_equal(accepted.sequence(above), same.sequence(series))
    assert accepted.flops_per_series(10) == same.flops_per_series(10) == 0


def test_end_to_end_trains_the_encoder_on_16_bit_bands(trained) -> None:
    folder, arms = trained
    arm, series = arms["end-to-end"], labelled(60)
    seen, _ = arm.pretraining.load(
        folder / "end-to-end", series, device="cpu", accept_other_level=False
    )
    values = seen.sequence(series)
    assert values.shape == (60, series.num_dates, 12) == (60, series.num_dates, seen.width)
    fit, about = arm.fitting.fit(_cell("end-to-end"), folder / "end-to-end", execution=CPU)
    assert about["trains_encoder"]
    inputs = inputs_of(series, values.astype(np.float16))
    head = fit(inputs, series.label, series.field_id, 9)
    probability = head.predict_probability(inputs)
    assert probability.shape == (60, 9)
    np.testing.assert_allclose(probability.sum(axis=1), 1, atol=1e-6)
    before = arm.method.load(folder / "end-to-end").trainable().state_dict()
    after = head.head.encoder.state_dict()
    assert any(not np.array_equal(before[name], after[name]) for name in before)
    # The encoder passes as often as the head, which sees its width and not the bands.
    counted = [
        arm.fitting_cost.flops_of_fit(_cell("end-to-end"), encoder_flops=flops)(
            inputs, series.label, series.field_id, 9
        )
        for flops in (0.0, 1e9)
    ]
    frozen = arms["scratch"].fitting_cost.flops_of_fit(_cell("scratch"), encoder_flops=1e9)
    width = arm.settings(0).encoder.width
    wide = replace(inputs, values=np.zeros((60, series.num_dates, width), dtype=np.float16))
    assert counted[0] == frozen(wide, series.label, series.field_id, 9)
    assert counted[1] > counted[0] + 60 * 3e9


def test_a_forest_has_one_cell_and_learns(trained) -> None:
    folder, arms = trained
    arm = arms["random-forest"]
    assert arm.heads == ("forest",)
    series = labelled(180)
    fit, _ = arm.fitting.fit(
        _cell("random-forest", "forest"), folder / "random-forest", execution=CPU
    )
    values = np.zeros((180, series.num_dates, 2), dtype=np.float16)
    values[..., 0] = series.label[:, None]
    inputs = HeadInputs(values=values, day_of_year=series.day_of_year, valid=series.valid)
    found = fit(inputs, series.label, series.field_id, 9).predict_probability(inputs)
    assert (found.argmax(axis=1) == series.label).all()
    count = arm.fitting_cost.flops_of_fit(_cell("random-forest", "forest"), encoder_flops=1.0)
    assert count(inputs, series.label, series.field_id, 9) == 0


def test_only_encoders_that_learned_are_fine_tuned() -> None:
    arms = arms_of(_settings(arms=benchmark_arms(["bert", "scratch"], "tiny"), fine_tune=True))
    assert arms["bert"].trains_encoder
    assert not arms["scratch"].trains_encoder
    assert not arms_of(_settings(arms=benchmark_arms(["bert"], "tiny")))["bert"].trains_encoder


def test_few_labels_take_the_steps_of_the_scale() -> None:
    arm = arms_of(_settings())["scratch"]
    few = _cell("scratch").model_copy(update={"num_fields": 5})
    assert arm.fitting.training(few).min_steps == 30
    assert arm.fitting.training(_cell("scratch")).min_steps == 1
    assert arm.fitting.training(few).model == arm.fitting.training(_cell("scratch")).model


def test_a_twin_is_split_by_field_and_grows_all_classes_alike(tmp_path) -> None:
    settings = _settings(num_pretraining_series=40)
    small = settings.pretraining.model_copy(update={"train_per_class": 2, "test_per_class": 1})
    settings = settings.model_copy(update={"tasks": (small,), "pretraining": small})
    assert twin_size(settings, small) == 111  # 1.1 * max(2*9/.21, 1*9/.09, 40/.7)
    simulate_stores(tmp_path, settings, small, num_workers=1)
    stores = {name: Store(tmp_path / name).series() for name in ("pretraining", "task1-train")}
    assert len(stores["pretraining"]) == 40
    assert stores["pretraining"].planetscope is not None
    assert stores["task1-train"].planetscope is None
    shared = set(stores["pretraining"].field_id) & set(stores["task1-train"].field_id)
    assert not shared
    assert all(series.simulated for series in stores.values())
    shares = {one.share for one in balanced(scenario_settings("brandenburg-2018")).classes}
    assert shares == {1 / 9}


def test_the_budget_counts_bytes_and_what_is_done(tmp_path) -> None:
    settings = _settings(arms=benchmark_arms(["scratch"], "tiny"))
    (tmp_path / "cells").mkdir()
    budget = budget_of(tmp_path, settings, execution=CPU)
    assert (budget.num_cells, budget.num_done) == (1, 0)
    # Twelve bands of 297 training and 144 test series.
    assert budget.representation_bytes == bytes_of(441, NUM_DATES, 12)
    assert budget.heads > 0
    assert budget.pretraining == 0
    (tmp_path / "cells" / "task1.scratch.transformer.1.0.json").touch()
    # A single cell is the work of one, however many there are.
    two = budget_of(tmp_path, settings, execution=CPU, processes=2, num_workers=2)
    assert (two.processes, two.num_cells) == (2, 1)
    assert "in all for 2 processes of one thread" in two.lines()[2]
    assert "in all for one process" in budget.lines()[2]
    later = budget_of(tmp_path, settings, execution=CPU)
    assert (later.num_done, later.heads) == (1, 0)
    assert later.lines()[0] == "1 cells, 1 of them done"
    assert "an estimate" in later.lines()[2]


def test_rates_are_timed_once() -> None:
    rates = Rates(CPU)
    encoder = arms_of(_settings(arms=benchmark_arms(["bert"], "tiny")))["bert"].settings(0).encoder
    state = torch.random.get_rng_state()
    first = rates.of_encoder(encoder)
    assert first.forward > 0
    assert first.training > 0
    assert rates.of_encoder(encoder) is first
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_time_of_pre_training_follows_from_what_it_sees(tmp_path, monkeypatch) -> None:
    """A series costs a second here, forwards, and three to train on; a head costs nothing."""
    monkeypatch.setattr(Rates, "of_encoder", lambda self, settings: EncoderRate(1.0, 3.0))
    monkeypatch.setattr(Rates, "of_head", lambda self, training: 0.0)
    monkeypatch.setattr(Rates, "of_simulation", lambda self, scenario: 0.0)
    expected = {
        "bert": 120 * 16 * 3.0,
        "resmlp": 2 * 120 * 256 / NUM_DATES * 3.0,
        "spectro-temporal": 2 * 60 * 16 * 3.0,
        "scratch": 0.0,
    }
    for name, seconds in expected.items():
        settings = _settings(arms=benchmark_arms([name], "tiny"))
        budget = budget_of(tmp_path, settings, execution=CPU)
        assert budget.pretraining == pytest.approx(seconds)
        assert budget.representing == (297 + 144) * 1.0
        assert budget.heads == 0
    end_to_end = budget_of(
        tmp_path, _settings(arms=benchmark_arms(["end-to-end"], "tiny")), execution=CPU
    )
    # Three epochs of 297 - 59 series in batches of 32, as a head that trains the encoder; forward
    # passes over 59 that are held out, and 144 that are tested.
    assert end_to_end.heads == 3 * 8 * 32 * 3.0 + (3 * 59 + 144) * 1.0
