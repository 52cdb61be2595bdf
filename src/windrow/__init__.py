"""Crop maps from few labels: Sentinel-2 time series pre-trained against PlanetScope."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windrow.evaluation.inference import FrozenEncoder

__version__ = "0.1.0"


def load(weights: str | Path, *, device: str = "cpu") -> FrozenEncoder:
    """A frozen encoder; see :func:`windrow.evaluation.inference.load`, imported on first use."""
    from windrow.evaluation.inference import load as load_frozen

    return load_frozen(weights, device=device)
