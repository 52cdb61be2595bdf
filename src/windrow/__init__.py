"""Crop maps from few labels: Sentinel-2 time series pre-trained against PlanetScope.

A first look::

    import windrow

    series = windrow.open_series("observations.parquet")  # a store, a table, or a pandas table
    encoder = windrow.load("runs/pretraining")            # a run directory or a weights file
    representation = encoder.embed(series)                # (N, D) float32: one vector a series
    labels = windrow.read_labels("fields.csv", "crop", series=series)  # labels.label: (N,) classes

- :func:`open_series` reads Sentinel-2 series, and :class:`Series` holds them: ``series[3:10]``,
  ``len(series)``, ``series.to_frame()``, ``series.to_xarray()``.
- :class:`Store` opens a series store that ``windrow ingest`` or ``windrow simulate`` wrote.
- :func:`simulate` makes series of both sensors that no satellite ever saw.
- :func:`load` gives a :class:`FrozenEncoder`, whose ``embed`` turns series into vectors.
- :class:`CropClassifier` learns the crops of one place from few labels, and :class:`SeriesEmbedder`
  turns series into vectors: both are scikit-learn estimators; see docs/python.md.
- :func:`read_labels` reads a table of labels and joins it to series.
- Every mistake in what was handed in is a :class:`WindrowError` that names what, where, found,
  expected and what to do.

The command line does the rest: ``windrow --help``. Whatever is not offered here is imported from
its folder, such as ``windrow.evaluation.fewshot.protocol``.
"""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING

from windrow.version import __version__

if TYPE_CHECKING:
    # What windrow offers. A line here is all that a new name needs: the lines are read below, so
    # that each name is imported on first use and 'import windrow' takes no torch and no time.
    from windrow.data.series import Series as Series
    from windrow.data.store.store import Store as Store
    from windrow.errors import BandError as BandError
    from windrow.errors import DataError as DataError
    from windrow.errors import OutputError as OutputError
    from windrow.errors import SettingsError as SettingsError
    from windrow.errors import SplitError as SplitError
    from windrow.errors import StoreError as StoreError
    from windrow.errors import WeightsError as WeightsError
    from windrow.errors import WindrowError as WindrowError
    from windrow.estimators import CropClassifier as CropClassifier
    from windrow.estimators import SeriesEmbedder as SeriesEmbedder
    from windrow.inference.frozen_encoder import FrozenEncoder as FrozenEncoder
    from windrow.inference.frozen_encoder import load as load
    from windrow.simulation.generate import simulate as simulate
    from windrow.sources.labels.label_table import read_labels as read_labels
    from windrow.sources.open_any import open_series as open_series


def _modules_of_names() -> dict[str, str]:
    """Returns the module of each name that the block above imports."""
    assert __spec__ is not None
    source = __spec__.loader.get_source(__name__)  # type: ignore[union-attr]
    lines = re.findall(r"^    from (windrow\.[\w.]+) import (\w+) as \2$", source, re.MULTILINE)
    return {name: module for module, name in lines}


_MODULES = _modules_of_names()

__all__ = ["__version__", *_MODULES]  # noqa: PLE0604  (all of it is text)


def __getattr__(name: str) -> object:
    """Imports a name on first use (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
