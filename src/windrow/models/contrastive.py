"""Two branches whose projected outputs are compared; only the encoder of Sentinel-2 is kept."""

from __future__ import annotations

from torch import Tensor, nn

from windrow.models.encoders.resmlp import Resmlp, ResmlpSettings
from windrow.models.encoders.transformer import Encoder, EncoderSettings


def projector(width: int, projection_width: int) -> nn.Sequential:
    """Two linear layers with a ReLU between, as SimCLR has them (Chen et al. 2020)."""
    return nn.Sequential(
        nn.Linear(width, projection_width),
        nn.ReLU(),
        nn.Linear(projection_width, projection_width),
    )


class PixelContrast(nn.Module):
    """A ResMLP a sensor: single dates of Sentinel-2 and of PlanetScope (Patnala et al. 2024).

    Args:
        settings: shape of both branches.
        num_bands: B.
        num_values: of PlanetScope, 36.
        projection_width: of both projectors.
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
        """Projections (n, P) of (n, B) and of (n, 36)."""
        first: Tensor = self.projector(self.encoder.encode(sentinel2))
        second: Tensor = self.twin_projector(self.twin.encode(planetscope))
        return first, second


class Scarf(nn.Module):
    """One ResMLP that sees two views of the same values (Bahri et al. 2021).

    Args:
        settings: shape of the branch.
        num_bands: B.
        projection_width: of the projector.
    """

    def __init__(self, settings: ResmlpSettings, *, num_bands: int, projection_width: int) -> None:
        super().__init__()
        self.encoder = Resmlp(settings, num_inputs=num_bands)
        self.projector = projector(settings.width, projection_width)

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Projections (n, P) of both views (n, B)."""
        return (
            self.projector(self.encoder.encode(first)),
            self.projector(self.encoder.encode(second)),
        )


class YearContrast(nn.Module):
    """A transformer a sensor, over its whole year; outputs pooled and projected (section 5.4).

    Args:
        settings: shape of both branches.
        num_bands: B.
        num_values: of PlanetScope, 36.
        projection_width: of both projectors.
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
        """Projections (n, P) of each sensor's values, days of year and validity.

        Args:
            first: Sentinel-2: (n, T, B), (n, T), (n, T).
            second: PlanetScope: (n, P, 36), (n, P), (n, P).
            all_valid: whether it is known that all dates of a sensor are valid.
        """
        z = self.encoder(*first, all_valid=all_valid[0])
        other = self.twin(*second, all_valid=all_valid[1])
        return (
            self.projector(mean_over_dates(z, first[2])),
            self.twin_projector(mean_over_dates(other, second[2])),
        )


def mean_over_dates(z: Tensor, valid: Tensor) -> Tensor:
    """Mean of z (n, T, D) over the valid dates (n, T).

    Example:
        >>> import torch
        >>> z = torch.tensor([[[1.0], [3.0], [100.0]]])
        >>> mean_over_dates(z, torch.tensor([[True, True, False]])).item()
        2.0
    """
    counts = valid.sum(dim=1, keepdim=True).clamp(min=1)
    return z.masked_fill(~valid[..., None], 0.0).sum(dim=1) / counts
