"""Days without an observation that the model is asked about in pre-training."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from series_factory import make_series
from windrow.data.batches.pretraining import PretrainingData
from windrow.data.normalization import Normalization
from windrow.data.series import NO_DATA
from windrow.errors import SettingsError
from windrow.experiments.recipes.pretraining import NUM_QUERIES, any_day, recipe, tiny
from windrow.tasks.bert import BertSettings, apply_model, bert_losses, build_model, masked_batch
from windrow.tasks.keyed_random import seeded_draws
from windrow.tasks.masking import QUERY, draw_query_steps

INDEX = torch.arange(8)


def resident(series):
    assert series.planetscope is not None
    return PretrainingData(
        series,
        normalization=Normalization.fit(series.reflectance, series.valid),
        target="planetscope",
        target_normalization=Normalization.fit_planetscope(series.planetscope),
        target_offsets=(-2, -1, 0),
    )


def step_of(settings, series):
    data = resident(series)
    draws = seeded_draws(0, 1, step=3, series=INDEX)
    batch, masked = masked_batch(data, INDEX, settings.task, draws)
    model = build_model(settings.encoder, settings.task, num_bands=12, seed=0).eval()
    return data, draws, batch, masked, model


def test_targets_of_queries_are_the_days_that_were_drawn():
    series = make_series(10)
    settings = any_day(tiny())
    data, draws, batch, masked, _ = step_of(settings, series)
    step = draw_query_steps(365, NUM_QUERIES, draws)
    first = series.num_dates
    assert (masked.roles[:, first:] == QUERY).all()
    assert masked.token is not None
    assert masked.token[:, first:].all()
    assert not batch.valid[:, first:].any()
    days = batch.day_of_year[:, first:].numpy()
    assert (days == series.planetscope_day[step.numpy()]).all()
    for row in range(len(INDEX)):
        for query in range(NUM_QUERIES):
            for lag, offset in enumerate((-2, -1, 0)):
                day = days[row, query] + offset
                known = batch.known[row, first + query, lag].numpy()
                if day < 0:
                    assert not known.any()
                    continue
                stored = series.planetscope[row, day]
                assert (known == (stored != NO_DATA)).all()
                found = data.target_normalization.invert(batch.target[row, first + query, lag])
                assert np.allclose(found.numpy()[known], stored[known] / 1e4, atol=1e-5)


def test_queries_over_new_year_hold_calendar_days():
    series = replace(make_series(10), season_start="10-01")
    _, draws, batch, _, _ = step_of(any_day(tiny()), series)
    step = draw_query_steps(365, NUM_QUERIES, draws).numpy()
    found = batch.day_of_year[:, series.num_dates :].numpy()
    dates = np.datetime64("2018-10-01") + step.astype("m8[D]")
    assert (found == (dates - dates.astype("M8[Y]")).astype("m8[D]").astype(int)).all()


def test_queries_do_not_change_what_dates_are_predicted():
    series = make_series(10)
    with_queries, plain = any_day(tiny()), tiny()
    _, _, batch, masked, model = step_of(with_queries, series)
    _, _, plain_batch, plain_masked, _ = step_of(plain, series)
    found = apply_model(model, batch, masked)
    expected = apply_model(model, plain_batch, plain_masked)
    first = series.num_dates
    valid = plain_batch.valid
    assert torch.allclose(found.prediction[:, :first][valid], expected.prediction[valid], atol=1e-5)
    assert torch.allclose(found.season, expected.season, atol=1e-5)
    losses = bert_losses(found, batch, masked, with_queries.task.losses)
    others = bert_losses(expected, plain_batch, plain_masked, plain.task.losses)
    assert losses["cloud"].item() == pytest.approx(others["cloud"].item(), abs=1e-5)
    assert losses["reconstruction"].item() != others["reconstruction"].item()


def test_every_day_is_drawn_about_equally_often():
    draws = seeded_draws(0, 1, step=0, series=torch.arange(4_000))
    steps = draw_query_steps(10, 24, draws)
    share = torch.bincount(steps.flatten(), minlength=10) / steps.numel()
    assert share.min() > 0.095
    assert share.max() < 0.105


def test_settings_without_queries_keep_their_hash_and_others_are_refused():
    assert "num_queries" not in tiny().task.to_dict()
    with pytest.raises(SettingsError, match="any-day"):
        any_day(_contrastive())
    values = {**any_day(tiny()).task.to_dict(), "target_offsets": [-1]}
    with pytest.raises(SettingsError, match="0 in target_offsets"):
        BertSettings.from_dict(values)


def _contrastive():
    from windrow.experiments.methods import METHODS

    name = next(name for name in METHODS if METHODS[name].settings("tiny").task.kind != "bert")
    return METHODS[name].settings("tiny")


def test_the_recipe_changes_nothing_else():
    changed = any_day(recipe("small")).to_dict()
    assert changed["task"].pop("num_queries") == NUM_QUERIES
    assert changed == recipe("small").to_dict()
