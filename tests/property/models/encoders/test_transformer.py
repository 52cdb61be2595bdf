"""Padding changes no representation; permuting the series permutes it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.models.encoders.transformer import Encoder, EncoderSettings


def _encoder(position, kernel_size):
    torch.manual_seed(0)
    shape = EncoderSettings(
        num_layers=2, width=16, num_heads=4, mlp_width=32, kernel_size=kernel_size,
        position=position, num_positions=40,
    )  # fmt: skip
    encoder = Encoder(shape, num_bands=3)
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.3)  # larger than in training: leaks show
    return encoder.eval()


ENCODERS = {
    (position, kernel): _encoder(position, kernel)
    for position in ("day_of_year", "learned", "none")
    for kernel in (1, 3)
}


@settings(deadline=None, max_examples=25)
@given(
    num_dates=st.integers(1, 12),
    num_padded=st.integers(0, 12),
    position=st.sampled_from(["day_of_year", "learned", "none"]),
    kernel_size=st.sampled_from([1, 3]),
    seed=st.integers(0, 1000),
)
def test_padding_anywhere_changes_nothing(num_dates, num_padded, position, kernel_size, seed):
    encoder = ENCODERS[position, kernel_size]
    draw = torch.Generator().manual_seed(seed)
    values = torch.randn((2, num_dates, 3), generator=draw)
    day = torch.randint(0, 366, (2, num_dates), generator=draw).sort(dim=1).values
    length = num_dates + num_padded
    place = torch.randperm(length, generator=draw)[:num_dates].sort().values
    padded = torch.randn((2, length, 3), generator=draw) * 100
    padded[:, place] = values
    padded_day = torch.randint(0, 366, (2, length), generator=draw)
    padded_day[:, place] = day
    valid = torch.zeros((2, length), dtype=torch.bool)
    valid[:, place] = True
    with torch.no_grad():
        expected = encoder(values, day, torch.ones_like(day) > 0)
        found = encoder(padded, padded_day, valid)
    assert torch.allclose(found[:, place], expected, atol=1e-5)


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_permuting_series_permutes_the_representation(kernel_size):
    encoder = ENCODERS["day_of_year", kernel_size]
    draw = torch.Generator().manual_seed(1)
    values = torch.randn((5, 9, 3), generator=draw)
    day = torch.randint(0, 366, (5, 9), generator=draw)
    valid = torch.rand((5, 9), generator=draw) < 0.7
    valid[:, 0] = True
    order = torch.tensor([3, 0, 4, 1, 2])
    with torch.no_grad():
        found = encoder(values[order], day[order], valid[order])
        expected = encoder(values, day, valid)[order]
    assert torch.allclose(found, expected, atol=1e-6)


def test_a_masked_date_leaks_nothing_and_a_series_without_dates_stays_finite():
    encoder = ENCODERS["day_of_year", 3]
    values = torch.randn((1, 6, 3))
    day, valid = torch.arange(6)[None], torch.ones((1, 6)) > 0
    masked = torch.zeros((1, 6), dtype=torch.bool)
    masked[0, 2] = True
    other = values.clone()
    other[0, 2] += 10
    token = torch.randn(16)
    with torch.no_grad():
        first = encoder(values, day, valid, mask=(masked, token))
        assert torch.equal(first, encoder(other, day, valid, mask=(masked, token)))
        assert torch.isfinite(encoder(values, day, ~valid)).all()


def test_position_none_is_position_switched_off():
    encoder = ENCODERS["day_of_year", 1]
    values, valid = torch.randn((2, 6, 3)), torch.ones((2, 6)) > 0
    with torch.no_grad():
        first = encoder(values, torch.arange(6).expand(2, 6), valid, use_position=False)
        later = encoder(values, torch.arange(6).expand(2, 6) + 90, valid, use_position=False)
    assert torch.equal(first, later)
