"""Attention with dropped weights against the formula written out, and against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from windrow.models.heads.attention import (
    HEADS_AT_A_TIME,
    WeightDropoutAttention,
    attend,
    keep_mask,
)
from windrow.models.heads.transformer import EncoderLayer, TransformerSettings


@pytest.mark.parametrize("num_heads", [1, HEADS_AT_A_TIME, 2 * HEADS_AT_A_TIME + 3])
def test_values_and_gradients_are_those_of_the_formula(num_heads: int) -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(num_heads, 9, 4, requires_grad=True) for _ in range(3))
    added = torch.where(torch.rand(num_heads, 1, 9) < 0.3, -torch.inf, 0.0)
    added[:, :, 0] = 0.0
    kept = torch.rand(num_heads, 9, 9) < 0.7
    weights = torch.softmax(query @ key.mT / 4**0.5 + added, dim=-1)
    expected = (weights * kept / 0.7) @ value
    found = attend(query, key, value, added, kept, kept_share=0.7)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    seed = torch.randn_like(expected)
    wanted = torch.autograd.grad(expected, [query, key, value], seed)
    for one, other in zip(
        torch.autograd.grad(found, [query, key, value], seed), wanted, strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_without_a_dropped_weight_it_is_torchs_attention(training: bool) -> None:
    torch.manual_seed(0)
    ours = WeightDropoutAttention(16, 4, dropout=1e-9, batch_first=True).train(training)
    torchs = nn.MultiheadAttention(16, 4, dropout=0.0, batch_first=True)
    torchs.load_state_dict(ours.state_dict())
    x = torch.randn(3, 7, 16)
    padded = torch.arange(7) >= torch.tensor([7, 4, 1])[:, None]
    expected, _ = torchs(x, x, x, key_padding_mask=padded, need_weights=False)
    torch.testing.assert_close(ours(x, padded), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_the_layer_is_torchs_layer(training: bool) -> None:
    settings = TransformerSettings(width=16, num_heads=2, num_layers=1, dropout=0.0)
    torch.manual_seed(0)
    ours = EncoderLayer(settings).train(training)
    torchs = nn.TransformerEncoderLayer(16, 2, dim_feedforward=32, dropout=0.0, batch_first=True)
    torchs.load_state_dict(ours.state_dict())
    x = torch.randn(3, 7, 16)
    padded = torch.arange(7) >= torch.tensor([7, 4, 1])[:, None]
    expected = torchs.train()(x, src_key_padding_mask=padded)
    torch.testing.assert_close(ours(x, padded), expected, rtol=1e-5, atol=1e-5)


def test_padding_gets_no_gradient() -> None:
    torch.manual_seed(0)
    attention = WeightDropoutAttention(8, 2, dropout=0.4, batch_first=True)
    x = torch.randn(2, 6, 8, requires_grad=True)
    padded = torch.arange(6) >= torch.tensor([6, 2])[:, None]
    (gradient,) = torch.autograd.grad(attention(x, padded)[~padded].sum(), x)
    assert gradient[1, 2:].abs().max() == 0
    assert gradient[1, :2].abs().min() > 0


def test_evaluation_drops_nothing() -> None:
    torch.manual_seed(0)
    attention = WeightDropoutAttention(8, 2, dropout=0.4, batch_first=True).eval()
    x, padded = torch.randn(2, 6, 8), torch.zeros(2, 6, dtype=torch.bool)
    assert torch.equal(attention(x, padded), attention(x, padded))


@pytest.mark.parametrize("dropout", [0.05, 0.5, 0.6])
def test_weights_are_kept_with_their_probability(dropout: float) -> None:
    torch.manual_seed(3)
    kept = keep_mask((7, 211, 307), dropout=dropout)
    number = kept.numel()
    deviation = (dropout * (1 - dropout) / number) ** 0.5
    assert kept.shape == (7, 211, 307)
    assert abs(kept.float().mean().item() - (1 - dropout)) < 4 * deviation
    # Neighbours share a random number of 64 bits, and must not share their fate.
    flat = kept.flatten().float() - (1 - dropout)
    for lag in (1, 2, 3, 4):
        covariance = (flat[lag:] * flat[:-lag]).mean().item()
        assert abs(covariance) < 4 * dropout * (1 - dropout) / number**0.5


def test_the_mean_over_many_draws_is_attention_without_dropout() -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(1, 5, 4) for _ in range(3))
    expected = torch.softmax(query @ key.mT / 2, dim=-1) @ value
    kept = keep_mask((4_000, 5, 5), dropout=0.3)
    many = [each.expand(4_000, 5, 4).contiguous() for each in (query, key, value)]
    found = attend(*many, torch.zeros(4_000, 1, 5), kept, kept_share=0.7).mean(dim=0)
    torch.testing.assert_close(found, expected[0], rtol=0, atol=0.05)
