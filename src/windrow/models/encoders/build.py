"""Construction of every kind of encoder. The field ``kind`` of the settings selects the kind."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Tag
from torch import nn

from windrow.models.encoders.identity import Bands, BandsSettings
from windrow.models.encoders.resmlp import Resmlp, ResmlpSettings
from windrow.models.encoders.transformer import Encoder, EncoderSettings

TRANSFORMER = "transformer"


def _kind(settings: Any) -> str:
    """Gives the kind of settings. Settings of early weights have no kind: ``transformer``."""
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
    """Builds an encoder with initial weights drawn from torch's random state.

    All kinds map standardised values (N, T, B), day of year (N, T) and validity (N, T) to
    representations (N, T, D).

    Args:
        settings: kind and shape of the encoder.
        num_bands: number of bands B.

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
    """Gives the width D of the encoder's representation.

    Example:
        >>> encoder_width(BandsSettings(), num_bands=10)
        10
    """
    return num_bands if isinstance(settings, BandsSettings) else settings.width
