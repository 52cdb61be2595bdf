"""The identity encoder, which returns the standardised bands, for comparisons from scratch."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from windrow.config import Settings


class BandsSettings(Settings):
    """Settings of the identity encoder, which has none beside its kind."""

    kind: Literal["bands"] = "bands"


class Bands(nn.Module):
    """Returns its input, so that raw bands can replace a representation.

    Example:
        >>> import torch
        >>> values = torch.ones(1, 2, 12)
        >>> bool((Bands()(values, torch.zeros(1, 2), torch.ones(1, 2) > 0) == values).all())
        True
    """

    def forward(self, values: Tensor, day_of_year: Tensor, valid: Tensor) -> Tensor:
        """Gives the values (N, T, B), zero at invalid dates."""
        return values.masked_fill(~valid[..., None], 0.0)
