"""No encoder at all: the standardised bands themselves, as every comparison from scratch sees."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from windrow.config import Settings


class BandsSettings(Settings):
    """There is nothing to set: the representation is the bands."""

    kind: Literal["bands"] = "bands"


class Bands(nn.Module):
    """Hands on what it is given, so that raw bands go wherever a representation goes.

    Example:
        >>> import torch
        >>> values = torch.ones(1, 2, 12)
        >>> bool((Bands()(values, torch.zeros(1, 2), torch.ones(1, 2) > 0) == values).all())
        True
    """

    def forward(self, values: Tensor, day_of_year: Tensor, valid: Tensor) -> Tensor:
        """The values (N, T, B), zero at invalid dates."""
        return values.masked_fill(~valid[..., None], 0.0)
