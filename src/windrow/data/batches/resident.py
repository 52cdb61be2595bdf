"""Arrays that stay on a device as 16-bit integers, and their standardisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from windrow import sensors
from windrow.data.normalization import Normalization


def resident(array: npt.NDArray[Any], device: str | torch.device) -> Tensor:
    """Copies the array to the device, without a change of its type.

    Example:
        >>> resident(np.array([1, 2], dtype=np.int16), "cpu").dtype
        torch.int16
    """
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)


@dataclass(frozen=True, eq=False)
class ResidentNormalization:
    """A :class:`~windrow.data.normalization.Normalization` on a device, in float32.

    Attributes:
        mean: (B,) mean of reflectance 0..1.
        std: (B,) standard deviation of reflectance 0..1, positive.

    Example:
        >>> on_device = ResidentNormalization.of(Normalization(np.array([0.2]), np.array([0.1])))
        >>> standardised = on_device.apply(torch.tensor([[1000], [3000]], dtype=torch.int16))
        >>> [round(value, 4) for value in standardised[:, 0].tolist()]
        [-1.0, 1.0]
        >>> [round(value, 4) for value in on_device.invert(standardised)[:, 0].tolist()]
        [0.1, 0.3]
    """

    mean: Tensor
    std: Tensor

    @classmethod
    def of(
        cls, normalization: Normalization, device: str | torch.device = "cpu"
    ) -> ResidentNormalization:
        """Copies a normalisation to the device, rounded to float32."""
        return cls(
            torch.tensor(normalization.mean, dtype=torch.float32, device=device),
            torch.tensor(normalization.std, dtype=torch.float32, device=device),
        )

    def apply(self, stored: Tensor) -> Tensor:
        """Standardises stored integers (..., B); float32."""
        return (stored.float() / sensors.SCALE - self.mean) / self.std

    def invert(self, standardised: Tensor) -> Tensor:
        """Converts standardised values (..., B) to reflectance 0..1."""
        return standardised * self.std + self.mean
