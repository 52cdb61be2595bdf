"""The base models: what they see, how many parameters they have, and that all of them learn."""

import pytest
import torch

from windrow.models.heads.inception import InceptionSettings, InceptionTime
from windrow.models.heads.lstm import BiLstm, LstmSettings
from windrow.models.heads.sequence import build_base_model
from windrow.models.heads.transformer import TransformerSettings


def batch(num_dates, num_values=3, num_series=2):
    return (
        torch.randn(num_series, num_dates, num_values, dtype=torch.float64),
        torch.arange(num_dates).expand(num_series, num_dates),
        torch.ones(num_series, num_dates, dtype=torch.bool),
    )


def influence(kernel, num_layers, num_dates):
    """Dates whose value moves the middle date behind the blocks, from the gradient."""
    torch.manual_seed(0)
    settings = InceptionSettings(hidden=8, num_layers=num_layers, kernel_size=kernel, dropout=0.0)
    model = InceptionTime(3, 2, settings).double().eval()
    for name, parameter in model.named_parameters():
        if name.endswith("norm.bias"):
            parameter.data.fill_(50.0)  # no ReLU is closed, so that nothing hides
    values, _, valid = batch(num_dates)
    x = values.transpose(1, 2).requires_grad_(True)
    residual = out = x
    for index, block in enumerate(model.blocks):
        out = block(out, valid)
        if index % 3 == 2:
            out = torch.relu(out + model.shortcuts[index // 3](residual, valid))
            residual = out
    out[:, :, num_dates // 2].sum().backward()
    moved = (x.grad.abs().sum(dim=(0, 1)) > 0).nonzero().flatten()
    middle = num_dates // 2
    return middle - int(moved.min()), int(moved.max()) - middle


@pytest.mark.parametrize(("kernel", "num_layers"), [(9, 1), (9, 3), (8, 2), (40, 2)])
def test_receptive_field_of_inception_time(kernel, num_layers):
    # One convolution of length k sees k - 1 further dates, the odd one ahead; layers add up.
    back, ahead = influence(kernel, num_layers, num_dates=121)
    assert back == num_layers * ((kernel - 1) // 2)
    assert ahead == num_layers * (kernel - 1 - (kernel - 1) // 2)


@pytest.mark.parametrize(("hidden", "kernel", "num_layers"), [(128, 40, 2), (16, 9, 4), (32, 8, 8)])
def test_parameters_of_inception_time(hidden, kernel, num_layers):
    settings = InceptionSettings(
        hidden=hidden, num_layers=num_layers, kernel_size=kernel, dropout=0.0
    )
    model = InceptionTime(12, 9, settings)
    quarter = hidden // 4
    expected = hidden * 9 + 9
    for layer in range(num_layers):
        inputs = 12 if layer == 0 else hidden
        expected += inputs * 32 + 32 * quarter * (kernel + kernel // 2 + kernel // 4)
        expected += inputs * quarter + 2 * hidden
    for residual in range(num_layers // 3):
        expected += (12 if residual == 0 else hidden) * hidden + 2 * hidden
    assert sum(p.numel() for p in model.parameters()) == expected


def learning(settings):
    """Names of the parameters that an optimizer would move."""
    torch.manual_seed(0)
    model = InceptionTime(3, 4, settings).double().train()
    logits = model(*batch(20, num_series=8))
    torch.nn.functional.cross_entropy(logits, torch.arange(8) % 4).backward()
    return {name for name, p in model.named_parameters() if (p.grad != 0).any()}, model


def test_all_parameters_get_gradients_but_in_a_plain_list_only_the_classifier():
    settings = InceptionSettings(hidden=16, num_layers=7, kernel_size=9, dropout=0.0)
    names, model = learning(settings)
    assert names == {name for name, _ in model.named_parameters()}
    assert len(names) == 7 * 7 + 2 * 3 + 2
    names, faulty = learning(settings.model_copy(update={"blocks": "plain_list"}))
    assert names == {"classifier.weight", "classifier.bias"} == set(faulty.state_dict())
    # The same draws: only what is trained differs, not what is drawn.
    for block, twin in zip(model.blocks, faulty.blocks, strict=True):
        assert torch.equal(block.bottleneck.weight, twin.bottleneck.weight)
    before = faulty.blocks[0].norm.running_mean.clone()
    faulty.eval()(*batch(20))
    assert not torch.equal(faulty.blocks[0].norm.running_mean, before)  # never leaves training
    assert faulty.float().blocks[0].bottleneck.weight.dtype == torch.float32


def test_the_lstm_reads_both_ways():
    """Against a cell run by hand from each end: the backward half sees the first date last."""
    torch.manual_seed(0)
    model = BiLstm(3, 2, LstmSettings(hidden=4, num_layers=1, dropout=0.0)).double().eval()
    values, days, valid = batch(6)
    valid[1, 4:] = False
    joined = []
    for suffix, reverse in (("", False), ("_reverse", True)):
        cell = torch.nn.LSTMCell(3, 4).double()
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        cell.load_state_dict({n: getattr(model.lstm, f"{n}_l0{suffix}") for n in names})
        last = []
        for row, keep in zip(values, valid, strict=True):
            dates = row[keep].flip(0) if reverse else row[keep]
            state = (torch.zeros(1, 4, dtype=torch.float64),) * 2
            for date in dates:
                state = cell(date[None], state)
            last.append(state[1][0])
        joined.append(torch.stack(last))
    expected = model.classifier(model.norm(torch.cat(joined, dim=1)))
    torch.testing.assert_close(model(values, days, valid), expected)
    assert model.lstm.bidirectional


@pytest.mark.parametrize(
    "settings",
    [
        LstmSettings(hidden=6, num_layers=2, dropout=0.0),
        TransformerSettings(width=8, num_heads=2, num_layers=2, dropout=0.0),
        InceptionSettings(hidden=8, num_layers=3, kernel_size=40, dropout=0.0),
    ],
    ids=lambda each: each.kind,
)
def test_every_date_counts(settings):
    torch.manual_seed(0)
    model = build_base_model(3, 2, settings).double().eval()
    values, days, valid = batch(12)
    values.requires_grad_(True)
    model(values, days, valid)[:, 0].sum().backward()
    moved = values.grad.abs().sum(dim=2) > 0
    if settings.kind == "transformer":  # the largest value alone goes on, but attention sees all
        assert moved.float().mean() > 0.9
    else:
        assert moved.all()
