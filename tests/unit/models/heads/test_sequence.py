"""Sequence heads: padding changes nothing, every parameter learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.errors import DataError, SettingsError
from windrow.models.heads.inception import InceptionBlock, InceptionSettings
from windrow.models.heads.inputs import HeadInputs, valid_first
from windrow.models.heads.lstm import LstmSettings
from windrow.models.heads.sequence import SequenceHead
from windrow.models.heads.transformer import TransformerSettings

MODELS = [
    LstmSettings(hidden=6, num_layers=2, dropout=0.3),
    InceptionSettings(hidden=8, num_layers=4, kernel_size=9, dropout=0.3),
    TransformerSettings(width=8, num_heads=2, num_layers=2, dropout=0.3),
]
models = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.kind)


def sequences(num_series: int, num_dates: int, seed: int = 0) -> HeadInputs:
    generator = np.random.default_rng(seed)
    valid = generator.random((num_series, num_dates)) < 0.7
    valid[:, 0] = True
    days = np.sort(generator.integers(0, 366, (num_series, num_dates)), axis=1)
    return HeadInputs(
        values=generator.normal(size=(num_series, num_dates, 3)).astype(np.float32),
        day_of_year=days.astype(np.int16),
        valid=valid,
    )


def head_of(model: object, num_classes: int = 4) -> SequenceHead:
    torch.manual_seed(0)
    head = SequenceHead(3, num_classes, model)  # type: ignore[arg-type]
    head.fit_standardisation(sequences(20, 10, seed=9))
    head.train()
    data = sequences(16, 12, seed=8)
    with torch.no_grad():  # batch statistics unlike their first values
        head(*_tensors(data))
    return head.eval()


def _tensors(inputs: HeadInputs) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    assert inputs.day_of_year is not None
    assert inputs.valid is not None
    return (
        torch.from_numpy(inputs.values),
        torch.from_numpy(inputs.day_of_year.astype(np.int64)),
        torch.from_numpy(inputs.valid),
    )


@models
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 100), extra=st.integers(0, 8))
def test_padding_changes_nothing(model: object, seed: int, extra: int) -> None:
    head = head_of(model)
    inputs = sequences(5, 9, seed)
    assert inputs.day_of_year is not None
    assert inputs.valid is not None
    expected = head.predict_probability(inputs)
    generator = np.random.default_rng(seed)
    # Invalid dates anywhere between the others, full of nonsense.
    at = np.sort(generator.choice(9 + extra, 9, replace=False))
    values = np.full((5, 9 + extra, 3), np.nan, dtype=np.float32)
    values[:, at] = inputs.values
    days = np.full((5, 9 + extra), -77, dtype=np.int16)
    days[:, at] = inputs.day_of_year
    valid = np.zeros((5, 9 + extra), dtype=np.bool_)
    valid[:, at] = inputs.valid
    values[~valid] = np.nan
    days[~valid] = -77
    padded = HeadInputs(values=values, day_of_year=days, valid=valid)
    np.testing.assert_allclose(head.predict_probability(padded), expected, atol=1e-6)
    for size in (1, 2):
        found = head.predict_probability(padded, batch_size=size)
        np.testing.assert_allclose(found, expected, atol=1e-6)


@models
def test_permuting_series_permutes_probabilities(model: object) -> None:
    head = head_of(model)
    inputs = sequences(7, 9, 3)
    order = np.random.default_rng(0).permutation(7)
    np.testing.assert_allclose(
        head.predict_probability(inputs.select(order)),
        head.predict_probability(inputs)[order],
        atol=1e-6,
    )


@models
def test_every_parameter_learns(model: object) -> None:
    head = head_of(model).train()
    torch.manual_seed(1)
    logits = head(*_tensors(sequences(12, 10, 4)))
    torch.nn.functional.cross_entropy(logits, torch.arange(12) % 4).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        # Attention ignores a constant added to all keys, so a key's bias learns nothing.
        gradient = parameter.grad
        if name.endswith("in_proj_bias"):
            gradient = torch.cat([gradient[: len(gradient) // 3], gradient[-len(gradient) // 3 :]])
        assert (gradient != 0).any(), name


@models
def test_all_layers_are_registered(model: object) -> None:
    small = sum(p.numel() for p in head_of(model).parameters())
    more = model.model_copy(update={"num_layers": 6})  # type: ignore[attr-defined]
    assert sum(p.numel() for p in head_of(more).parameters()) > small


def test_batch_statistics_are_those_of_the_valid_dates() -> None:
    block = InceptionBlock(3, 8, 5).train()
    inputs = _tensors(sequences(6, 10, 5))
    values, _, valid = valid_first(*inputs)
    block(values.transpose(1, 2), valid)
    narrow = block.bottleneck(values.transpose(1, 2))
    first = torch.nn.functional.pad(narrow, (2, 2))
    expected = torch.nn.functional.conv1d(first, block.convolutions[0].weight)
    mean = expected.transpose(1, 2)[valid].mean(dim=0)
    torch.testing.assert_close(block.norm.running_mean[:2], 0.1 * mean, rtol=1e-4, atol=1e-6)


def test_published_sizes() -> None:
    big = InceptionSettings(hidden=1024, num_layers=8, kernel_size=136, dropout=0.0)
    with torch.device("meta"):
        head = SequenceHead(256, 9, big)
    block = head.body.blocks[1]
    assert [c.kernel_size[0] for c in block.convolutions] == [136, 68, 34]
    assert block.bottleneck.weight.shape == (32, 1024, 1)
    assert len(head.body.shortcuts) == 2
    assert head.num_classes == 9


def test_refusals() -> None:
    with pytest.raises(SettingsError, match="num_heads must divide width"):
        TransformerSettings.from_dict(
            {"width": 10, "num_heads": 4, "num_layers": 1, "dropout": 0.0}
        )
    good = sequences(2, 3)
    assert good.day_of_year is not None
    with pytest.raises(DataError, match="a series has no valid date"):
        HeadInputs(good.values, good.day_of_year, np.zeros((2, 3), dtype=np.bool_))
    with pytest.raises(DataError, match="vectors have no dates"):
        HeadInputs(good.values[:, 0], good.day_of_year)
    with pytest.raises(DataError, match="an input of the head is not finite"):
        HeadInputs(np.full((1, 2), np.nan, dtype=np.float32))
