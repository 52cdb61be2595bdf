"""Splits share no field and draws have exactly k, whatever the fields."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.data.splits import (
    check_no_shared_field,
    draw_few_labels,
    halves_of_groups,
    round_robin,
    share_out,
    split_fields,
)
from windrow.errors import SplitError


@st.composite
def fields(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Series of fields, several a field, in any order, some unlabelled."""
    classes = draw(st.lists(st.integers(-1, 3), min_size=1, max_size=40))
    field = np.array(draw(st.lists(st.integers(0, len(classes) - 1), min_size=1, max_size=80)))
    return field * 3 + 5, np.array(classes, dtype=np.int16)[field]


@settings(deadline=None)  # other work on the machine must not fail it
@given(fields(), st.integers(0, 5), st.sampled_from([(0.5, 0.5), (0.7, 0.21, 0.09)]))
def test_a_split_shares_no_field_and_loses_none(
    data: tuple[np.ndarray, np.ndarray], seed: int, fractions: tuple[float, ...]
) -> None:
    field, label = data
    parts = split_fields(field, label, fractions=fractions, seed=seed)
    for i, first in enumerate(parts):
        for second in parts[i + 1 :]:
            check_no_shared_field(field[first], field[second])
    together = np.sort(np.concatenate(parts))
    assert together.tolist() == np.flatnonzero(label >= 0).tolist()
    for each in np.unique(label[label >= 0]):
        num = len(np.unique(field[label == each]))
        least = min(2, num // len(fractions))
        for part in parts:
            assert len(np.unique(field[part][label[part] == each])) >= least


@settings(deadline=None)  # other work on the machine must not fail it
@given(fields(), st.integers(0, 5), st.integers(2, 9))
def test_halves_of_groups_share_no_group_and_lose_none(
    data: tuple[np.ndarray, np.ndarray], seed: int, num_groups: int
) -> None:
    field, label = data
    group = field % num_groups
    if len(np.unique(group[label >= 0])) < 2:
        with pytest.raises(SplitError):
            halves_of_groups(group, field, label, seed=seed)
        return
    first, second = halves_of_groups(group, field, label, seed=seed)
    assert len(first)
    assert len(second)
    assert not set(group[first].tolist()) & set(group[second].tolist())
    together = np.sort(np.concatenate([first, second]))
    assert together.tolist() == np.flatnonzero(label >= 0).tolist()
    # A single class is halved as well as its largest group allows.
    if len(np.unique(label[label >= 0])) == 1:
        counts = [len(np.unique(field[part])) for part in (first, second)]
        largest = max(len(np.unique(field[together][group[together] == g])) for g in group)
        assert abs(counts[0] - counts[1]) <= largest


@settings(deadline=None)  # other work on the machine must not fail it
@given(fields(), st.integers(0, 5), st.integers(1, 6), st.integers(0, 3))
def test_a_draw_has_exactly_k_fields_a_class(
    data: tuple[np.ndarray, np.ndarray], seed: int, k: int, draw: int
) -> None:
    field, label = data
    rows = draw_few_labels(field, label, k=k, seed=seed, draw=draw)
    for each in np.unique(label[label >= 0]):
        drawn = np.unique(field[rows][label[rows] == each])
        there = np.unique(field[label == each])
        assert len(drawn) == min(k, len(there))
        # All series of a drawn field come with it.
        assert np.isin(field[rows], drawn).sum() == np.isin(field[label == each], drawn).sum()
    larger = draw_few_labels(field, label, k=k + 2, seed=seed, draw=draw)
    assert set(rows.tolist()) <= set(larger.tolist())


@settings(deadline=None)  # other work on the machine must not fail it
@given(fields(), st.randoms(use_true_random=False))
def test_the_order_of_the_series_does_not_count(
    data: tuple[np.ndarray, np.ndarray], random: object
) -> None:
    field, label = data
    order = np.random.default_rng(len(field)).permutation(len(field))
    first = draw_few_labels(field, label, k=2, seed=1, draw=0)
    second = draw_few_labels(field[order], label[order], k=2, seed=1, draw=0)
    assert sorted(first.tolist()) == sorted(order[second].tolist())


@settings(deadline=None)  # other work on the machine must not fail it
@given(st.lists(st.integers(0, 6), max_size=40))
def test_round_robin_takes_from_every_field_before_any_again(fields: list[int]) -> None:
    field = np.array(fields, dtype=np.int64)
    expected: list[int] = []
    waiting = [np.flatnonzero(field == each).tolist() for each in range(7)]
    while any(waiting):
        expected += sorted(members.pop(0) for members in waiting if members)
    assert round_robin(field).tolist() == expected


@given(st.integers(0, 200), st.sampled_from([(0.5, 0.5), (0.7, 0.3), (0.7, 0.21, 0.09)]))
def test_shares_sum_to_all(num: int, fractions: tuple[float, ...]) -> None:
    counts = share_out(num, fractions)
    assert counts.sum() == num
    assert (counts >= min(2, num // len(fractions))).all()


def test_a_leak_is_named() -> None:
    with pytest.raises(SplitError, match="field 7 is in the training and in the test part"):
        check_no_shared_field(np.array([1, 7]), np.array([7, 8]))


def test_a_field_of_two_classes_is_refused() -> None:
    label = np.array([0, 1], dtype=np.int16)
    with pytest.raises(SplitError, match="field 4 has series of two classes"):
        split_fields(np.array([4, 4]), label, fractions=(0.5, 0.5), seed=0)
    with pytest.raises(SplitError, match="must sum to 1"):
        split_fields(np.array([4, 5]), label, fractions=(0.5, 0.4), seed=0)
