"""The shapes in signatures are executed: what does not fit is refused in the tests."""

import pytest
import torch
from jaxtyping import TypeCheckError

from windrow.models.encoders.build import build_encoder
from windrow.models.encoders.resmlp import ResmlpSettings
from windrow.tasks.contrastive import nt_xent


@pytest.mark.parametrize(
    ("values", "days", "valid"),
    [
        (torch.zeros(2, 5, 12), torch.zeros(2, 6, dtype=torch.long), torch.ones(2, 5) > 0),
        (torch.zeros(2, 5, 12), torch.zeros(2, 5), torch.ones(2, 5) > 0),
        (torch.zeros(2, 5, 12), torch.zeros(2, 5, dtype=torch.long), torch.ones(2, 5)),
        (torch.zeros(5, 12), torch.zeros(2, 5, dtype=torch.long), torch.ones(2, 5) > 0),
    ],
    ids=["another number of dates", "days that are no integers", "no bool", "one series alone"],
)
def test_an_encoder_refuses_what_its_signature_does_not_allow(values, days, valid):
    encoder = build_encoder(ResmlpSettings(num_layers=1, width=8, dropout=0.0), num_bands=12)
    with pytest.raises(TypeCheckError):
        encoder(values, days, valid)


def test_a_loss_refuses_views_of_different_widths():
    with pytest.raises(TypeCheckError):
        nt_xent(torch.zeros(3, 4), torch.zeros(3, 5), temperature=0.1)
