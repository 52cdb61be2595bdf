"""The gates that padding closes, against series packed one after another."""

from __future__ import annotations

import pytest
import torch

from windrow.models.heads.lstm import BiLstm, LstmSettings


@pytest.mark.parametrize("num_layers", [1, 3])
def test_padding_is_as_if_packed_away(num_layers: int) -> None:
    torch.manual_seed(0)
    head = BiLstm(5, 3, LstmSettings(hidden=4, num_layers=num_layers, dropout=0.0))
    values = torch.randn(6, 11, 5, requires_grad=True)
    valid = torch.arange(11) < torch.tensor([11, 1, 7, 11, 3, 10])[:, None]
    expected = head.packed_cells(values, valid)
    found = head.gated_cells(values, valid)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    seed = torch.randn_like(expected)
    of = [values, *head.lstm.parameters()]
    wanted = torch.autograd.grad(expected, of, seed)
    for one, other in zip(torch.autograd.grad(found, of, seed), wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    # Whatever stands at a padded date is not read.
    other_padding = torch.where(valid[..., None], values, 100.0)
    assert torch.equal(head.gated_cells(other_padding, valid), found)


def test_padding_is_closed_in_bfloat16_too() -> None:
    torch.manual_seed(0)
    head = BiLstm(5, 3, LstmSettings(hidden=4, num_layers=2, dropout=0.0))
    values = torch.randn(2, 90, 5)
    valid = torch.arange(90) < torch.tensor([90, 4])[:, None]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        long = head.gated_cells(values, valid)
        short = head.gated_cells(values[1:, :4], valid[1:, :4])
    torch.testing.assert_close(long[:, 1:], short, rtol=0, atol=2e-2)


def test_dropout_between_layers_is_of_training_alone() -> None:
    torch.manual_seed(0)
    head = BiLstm(5, 3, LstmSettings(hidden=4, num_layers=2, dropout=0.5))
    values, valid = torch.randn(2, 9, 5), torch.ones(2, 9, dtype=torch.bool)
    first, second = head.gated_cells(values, valid), head.gated_cells(values, valid)
    assert torch.equal(first[:2], second[:2])
    assert not torch.equal(first[2:], second[2:])
    head.eval()
    assert torch.equal(head.gated_cells(values, valid), head.gated_cells(values, valid))
