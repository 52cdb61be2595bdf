"""The shares of the mask are exact, and no invalid date is ever hidden, scored or copied."""

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.config import SettingsError
from windrow.tasks.keyed_random import seeded_draws
from windrow.tasks.masking import (
    CLOUD,
    INVALID,
    OTHER,
    RANDOM,
    UNCHANGED,
    VISIBLE,
    MaskingSettings,
    draw_roles,
    mask_batch,
    part_counts,
)


def masking(mask_ratio=0.9, cloud_ratio=0.1, cloud_input="masked"):
    return MaskingSettings(
        mask_ratio=mask_ratio,
        cloud_ratio=cloud_ratio,
        proportions=(7, 1, 1),
        cloud_input=cloud_input,
    )


def _draws(num_series, seed, step=0):
    return seeded_draws(seed, 1, step=step, series=torch.arange(num_series))


RATIOS = st.integers(1, 90).map(lambda percent: percent / 100)


@given(num_dates=st.integers(0, 400), mask_ratio=RATIOS)
def test_counts_are_the_largest_remainder(num_dates, mask_ratio):
    counts = part_counts(num_dates, masking(mask_ratio))
    assert sum(counts) == num_dates
    assert min(counts) >= 0
    mask = Fraction(round(mask_ratio * 100), 100)
    shares = [mask * 7 / 9, mask / 9, mask / 9, Fraction(1, 10), Fraction(9, 10) - mask]
    if num_dates == 0:
        return
    assert sum(counts[:3]) >= 1
    if sum(int(share * num_dates) for share in shares[:3]) >= 1:
        # No part is off its quota by one or more: what the largest remainder guarantees.
        for count, share in zip(counts, shares, strict=True):
            assert abs(count - share * num_dates) < 1


def test_counts_at_the_papers_length():
    assert part_counts(144, masking()) == (101, 15, 14, 14, 0)
    assert part_counts(100, masking()) == (70, 10, 10, 10, 0)
    assert part_counts(90, masking(0.15)) == (11, 2, 1, 9, 67)
    assert part_counts(1, masking(0.15)) == (1, 0, 0, 0, 0)


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(0, 30), min_size=1, max_size=6),
    mask_ratio=RATIOS,
    seed=st.integers(0, 2**32),
)
def test_roles_have_exactly_these_counts_among_valid_dates(lengths, mask_ratio, seed):
    draw = torch.Generator().manual_seed(seed)
    places = torch.rand((len(lengths), 30), generator=draw).argsort(dim=1)
    valid = places < torch.tensor(lengths)[:, None]
    roles = draw_roles(valid, masking(mask_ratio), _draws(len(valid), seed))
    assert torch.equal(roles == INVALID, ~valid)
    for row, length in zip(roles, lengths, strict=True):
        found = tuple(int((row == role).sum()) for role in range(5))
        assert found == part_counts(length, masking(mask_ratio))


def test_every_date_is_equally_likely():
    valid = torch.ones((20_000, 10), dtype=torch.bool)
    roles = draw_roles(valid, masking(), _draws(len(valid), 3))
    share = (roles == CLOUD).double().mean(dim=0)
    assert torch.allclose(share, torch.full((10,), 0.1, dtype=torch.float64), atol=0.01)


def _batch(num_series=50, num_dates=40, seed=0):
    draw = torch.Generator().manual_seed(seed)
    values = torch.randn((num_series, num_dates, 3), generator=draw)
    valid = torch.rand((num_series, num_dates), generator=draw) < 0.8
    valid[:, 0] = False
    valid[7, 0] = True  # a step at which no other series has a date
    mean, std = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.5, 1.0, 2.0])
    return values, valid, mean, std


@pytest.mark.parametrize("cloud_input", ["masked", "visible"])
def test_what_stands_at_each_role(cloud_input):
    values, valid, mean, std = _batch()
    masked = mask_batch(
        values,
        valid,
        mean=mean,
        std=std,
        settings=masking(0.6, cloud_input=cloud_input),
        draws=_draws(len(values), 5),
    )
    roles = masked.roles
    for role in (UNCHANGED, VISIBLE, CLOUD):
        assert torch.equal(masked.values[roles == role], values[roles == role])
    reflectance = masked.values[roles == RANDOM] * std + mean
    assert reflectance.min() > -1e-6
    assert reflectance.max() < 1 + 1e-6
    assert reflectance.mean().item() == pytest.approx(0.5, abs=0.02)
    for n, t in torch.argwhere(roles == OTHER).tolist():
        copies = (values[:, t] == masked.values[n, t]).all(dim=1)
        if copies.any():
            source = int(copies.nonzero())
            assert source != n
            assert valid[source, t]
        else:  # only where there is no other valid series
            assert valid[:, t].sum() == 1
    assert torch.equal(masked.scored, (roles == RANDOM) | (roles == OTHER) | (roles == UNCHANGED))
    if cloud_input == "masked":
        assert torch.equal(masked.token, roles == CLOUD)
    else:
        assert masked.token is None


def test_a_lone_series_gets_random_values_for_anothers():
    values, valid, mean, std = _batch(num_series=8)
    masked = mask_batch(
        values[:1], valid[:1], mean=mean, std=std, settings=masking(), draws=_draws(1, 1)
    )
    reflectance = masked.values[masked.roles == OTHER] * std + mean
    assert len(reflectance) > 0
    assert ((reflectance > -1e-6) & (reflectance < 1 + 1e-6)).all()


def test_partners_are_drawn_evenly_among_the_valid():
    values = torch.arange(5.0).view(5, 1, 1).expand(5, 40_000, 1).contiguous()
    valid = torch.ones((5, 40_000), dtype=torch.bool)
    valid[3] = False
    masked = mask_batch(
        values,
        valid,
        mean=torch.zeros(1),
        std=torch.ones(1),
        settings=masking(),
        draws=_draws(len(values), 9),
    )
    found = masked.values[0, masked.roles[0] == OTHER, 0]
    shares = [(found == n).double().mean().item() for n in range(5)]
    assert shares == pytest.approx([0, 1 / 3, 1 / 3, 0, 1 / 3], abs=0.03)


def test_draws_depend_on_seed_and_step_alone():
    valid = torch.ones((4, 20), dtype=torch.bool)
    first = draw_roles(valid, masking(), _draws(4, 1, step=2))
    assert torch.equal(first, draw_roles(valid, masking(), _draws(4, 1, step=2)))
    assert not torch.equal(first, draw_roles(valid, masking(), _draws(4, 1, step=3)))
    assert not torch.equal(first, draw_roles(valid, masking(), _draws(4, 2, step=2)))


def test_shares_above_one_are_refused():
    with pytest.raises(SettingsError, match="mask_ratio and cloud_ratio add up to more than 1"):
        MaskingSettings.from_dict(
            {"mask_ratio": 0.95, "cloud_ratio": 0.1, "proportions": (7, 1, 1),
             "cloud_input": "masked"}
        )  # fmt: skip
