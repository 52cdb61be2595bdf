"""The place network: who sees whom, what the prior weighs, and its file."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from place_factory import CROPS, NETWORK, make_encoder, make_place, series_of
from windrow.data.ten_day_grid import grid_of_series
from windrow.errors import WeightsError
from windrow.models.place_context import PlaceContext
from windrow.models.place_network import PlaceBatch, build_place_network, place_values
from windrow.models.place_weights import load_place_network, write_place_weights


def make_batch(num_fields=20, *, labelled=(0, 1, 2, 3, 4), known=True):
    place = make_place(num_fields)
    grid = grid_of_series(series_of(place), clear_below=102)
    is_labelled = torch.zeros(1, num_fields, dtype=torch.bool)
    is_labelled[0, list(labelled)] = True
    ones = torch.ones(1, num_fields, dtype=torch.bool)
    return PlaceBatch(
        reflectance=torch.from_numpy(grid.reflectance)[None],
        gap=torch.from_numpy(grid.gap)[None],
        has_band=torch.from_numpy(grid.has_band)[None],
        is_field=ones,
        context=ones.clone(),
        label=torch.from_numpy(place.crop.astype(np.int64))[None],
        labelled=is_labelled,
        crops=torch.eye(5)[None],
        known=torch.full((1, 5), known),
        is_class=torch.ones(1, 5, dtype=torch.bool),
        place=torch.tensor([place_values(48.0)]),
    )


@pytest.fixture(name="network")
def _network():
    return build_place_network(NETWORK, num_crops=len(CROPS), seed=0).eval()


@torch.no_grad()
def test_fields_outside_the_context_do_not_touch_the_others(network):
    batch = make_batch()
    context = batch.context.clone()
    context[0, 15:] = False
    batch = replace(batch, context=context)
    changed = batch.reflectance.clone()
    changed[0, 17] = 0.9
    first, second = network(batch), network(replace(batch, reflectance=changed))
    others = [k for k in range(20) if k != 17]
    assert torch.allclose(first.logits[0, others], second.logits[0, others], atol=1e-5)
    assert not torch.allclose(first.logits[0, 17], second.logits[0, 17], atol=1e-2)


@torch.no_grad()
def test_fields_of_the_context_are_seen(network):
    batch = make_batch()
    changed = batch.reflectance.clone()
    changed[0, 17] = 0.9
    second = network(replace(batch, reflectance=changed))
    assert not torch.allclose(network(batch).embedding[0, 0], second.embedding[0, 0], atol=1e-4)


@torch.no_grad()
def test_padding_changes_nothing(network):
    batch = make_batch(18)
    padded = replace(
        make_batch(20, labelled=(0, 1, 2, 3, 4)),
        is_field=torch.arange(20)[None] < 18,
    )
    wide = replace(
        padded,
        reflectance=torch.cat([batch.reflectance, torch.full((1, 2, 36, 12), 9.0)], dim=1),
        gap=torch.cat([batch.gap, torch.zeros(1, 2, 36)], dim=1),
        label=torch.cat([batch.label, torch.zeros(1, 2, dtype=torch.int64)], dim=1),
    )
    assert torch.allclose(network(batch).logits, network(wide).logits[:, :18], atol=1e-4)


@torch.no_grad()
def test_the_order_of_classes_and_fields_does_not_matter(network):
    batch = make_batch()
    turn, order = torch.tensor([3, 0, 4, 1, 2]), torch.randperm(20)
    place_of = torch.argsort(turn)
    turned = replace(
        batch,
        reflectance=batch.reflectance[:, order],
        gap=batch.gap[:, order],
        label=place_of[batch.label[:, order]],
        labelled=batch.labelled[:, order],
        crops=batch.crops[:, turn],
    )
    found = network(turned).logits
    assert torch.allclose(found, network(batch).logits[:, order][..., turn], atol=1e-4)


@torch.no_grad()
def test_without_known_crops_the_labels_alone_decide(network):
    batch = make_batch(known=False)
    embedding, tokens = network.encode(batch)
    found = network.prototypes(embedding, tokens, batch)
    assert not found.has_prior.any()
    assert found.prior_weight.abs().max() == 0
    for number in range(5):
        members = (batch.label[0] == number) & batch.labelled[0]
        expected = embedding[0, members].mean(0)
        assert torch.allclose(found.labels[0, number], expected, atol=1e-5)


@torch.no_grad()
def test_the_prior_fades_with_the_labels_and_with_its_scale(network):
    few, many = make_batch(40), make_batch(40, labelled=range(30))
    embedding, tokens = network.encode(few)

    def share(batch, scale=1.0):
        found = network.prototypes(embedding, tokens, batch, prior_scale=scale)
        return (found.prior_weight / (found.prior_weight + found.counts)).mean().item()

    assert share(many) < share(few)
    assert 0 < share(few, 0.3) < share(few)
    assert share(few, 0.0) == 0


@torch.no_grad()
def test_missing_bands_do_not_matter_whatever_stands_in_them(network):
    batch = make_batch()
    has_band = batch.has_band.clone()
    has_band[0, [0, 8, 9]] = False
    batch = replace(batch, has_band=has_band)
    other = batch.reflectance.clone()
    other[..., [0, 8, 9]] = 0.7
    second = network(replace(batch, reflectance=other))
    assert torch.allclose(network(batch).logits, second.logits, atol=1e-5)


@pytest.mark.parametrize(("half", "tolerance"), [(False, 0.0), (True, 1e-3)])
def test_weights_come_back(tmp_path, half, tolerance):
    encoder = make_encoder(untrained=("hemp",))
    file = tmp_path / "weights.safetensors"
    write_place_weights(file, encoder.network, header=encoder.header, half=half)
    network, header = load_place_network(file)
    assert header == encoder.header
    for name, values in encoder.network.state_dict().items():
        assert torch.allclose(network.state_dict()[name], values, atol=tolerance), name


def test_other_files_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="no weights here"):
        load_place_network(tmp_path / "nothing.safetensors")
    file = tmp_path / "weights.safetensors"
    encoder = make_encoder()
    write_place_weights(file, encoder.network, header=encoder.header)
    file.write_bytes(file.read_bytes().replace(b"windrow place network", b"windrow other thing!!"))
    with pytest.raises(WeightsError, match="no place network"):
        load_place_network(file)


def select_fields(batch, index):
    """The same place with these fields alone."""
    return replace(
        batch,
        reflectance=batch.reflectance[:, index],
        gap=batch.gap[:, index],
        is_field=batch.is_field[:, index],
        context=batch.context[:, index],
        label=batch.label[:, index],
        labelled=batch.labelled[:, index],
    )


@torch.no_grad()
def test_a_frozen_context_gives_what_the_whole_network_gives(network):
    batch = make_batch()
    context = batch.context.clone()
    context[0, 15:] = False
    whole, class_tokens = network.encode(replace(batch, context=context))
    frozen = PlaceContext(network, select_fields(batch, slice(0, 15)))
    torch.testing.assert_close(frozen.embedding, whole[0, :15], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(frozen.class_tokens, class_tokens, rtol=1e-4, atol=1e-5)
    beside = frozen.embed(batch.reflectance[0, 15:], batch.gap[0, 15:])
    torch.testing.assert_close(beside, whole[0, 15:], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_context_without_a_field_shows_the_classes_alone(network):
    batch = make_batch()
    alone = replace(batch, context=torch.zeros_like(batch.context))
    whole, _ = network.encode(alone)
    frozen = PlaceContext(network, select_fields(batch, slice(0, 0)))
    beside = frozen.embed(batch.reflectance[0], batch.gap[0])
    torch.testing.assert_close(beside, whole[0], rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_prototypes_are_weighted_means(network):
    batch = make_batch(labelled=(0, 1, 5, 6, 10, 15))
    weight = torch.rand(1, 20, generator=torch.Generator().manual_seed(0)) + 0.1
    embedding, tokens = network.encode(batch)
    found = network.prototypes(embedding, tokens, replace(batch, weight=weight))
    for crop, fields in ((0, [0, 5, 10, 15]), (1, [1, 6])):
        own = weight[0, fields]
        mean = (own[:, None] * embedding[0, fields]).sum(0) / own.sum()
        torch.testing.assert_close(found.labels[0, crop], mean)
        torch.testing.assert_close(found.counts[0, crop], own.sum())
