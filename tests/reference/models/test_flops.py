"""Operations counted from the shapes against those that torch counts as it runs."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from windrow.models.contrastive import PixelContrast, YearContrast
from windrow.models.encoders.build import build_encoder
from windrow.models.encoders.resmlp import ResmlpSettings
from windrow.models.encoders.transformer import EncoderSettings
from windrow.models.flops import (
    contrastive_flops,
    encoder_flops,
    head_flops,
    projector_flops,
)
from windrow.models.heads.inception import InceptionSettings
from windrow.models.heads.lstm import LstmSettings
from windrow.models.heads.sequence import build_base_model
from windrow.models.heads.transformer import TransformerSettings
from windrow.tasks.contrastive import nt_xent

TRANSFORMER = EncoderSettings(
    num_layers=3, width=16, num_heads=2, mlp_width=24, kernel_size=1,
    position="day_of_year", num_positions=4,
)  # fmt: skip
RESMLP = ResmlpSettings(num_layers=3, width=16, dropout=0.1)


def counted(run):
    # Of the fused attention of a processor torch counts nothing; taken apart it does.
    apart = sdpa_kernel(SDPBackend.MATH)
    with apart, FlopCounterMode(display=False) as counter, torch.no_grad():
        run()
    return counter.get_total_flops()


def batch(num_dates, num_values):
    return (
        torch.randn(2, num_dates, num_values),
        torch.arange(num_dates).expand(2, num_dates),
        torch.ones(2, num_dates, dtype=torch.bool),
    )


@pytest.mark.parametrize("settings", [TRANSFORMER, RESMLP], ids=lambda each: each.kind)
def test_encoders(settings):
    encoder = build_encoder(settings, num_bands=12).eval()
    found = counted(lambda: encoder(*batch(10, 12)))
    assert 2 * encoder_flops(settings, num_bands=12, num_dates=10) == found


def test_a_wider_kernel():
    settings = TRANSFORMER.model_copy(update={"kernel_size": 5})
    encoder = build_encoder(settings, num_bands=12).eval()
    assert counted(lambda: encoder(*batch(10, 12))) == 2 * encoder_flops(
        settings, num_bands=12, num_dates=10
    )


@pytest.mark.parametrize(
    "settings",
    [
        InceptionSettings(hidden=16, num_layers=4, kernel_size=9, dropout=0.0),
        TransformerSettings(width=16, num_heads=2, num_layers=2, dropout=0.0),
    ],
    ids=lambda each: each.kind,
)
def test_heads(settings):
    head = build_base_model(5, 3, settings).train()  # the fast path of torch hides its products
    expected = head_flops(settings, num_inputs=5, num_classes=3, num_dates=10)
    assert counted(lambda: head(*batch(10, 5))) == 2 * expected


def test_lstm_by_its_weights():
    """Torch does not count inside its LSTM; every weight but the biases is used once a date."""
    settings = LstmSettings(hidden=8, num_layers=3, dropout=0.0)
    head = build_base_model(5, 3, settings)
    weights = sum(p.numel() for name, p in head.lstm.named_parameters() if "weight" in name)
    expected = 2 * (10 * weights + head.classifier.weight.numel())
    assert head_flops(settings, num_inputs=5, num_classes=3, num_dates=10) == expected


def test_contrastive_pairs():
    pixel = PixelContrast(RESMLP, num_bands=12, num_values=36, projection_width=8).eval()

    def run():
        nt_xent(*pixel(torch.randn(4, 12), torch.randn(4, 36)), temperature=0.1)

    a_pair = contrastive_flops("nt_xent", batch_size=4, projection_width=8)
    for size in (12, 36):
        a_pair += encoder_flops(RESMLP, num_bands=size, num_dates=1) + projector_flops(16, 8)
    assert counted(run) == 4 * a_pair
    year = YearContrast(TRANSFORMER, num_bands=12, num_values=36, projection_width=8).eval()
    a_year = 2 * projector_flops(16, 8)
    a_year += encoder_flops(TRANSFORMER, num_bands=12, num_dates=10)
    a_year += encoder_flops(TRANSFORMER, num_bands=36, num_dates=7)
    assert counted(lambda: year(batch(10, 12), batch(7, 36))) == 2 * a_year
