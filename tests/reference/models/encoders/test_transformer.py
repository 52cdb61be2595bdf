"""The encoder against torch's own transformer layer and against formulas written out."""

import math

import pytest
import torch
from torch import nn

from windrow.experiments.recipes.pretraining import recipe
from windrow.models.encoders.embedding import SeriesEmbedding, sinusoidal_encoding
from windrow.models.encoders.transformer import Block, Encoder
from windrow.tasks.bert import build_model


def _copied_layer(block, width, num_heads, mlp_width):
    layer = nn.TransformerEncoderLayer(
        width, num_heads, mlp_width, dropout=0.0, activation="gelu", batch_first=True,
        norm_first=True, dtype=torch.float64,
    )  # fmt: skip
    pairs = {
        "self_attn.in_proj_weight": block.query_key_value.weight,
        "self_attn.in_proj_bias": block.query_key_value.bias,
        "self_attn.out_proj.weight": block.projection.weight,
        "self_attn.out_proj.bias": block.projection.bias,
        "linear1.weight": block.mlp_in.weight,
        "linear1.bias": block.mlp_in.bias,
        "linear2.weight": block.mlp_out.weight,
        "linear2.bias": block.mlp_out.bias,
        "norm1.weight": block.attention_norm.weight,
        "norm1.bias": block.attention_norm.bias,
        "norm2.weight": block.mlp_norm.weight,
        "norm2.bias": block.mlp_norm.bias,
    }
    layer.load_state_dict({name: value.detach() for name, value in pairs.items()})
    return layer


@pytest.mark.parametrize("padded", [False, True])
def test_block_is_torchs_pre_norm_layer(padded):
    torch.manual_seed(0)
    block = Block(width=16, num_heads=4, mlp_width=40).double()
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.4)
    layer = _copied_layer(block, 16, 4, 40)
    tokens = torch.randn((3, 7, 16), dtype=torch.float64)
    valid = torch.ones((3, 7), dtype=torch.bool)
    if padded:
        valid[1, 4:] = False
    found = block(tokens, valid[:, None, None, :] if padded else None)
    expected = layer(tokens, src_key_padding_mask=~valid)
    # float64 in both: only the order of the sums differs.
    assert torch.allclose(found[valid], expected[valid], rtol=0, atol=1e-12)


def test_sinusoidal_encoding_is_its_formula():
    width = 6
    table = sinusoidal_encoding(366, width)
    for day in (0, 1, 100, 365):
        for i in range(width // 2):
            angle = day / 10_000 ** (2 * i / width)
            assert table[day, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-6)
            assert table[day, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


@pytest.mark.parametrize("position", ["day_of_year", "learned", "none"])
def test_embedding_is_a_naive_convolution_over_the_valid_dates(position):
    torch.manual_seed(1)
    embedding = SeriesEmbedding(
        num_bands=3, width=4, kernel_size=3, position=position, num_positions=10
    )
    if position == "learned":
        nn.init.normal_(embedding.learned_position)
    values = torch.randn((2, 6, 3))
    day = torch.randint(0, 366, (2, 6))
    valid = torch.tensor([[1, 0, 1, 1, 0, 1], [1, 1, 1, 1, 1, 1]]) > 0
    values[~valid] = torch.nan  # what stands there must not matter
    found = embedding(values, day, valid)
    weight, bias = embedding.patch.weight, embedding.patch.bias
    for n in range(2):
        dates = [t for t in range(6) if valid[n, t]]
        for place, t in enumerate(dates):
            expected = bias.clone()
            for tap in range(3):
                neighbour = place + tap - 1
                if 0 <= neighbour < len(dates):
                    expected = expected + weight[:, :, tap] @ values[n, dates[neighbour]]
            if position == "day_of_year":
                expected = expected + sinusoidal_encoding(366, 4)[day[n, t]]
            elif position == "learned":
                expected = expected + embedding.learned_position[place]
            assert torch.allclose(found[n, t], expected, atol=1e-6)


def test_kernel_one_is_the_convolution():
    torch.manual_seed(2)
    embedding = SeriesEmbedding(
        num_bands=3, width=4, kernel_size=1, position="none", num_positions=1
    )
    values = torch.randn((2, 5, 3))
    expected = embedding.patch(values.transpose(1, 2)).transpose(1, 2)
    found = embedding(values, torch.zeros(2, 5, dtype=torch.long), torch.ones(2, 5) > 0)
    assert torch.allclose(found, expected, atol=1e-6)


def _expected_parameters(num_layers, width, mlp_width, num_bands):
    attention = 4 * width * width + 4 * width
    mlp = 2 * width * mlp_width + mlp_width + width
    block = attention + mlp + 4 * width
    return num_layers * block + num_bands * width + width + 2 * width


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("tiny", (1, 16, 32)),
        ("small", (4, 128, 512)),
        ("base", (16, 256, 1024)),
        ("paper", (32, 256, 1024)),
    ],
)
def test_parameter_counts(name, shape):
    settings = recipe(name)
    with torch.device("meta"):
        encoder = Encoder(settings.encoder, num_bands=12)
    count = sum(parameter.numel() for parameter in encoder.parameters())
    assert count == _expected_parameters(*shape, 12)


def test_model_adds_three_linear_layers_and_a_token():
    settings = recipe("small")
    model = build_model(settings.encoder, settings.task, num_bands=12, seed=0)
    heads = 128 * (108 + 12 + 32) + (108 + 12 + 32) + 128
    expected = _expected_parameters(4, 128, 512, 12) + heads
    assert sum(parameter.numel() for parameter in model.parameters()) == expected == 814_744


def test_initial_weights_are_truncated_at_two_deviations():
    settings = recipe("small")
    model = build_model(settings.encoder, settings.task, num_bands=12, seed=3)
    weight = model.encoder.blocks[0].mlp_in.weight
    assert weight.abs().max().item() <= 0.04
    # The deviation of a normal truncated at two is 0.8796 of the whole one's.
    assert weight.std().item() == pytest.approx(0.02 * 0.8796, rel=0.01)
    assert model.encoder.blocks[0].mlp_in.bias.abs().max().item() == 0
    again = build_model(settings.encoder, settings.task, num_bands=12, seed=3)
    assert torch.equal(weight, again.encoder.blocks[0].mlp_in.weight)
