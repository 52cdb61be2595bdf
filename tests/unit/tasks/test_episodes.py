"""Episodes: what is labelled, what is asked for, what is known, and what is drawn anew."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from place_factory import CROPS, NETWORK, make_place
from windrow.data.ten_day_grid import to_calendar
from windrow.errors import DataError
from windrow.experiments.recipes.worlds import augmentation, episodes
from windrow.models.place_network import build_place_network
from windrow.tasks.episode_augmentation import augmented_grid
from windrow.tasks.episodes import NOT_SCORED, collate, draw_episode, episode_losses

PLACE = make_place(60)
SETTINGS = episodes()
NOTHING = augmentation().model_copy(
    update={
        **dict.fromkeys(("noise", "field_gain", "band_gain", "haze", "missed_clouds"), 0.0),
        **dict.fromkeys(("fewer_dates", "monthly", "gap", "rolled", "shift_days"), 0.0),
        **dict.fromkeys(("without_sixty_metres", "without_b8a", "ten_metres", "other_bands"), 0.0),
    }
)


def only(**changes):
    return NOTHING.model_copy(update=changes)


@given(seed=st.integers(0, 10_000), k=st.sampled_from((0, 1, 3, 10)))
@settings(max_examples=60, deadline=None)
def test_an_episode_holds_together(seed, k):
    drawn = SETTINGS.model_copy(update={"wrong_labels": 0.0})
    episode = draw_episode(PLACE, drawn, np.random.default_rng(seed), num_labelled=k)
    num_classes = len(episode.crops)
    assert 2 <= num_classes <= 5
    counts = np.bincount(episode.label[episode.labelled], minlength=num_classes)
    assert counts.max() <= k
    assert (counts > 0).all() == (k > 0)
    asked = episode.target != NOT_SCORED
    assert asked.any()
    assert not (asked & episode.labelled).any()
    assert (episode.context | ~episode.labelled).all()
    assert (episode.target[asked] == episode.label[asked]).all()
    np.testing.assert_allclose(episode.crops.sum(axis=1), 1.0, atol=1e-5)
    assert np.isfinite(episode.grid.reflectance).all()
    if k == 0:
        assert episode.known[:-1].all()


def test_wrong_priors_and_wrong_labels_are_drawn():
    sure = SETTINGS.model_copy(update={"wrong_labels": 1.0, "wrong_prior": 1.0, "merged": 0.0})
    true = SETTINGS.model_copy(update={"wrong_labels": 0.0, "wrong_prior": 0.0, "merged": 0.0})
    num_wrong = 0
    for seed in range(10):
        wrong = draw_episode(PLACE, sure, np.random.default_rng(seed), num_labelled=5)
        assert len(wrong.label) == len(wrong.target)
        num_wrong += int((wrong.crops.argmax(axis=1) != np.arange(len(wrong.crops))).sum())
        right = draw_episode(PLACE, true, np.random.default_rng(seed), num_labelled=5)
        first = np.flatnonzero(right.label == 0)[0]
        assert right.crops[0].max() > 0
        assert right.label[first] == 0
    assert num_wrong > 5


def test_a_place_without_enough_crops_is_refused():
    with pytest.raises(DataError, match="too few fields of too few crops"):
        draw_episode(make_place(10, crops=(0,)), SETTINGS, np.random.default_rng(0))


def test_the_same_seed_draws_the_same_episode():
    first = draw_episode(PLACE, SETTINGS, np.random.default_rng(7))
    second = draw_episode(PLACE, SETTINGS, np.random.default_rng(7))
    np.testing.assert_array_equal(first.grid.reflectance, second.grid.reflectance)
    np.testing.assert_array_equal(first.target, second.target)


def test_nothing_drawn_leaves_the_place_as_it_is():
    fields = np.arange(10)
    grid = augmented_grid(PLACE, fields, NOTHING, np.random.default_rng(0))
    values = PLACE.reflectance[:10] / np.float32(1e4)
    expected, gap = to_calendar(values, PLACE.day_of_year[:10], PLACE.clear[:10])
    np.testing.assert_allclose(grid.reflectance, np.maximum(expected, 1e-4), rtol=1e-5)
    np.testing.assert_array_equal(grid.gap, gap)
    assert grid.has_band.all()


@pytest.mark.parametrize(
    ("changes", "moved"),
    [
        ({"noise": 0.01}, (0.005, 0.02)),
        ({"band_gain": 0.1}, (0.002, 0.08)),
        ({"haze": 1.0, "haze_range": (0.05, 0.05)}, (0.002, 0.05)),
        ({"missed_clouds": 1.0}, (0.001, 0.05)),
        ({"fewer_dates": 1.0, "least_dates_kept": 0.3}, (0.001, 0.1)),
        ({"monthly": 1.0}, (0.002, 0.1)),
        ({"rolled": 1.0}, (0.02, 0.3)),
    ],
)
def test_each_augmentation_moves_the_grid(changes, moved):
    fields = np.arange(10)
    still = augmented_grid(PLACE, fields, NOTHING, np.random.default_rng(1))
    grid = augmented_grid(PLACE, fields, only(**changes), np.random.default_rng(1))
    distance = np.abs(grid.reflectance - still.reflectance).mean()
    assert moved[0] < distance < moved[1]


def test_haze_is_strongest_in_the_blue():
    fields = np.arange(10)
    still = augmented_grid(PLACE, fields, NOTHING, np.random.default_rng(1))
    hazy = augmented_grid(
        PLACE, fields, only(haze=1.0, haze_range=(0.05, 0.05)), np.random.default_rng(1)
    )
    added = (hazy.reflectance - still.reflectance).mean(axis=(0, 1))
    assert added[0] == pytest.approx(0.05, abs=1e-4)
    assert (np.diff(added) < 0).all()


def test_a_gap_and_missing_bands_show():
    fields = np.arange(10)
    grid = augmented_grid(PLACE, fields, only(gap=1.0), np.random.default_rng(1))
    assert grid.gap.max() >= 2
    grid = augmented_grid(PLACE, fields, only(without_b8a=1.0), np.random.default_rng(1))
    assert np.flatnonzero(~grid.has_band).tolist() == [0, 8, 9]
    assert not grid.reflectance[..., [0, 8, 9]].any()


def test_losses_are_naive_cross_entropies():
    drawn = [
        draw_episode(PLACE, SETTINGS, np.random.default_rng(s), num_labelled=2) for s in (1, 2)
    ]
    batch, target = collate(drawn)
    assert batch.reflectance.shape[0] == 2
    network = build_place_network(NETWORK, num_crops=len(CROPS), seed=0)
    outputs = network(batch)
    losses = episode_losses(outputs, batch, target, SETTINGS)
    probability = outputs.logits.softmax(-1)
    naive, right = [], []
    for place, field in (target != NOT_SCORED).nonzero().tolist():
        true = int(target[place, field])
        naive.append(-probability[place, field, true].log().item())
        right.append(int(probability[place, field].argmax()) == true)
    assert losses["mixed"].item() == pytest.approx(np.mean(naive), rel=1e-4)
    assert losses["accuracy"].item() == pytest.approx(np.mean(right))
    total = losses["mixed"] + 0.3 * losses["prior"] + 0.3 * losses["labels"]
    assert losses["loss"].item() == pytest.approx(total.item())
    losses["loss"].backward()
    assert all(
        bool(torch.isfinite(p.grad).all()) for p in network.parameters() if p.grad is not None
    )
