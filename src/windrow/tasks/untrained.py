"""A control without a pretext task. The encoder keeps its initial weights."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from windrow.config import Settings
from windrow.models.encoders.build import build_encoder
from windrow.models.encoders.identity import BandsSettings
from windrow.models.encoders.resmlp import ResmlpSettings
from windrow.models.encoders.transformer import EncoderSettings


class UntrainedSettings(Settings):
    """Settings of the control, which has none beside its kind."""

    kind: Literal["untrained"] = "untrained"


class Untrained(nn.Module):
    """An encoder with random weights, made without a change of torch's random state.

    Args:
        encoder: kind and shape of the encoder.
        num_bands: number of bands B.
        seed: seed of the weights.
    """

    def __init__(
        self,
        encoder: EncoderSettings | ResmlpSettings | BandsSettings,
        *,
        num_bands: int,
        seed: int,
    ) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = build_encoder(encoder, num_bands=num_bands)
