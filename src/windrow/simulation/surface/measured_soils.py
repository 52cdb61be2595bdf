"""Soils drawn around measured spectra, and the ground of towns and open water.

The shapes are principal components of 391 dry ground soils measured in a laboratory (published
under MIT with the R package soilspec; ``tools/fit_soils.py``). A field is rougher and darker than a
laboratory's cup: its level at 665 nm is the scenario's.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from windrow.simulation.emulator import BANDS, CENTRES_NM, Float32
from windrow.simulation.fields.landscape import Landscape
from windrow.simulation.keyed_random import Floats, keyed, spread

_RED = BANDS.index("B04")
_FIELD_SHARE = 0.4
"""Deviation of the components within a region relative to that between all soils."""

# Roofs, asphalt and concrete mixed: grey, brighter towards the infrared; levels assumed, shaped
# after the urban spectra of Herold et al. (2004).
SEALED = np.interp(
    CENTRES_NM,
    (400, 492, 560, 665, 783, 865, 1614, 2202, 2500),
    (0.085, 0.105, 0.125, 0.145, 0.165, 0.175, 0.215, 0.205, 0.19),
).astype(np.float32)
"""Reflectance of roofs and roads in the simulated bands, (16,)."""


@cache
def _components() -> tuple[Float32, Float32]:
    from safetensors.numpy import load

    tensors = load((files("windrow.simulation") / "surface" / "soils.safetensors").read_bytes())
    return tensors["mean"], tensors["components"]


def dry_soils(landscape: Landscape) -> Floats:
    """Computes reflectance of each field's dry soil in the simulated bands, (F, 16).

    Example:
        >>> from windrow.simulation.scenarios import SCENARIOS
        >>> from windrow.simulation.fields.landscape import make_landscape
        >>> soils = dry_soils(make_landscape(SCENARIOS["brandenburg-2018"], 1, 0))
        >>> soils.shape[1], bool((soils[:, 10] > soils[:, 1]).all())
        (16, True)
    """
    seed, number = landscape.seed, landscape.number
    mean, components = _components()
    order = np.arange(len(components))
    field = np.arange(landscape.num_fields)[:, None]
    region = spread(keyed(seed, "soil components", number, order), 0.0, 1.0)
    own = spread(keyed(seed, "soil components of field", number, field, order), 0.0, _FIELD_SHARE)
    shape = np.exp((region + own) @ components + mean)
    level = float(spread(keyed(seed, "soil", number), *landscape.settings.soil_brightness))
    usual = float(np.exp(region @ components + mean)[_RED])
    rough = np.exp(spread(keyed(seed, "soil of field", number, field), 0.0, 0.12))
    return np.asarray(np.clip(shape * (max(level, 0.04) / usual) * rough, 0.01, 0.65))


def mixed_soils(dry: Floats, wet: npt.ArrayLike, darker: npt.ArrayLike) -> Floats:
    """Soils (M, 16) under moisture ``wet`` (M, K) and a factor ``darker`` (M, K): (M, K, 16).

    Water darkens as in :func:`windrow.simulation.surface.soil.soil`.
    """
    from windrow.simulation.surface.soil import MOIST_DARKENING

    moist = 1 - MOIST_DARKENING * np.asarray(wet)[..., None]
    return np.asarray(dry[:, None, :] * moist * np.asarray(darker)[..., None])
