"""Contrastive models of two branches. Only the Sentinel-2 encoder is kept after training."""

from __future__ import annotations

from torch import Tensor, nn

from windrow.models.encoders.resmlp import Resmlp, ResmlpSettings
from windrow.models.encoders.transformer import Encoder, EncoderSettings


def projector(width: int, projection_width: int) -> nn.Sequential:
    """Builds two linear layers with a ReLU in between, as in SimCLR (Chen et al. 2020)."""
    return nn.Sequential(
        nn.Linear(width, projection_width),
        nn.ReLU(),
        nn.Linear(projection_width, projection_width),
    )


class PixelContrast(nn.Module):
    """One ResMLP per sensor, for single dates of both sensors (Patnala et al. 2024).

    Args:
        settings: shape of both branches.
        num_bands: number of Sentinel-2 bands B.
        num_values: number of PlanetScope values, 36.
        projection_width: width P of both projectors.
    """

    def __init__(
        self, settings: ResmlpSettings, *, num_bands: int, num_values: int, projection_width: int
    ) -> None:
        super().__init__()
        self.encoder = Resmlp(settings, num_inputs=num_bands)
        self.twin = Resmlp(settings, num_inputs=num_values)
        self.projector = projector(settings.width, projection_width)
        self.twin_projector = projector(settings.width, projection_width)

    def forward(self, sentinel2: Tensor, planetscope: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the projections (n, P) of Sentinel-2 (n, B) and of PlanetScope (n, 36)."""
        first: Tensor = self.projector(self.encoder.encode(sentinel2))
        second: Tensor = self.twin_projector(self.twin.encode(planetscope))
        return first, second


class Scarf(nn.Module):
    """One ResMLP for two views of the same values (Bahri et al. 2021).

    Args:
        settings: shape of the branch.
        num_bands: number of bands B.
        projection_width: width P of the projector.
    """

    def __init__(self, settings: ResmlpSettings, *, num_bands: int, projection_width: int) -> None:
        super().__init__()
        self.encoder = Resmlp(settings, num_inputs=num_bands)
        self.projector = projector(settings.width, projection_width)

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the projections (n, P) of both views (n, B)."""
        return (
            self.projector(self.encoder.encode(first)),
            self.projector(self.encoder.encode(second)),
        )


class YearContrast(nn.Module):
    """One transformer per sensor, for whole years. Outputs are pooled and projected (section 5.4).

    Args:
        settings: shape of both branches.
        num_bands: number of Sentinel-2 bands B.
        num_values: number of PlanetScope values, 36.
        projection_width: width P of both projectors.
    """

    def __init__(
        self, settings: EncoderSettings, *, num_bands: int, num_values: int, projection_width: int
    ) -> None:
        super().__init__()
        self.encoder = Encoder(settings, num_bands=num_bands)
        self.twin = Encoder(settings, num_bands=num_values)
        self.projector = projector(settings.width, projection_width)
        self.twin_projector = projector(settings.width, projection_width)

    def forward(
        self,
        first: tuple[Tensor, Tensor, Tensor],
        second: tuple[Tensor, Tensor, Tensor],
        *,
        all_valid: tuple[bool, bool] = (False, False),
    ) -> tuple[Tensor, Tensor]:
        """Computes the projections of both sensors from values, days of year and validity.

        Args:
            first: Sentinel-2 arrays (n, T, B), (n, T) and (n, T).
            second: PlanetScope arrays (n, S, 36), (n, S) and (n, S) for S days.
            all_valid: True for a sensor whose dates are known to be all valid.

        Returns:
            Two projections (n, P).
        """
        z = self.encoder(*first, all_valid=all_valid[0])
        other = self.twin(*second, all_valid=all_valid[1])
        return (
            self.projector(mean_over_dates(z, first[2])),
            self.twin_projector(mean_over_dates(other, second[2])),
        )


def mean_over_dates(z: Tensor, valid: Tensor) -> Tensor:
    """Averages z (n, T, D) over the valid dates (n, T); (n, D).

    Example:
        >>> import torch
        >>> z = torch.tensor([[[1.0], [3.0], [100.0]]])
        >>> mean_over_dates(z, torch.tensor([[True, True, False]])).item()
        2.0
    """
    counts = valid.sum(dim=1, keepdim=True).clamp(min=1)
    return z.masked_fill(~valid[..., None], 0.0).sum(dim=1) / counts
