"""The contrastive losses, the ResMLP and the corruption against loops from the formula."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.errors import SettingsError
from windrow.models.contrastive import PixelContrast, Scarf, YearContrast, mean_over_dates
from windrow.models.encoders.resmlp import Resmlp, ResmlpSettings
from windrow.models.encoders.transformer import EncoderSettings
from windrow.tasks.contrastive import (
    ContrastiveLossSettings,
    CorruptionSettings,
    barlow_twins,
    contrastive_loss,
    corrupt,
    nt_xent,
)
from windrow.tasks.keyed_random import seeded_draws


def views(num_pairs, width, seed):
    generator = torch.Generator().manual_seed(seed)
    return tuple(
        torch.randn(num_pairs, width, generator=generator, dtype=torch.float64) for _ in range(2)
    )


def naive_nt_xent(first, second, temperature):
    """Equation 1 of SimCLR, view by view."""
    all_views = [*first.tolist(), *second.tolist()]
    num_pairs = len(first)

    def similarity(a, b):
        product = sum(x * y for x, y in zip(a, b, strict=True))
        return product / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))

    total = 0.0
    for i, view in enumerate(all_views):
        partner = (i + num_pairs) % (2 * num_pairs)
        terms = {
            k: math.exp(similarity(view, other) / temperature)
            for k, other in enumerate(all_views)
            if k != i
        }
        total += -math.log(terms[partner] / sum(terms.values()))
    return total / (2 * num_pairs)


def naive_barlow_twins(first, second, weight):
    """Equations 1 and 2 of Barlow Twins, value by value."""
    a, b = first.numpy(), second.numpy()
    loss = 0.0
    for i in range(a.shape[1]):
        for j in range(b.shape[1]):
            x, y = a[:, i] - a[:, i].mean(), b[:, j] - b[:, j].mean()
            c = (x * y).sum() / math.sqrt((x**2).sum()) / math.sqrt((y**2).sum())
            loss += (1 - c) ** 2 if i == j else weight * c**2
    return loss


@pytest.mark.parametrize(("num_pairs", "temperature"), [(1, 0.5), (2, 0.07), (7, 0.07), (9, 1.0)])
def test_nt_xent_equals_the_loop(num_pairs, temperature):
    first, second = views(num_pairs, 5, num_pairs)
    found = nt_xent(first, second, temperature=temperature)
    assert found.item() == pytest.approx(naive_nt_xent(first, second, temperature), rel=1e-10)


@pytest.mark.parametrize("weight", [0.0, 0.005, 1.0])
def test_barlow_twins_equals_the_loop(weight):
    first, second = views(11, 4, 3)
    found = barlow_twins(first, second, redundancy_weight=weight)
    assert found.item() == pytest.approx(naive_barlow_twins(first, second, weight), rel=1e-8)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), num_pairs=st.integers(2, 8))
def test_nt_xent_is_symmetric_and_blind_to_order_and_length(seed, num_pairs):
    first, second = views(num_pairs, 3, seed)
    loss = nt_xent(first, second, temperature=0.3)
    order = torch.randperm(num_pairs, generator=torch.Generator().manual_seed(seed))
    for changed in ((second, first), (first[order], second[order]), (first * 7, second / 3)):
        torch.testing.assert_close(nt_xent(*changed, temperature=0.3), loss)


def test_the_setting_names_the_loss_and_bfloat16_is_left():
    first, second = views(6, 4, 0)
    for kind, expected in (
        ("nt_xent", naive_nt_xent(first, second, 0.2)),
        ("barlow_twins", naive_barlow_twins(first, second, 0.1)),
    ):
        chosen = ContrastiveLossSettings(kind=kind, temperature=0.2, redundancy_weight=0.1)
        with torch.autocast("cpu", torch.bfloat16):
            found = contrastive_loss(first, second, chosen)
        assert found.dtype == torch.float32
        assert found.item() == pytest.approx(expected, rel=1e-5)


def by_hand(state, rows, num_layers, training):
    """Linear, blocks of x + Linear(ReLU(Linear(BatchNorm(x)))), then BatchNorm, ReLU, Linear."""

    def linear(x, name):
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def norm(x, name):
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        if training:
            mean, variance = x.mean(axis=0), x.var(axis=0)
        scaled = (x - mean) / np.sqrt(variance + 1e-5)
        return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]

    x = linear(rows, "linear_in")
    for layer in range(num_layers):
        name = f"blocks.{layer}"
        hidden = np.maximum(linear(norm(x, f"{name}.norm"), f"{name}.linear_in"), 0)
        x = x + linear(hidden, f"{name}.linear_out")
    return linear(np.maximum(norm(x, "norm"), 0), "linear_out")


@pytest.mark.parametrize("training", [True, False])
def test_resmlp_equals_the_forward_pass_by_hand(training):
    torch.manual_seed(0)
    resmlp = Resmlp(ResmlpSettings(num_layers=3, width=6, dropout=0.0), num_inputs=4).double()
    rows = torch.randn(20, 4, dtype=torch.float64)
    with torch.no_grad():
        resmlp.train()(
            rows[None], torch.zeros(1, 20).long(), torch.ones(1, 20) > 0
        )  # moves statistics
        for parameter in resmlp.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, dtype=torch.float64))
        state = {name: values.numpy().copy() for name, values in resmlp.state_dict().items()}
        found = resmlp.train(training).encode(rows)
    expected = by_hand(state, rows.numpy(), 3, training)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10)


def test_resmlp_has_the_papers_layers_and_every_parameter_learns():
    shape = ResmlpSettings(num_layers=64, width=256, dropout=0.0)
    resmlp = Resmlp(shape, num_inputs=12)
    width = 256
    block = 2 * (width * width + width) + 2 * width
    expected = 13 * width + 64 * block + 2 * width + width * width + width
    assert sum(p.numel() for p in resmlp.parameters()) == expected
    small = PixelContrast(
        ResmlpSettings(num_layers=2, width=8, dropout=0.1),
        num_bands=12,
        num_values=36,
        projection_width=8,
    )
    first, second = small(torch.randn(16, 12), torch.randn(16, 36))
    nt_xent(first, second, temperature=0.1).backward()
    for name, parameter in small.named_parameters():
        if name not in ("projector.2.bias", "twin_projector.2.bias"):
            assert (parameter.grad != 0).any(), name


def test_padding_moves_no_batch_statistic_of_a_resmlp():
    shape = ResmlpSettings(num_layers=2, width=6, dropout=0.0)
    torch.manual_seed(1)
    resmlp = Resmlp(shape, num_inputs=3).train()
    twin = Resmlp(shape, num_inputs=3).train()
    twin.load_state_dict(resmlp.state_dict())
    values = torch.randn(4, 5, 3)
    valid = torch.rand(4, 5) < 0.6
    valid[:, 0] = True
    noisy = torch.where(valid[..., None], values, torch.full_like(values, 1e6))
    z = resmlp(noisy, torch.zeros(4, 5).long(), valid)
    torch.testing.assert_close(z[valid], twin.encode(values[valid]))
    assert (z[~valid] == 0).all()
    for name, statistic in resmlp.state_dict().items():
        torch.testing.assert_close(statistic, twin.state_dict()[name])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    num_rows=st.integers(2, 30),
    share=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
)
def test_corruption_takes_the_share_it_says_from_other_rows(seed, num_rows, share):
    # Every value names its row and feature, so that its origin can be read off.
    values = torch.arange(num_rows)[:, None] * 100.0 + torch.arange(12)
    before = values.clone()
    draws = seeded_draws(seed, 9, step=1, series=torch.arange(num_rows))
    chosen = CorruptionSettings(lowest=share[0], highest=share[1])
    changed = corrupt(values, chosen, draws)
    assert torch.equal(values, before)
    assert torch.equal(changed % 100, before % 100)  # the same feature, of a row
    counts = (changed != before).sum(dim=1)
    assert (counts >= math.floor(share[0] * 12)).all()
    assert (counts <= math.ceil(share[1] * 12)).all()
    again = corrupt(before, chosen, draws)
    assert torch.equal(again, changed)


def test_corruption_spreads_evenly_over_shares_features_and_rows():
    num_rows = 6_000
    values = torch.arange(num_rows)[:, None].expand(-1, 10).clone().float()
    draws = seeded_draws(3, 9, step=0, series=torch.arange(num_rows))
    changed = corrupt(values, CorruptionSettings(lowest=0.2, highest=0.6), draws)
    hidden = changed != values
    share = np.bincount(hidden.sum(dim=1).numpy(), minlength=11) / num_rows
    # Shares of 0.2 to 0.6 in tenths, rounded: the ends have half the room. 0.02 is 3 deviations.
    np.testing.assert_allclose(share[2:7], [0.125, 0.25, 0.25, 0.25, 0.125], atol=0.02)
    np.testing.assert_allclose(hidden.float().mean(dim=0).numpy(), 0.4, atol=0.02)
    assert changed[hidden].mean().item() == pytest.approx((num_rows - 1) / 2, rel=0.02)


def test_in_place_both_views_are_one_tensor():
    first = torch.randn(50, 12)
    before = first.clone()
    draws = seeded_draws(0, 9, step=0, series=torch.arange(50))
    chosen = CorruptionSettings(lowest=0.2, highest=0.6)
    expected = corrupt(before, chosen, draws)
    second = corrupt(first, chosen, draws, in_place=True)
    assert second is first
    assert torch.equal(first, expected)
    assert not torch.equal(first, before)
    scarf = Scarf(
        ResmlpSettings(num_layers=1, width=8, dropout=0.0), num_bands=12, projection_width=4
    ).eval()
    one, other = scarf(first, second)
    assert torch.equal(one, other)


def test_a_wrong_share_is_refused():
    with pytest.raises(SettingsError, match="the lowest share of corruption is above the highest"):
        CorruptionSettings.from_dict({"lowest": 0.6, "highest": 0.2})


def test_years_are_pooled_over_valid_dates_alone():
    shape = EncoderSettings(
        num_layers=1, width=8, num_heads=2, mlp_width=8, kernel_size=1,
        position="day_of_year", num_positions=4,
    )  # fmt: skip
    torch.manual_seed(0)
    model = YearContrast(shape, num_bands=3, num_values=36, projection_width=4).eval()
    day = torch.arange(6).expand(2, 6)
    valid = torch.tensor([[True] * 6, [True, True, True, False, True, False]])
    first, second = torch.randn(2, 6, 3), torch.randn(2, 6, 36)
    projected = model((first, day, valid), (second, day, valid))
    z = model.encoder(first, day, valid)
    mean = torch.stack([row[keep].mean(dim=0) for row, keep in zip(z, valid, strict=True)])
    torch.testing.assert_close(projected[0], model.projector(mean))
    torch.testing.assert_close(mean_over_dates(z, valid), mean)
    other = torch.where(valid[..., None], second, torch.full_like(second, 50.0))
    torch.testing.assert_close(model((first, day, valid), (other, day, valid))[1], projected[1])
