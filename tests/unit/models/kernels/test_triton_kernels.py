"""Every kernel by itself against plain torch in float64, in Triton's interpreter on the CPU.

The interpreter multiplies the bit patterns of bfloat16 instead of its values (known, and not
supported: triton-lang/triton, issue 11584), so attention in low precision runs in float16 here;
the other kernels compute in float32 whatever they read, and run in bfloat16.
"""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from windrow.models.kernels import launches
from windrow.models.kernels.packing import pack_dates, packed_size

pytest.importorskip("triton", reason="needs Triton, which is on Linux only")
pytestmark = pytest.mark.skipif(
    torch.cuda.is_available(), reason="the kernels are compiled here; see test_fused.py"
)

EPS = 1e-5
# Rounded once to so many bits: half of the last of them, and as much again, as the interpreter
# may cut where the device rounds.
ROUNDED = {torch.float32: 2e-6, torch.float16: 2e-3, torch.bfloat16: 8e-3}


def _off(found, expected):
    return ((found.double() - expected).norm() / expected.norm()).item()


def _drawn(*shape, dtype=torch.float32, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.mark.parametrize("low", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("num_tokens", "width"), [(144, 256), (37, 96), (5, 16)])
def test_the_sum_and_its_norm(num_tokens, width, low):
    tokens, product = _drawn(num_tokens, width) * 3, _drawn(num_tokens, width, dtype=low, seed=1)
    bias = _drawn(width, dtype=low, seed=2)
    norm = _drawn(width, seed=3), _drawn(width, seed=4)
    total, normed, mean, deviation = launches.add_norm(
        tokens, (product, bias), norm, low=low, eps=EPS
    )
    exact = tokens.double() + product.double() + bias.double()
    expected = F.layer_norm(exact, (width,), norm[0].double(), norm[1].double(), EPS)
    assert _off(total, exact) < 1e-7
    assert normed.dtype == low
    assert _off(normed, expected) < ROUNDED[low]
    assert torch.allclose(mean.double(), exact.mean(1), atol=1e-6)
    variance = exact.var(1, unbiased=False)
    assert torch.allclose(deviation.double(), (variance + EPS).rsqrt(), rtol=1e-5)

    same, alone, _, _ = launches.add_norm(tokens, None, norm, low=low, eps=EPS)
    assert same is tokens  # nothing is added, and nothing written
    expected = F.layer_norm(tokens.double(), (width,), norm[0].double(), norm[1].double(), EPS)
    assert _off(alone, expected) < ROUNDED[low]


def test_the_sum_is_kept_in_the_precision_of_the_tokens():
    tokens, product = _drawn(20, 64, dtype=torch.bfloat16), _drawn(20, 64, dtype=torch.bfloat16)
    zero, one = torch.zeros(64, dtype=torch.bfloat16), torch.ones(64)
    total, normed, mean, _ = launches.add_norm(
        tokens, (product, zero), (one, torch.zeros(64)), low=torch.bfloat16, eps=EPS
    )
    assert total.dtype == torch.bfloat16
    # The norm is of the rounded sum, which is all that the way back will see of it.
    assert torch.allclose(mean, total.float().mean(1), atol=1e-6)
    assert _off(normed, F.layer_norm(total.double(), (64,), eps=EPS)) < ROUNDED[torch.bfloat16]


@pytest.mark.parametrize("low", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("num_tokens", "width"), [(144, 256), (37, 96), (5, 16)])
def test_back_through_the_norm(num_tokens, width, low):
    tokens, passed = _drawn(num_tokens, width) * 3 + 1, _drawn(num_tokens, width, seed=1)
    gradient = _drawn(num_tokens, width, dtype=low, seed=2)
    norm = _drawn(width, seed=3), _drawn(width, seed=4)
    exact = [value.double().requires_grad_() for value in (tokens, *norm)]
    output = F.layer_norm(exact[0], (width,), *exact[1:], EPS)
    wanted = list(torch.autograd.grad(output, exact, gradient.double()))
    wanted[0] = wanted[0] + passed.double()

    _, _, *moments = launches.add_norm(tokens, None, norm, low=low, eps=EPS)
    programs = -(-num_tokens // launches.NORM_ROWS)
    partial = torch.full((programs, 3, width), math.nan)
    found = launches.norm_backward(gradient, tokens, moments, norm[0], passed, partial)
    assert _off(found, wanted[0]) < 2e-6
    for number, expected in enumerate((wanted[1], wanted[2], wanted[0].sum(0))):
        assert _off(partial[:, number].sum(0), expected) < 2e-6, number
    rows = slice(launches.NORM_ROWS * (programs - 1), num_tokens)  # the last program's own
    assert _off(partial[-1, 2], wanted[0][rows].sum(0)) < 1e-5


@pytest.mark.parametrize("low", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("num_tokens", "width"), [(144, 1024), (70, 96)])
def test_gelu_with_the_bias_of_the_product_before(num_tokens, width, low):
    before, bias = _drawn(num_tokens, width, dtype=low) * 2, _drawn(width, dtype=low, seed=1)
    gradient = _drawn(num_tokens, width, dtype=low, seed=2)
    exact = (before.double() + bias.double()).requires_grad_()
    expected = F.gelu(exact)
    wanted = torch.autograd.grad(expected, exact, gradient.double())[0]

    after = launches.gelu(before, bias)
    assert after.dtype == low
    assert _off(after, expected) < ROUNDED[low]
    partial = torch.full((-(-num_tokens // launches.GELU_ROWS), width), math.nan)
    found = launches.gelu_backward(gradient, before, bias, partial)
    assert found.dtype == low
    assert _off(found, wanted) < ROUNDED[low]
    assert _off(partial.sum(0), wanted.sum(0)) < 2e-6  # summed before anything is rounded


def test_the_error_function_holds_from_one_tail_to_the_other():
    values = torch.linspace(-12, 12, 64 * 128).view(64, 128).contiguous()
    zero, one = torch.zeros(128), torch.ones(64, 128)
    exact = values.double().requires_grad_()
    expected = F.gelu(exact)
    slope = torch.autograd.grad(expected.sum(), exact)[0]
    found = launches.gelu(values, zero).double()
    # The formula is off by 1.5e-7 at most, of which the gelu of x has x / 2.
    assert ((found - expected).abs() <= 2.5e-7 * (1 + values.double().abs())).all()
    found = launches.gelu_backward(one, values, zero, torch.empty(1, 128)).double()
    assert (found - slope).abs().max() < 1e-6


def _attention_and_back(mixed, bias, layout, attended=None, packing=None):
    """Both ways, by the kernels and by torch in float64."""
    width = mixed.shape[1] // 3
    gradient = _drawn(len(mixed), width, dtype=mixed.dtype, seed=9)
    exact = (mixed.double() + bias.double()).requires_grad_()
    spread = exact.view(len(mixed), 3, layout.num_heads, -1)
    if packing is None:
        spread = spread.unflatten(0, (layout.num_series, -1))
        counted = torch.ones(len(mixed), 1)
    else:
        spread, counted = packing.unpack(spread), packing.is_date[:, None]
    query, key, value = spread.permute(2, 0, 3, 1, 4)
    expected = F.scaled_dot_product_attention(query, key, value, attn_mask=attended)
    expected = expected.transpose(1, 2).flatten(2)
    expected = (expected.flatten(0, 1) if packing is None else packing.pack(expected)) * counted
    wanted = torch.autograd.grad(expected, exact, gradient.double() * counted)[0]
    out, logs = launches.attention(mixed, bias, layout)
    partial = torch.full((layout.num_series, 3 * width), math.nan)
    kept = (mixed, bias, out, gradient, logs)
    found = launches.attention_backward(kept, layout, partial)
    return (out, found, partial), (expected, wanted), (query, key), logs


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize(
    ("num_series", "num_dates", "num_heads", "head"),
    [
        pytest.param(2, 144, 4, 64, id="the paper's"),
        pytest.param(3, 20, 2, 16, id="narrow heads"),
        pytest.param(1, 100, 1, 128, id="wide heads"),
        pytest.param(1, 256, 1, 32, id="the longest"),
        pytest.param(2, 1, 2, 32, id="one date"),
    ],
)
def test_attention_of_series_of_one_length(num_series, num_dates, num_heads, head, dtype):
    width = num_heads * head
    mixed = _drawn(num_series * num_dates, 3 * width, dtype=dtype)
    bias = _drawn(3 * width, dtype=dtype, seed=1)
    bounds = launches.padded_bounds(num_series, num_dates, mixed.device)
    layout = launches.Layout(bounds, num_series, num_dates, None, num_heads, EPS)
    (out, found, partial), (expected, wanted), (query, key), logs = _attention_and_back(
        mixed, bias, layout
    )
    assert out.dtype == found.dtype == dtype
    assert _off(out, expected) < ROUNDED[dtype]
    scores = query @ key.transpose(-1, -2) / math.sqrt(head)
    by_head = scores.logsumexp(-1).transpose(0, 1).flatten(1)
    assert torch.allclose(logs.double(), by_head, rtol=ROUNDED[dtype], atol=ROUNDED[dtype])
    # Where there is one date, softmax is 1 and the gradients of queries and keys are rounding.
    parts = [2] if num_dates == 1 else [0, 1, 2]
    split = found.view(-1, 3, width), wanted.view(-1, 3, width)
    for part in parts:
        assert _off(split[0][:, part], split[1][:, part]) < 2 * ROUNDED[dtype], part
    sums = wanted.unflatten(0, (num_series, num_dates)).sum(1).view(num_series, 3, width)
    for part in {0, 2} & set(parts):  # the keys' sum is nothing but rounding
        assert _off(partial.view(num_series, 3, width)[:, part], sums[:, part]) < 4 * ROUNDED[dtype]


@pytest.mark.parametrize("num_dates", [20, 144])
def test_attention_sees_no_invalid_date(num_dates):
    keys = torch.rand(3, num_dates, generator=torch.Generator().manual_seed(0)) < 0.5
    keys[:, 3] = True
    mixed, bias = _drawn(3 * num_dates, 3 * 64), _drawn(3 * 64, seed=1)
    bounds = launches.padded_bounds(3, num_dates, mixed.device)
    layout = launches.Layout(bounds, 3, num_dates, keys.to(torch.int8), 4, EPS)
    (out, found, _), (expected, wanted), _, _ = _attention_and_back(
        mixed, bias, layout, attended=keys[:, None, None]
    )
    assert _off(out, expected) < 2e-6
    assert _off(found, wanted) < 4e-6
    invalid = ~keys.flatten()
    assert (found[invalid][:, 64:] == 0).all()  # as keys and values they reach nothing
    other = mixed.clone()
    other[invalid, 64:] = 1e4
    assert torch.equal(launches.attention(other, bias, layout)[0], out)


@settings(max_examples=5, deadline=None, derandomize=True)
@given(lengths=st.lists(st.integers(0, 40), min_size=1, max_size=4).filter(any))
def test_attention_of_packed_series_of_any_lengths(lengths):
    valid = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    packing = pack_dates(valid, num_tokens=packed_size(sum(lengths)))
    mixed, bias = _drawn(packed_size(sum(lengths)), 3 * 32), _drawn(3 * 32, seed=1)
    layout = launches.Layout(packing.bounds, len(lengths), max(lengths), None, 2, EPS)
    (out, found, partial), (expected, wanted), _, _ = _attention_and_back(
        mixed, bias, layout, attended=packing.attended, packing=packing
    )
    assert _off(out, expected) < 2e-6
    assert (out[sum(lengths) :] == 0).all()  # tokens of no series
    assert (found[sum(lengths) :] == 0).all()
    assert torch.allclose(found.double(), wanted, atol=4e-6 * wanted.abs().max().item())
    series = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    sums = torch.zeros_like(partial, dtype=torch.float64)
    sums.index_add_(0, series, wanted[: sum(lengths)])
    assert torch.allclose(partial.double(), sums, atol=2e-5 * max(sums.abs().max().item(), 1.0))


@pytest.mark.parametrize("rows", [16, 32, 128])
def test_how_attention_is_cut_changes_nothing_beyond_rounding(rows, monkeypatch):
    monkeypatch.setattr(launches, "FORWARD", launches.AttentionOptions(rows=rows, num_warps=4))
    monkeypatch.setattr(launches, "BACKWARD", launches.AttentionOptions(rows=rows, num_warps=4))
    mixed, bias = _drawn(144, 3 * 32), _drawn(3 * 32, seed=1)
    layout = launches.Layout(launches.padded_bounds(1, 144, mixed.device), 1, 144, None, 1, EPS)
    (out, found, _), (expected, wanted), _, _ = _attention_and_back(mixed, bias, layout)
    assert _off(out, expected) < 2e-6
    assert _off(found, wanted) < 4e-6
