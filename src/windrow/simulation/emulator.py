"""The emulator of PROSAIL, which computes reflectance over any ground from leaf and canopy traits.

The emulator (fitted by ``tools/fit_emulator.py``) is a network of two hidden layers. It emulates
PROSPECT-D (Feret et al. 2017) with 4SAIL (Verhoef et al. 2007). It gives three quantities per band
and one for all bands, none of which depends on the ground. Over a ground ``rs`` the reflectance is

    R = r0 + rs / (1 - rs rdd) (t - rs rdd h)

with r0 the reflectance over black ground, t the two-way transmittance, rdd the reflectance from
below and h the excess of the two-way gap at the hot spot.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError
from windrow.sensors import PLANETSCOPE, PLANETSCOPE_BANDS, SENTINEL2_BANDS, SENTINEL2_L1C

Float32 = npt.NDArray[np.float32]

BANDS: tuple[str, ...] = (*SENTINEL2_BANDS, *(f"planetscope_{b}" for b in PLANETSCOPE_BANDS))
"""Names of the 16 simulated bands: Sentinel-2's twelve, then PlanetScope's four."""

CENTRES_NM: npt.NDArray[np.float64] = np.array(
    [SENTINEL2_L1C[b].centre_nm for b in SENTINEL2_BANDS]
    + [PLANETSCOPE[b].centre_nm for b in PLANETSCOPE_BANDS]
)
"""Centre wavelengths of :data:`BANDS` in nanometres."""

PARAMETERS: tuple[str, ...] = (
    "leaf_structure",
    "chlorophyll",
    "carotenoids",
    "brown_pigment",
    "leaf_water",
    "dry_matter",
    "leaf_area_index",
    "leaf_angle",
    "hot_spot",
    "sun_zenith",
)
"""Names of the emulator's inputs, in order. Units and ranges are in its header."""


@dataclass(frozen=True, eq=False)
class CanopyParts:
    """Outputs of the emulator, with one value per canopy and band.

    Attributes:
        black: (..., 16) reflectance over black ground.
        transmittance: (..., 16) two-way transmittance.
        from_below: (..., 16) bihemispherical reflectance seen from the ground.
        hot_gap: (..., 1) excess of the two-way gap at the hot spot.
    """

    black: Float32
    transmittance: Float32
    from_below: Float32
    hot_gap: Float32

    def over(self, ground: npt.ArrayLike) -> Float32:
        """Computes the reflectance (..., 16) over a ground of reflectance (..., 16)."""
        rs = np.asarray(ground, dtype=np.float32)
        bounced = rs * self.from_below
        return np.asarray(
            self.black + rs / (1 - bounced) * (self.transmittance - bounced * self.hot_gap)
        )


class Emulator:
    """The fitted network. :func:`emulator` loads the shipped one.

    Args:
        content: the bytes of a safetensors file written by ``tools/fit_emulator.py``.

    Raises:
        DataError: the bytes are not an emulator, or it has other parameters or bands.
    """

    def __init__(self, content: bytes) -> None:
        try:
            tensors, self.metadata = _read_safetensors(content)
            self._layers = [
                (tensors[f"layer{n}.weight"].T, tensors[f"layer{n}.bias"]) for n in (0, 2, 4)
            ]
            self.ranges: dict[str, tuple[float, float, str]] = json.loads(
                self.metadata["parameters"]
            )
            fitted_bands: list[str] = json.loads(self.metadata["bands"])
            columns = [fitted_bands.index(band) for band in BANDS]
        except (KeyError, ValueError, struct.error, UnicodeDecodeError) as error:
            raise DataError("this is no PROSAIL emulator", found=str(error)[:80]) from error
        if tuple(self.ranges) != PARAMETERS:
            raise DataError("the emulator has other parameters", found=" ".join(self.ranges))
        num = len(fitted_bands)
        keep = [part * num + column for part in range(3) for column in columns] + [3 * num]
        weight, bias = self._layers[-1]
        self._layers[-1] = (weight[:, keep], bias[keep])
        self._layers = [(np.ascontiguousarray(w), b) for w, b in self._layers]

    @property
    def held_out_rmse(self) -> dict[str, float]:
        """Root mean squared error of the reflectance against the full model, by band."""
        values: dict[str, float] = json.loads(self.metadata["held_out_rmse"])
        return values

    def __call__(self, parameters: dict[str, npt.NDArray[Any]]) -> CanopyParts:
        """Computes canopies from their parameters, which are clipped to the fitted ranges.

        Args:
            parameters: arrays by name for all :data:`PARAMETERS`, which broadcast to one shape.
        """
        columns = [self._scaled(name, parameters[name]) for name in PARAMETERS]
        values: Any = np.stack(np.broadcast_arrays(*columns), axis=-1)
        for weight, bias in self._layers[:-1]:
            values = np.tanh(values @ weight + bias)
        weight, bias = self._layers[-1]
        parts = values @ weight + bias
        num = len(BANDS)
        return CanopyParts(
            black=np.maximum(parts[..., :num], 0.0),
            transmittance=np.maximum(parts[..., num : 2 * num], 0.0),
            from_below=np.clip(parts[..., 2 * num : 3 * num], 0.0, 0.95),
            hot_gap=parts[..., 3 * num :],
        )

    def _scaled(self, name: str, values: npt.NDArray[Any]) -> Float32:
        low, high, kind = self.ranges[name]
        inside = np.clip(values, low, high)
        ends = np.array([low, high])
        if kind == "sqrt":
            inside, ends = np.sqrt(inside), np.sqrt(ends)
        elif kind == "log":
            inside, ends = np.log(inside), np.log(ends)
        return np.asarray(2 * (inside - ends[0]) / (ends[1] - ends[0]) - 1, dtype=np.float32)


@cache
def emulator() -> Emulator:
    """Loads the shipped emulator, once per process.

    Example:
        >>> max(emulator().held_out_rmse.values()) <= 0.002
        True
    """
    return Emulator((files("windrow.simulation") / "emulator.safetensors").read_bytes())


def _read_safetensors(content: bytes) -> tuple[dict[str, Float32], dict[str, str]]:
    from safetensors.numpy import load

    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    return load(content), header.get("__metadata__", {})
