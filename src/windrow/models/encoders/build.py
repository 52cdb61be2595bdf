"""Every kind of encoder behind one door: settings told apart by ``kind``, one way to build them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Tag
from torch import nn

from windrow.models.encoders.identity import Bands, BandsSettings
from windrow.models.encoders.resmlp import Resmlp, ResmlpSettings
from windrow.models.encoders.transformer import Encoder, EncoderSettings

TRANSFORMER = "transformer"


def _kind(settings: Any) -> str:
    """Weights written before there were other kinds do not name theirs: a transformer."""
    if isinstance(settings, dict):
        return str(settings.get("kind", TRANSFORMER))
    return str(getattr(settings, "kind", TRANSFORMER))


AnyEncoderSettings = Annotated[
    Annotated[EncoderSettings, Tag(TRANSFORMER)]
    | Annotated[ResmlpSettings, Tag("resmlp")]
    | Annotated[BandsSettings, Tag("bands")],
    Discriminator(_kind),
]
"""Settings of any encoder; ``kind`` is ``transformer``, ``resmlp`` or ``bands``."""


def build_encoder(
    settings: EncoderSettings | ResmlpSettings | BandsSettings, *, num_bands: int
) -> nn.Module:
    """An encoder with fresh weights of torch's random state.

    All kinds map standardised values (N, T, B), day of year (N, T) and validity (N, T) to (N, T,
    D).

    Args:
        settings: which kind, and its shape.
        num_bands: B.

    Example:
        >>> build_encoder(BandsSettings(), num_bands=12)
        Bands()
    """
    if isinstance(settings, EncoderSettings):
        return Encoder(settings, num_bands=num_bands)
    if isinstance(settings, ResmlpSettings):
        return Resmlp(settings, num_inputs=num_bands)
    return Bands()


def encoder_width(
    settings: EncoderSettings | ResmlpSettings | BandsSettings, *, num_bands: int
) -> int:
    """D, the width of what an encoder of these settings gives.

    Example:
        >>> encoder_width(BandsSettings(), num_bands=10)
        10
    """
    return num_bands if isinstance(settings, BandsSettings) else settings.width
