"""No pretext task: the encoder keeps the weights it was drawn with, as controls ask for."""

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
    """There is nothing to set."""

    kind: Literal["untrained"] = "untrained"


class Untrained(nn.Module):
    """An encoder alone, with weights drawn from ``seed``; torch's own generator is left alone.

    Args:
        encoder: kind and shape.
        num_bands: B.
        seed: of the weights.
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
