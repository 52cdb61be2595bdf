"""Sizes of the strata of a reference sample, and the standard error to expect of it."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from windrow.errors import SettingsError

Allocation = Literal["proportional", "equal", "neyman"]


def allocate(
    num_pixels: npt.NDArray[np.int64],
    *,
    size: int,
    min_per_class: int,
    allocation: Allocation,
    expected_accuracy: npt.NDArray[np.float64],
) -> npt.NDArray[np.int64]:
    """Divides a sample among strata.

    A stratum whose part would be below the minimum gets the minimum; the others share the rest
    (Olofsson et al. 2014, section 5.1.2). No stratum gets more units than it has pixels.

    Args:
        num_pixels: (H,) pixels of each stratum; an empty one gets nothing.
        size: number of units in all.
        min_per_class: least number of units of a stratum.
        allocation: ``proportional`` to the pixels, ``equal``, or ``neyman``: proportional to
            the pixels times the standard deviation of being right (Cochran 1977, equation 5.26).
        expected_accuracy: (H,) expected user's accuracy, 0..1; only ``neyman`` needs it.

    Returns:
        (H,) units of each stratum; their sum is the size.

    Raises:
        SettingsError: the size is too small for the minimum, or larger than the map.

    Example:
        >>> sizes = np.array([100, 900, 9_000])
        >>> allocate(sizes, size=200, min_per_class=20, allocation="proportional",
        ...     expected_accuracy=np.ones(3)).tolist()
        [20, 20, 160]
    """
    least = np.minimum(min_per_class, num_pixels)
    if size < 1 or min_per_class < 1:
        raise SettingsError("--size and --min-per-class must be 1 or more", found=size)
    if size < least.sum():
        raise SettingsError(
            "--size is too small for the least number of samples of each class",
            found=size,
            expected=f"{least.sum()} or more ({min_per_class} in each class)",
            hint="ask for more samples, or lower --min-per-class",
        )
    if size > num_pixels.sum():
        raise SettingsError(
            "--size is larger than the map", found=size, expected=f"at most {num_pixels.sum()}"
        )
    deviation = np.sqrt(expected_accuracy * (1 - expected_accuracy))
    weight: npt.NDArray[np.float64] = {
        "proportional": num_pixels.astype(np.float64),
        "equal": (num_pixels > 0).astype(np.float64),
        "neyman": np.asarray(num_pixels * deviation, dtype=np.float64),
    }[allocation]
    fixed = np.where(num_pixels == 0, 0, -1)
    while True:  # each turn fixes one stratum at least
        free = fixed < 0
        rest = size - fixed[~free].sum()
        part = _parts(weight, num_pixels, free, rest)
        low, high = free & (part < least), free & (part > num_pixels)
        # A lack is mended before an excess, and each only as far as the other allows.
        lack, excess = (least - part)[low].sum(), (part - num_pixels)[high].sum()
        if lack == 0 and excess == 0:
            break
        if lack >= excess:
            fixed[low] = least[low]
        else:
            fixed[high] = num_pixels[high]
    rounded = np.where(free, np.floor(part), fixed).astype(np.int64)
    order = np.argsort(-np.where(free & (rounded < num_pixels), part - rounded, -1), kind="stable")
    rounded[order[: size - rounded.sum()]] += 1
    return rounded


def _parts(
    weight: npt.NDArray[np.float64],
    num_pixels: npt.NDArray[np.int64],
    free: npt.NDArray[np.bool_],
    rest: int,
) -> npt.NDArray[np.float64]:
    """Returns the rest divided among the free strata by weight; by pixels where none has one."""
    weights = np.where(free, weight, 0.0)
    if weights.sum() == 0:
        weights = np.where(free, num_pixels, 0).astype(np.float64)
    return np.asarray(rest * weights / max(weights.sum(), 1e-300))


def expected_standard_error(
    area: npt.NDArray[np.float64],
    num_samples: npt.NDArray[np.int64],
    expected_accuracy: npt.NDArray[np.float64],
) -> float:
    """Computes the standard error of overall accuracy that a stratified sample will have.

    Source: Cochran (1977), equation 5.7 without the correction for finite populations.

    Args:
        area: (H,) area of each stratum.
        num_samples: (H,) units of each stratum; 0 only where the area is 0.
        expected_accuracy: (H,) expected user's accuracy, 0..1.

    Example:
        >>> round(expected_standard_error(np.ones(1), np.array([100]), np.array([0.8])), 3)
        0.04
    """
    held = num_samples > 0
    share = area[held] / area.sum()
    variance = expected_accuracy[held] * (1 - expected_accuracy[held])
    return float(np.sqrt((share**2 * variance / num_samples[held]).sum()))
