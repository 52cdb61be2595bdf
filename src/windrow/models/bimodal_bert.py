"""Bi-modal BERT: the encoder and the linear layers of its pretext task (section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from windrow.models.encoders.transformer import Encoder, EncoderSettings, initialise
from windrow.models.kernels.packing import Packing

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Integer


class BimodalBert(nn.Module):
    """An encoder of Sentinel-2 with linear layers that predict PlanetScope, month and cloud.

    Only the encoder is used after pre-training.

    Args:
        settings: shape of the encoder.
        num_bands: number of bands B.
        num_lags: number L of target days per date.
        num_values: number K of values per target day (36 for PlanetScope).
        num_season_outputs: 12 logits, or 1 if the month is regressed.
        num_cloud_outputs: 32 logits, or 1 if the level is regressed.
    """

    def __init__(
        self,
        settings: EncoderSettings,
        *,
        num_bands: int,
        num_lags: int,
        num_values: int,
        num_season_outputs: int,
        num_cloud_outputs: int,
    ) -> None:
        super().__init__()
        self.num_lags = num_lags
        self.num_values = num_values
        self.encoder = Encoder(settings, num_bands=num_bands)
        self.mask_token = nn.Parameter(torch.zeros(settings.width))
        self.reconstruction = nn.Linear(settings.width, num_lags * num_values)
        self.season = nn.Linear(settings.width, num_season_outputs)
        self.cloud = nn.Linear(settings.width, num_cloud_outputs)
        for head in (self.reconstruction, self.season, self.cloud):
            initialise(head)
        nn.init.trunc_normal_(self.mask_token, std=0.02, a=-0.04, b=0.04)

    def forward(
        self,
        values: Float[Tensor, "series date band"],
        day_of_year: Integer[Tensor, "series date"],
        valid: Bool[Tensor, "series date"],
        *,
        masked: Bool[Tensor, "series date"] | None = None,
        use_position: bool = True,
        all_valid: bool | None = None,
        packing: Packing | None = None,
        present: Bool[Tensor, "... band"] | None = None,
    ) -> Float[Tensor, "series date width"]:
        """Computes the representation (N, T, D) of a batch.

        Dates in ``masked`` (N, T) get the mask token. For the other arguments see
        :meth:`windrow.models.encoders.transformer.Encoder.forward`.
        """
        z: Tensor = self.encoder(
            values,
            day_of_year,
            valid,
            mask=None if masked is None else (masked, self.mask_token),
            use_position=use_position,
            all_valid=all_valid,
            packing=packing,
            present=present,
        )
        return z

    def reconstruct(
        self, z: Float[Tensor, "series date width"]
    ) -> Float[Tensor, "series date lag value"]:
        """Predicts the standardised targets (N, T, L, K) from z (N, T, D)."""
        predicted: Tensor = self.reconstruction(z.to(self.reconstruction.weight.dtype))
        return predicted.view(*z.shape[:2], self.num_lags, self.num_values)
