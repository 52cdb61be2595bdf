"""The fused blocks against the plain ones: values and every gradient.

The kernels run in Triton's interpreter on the CPU (``conftest.py`` at the root); each of them by
itself is in ``test_kernels.py``.
"""

import pytest
import torch
from torch import nn

from windrow.models.encoders.transformer import Block
from windrow.models.kernels.fused_blocks import can_fuse, fused_blocks
from windrow.models.kernels.launches import (
    BACKWARD,
    FORWARD,
    AttentionOptions,
    Layout,
    padded_bounds,
)
from windrow.models.kernels.packing import pack_dates, packed_size

HEADS, MLP, EPS = 4, 96, 1e-5


def test_dates_are_cut_into_few_powers_of_two():
    def parts(num_dates, rows=64):
        layout = Layout(torch.zeros(2), 1, num_dates, None, 4, EPS)
        return tuple(layout.parts(AttentionOptions(rows=rows, num_warps=4)).values())

    assert parts(144) == (128, 16, 64, 16)
    assert parts(146) == (128, 32, 64, 32)
    assert parts(65) == (64, 16, 64, 16)
    assert parts(100) == (128, 0, 64, 0)
    assert parts(128, rows=128) == (128, 0, 128, 0)
    assert parts(256) == (128, 128, 64, 64)
    assert parts(3) == (16, 0, 16, 0)
    for num_dates in range(1, 257):
        first, second, _, _ = parts(num_dates)
        assert num_dates <= first + second <= max(2 * num_dates, 16)


def test_only_low_precision_products_on_cuda_are_fused():
    """What is on the CPU never is, Triton installed or not."""
    tokens, weight = torch.zeros(2, 64), torch.zeros(64, 64, dtype=torch.bfloat16)
    assert not can_fuse(tokens, weight, head_width=16, num_dates=10)


@pytest.fixture
def interpreter():
    pytest.importorskip("triton", reason="needs Triton, which is on Linux only")
    if torch.cuda.is_available():
        pytest.skip("the kernels are compiled here; see the test on CUDA")


def _blocks(width, number=2, mlp_width=MLP):
    torch.manual_seed(0)
    blocks = nn.ModuleList(
        Block(width=width, num_heads=HEADS, mlp_width=mlp_width) for _ in range(number)
    )
    for parameter in blocks.parameters():
        nn.init.normal_(parameter, mean=0.05, std=0.15)
    return blocks


def _relative(found, expected):
    return ((found - expected).norm() / expected.norm().clamp(min=1e-9)).item()


def _compare(blocks, tokens, layout, *, counted, attended=None, packing=None):
    """Both ways from the same tokens; those with ``counted`` 0 mean nothing."""
    counted = counted.reshape(-1, 1)
    flat = tokens.flatten(0, -2).requires_grad_()
    plain = flat.view(tokens.shape)
    for block in blocks:
        plain = block(plain, attended, packing)
    plain = plain.reshape(flat.shape) * counted
    seed = torch.randn_like(plain)
    parameters = [p for block in blocks for p in block.parameters()]
    wanted = torch.autograd.grad(plain, [flat, *parameters], seed)
    fused = fused_blocks(flat, layout, parameters) * counted
    found = torch.autograd.grad(fused, [flat, *parameters], seed)
    assert _relative(fused.detach(), plain.detach()) < 1e-5
    assert _relative(found[0] * counted, wanted[0] * counted) < 2e-5
    for number, (one, other) in enumerate(zip(found[1:], wanted[1:], strict=True)):
        pair = (one, other)
        if number % 12 == 3:
            # The gradient of the keys' bias is rounding alone: softmax does not see it.
            pair = (one.view(3, -1)[[0, 2]], other.view(3, -1)[[0, 2]])
        assert _relative(*pair) < 2e-5, number


@pytest.mark.parametrize(("num_series", "num_dates"), [(2, 40)])
def test_padded_series(interpreter, num_series, num_dates):
    tokens = torch.randn(num_series, num_dates, 64)
    bounds = padded_bounds(num_series, num_dates, tokens.device)
    layout = Layout(bounds, num_series, num_dates, None, HEADS, EPS)
    counted = torch.ones(num_series, num_dates, 1)
    _compare(_blocks(64), tokens, layout, counted=counted)


def test_invalid_dates_are_no_keys(interpreter):
    tokens = torch.randn(3, 20, 64)
    keys = torch.rand(3, 20) < 0.6
    keys[:, 0] = True
    bounds = padded_bounds(3, 20, tokens.device)
    layout = Layout(bounds, 3, 20, keys.to(torch.int8), HEADS, EPS)
    _compare(_blocks(64), tokens, layout, counted=torch.ones(60), attended=keys[:, None, None])


@pytest.mark.parametrize("lengths", [[5, 12, 0], [17, 3, 18]])
def test_packed_series(interpreter, lengths):
    valid = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    packing = pack_dates(valid, num_tokens=packed_size(sum(lengths)))
    tokens = packing.pack(torch.randn(*valid.shape, 64))
    layout = Layout(packing.bounds, len(lengths), max(lengths), None, HEADS, EPS)
    _compare(_blocks(64), tokens, layout, counted=packing.is_date.float(), packing=packing)


def test_the_papers_shape(interpreter):
    """144 dates, width 256 (four heads of 64), MLP 1024."""
    tokens = torch.randn(1, 144, 256)
    layout = Layout(padded_bounds(1, 144, tokens.device), 1, 144, None, HEADS, EPS)
    _compare(_blocks(256, number=1, mlp_width=1024), tokens, layout, counted=torch.ones(144))


@pytest.mark.parametrize("residual", [torch.float32, torch.float16])
def test_products_in_16_bits(interpreter, residual):
    """Off float32 by the rounding of 16 bits: of float16, the interpreter's only such products.

    The weights of products are in 16 bits, those of norms and what they sum in float32, and the
    tokens that the blocks add to in either: what training on CUDA does in bfloat16.
    """
    blocks = _blocks(64)
    tokens = torch.randn(40, 64)
    seed = torch.randn(40, 64)
    parameters = [p for block in blocks for p in block.parameters()]
    low = [
        p if number % 12 in (0, 1, 6, 7) else p.detach().half().requires_grad_()
        for number, p in enumerate(parameters)
    ]
    exact = [p.detach().float().requires_grad_() for p in low]
    layout = Layout(padded_bounds(2, 20, tokens.device), 2, 20, None, HEADS, EPS)
    expected = fused_blocks(tokens, layout, exact)
    wanted = torch.autograd.grad(expected, exact, seed)
    found = fused_blocks(tokens.to(residual), layout, low)
    assert found.dtype == residual
    gradients = torch.autograd.grad(found, low, seed.to(residual))
    assert _relative(found.float(), expected) < 2e-3
    for number, (one, other) in enumerate(zip(gradients, wanted, strict=True)):
        assert one.dtype == low[number].dtype
        pair = (one, other)
        if number % 12 == 3:
            pair = (one.view(3, -1)[[0, 2]], other.view(3, -1)[[0, 2]])
        assert _relative(*pair) < 5e-3, number


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("num_dates", [20, 144, 146, 256])
def test_on_cuda_in_bfloat16(num_dates):
    """Against float32: as far off as the plain blocks in bfloat16 are, within a half more."""
    blocks = _blocks(256).cuda()
    tokens = torch.randn(4, num_dates, 256, device="cuda")
    exact = tokens
    for block in blocks:
        exact = block(exact)
    with torch.autocast("cuda", torch.bfloat16):
        plain = tokens
        for block in blocks:
            plain = block(plain)
    low = [
        p.to(torch.bfloat16) if number % 12 not in (0, 1, 6, 7) else p
        for number, p in enumerate(p for block in blocks for p in block.parameters())
    ]
    layout = Layout(padded_bounds(4, num_dates, tokens.device), 4, num_dates, None, HEADS, EPS)
    fused = fused_blocks(tokens.flatten(0, 1), layout, low).view(tokens.shape)
    assert _relative(fused, exact) < 1.5 * _relative(plain, exact) + 1e-3
    assert FORWARD.rows > 0 < BACKWARD.rows
