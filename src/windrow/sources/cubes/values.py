"""What the numbers of a cube mean: scale, offset, no data and clouds, found date by date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.errors import DataError
from windrow.sources.rasters.grid import Cube, Window
from windrow.sources.reader import IngestOptions, ReadingSummary, Scale
from windrow.sources.values.baseline_offset import given_offset, offset_from_values
from windrow.sources.values.reflectance import (
    LARGEST_REFLECTANCE,
    SMALLEST_BRIGHT_DN,
    RangeTally,
)

SCL_CLOUD_PROBABILITY: dict[int, int] = {
    0: 255,  # no data: cannot be called clear
    1: 255,  # saturated or defective
    2: 0,  # dark area
    3: 0,  # cloud shadow: dark, but no cloud stands there
    4: 0,  # vegetation
    5: 0,  # bare soil
    6: 0,  # water
    7: 51,  # cloud of low probability, or unclassified
    8: 128,  # cloud of medium probability
    9: 230,  # cloud of high probability
    10: 128,  # thin cirrus
    11: 0,  # snow
}
"""Cloud probability 0..255 that windrow gives to each class of Sen2Cor's scene classification.

The classes 7 to 9 are Sen2Cor's own grades of cloud probability, taken at .2, .5 and .9; thin
cirrus, through which the ground is seen, counts as .5.
"""

_SAMPLE = 128


@dataclass(frozen=True)
class Meaning:
    """How raw values become reflectance x 10,000: ``round(raw * factor + added[date])``.

    Attributes:
        factor: 1 for digital numbers.
        added: (T,) offset of each date.
        no_data: the raw value that is none, or None.
        quality: ``SCL``, ``clp`` or None.
    """

    factor: float
    added: npt.NDArray[np.float64]
    no_data: float | None
    quality: str | None

    def reflectance(
        self, values: npt.NDArray[Any], tally: RangeTally
    ) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_]]:
        """Raw values as reflectance x 10,000.

        Args:
            values: (T, B, n) as they stand in the files.
            tally: where observations out of range are counted.

        Returns:
            reflectance (n, T, B) int16, 0 where not valid, and valid (n, T).
        """
        known = np.asarray(~self._missing(values).any(axis=1))
        added = self.added[:, None, None]
        if values.dtype.kind in "iu" and self.factor == 1.0:
            scaled = values.astype(np.int32) + added.astype(np.int32)
        else:
            filled = np.where(known[:, None, :], values, 0).astype(np.float64)
            scaled = np.clip(np.round(filled * self.factor + added), -1e9, 1e9).astype(np.int32)
        valid = tally.add(scaled, known, axis=1)
        clean = np.where(valid[:, None, :], scaled, 0).astype(np.int16)
        return np.ascontiguousarray(clean.transpose(2, 0, 1)), np.ascontiguousarray(valid.T)

    def _missing(self, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        missing = np.zeros(values.shape, dtype=np.bool_)
        if values.dtype.kind == "f":
            missing |= ~np.isfinite(values)
        if self.no_data is not None and not np.isnan(self.no_data):
            missing |= values == self.no_data
        return missing

    def cloud(self, quality: npt.NDArray[Any] | None) -> npt.NDArray[np.uint8] | None:
        """Cloud probability (n, T) of a quality layer (T, n)."""
        if quality is None or self.quality is None:
            return None
        if self.quality == "SCL":
            table = np.full(256, 255, dtype=np.uint8)
            table[list(SCL_CLOUD_PROBABILITY)] = list(SCL_CLOUD_PROBABILITY.values())
            classes = np.nan_to_num(quality) if quality.dtype.kind == "f" else quality
            return np.ascontiguousarray(table[classes.astype(np.uint8)].T)
        if quality.dtype.kind == "f":
            known = np.nan_to_num(quality.astype(np.float64), nan=1.0)
            return np.ascontiguousarray(sensors.cloud_probability_of_fraction(known).T)
        return np.ascontiguousarray(np.clip(quality, 0, 255).astype(np.uint8).T)


def find_meaning(cube: Cube, options: IngestOptions, report: ReadingSummary) -> Meaning:
    """Finds scale and offset from metadata, else from a sample of every date.

    Raises:
        DataError: the scale is mixed or impossible, or whether the offset of baseline 04.00 was
            taken off is not clear.
    """
    facts = cube.facts
    sample = _sample(cube)
    missing = Meaning(1.0, np.zeros(len(facts.dates)), facts.no_data, None)._missing(sample)
    known = np.asarray(~missing.any(axis=1))
    if not known.any():
        raise DataError("no data in the middle of the cube", where=facts.names[0])
    largest = np.array([sample[t][:, known[t]].max(initial=0) for t in range(len(sample))])
    scale = _scale(sample, known, largest, options.scale, facts.names)
    how = "as given" if options.scale else "detected"
    factor = 1.0 if scale == "dn" else float(sensors.SCALE)
    if facts.scale is not None and options.scale is None:
        factor, how = facts.scale * sensors.SCALE, "from metadata"
        scale = "dn" if abs(factor - 1.0) < 1e-6 else scale
        factor = 1.0 if abs(factor - 1.0) < 1e-6 else factor
    report.say("scale", f"{scale} (reflectance = value x {factor / sensors.SCALE:g}, {how})")
    added = _offsets(cube, options, report, darkest=_darkest(sample, known, factor))
    if facts.quality == "SCL":
        graded = ", ".join(f"{k} is {v}" for k, v in SCL_CLOUD_PROBABILITY.items() if v)
        report.say("cloud", f"from SCL, as probability 0..255: {graded}, the others 0")
    elif facts.quality is not None:
        report.say("cloud", f"from {facts.quality}")
    else:
        report.say("cloud", "not known: every date counts as clear")
    meaning = Meaning(factor, added, facts.no_data, facts.quality)
    tally = RangeTally()
    meaning.reflectance(sample, tally)
    tally.refuse(where=_place(cube), factor=factor)
    return meaning


def _sample(cube: Cube) -> npt.NDArray[Any]:
    """Values (T, B, n) of pixels spread over the middle of the grid."""
    grid = cube.facts.grid
    height, width = min(grid.height, _SAMPLE), min(grid.width, _SAMPLE)
    window = Window((grid.height - height) // 2, (grid.width - width) // 2, height, width)
    step = 2 if height * width > 4096 else 1
    rows, columns = np.meshgrid(
        np.arange(0, height, step), np.arange(0, width, step), indexing="ij"
    )
    return cube.read(window, rows.ravel(), columns.ravel()).values


def _scale(
    sample: npt.NDArray[Any],
    known: npt.NDArray[np.bool_],
    largest: npt.NDArray[Any],
    given: Scale | None,
    names: tuple[str, ...],
) -> Scale:
    """The one scale of all dates, or the one given."""
    there = known.any(axis=1)
    dn = there & (largest >= SMALLEST_BRIGHT_DN)
    small = there & (largest <= LARGEST_REFLECTANCE)
    fractions = np.zeros(len(sample), dtype=np.bool_)
    for date in np.flatnonzero(small):
        values = sample[date][:, known[date]]
        fractions[date] = bool((values != np.round(values)).any())
    if dn.any() and fractions.any():
        raise DataError(
            "the scale of reflectance is mixed",
            where=f"{names[int(np.argmax(fractions))]} and {names[int(np.argmax(dn))]}",
            found=f"{int(fractions.sum())} dates in 0..1 and {int(dn.sum())} x 10,000",
            hint="bring all files to one scale",
        )
    found: Scale | None = "dn" if dn.any() else "reflectance" if fractions.any() else None
    if given is not None and found not in (None, given):
        raise DataError(
            f"the values do not fit the scale {given!r}",
            where=names[0],
            found=f"values that look like {found!r}",
            hint="leave the scale out",
        )
    scale = given or found
    if scale is None:
        raise DataError(
            "the scale of reflectance is impossible",
            where=names[int(np.argmax(largest))],
            found=f"{largest.max():g} as largest value",
            expected="reflectance 0..1 or reflectance x 10,000",
            hint="convert to reflectance, or give --scale",
        )
    return scale


def _darkest(
    sample: npt.NDArray[Any], known: npt.NDArray[np.bool_], factor: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """The darkest band of each known observation of a sample, and its date's position."""
    date, pixel = np.nonzero(known)
    return sample[date, :, pixel].min(axis=1).astype(np.float64) * factor, date


def _offsets(
    cube: Cube,
    options: IngestOptions,
    report: ReadingSummary,
    *,
    darkest: tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]],
) -> npt.NDArray[np.float64]:
    facts = cube.facts
    if options.baseline_offset is not None:
        offset = given_offset(options.baseline_offset, facts.dates)
        report.say("baseline_offset", f"{options.baseline_offset}, as given")
        return offset.of_dates(facts.dates).astype(np.float64)
    if facts.offsets is not None:
        shifted = int((facts.offsets != 0).sum())
        text = f"{int(facts.offsets.min())} on {shifted} dates" if shifted else "none"
        report.say("baseline_offset", f"{text}, from metadata")
        return facts.offsets.astype(np.float64)
    values, date = darkest
    found = offset_from_values(values, facts.dates[date], where=_place(cube), report=report)
    report.say("baseline_offset", found.how)
    return found.of_dates(facts.dates).astype(np.float64)


def _place(cube: Cube) -> str:
    names = cube.facts.names
    return names[0] if len(set(names)) == 1 else f"{names[0]} to {names[-1]}"
