"""Crop maps from few labels: Sentinel-2 time series pre-trained against PlanetScope.

:func:`load` gives the frozen encoder, whose ``embed(series)`` turns Sentinel-2 series into
representations; :func:`open_series` opens a store or a field table. Everything else is imported
from its room, such as ``windrow.evaluation.fewshot.protocol``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from windrow.version import __version__

if TYPE_CHECKING:
    from windrow.data.series import Series
    from windrow.inference.backends import BackendName, Precision
    from windrow.inference.frozen_encoder import FrozenEncoder

__all__ = ["__version__", "load", "open_series"]


# Both import on first use, so that 'import windrow' takes no torch and no time.
def load(
    weights: str | Path,
    *,
    device: str = "cpu",
    backend: BackendName | None = None,
    precision: Precision = "float32",
    max_dates: int | None = None,
) -> FrozenEncoder:
    """A frozen encoder; see :func:`windrow.inference.frozen_encoder.load`."""
    from windrow.inference.frozen_encoder import load as load_frozen

    return load_frozen(
        weights, device=device, backend=backend, precision=precision, max_dates=max_dates
    )


def open_series(path: str | Path) -> Series:
    """The series of a store or a field table; see :func:`windrow.sources.open_any.open_series`."""
    from windrow.sources.open_any import open_series as open_any

    return open_any(path)
