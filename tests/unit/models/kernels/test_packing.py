"""Packed equals padded: representation, losses and gradients."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from windrow.data.batches.pretraining import PretrainingData
from windrow.data.normalization import Normalization
from windrow.experiments.recipes.pretraining import encoder, task
from windrow.models.kernels.packing import GRANULE, pack_dates, packed_size
from windrow.tasks.bert import (
    Sizes,
    apply_model,
    bert_losses,
    build_model,
    mask,
    masked_batch,
)
from windrow.tasks.keyed_random import seeded_draws


@settings(deadline=None, max_examples=40)
@given(lengths=st.lists(st.integers(0, 9), min_size=1, max_size=7))
def test_every_valid_date_has_its_place(lengths):
    valid = torch.arange(9) < torch.tensor(lengths)[:, None]
    packing = pack_dates(valid, num_tokens=packed_size(sum(lengths)))
    number = torch.arange(valid.numel()).view(*valid.shape, 1)
    packed = packing.pack(number)
    assert packed.shape == (packed_size(sum(lengths)), 1)
    expected = [n * 9 + t for n, length in enumerate(lengths) for t in range(length)]
    assert packed[: len(expected), 0].tolist() == expected
    assert torch.equal(packing.unpack(packed)[valid], number[valid])
    bounds = packing.bounds.tolist()
    lengths_found = [b - a for a, b in itertools.pairwise(bounds)]
    assert lengths_found[:-1] == lengths
    assert 0 <= lengths_found[-1] < GRANULE + (sum(lengths) == 0)
    assert max(lengths_found) <= packing.max_length


def _data(series, pretext):
    normalization = Normalization.fit(series.reflectance, series.valid)
    planetscope = pretext.target == "planetscope"
    return PretrainingData(
        series,
        normalization=normalization,
        target=pretext.target,
        target_normalization=Normalization.fit_planetscope(series.planetscope)
        if planetscope
        else normalization,
        target_offsets=pretext.target_offsets,
    )


@pytest.mark.parametrize("cloud_input", ["masked", "visible"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"kernel_size": 3}, {"position": "learned"}, {"position": "none"}],
    ids=str,
)
@pytest.mark.parametrize("target", ["planetscope", "sentinel2"])
def test_losses_and_gradients_equal_the_padded_ones(make_series, cloud_input, changes, target):
    series = make_series(7, seed=3)
    pretext = task(cloud_input=cloud_input, reduction="mean")
    if target == "sentinel2":
        pretext = pretext.model_copy(update={"target": target, "target_offsets": (0,)})
    data = _data(series, pretext)
    shape = encoder(num_layers=2, width=16, mlp_width=32).model_copy(update=changes)
    module = build_model(shape, pretext, num_bands=12, seed=0)
    index = torch.tensor([5, 0, 3, 6, 1])
    draws = seeded_draws(0, 1, step=4, series=index)
    sizes = Sizes(
        num_dates=int(data.num_valid[index].max()),
        num_tokens=int(data.num_valid[index].sum()),
    )

    def losses_and_gradients(sizes):
        batch, masked = masked_batch(data, index, pretext, draws, sizes=sizes)
        outputs = apply_model(module, batch, masked, sizes=sizes)
        losses = bert_losses(outputs, batch, masked, pretext.losses)
        parameters = list(module.parameters())
        gradients = torch.autograd.grad(losses["loss"], parameters, allow_unused=True)
        return losses, [g for g in gradients if g is not None]

    padded, expected = losses_and_gradients(None)
    packed, found = losses_and_gradients(sizes)
    assert sorted(packed) == sorted(padded)
    for name, value in padded.items():
        assert packed[name].item() == pytest.approx(value.item(), rel=1e-5), name
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-6)


def test_dropping_dates_keeps_what_is_hidden_and_by_what(make_series):
    series = make_series(6, seed=2)
    pretext = task(cloud_input="masked", reduction="mean")
    data = _data(series, pretext)
    index = torch.arange(6)
    draws = seeded_draws(0, 1, step=0, series=index)
    batch = data.batch(index)
    masked = mask(batch, data, pretext, draws)
    few, hidden = masked_batch(data, index, pretext, draws, sizes=Sizes(24, 256))
    assert few.valid.shape == (6, 24)  # the first series is whole
    longest = int(data.num_valid[1:].max())
    few, hidden = masked_batch(
        data, index, pretext, draws, rows=slice(1, 6), sizes=Sizes(longest, 256)
    )
    assert few.valid.shape == (5, longest)
    for n in range(5):
        kept = batch.valid[n + 1]
        length = int(kept.sum())
        assert few.valid[n].tolist() == [t < length for t in range(longest)]
        for name in ("values", "day_of_year", "month", "cloud_level", "target", "known"):
            whole = getattr(batch, name)[n + 1][kept]
            assert torch.equal(getattr(few, name)[n, :length], whole), name
        for name in ("values", "roles", "token"):
            assert torch.equal(
                getattr(hidden, name)[n, :length], getattr(masked, name)[n + 1][kept]
            ), name


def test_a_series_without_dates_stays_finite_when_packed():
    pretext = task(cloud_input="masked", reduction="mean")
    module = build_model(encoder(num_layers=1, width=8, mlp_width=8), pretext, num_bands=12, seed=0)
    valid = torch.tensor([[False, False, False], [True, True, False]])
    z = module(
        torch.randn(2, 3, 12),
        torch.arange(3).expand(2, 3),
        valid,
        packing=pack_dates(valid, num_tokens=packed_size(2)),
    )
    assert torch.isfinite(z).all()
