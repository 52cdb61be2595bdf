"""What the numbers of a cube mean: scale, offset, no data and clouds, for each date and band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.errors import DataError, SettingsError
from windrow.sources.rasters.grid import Cube, CubeFacts, Packing, Raw, Window
from windrow.sources.reader import IngestOptions, ReadingSummary, Scale
from windrow.sources.values.baseline_offset import Dates, decide_offsets
from windrow.sources.values.cloud_measure import (
    CLEAR_BELOW,
    ClearShare,
    CloudLayer,
    describe,
    recognise_clouds,
)
from windrow.sources.values.offset_in_values import OFFSET, Observations
from windrow.sources.values.reflectance import (
    LARGEST_REFLECTANCE,
    SMALLEST_BRIGHT_DN,
    RangeTally,
)

_SAMPLE = 128


@dataclass(frozen=True)
class Meaning:
    """How raw values become reflectance x 10,000: ``round(raw * factor + added)``.

    Attributes:
        factor: (T, B), 1 for digital numbers.
        added: (T, B) what is added then.
        no_data: (T, B) the raw value that is none, NaN where there is no such value.
        clouds: what the quality layer means, or None.
        where: the first file, for messages.
    """

    factor: npt.NDArray[np.float64]
    added: npt.NDArray[np.float64]
    no_data: npt.NDArray[np.float64]
    clouds: CloudLayer | None = None
    where: str = ""

    def decoded(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Returns raw values (T, B, n) as reflectance x 10,000, NaN where they hold no data."""
        known = ~self.missing(values)
        numbers = np.where(known, values, np.nan).astype(np.float64)
        return np.asarray(numbers * self.factor[..., None] + self.added[..., None])

    def reflectance(
        self, values: npt.NDArray[Any], tally: RangeTally
    ) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_]]:
        """Returns raw values as reflectance x 10,000.

        Args:
            values: (T, B, n) as they stand in the files.
            tally: where observations out of range are counted.

        Returns:
            reflectance (n, T, B) int16, 0 where not valid, and valid (n, T).
        """
        clean, valid = self.reflectance_by_date(values, tally)
        return np.ascontiguousarray(clean.transpose(2, 0, 1)), np.ascontiguousarray(valid.T)

    def reflectance_by_date(
        self, values: npt.NDArray[Any], tally: RangeTally
    ) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_]]:
        """Returns the same in the order of the files: (T, B, n) int16, and valid (T, n)."""
        known = np.asarray(~self.missing(values).any(axis=1))
        added = self.added[..., None]
        if values.dtype.kind in "iu" and (self.factor == 1.0).all():
            scaled = values.astype(np.int32) + np.round(added).astype(np.int32)
        else:
            filled = np.where(known[:, None, :], values, 0).astype(np.float64)
            decoded = np.round(filled * self.factor[..., None] + added)
            scaled = np.clip(decoded, -1e9, 1e9).astype(np.int32)
        valid = tally.add(scaled, known, axis=1)
        return np.where(valid[:, None, :], scaled, 0).astype(np.int16), valid

    def missing(self, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Returns which raw values (T, B, n) hold no data."""
        missing = np.zeros(values.shape, dtype=np.bool_)
        if values.dtype.kind == "f":
            missing |= ~np.isfinite(values)
        if np.isfinite(self.no_data).any():
            missing |= values == self.no_data[..., None]
        return missing

    def cloud(self, quality: npt.NDArray[Any] | None) -> npt.NDArray[np.uint8] | None:
        """Returns cloud probability (n, T) of a quality layer (T, n)."""
        if quality is None or self.clouds is None:
            return None
        return np.ascontiguousarray(self.clouds.probability(quality, where=self.where).T)

    def refuse_out_of_range(self, tally: RangeTally) -> None:
        """Refuses the cube where too many observations are out of range.

        Raises:
            DataError: more than 1 % are.
        """
        tally.refuse(where=self.where, factor=float(self.factor.flat[0]))

    def clear_share(self, summary: ReadingSummary) -> ClearShare | None:
        """Returns what counts the clear dates while the cube is read, or None without clouds."""
        return None if self.clouds is None else ClearShare(summary, describe(self.clouds))


def find_meaning(cube: Cube, options: IngestOptions, summary: ReadingSummary) -> Meaning:
    """Finds scale, offset and clouds from metadata and a sample of every date.

    Raises:
        DataError: the scale is mixed or impossible; whether the offset of baseline 04.00 was
            taken off is not clear, or metadata and values contradict each other; or what the
            clouds mean is not clear.
        SettingsError: ``cloud_measure`` is given and there are no clouds.
    """
    facts = cube.facts
    raw = _sample(cube)
    packing = _with_no_data(facts.packing, options.no_data)
    shape = packing.scale.shape
    plain = Meaning(np.ones(shape), np.zeros(shape), packing.no_data)
    known = np.asarray(~plain.missing(raw.values).any(axis=1))
    if not known.any():
        raise DataError("no data in the middle of the cube", where=facts.names[0])
    factor = _factors(raw.values, known, packing, given=options.scale, facts=facts, summary=summary)
    declared = _declared(facts)
    unpacked = _added_by_packing(packing, facts)
    meaning = Meaning(factor, unpacked, packing.no_data, where=_where(facts))
    decoded = np.clip(np.nan_to_num(meaning.decoded(raw.values)), -1e9, 1e9)
    clouds, probability = _clouds(
        raw.quality, decoded, known, facts=facts, options=options, summary=summary
    )
    date, pixel = np.nonzero(known)
    added = decide_offsets(
        Observations(
            values=decoded[date, :, pixel],
            date=date,
            series=pixel,
            bands=facts.bands,
            clear=None if probability is None else (probability < CLEAR_BELOW // 2)[date, pixel],
        ),
        Dates(facts.dates, declared),
        given=options.baseline_offset,
        where=_where(facts),
        summary=summary,
    )
    meaning = Meaning(
        factor, unpacked + added[:, None], packing.no_data, clouds, where=_where(facts)
    )
    tally = RangeTally()
    meaning.reflectance(raw.values, tally)
    meaning.refuse_out_of_range(tally)
    return meaning


def _sample(cube: Cube) -> Raw:
    """Values of pixels spread over the middle of the grid."""
    grid = cube.facts.grid
    height, width = min(grid.height, _SAMPLE), min(grid.width, _SAMPLE)
    window = Window((grid.height - height) // 2, (grid.width - width) // 2, height, width)
    step = 2 if height * width > 4096 else 1
    rows, columns = np.meshgrid(
        np.arange(0, height, step), np.arange(0, width, step), indexing="ij"
    )
    return cube.read(window, rows.ravel(), columns.ravel())


def _with_no_data(packing: Packing, given: float | None) -> Packing:
    if given is None:
        return packing
    return Packing(packing.scale, packing.offset, np.full_like(packing.no_data, given))


def _declared(facts: CubeFacts) -> npt.NDArray[np.float64]:
    """Returns the baseline offset that metadata name for each date.

    That of the packing comes first.
    """
    declared = np.full(len(facts.dates), np.nan)
    if facts.offsets is not None:
        declared = facts.offsets.astype(np.float64)
    packed = np.round(facts.packing.offset * sensors.SCALE)
    return np.where((packed == OFFSET).all(axis=1), float(OFFSET), declared)


def _added_by_packing(packing: Packing, facts: CubeFacts) -> npt.NDArray[np.float64]:
    """Returns what the packing adds to each band, (T, B), apart from the offset of the baseline."""
    packed = packing.offset * sensors.SCALE
    is_baseline = (np.round(packed) == OFFSET).all(axis=1)
    return np.where(is_baseline[:, None], 0.0, packed)


def _factors(
    sample: npt.NDArray[Any],
    known: npt.NDArray[np.bool_],
    packing: Packing,
    *,
    given: Scale | None,
    facts: CubeFacts,
    summary: ReadingSummary,
) -> npt.NDArray[np.float64]:
    """Returns what brings each date and band to reflectance x 10,000: (T, B)."""
    stated = np.isfinite(packing.scale) & (given is None)
    factor = np.where(stated, packing.scale * sensors.SCALE, np.nan)
    factor[np.isclose(factor, 1.0, rtol=1e-6)] = 1.0
    if not stated.all():
        scale = _scale(sample, known, ~stated, given, facts)
        factor[~stated] = 1.0 if scale == "dn" else float(sensors.SCALE)
    how = "as given" if given else "detected" if not stated.any() else "from metadata"
    largest = max(
        (float((sample[t][:, known[t]].max(axis=1) * factor[t]).max()))
        for t in np.flatnonzero(known.any(axis=1))
    )
    if largest < SMALLEST_BRIGHT_DN:
        raise DataError(
            "the scale of reflectance is impossible",
            where=facts.names[0],
            found=f"{largest / sensors.SCALE:g} as largest reflectance, {how}",
            hint="say what the values are with --scale",
        )
    distinct = np.unique(factor / sensors.SCALE)
    if len(distinct) == 1:
        name = "dn" if factor.flat[0] == 1.0 else "reflectance" if distinct[0] == 1 else "packed"
        text = f"{name} (reflectance = value x {distinct[0]:g}, {how})"
    else:
        text = f"band by band (reflectance = value x {_by_band(factor, facts.bands)}, {how})"
    summary.say("scale", text)
    return factor


def _by_band(factor: npt.NDArray[np.float64], bands: tuple[str, ...]) -> str:
    """Returns the scale of each band that differs from the most frequent one.

    Example:
        >>> _by_band(np.array([[1.0, 1.0, 0.5]]), ("B02", "B04", "B11"))
        '0.0001, but of B11 5e-05'
    """
    values, counts = np.unique(factor, return_counts=True)
    usual = float(values[np.argmax(counts)])
    others = [
        f"{band} {'/'.join(f'{v / sensors.SCALE:g}' for v in np.unique(factor[:, index]))}"
        for index, band in enumerate(bands)
        if (factor[:, index] != usual).any()
    ]
    return f"{usual / sensors.SCALE:g}, but of {', '.join(others)}"


def _scale(
    sample: npt.NDArray[Any],
    known: npt.NDArray[np.bool_],
    unstated: npt.NDArray[np.bool_],
    given: Scale | None,
    facts: CubeFacts,
) -> Scale:
    """Returns the one scale of all dates and bands whose scale is not stated, or the one given."""
    largest = np.full(unstated.shape, -np.inf)
    fractions = np.zeros(unstated.shape, dtype=np.bool_)
    for date in np.flatnonzero(known.any(axis=1)):
        values = sample[date][:, known[date]]
        largest[date] = values.max(axis=1)
        if values.dtype.kind == "f":
            fractions[date] = (values != np.round(values)).any(axis=1)
    dn = unstated & (largest >= SMALLEST_BRIGHT_DN)
    fractions &= unstated & (largest <= LARGEST_REFLECTANCE)
    if dn.any() and fractions.any():
        raise _mixed(dn, fractions, facts)
    found: Scale | None = "dn" if dn.any() else "reflectance" if fractions.any() else None
    if given is not None and found not in (None, given):
        raise DataError(
            f"the values do not fit the scale {given!r}",
            where=facts.names[0],
            found=f"values that look like {found!r}",
            hint="leave the scale out",
        )
    scale = given or found
    if scale is None:
        raise DataError(
            "the scale of reflectance is impossible",
            where=facts.names[int(np.argmax(largest.max(axis=1)))],
            found=f"{largest.max():g} as largest value",
            expected="reflectance 0..1 or reflectance x 10,000",
            hint="convert to reflectance, or give --scale",
        )
    return scale


def _mixed(
    dn: npt.NDArray[np.bool_], fractions: npt.NDArray[np.bool_], facts: CubeFacts
) -> DataError:
    """Returns the error of bands, or of dates, in two scales."""
    of_bands = dn.any(axis=0), fractions.any(axis=0)
    if not (of_bands[0] & of_bands[1]).any():
        names = [" ".join(np.array(facts.bands)[some]) for some in of_bands]
        return DataError(
            "the scale of reflectance is mixed",
            where=_where(facts),
            found=f"{names[1]} in 0..1 and {names[0]} x 10,000",
            hint="bring all bands to one scale, or state the scale_factor of each",
        )
    dates = dn.any(axis=1), fractions.any(axis=1)
    return DataError(
        "the scale of reflectance is mixed",
        where=" and ".join(facts.names[int(np.argmax(some))] for some in dates[::-1]),
        found=f"{int(dates[1].sum())} dates in 0..1 and {int(dates[0].sum())} x 10,000",
        hint="bring all files to one scale",
    )


def _clouds(
    quality: npt.NDArray[Any] | None,
    decoded: npt.NDArray[np.float64],
    known: npt.NDArray[np.bool_],
    *,
    facts: CubeFacts,
    options: IngestOptions,
    summary: ReadingSummary,
) -> tuple[CloudLayer | None, npt.NDArray[np.uint8] | None]:
    """Returns what the quality layer means, and the cloud probability (T, n) of the sample."""
    if quality is None or facts.quality is None:
        if options.cloud_measure is not None:
            raise SettingsError(
                "--cloud-measure without clouds",
                where=_where(facts),
                hint="name the layer of clouds with --cloud-column",
            )
        summary.say("cloud", "not known: every date counts as clear")
        return None, None
    layer = recognise_clouds(
        facts.quality,
        np.where(known, quality, np.nan),
        blue=np.where(known, decoded[:, 0], np.nan),
        given=options.cloud_measure,
        where=_where(facts),
    )
    probability = layer.probability(quality, where=_where(facts))
    share = ClearShare(summary, describe(layer))
    share.add(probability, known)
    share.say(of="dates of a sample")
    return layer, probability


def _where(facts: CubeFacts) -> str:
    names = facts.names
    return names[0] if len(set(names)) == 1 else f"{names[0]} to {names[-1]}"
