"""Crop maps from few labels: Sentinel-2 time series pre-trained against PlanetScope.

``windrow.load(weights)`` gives the frozen encoder, whose ``embed(series)`` turns Sentinel-2 series
into representations; ``windrow.open_series(path)`` opens a store or a field table. Everything else
is imported from its room, such as ``windrow.evaluation.fewshot``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from windrow.evaluation.inference import load as load
    from windrow.sources.opening import open_series as open_series

__version__ = "0.1.0"
__all__ = ["__version__", "load", "open_series"]

_ROOM = {"load": "windrow.evaluation.inference", "open_series": "windrow.sources.opening"}


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that 'import windrow' takes no torch and no time.
    if name in _ROOM:
        from importlib import import_module

        return getattr(import_module(_ROOM[name]), name)
    raise AttributeError(f"module 'windrow' has no attribute {name!r}")
