"""The identity encoder, which returns the standardised bands, for comparisons from scratch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from torch import Tensor, nn

from windrow.config import Settings

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Integer


class BandsSettings(Settings):
    """Settings of the identity encoder, which has none beside its kind."""

    kind: Literal["bands"] = "bands"


class Bands(nn.Module):
    """Returns its input, so that raw bands can replace a representation.

    Example:
        >>> import torch
        >>> values = torch.ones(1, 2, 12)
        >>> bool((Bands()(values, torch.arange(2)[None], torch.ones(1, 2) > 0) == values).all())
        True
    """

    def forward(
        self,
        values: Float[Tensor, "series date band"],
        day_of_year: Integer[Tensor, "series date"],
        valid: Bool[Tensor, "series date"],
    ) -> Float[Tensor, "series date band"]:
        """Gives the values (N, T, B), zero at invalid dates."""
        return values.masked_fill(~valid[..., None], 0.0)
