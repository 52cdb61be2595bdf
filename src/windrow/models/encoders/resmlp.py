"""ResMLP: an encoder of single dates, without time (Patnala et al. 2024; section 6).

The layers are ``B -> Linear -> residual blocks -> BatchNorm, ReLU, Linear``. A block is
``x + BatchNorm, Linear, ReLU, Dropout, Linear, Dropout``. The source does not specify the initial
weights, so we use those of torch's ``Linear``. We leave invalid dates out of the batch statistics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from windrow.config import Settings

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Integer


class ResmlpSettings(Settings):
    """Shape of a ResMLP."""

    kind: Literal["resmlp"] = "resmlp"
    num_layers: int = Field(ge=1, description="residual blocks")
    width: int = Field(ge=1, description="D, width of the blocks and of the representation")
    dropout: float = Field(ge=0, lt=1, description="inside the blocks")


class ResidualBlock(nn.Module):
    """``x + Dropout(Linear(Dropout(ReLU(Linear(BatchNorm(x))))))`` on rows (M, D)."""

    def __init__(self, settings: ResmlpSettings) -> None:
        super().__init__()
        width = settings.width
        self.norm = nn.BatchNorm1d(width)
        self.linear_in = nn.Linear(width, width)
        self.linear_out = nn.Linear(width, width)
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, rows: Tensor) -> Tensor:
        """Maps rows (M, D) to rows (M, D)."""
        hidden = self.dropout(torch.relu(self.linear_in(self.norm(rows))))
        result: Tensor = rows + self.dropout(self.linear_out(hidden))
        return result


class Resmlp(nn.Module):
    """Encodes each date independently of the others.

    Args:
        settings: shape of the encoder.
        num_inputs: number of inputs: B bands, or the 36 values of PlanetScope.

    Example:
        >>> resmlp = Resmlp(ResmlpSettings(num_layers=1, width=8, dropout=0.0), num_inputs=12)
        >>> tuple(resmlp.encode(torch.zeros(5, 12)).shape)
        (5, 8)
    """

    def __init__(self, settings: ResmlpSettings, *, num_inputs: int) -> None:
        super().__init__()
        self.settings = settings
        self.num_bands = num_inputs
        self.linear_in = nn.Linear(num_inputs, settings.width)
        self.blocks = nn.ModuleList(ResidualBlock(settings) for _ in range(settings.num_layers))
        self.norm = nn.BatchNorm1d(settings.width)
        self.linear_out = nn.Linear(settings.width, settings.width)

    def encode(self, rows: Float[Tensor, "row band"]) -> Float[Tensor, "row width"]:
        """Maps standardised values (M, B) of single dates to representations (M, D)."""
        x = self.linear_in(rows)
        for block in self.blocks:
            x = block(x)
        encoded: Tensor = self.linear_out(torch.relu(self.norm(x)))
        return encoded

    def forward(
        self,
        values: Float[Tensor, "series date band"],
        day_of_year: Integer[Tensor, "series date"],
        valid: Bool[Tensor, "series date"],
    ) -> Float[Tensor, "series date width"]:
        """Computes the representation of every date of a series.

        Args:
            values: (N, T, B) standardised reflectance.
            day_of_year: (N, T); not used.
            valid: (N, T) bool; invalid dates are not encoded and enter no batch statistic.

        Returns:
            (N, T, D), zero at invalid dates.
        """
        encoded = self.encode(values[valid])
        result = encoded.new_zeros(*valid.shape, encoded.shape[-1])
        result[valid] = encoded
        return result
