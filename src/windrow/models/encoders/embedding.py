"""Embedding of a date's bands as a token, by a one-dimensional convolution and a position.

The patch of a ViT (Dosovitskiy et al. 2020) becomes one time step, so the two-dimensional
convolution becomes ``Conv1d(B -> D)``. The paper does not specify the position encoding. Our
default encodes the *day of year*, so that any dates and any number of dates work.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

from windrow.data.day_of_year import MAX_DAYS

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Integer

Position = Literal["day_of_year", "learned", "none"]


def sinusoidal_encoding(num_positions: int, width: int) -> Tensor:
    """Computes the sinusoidal position encoding (Vaswani et al. 2017, section 3.5).

    ``P[p, 2i]`` is ``sin(p / 10000^(2i/D))``, and ``P[p, 2i+1]`` is the cosine of the same angle.
    Both are computed in float64.

    Args:
        num_positions: number of positions P, here days of the year.
        width: even width D.

    Returns:
        (P, D) float32.

    Example:
        >>> sinusoidal_encoding(2, 4)[1].tolist() == [
        ...     torch.sin(torch.tensor(1.0, dtype=torch.float64)).float().item(),
        ...     torch.cos(torch.tensor(1.0, dtype=torch.float64)).float().item(),
        ...     torch.sin(torch.tensor(0.01, dtype=torch.float64)).float().item(),
        ...     torch.cos(torch.tensor(0.01, dtype=torch.float64)).float().item(),
        ... ]
        True
    """
    position = torch.arange(num_positions, dtype=torch.float64)[:, None]
    frequency = torch.exp(
        torch.arange(0, width, 2, dtype=torch.float64) * (-math.log(10_000.0) / width)
    )
    angle = position * frequency
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1).float()


class SeriesEmbedding(nn.Module):
    """Computes the tokens of a series: patch embedding of the bands plus position of the date.

    Args:
        num_bands: number of bands B.
        width: width D of a token.
        kernel_size: odd number of dates under the kernel. A kernel wider than 1 runs over the
            *valid* dates of a series alone, so that other dates cannot leak into a token.
        position: ``day_of_year`` (sinusoidal), ``learned`` (one vector for the first, second, ...
            valid date, as in the group's earlier code) or ``none``.
        num_positions: number of vectors of ``learned``, the largest number of dates.
        missing_bands: whether bands may be missing. A missing band then holds its mean over the
            training set, and a learned vector of the band is added to every token, so that the
            encoder can distinguish a missing band from an average value.
    """

    position_table: Tensor

    def __init__(
        self,
        *,
        num_bands: int,
        width: int,
        kernel_size: int,
        position: Position,
        num_positions: int,
        missing_bands: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.position = position
        self.patch = nn.Conv1d(num_bands, width, kernel_size, padding=kernel_size // 2)
        if missing_bands:
            self.missing_band = nn.Parameter(torch.zeros(num_bands, width))
        if position == "learned":
            self.learned_position = nn.Parameter(torch.zeros(num_positions, width))
        if position == "day_of_year":
            self.register_buffer(
                "position_table", sinusoidal_encoding(MAX_DAYS, width), persistent=False
            )

    def forward(
        self,
        values: Float[Tensor, "series date band"],
        day_of_year: Integer[Tensor, "series date"],
        valid: Bool[Tensor, "series date"],
        *,
        mask: tuple[Bool[Tensor, "series date"], Float[Tensor, " width"]] | None = None,
        use_position: bool = True,
        present: Bool[Tensor, "... band"] | None = None,
    ) -> Float[Tensor, "series date width"]:
        """Computes the tokens of the dates.

        Args:
            values: (N, T, B) standardised reflectance.
            day_of_year: (N, T) integers 0..365.
            valid: (N, T) bool.
            mask: dates whose patch is replaced, (N, T) bool, and the token that replaces it, (D,);
                None replaces nothing.
            use_position: False leaves the position out, to measure its effect on a task.
            present: (B,) or (N, B) bool, the bands that are present; None if all are. Entries of
                ``values`` for other bands have no effect.

        Returns:
            (N, T, D). Tokens of invalid dates have no meaning.
        """
        if present is not None:
            present = present.expand(len(values), -1)
            values = values.masked_fill(~present[:, None, :], 0.0)
        if mask is not None:
            # Missing bands are zeroed too, so that a wider kernel cannot carry them to neighbours.
            values = values.masked_fill(mask[0][..., None], 0.0)
        tokens = self._patches(values, valid)
        if present is not None:
            missing = (~present).to(self.missing_band.dtype) @ self.missing_band
            tokens = tokens + missing[:, None, :].to(tokens.dtype)
        if mask is not None:
            masked, mask_token = mask
            tokens = torch.where(masked[..., None], mask_token.to(tokens.dtype), tokens)
        if use_position and self.position == "day_of_year":
            tokens = tokens + self.position_table[day_of_year.long()]
        elif use_position and self.position == "learned":
            order = (valid.long().cumsum(dim=1) - 1).clamp(min=0)
            tokens = tokens + self.learned_position[order]
        return tokens

    def _patches(self, values: Tensor, valid: Tensor) -> Tensor:
        values = values.to(self.patch.weight.dtype)
        if self.kernel_size == 1:
            # This is the product of the convolution without its transposes.
            return nn.functional.linear(values, self.patch.weight[:, :, 0], self.patch.bias)
        # Valid dates move to the front in their order, are convolved, and move back.
        order = torch.argsort(~valid, dim=1, stable=True)[..., None]
        packed = values.masked_fill(~valid[..., None], 0.0)
        packed = packed.gather(1, order.expand_as(values))
        convolved = self.patch(packed.transpose(1, 2)).transpose(1, 2)
        return torch.empty_like(convolved).scatter(1, order.expand_as(convolved), convolved)
