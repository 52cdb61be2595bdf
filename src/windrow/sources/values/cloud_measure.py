"""Cloud measures: what the numbers of a cloud column, variable, band or layer mean.

Products measure clouds in many ways: as a share of one, of a hundred or of 255, as classes, as
bits, or as a mask in which 1 is cloudy or clear. The name says which ways are possible, and the
values which of them it is. Where both leave it open, the user is asked. What was taken is
reported, with the share of dates that it calls clear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from windrow import sensors
from windrow.errors import DataError, SettingsError
from windrow.sources.reader import CloudMeasure, ReadingSummary
from windrow.sources.values.cloud_names import (
    CLEAR,
    CLOUD,
    MEANINGS,
    SCL_CLOUD_PROBABILITY,
    cloud_name,
)

CLEAR_BELOW = 128
"""A date counts as clear where its cloud probability 0..255 is below."""

UNKNOWN = 255
"""The cloud probability of a date of which nothing is known: it cannot be called clear."""

QA60_OPAQUE, QA60_CIRRUS = 1024, 2048
QAI_STATE_PROBABILITY = (0, 128, 255, 128)
"""Cloud probability of FORCE's cloud state (bits 1 and 2 of QAI): clear, less confident cloud,
opaque cloud, cirrus."""

_LIMITS: dict[CloudMeasure, float] = {
    "cloud-fraction": 1,
    "cloud-percent": 100,
    "cloud-255": 255,
    "clear-fraction": 1,
    "clear-percent": 100,
    "scl": 11,
    "qa60": QA60_OPAQUE + QA60_CIRRUS,
    "qai": 2**15 - 1,
}
_MIN_COMPARED = 10
_BRIGHT = 2000.0


@dataclass(frozen=True)
class CloudLayer:
    """A cloud measure that was recognised.

    Attributes:
        name: of the column, variable or layer.
        measure: what its values mean.
        how: why that was taken, for the summary.
    """

    name: str
    measure: CloudMeasure
    how: str

    def probability(self, values: npt.NDArray[Any], *, where: object) -> npt.NDArray[np.uint8]:
        """Returns cloud probability 0..255 of values in any shape; 255 where a value is missing.

        Raises:
            DataError: a value is outside the measure.

        Example:
            >>> layer = CloudLayer("c", "cloud-percent", "")
            >>> layer.probability(np.array([0, 50, 100, np.nan]), where="x").tolist()
            [0, 128, 255, 255]
        """
        measure = self.measure
        if measure == "scl":
            table = np.full(256, UNKNOWN, dtype=np.uint8)
            table[list(SCL_CLOUD_PROBABILITY)] = list(SCL_CLOUD_PROBABILITY.values())
            known = np.nan_to_num(values, nan=0) if values.dtype.kind == "f" else values
            return np.asarray(table[np.clip(known, 0, 255).astype(np.uint8)])
        numbers = values.astype(np.float64)
        missing = _missing(numbers, measure)
        known = np.where(missing, 0.0, numbers)
        if not _fits(known, measure):
            raise DataError(
                "a cloud value is out of range",
                where=f"{where}, {self.name}",
                found=f"{known.min():g} to {known.max():g}",
                expected=f"0 to {_LIMITS[measure]:g}: {MEANINGS[measure]}",
                hint="say what the values mean with --cloud-measure",
            )
        return np.where(missing, np.uint8(UNKNOWN), _probability(known, measure)).astype(np.uint8)


def _missing(values: npt.NDArray[np.float64], measure: CloudMeasure) -> npt.NDArray[np.bool_]:
    """Returns NaN; and 255 in masks and per cent, where products of 8 bits write it for no data."""
    missing = np.isnan(values)
    if _LIMITS[measure] <= 100:
        missing = missing | (values == 255)
    return missing


def _fits(known: npt.NDArray[np.float64], measure: CloudMeasure) -> bool:
    if not known.size:
        return True
    if known.min() < 0 or not known.max() <= _LIMITS[measure]:
        return False
    whole = bool((known == np.round(known)).all())
    if measure == "qa60" and whole:
        return bool(np.isin(known, (0, 1024, 2048, 3072)).all())
    return whole or measure not in ("scl", "qai")


def _probability(known: npt.NDArray[np.float64], measure: CloudMeasure) -> npt.NDArray[Any]:
    if measure == "cloud-255":
        return np.round(known)
    if measure == "qa60":
        bits = known.astype(np.int64)
        if (known == bits).all():
            cirrus = np.where(bits & QA60_CIRRUS, CLEAR_BELOW, 0)
            return np.asarray(np.where(bits & QA60_OPAQUE, 255, cirrus))
        return sensors.cloud_probability_of_fraction(np.minimum(known / QA60_OPAQUE, 1.0))
    if measure == "qai":
        bits = known.astype(np.int64)
        state = np.array(QAI_STATE_PROBABILITY)[(bits >> 1) & 3]
        return np.asarray(np.where(bits & 1, UNKNOWN, state))
    fraction = known / _LIMITS[measure]
    return sensors.cloud_probability_of_fraction(1.0 - fraction if measure in CLEAR else fraction)


def recognise_clouds(
    name: str,
    values: npt.NDArray[Any],
    *,
    blue: npt.NDArray[Any] | None,
    given: CloudMeasure | None,
    where: object,
) -> CloudLayer:
    """Finds what cloud values mean from their name and range, or as given.

    Args:
        name: of the column, variable or layer.
        values: (R,) values of many observations, NaN where missing.
        blue: (R,) reflectance x 10,000 of the shortest band: clouds are bright. NaN where it is
            not known; None where nothing is.
        given: what the user said.
        where: the file, for messages.

    Raises:
        DataError: the values do not fit the name or what was given, or name and values leave open
            what they mean.
        SettingsError: ``given`` is no measure.
    """
    numbers = values.astype(np.float64).ravel()
    brightness = None if blue is None else np.asarray(blue, dtype=np.float64).ravel()
    if given is not None:
        if given not in get_args(CloudMeasure):
            raise SettingsError(
                "unknown --cloud-measure", found=given, expected=" or ".join(get_args(CloudMeasure))
            )
        as_given = CloudLayer(name, given, "as given")
        as_given.probability(numbers, where=where)
        return as_given
    entry = cloud_name(name)
    candidates = entry.measures if entry is not None else (*CLOUD, "clear-fraction")
    fitting = [m for m in candidates if _fits(numbers[~_missing(numbers, m)], m)]
    if not fitting:
        raise _out_of_range(name, numbers, candidates, where)
    measure, how = _by_range(numbers, fitting, brightness, known_name=entry is not None)
    layer = None if measure is None else CloudLayer(name, measure, how)
    if layer is None or _is_against(layer, numbers, brightness, where):
        raise _asked(name, numbers, layer, where)
    return layer


def _by_range(
    numbers: npt.NDArray[np.float64],
    fitting: list[CloudMeasure],
    blue: npt.NDArray[np.float64] | None,
    *,
    known_name: bool,
) -> tuple[CloudMeasure | None, str]:
    """Returns the measure that the range of the values speaks for, or None, and why."""
    known = numbers[~np.isnan(numbers)]
    high = float(known.max()) if len(known) else 0.0
    if known_name and len(fitting) == 1:
        return fitting[0], "by its name and range"
    if high <= 1:
        sense: CloudMeasure = "clear-fraction" if "clear-fraction" in fitting else "cloud-fraction"
        whole = bool((known == np.round(known)).all())
        if known_name and (not whole or not known.any() or sense == "clear-fraction"):
            return sense, "by its name, no value exceeds 1"
        return _by_brightness(numbers, blue, known_name=known_name)
    if high > 100:
        return "cloud-255", f"the largest value is {high:g}"
    if known_name and ("clear-percent" in fitting or high == 100):
        percent: CloudMeasure = "clear-percent" if "clear-percent" in fitting else "cloud-percent"
        return percent, f"the largest value is {high:g}"
    return _by_bright_half(numbers, blue, high) if known_name else (None, "")


def _by_bright_half(
    numbers: npt.NDArray[np.float64], blue: npt.NDArray[np.float64] | None, high: float
) -> tuple[CloudMeasure | None, str]:
    """Returns per cent, where dates from 50 on are bright.

    Else it may be 0..255 of clear dates alone.
    """
    if _brighter(blue, numbers >= 50, numbers < 10) is True or (
        blue is not None and _all_bright(blue[numbers >= 50])
    ):
        return "cloud-percent", f"the largest value is {high:g}, and dates from 50 on are bright"
    return None, ""


def _all_bright(blue: npt.NDArray[np.float64]) -> bool:
    """Whether dates are as bright as clouds, where none are dark enough to compare with."""
    known = blue[np.isfinite(blue)]
    return len(known) >= _MIN_COMPARED and bool(np.median(known) > _BRIGHT)


def _by_brightness(
    numbers: npt.NDArray[np.float64], blue: npt.NDArray[np.float64] | None, *, known_name: bool
) -> tuple[CloudMeasure | None, str]:
    """Returns the sense of a mask of 0 and 1 under a name that leaves it open.

    Clouds are bright.
    """
    brighter = _brighter(blue, numbers > 0.5, numbers <= 0.5)
    if brighter is True:
        return "cloud-fraction", "dates of 1 are brighter than dates of 0"
    if brighter is False and not known_name:
        return "clear-fraction", "dates of 1 are darker than dates of 0"
    return None, ""


def _brighter(
    blue: npt.NDArray[np.float64] | None,
    first: npt.NDArray[np.bool_],
    second: npt.NDArray[np.bool_],
) -> bool | None:
    """Whether the first dates are clearly brighter (True) or darker (False) than the second."""
    if blue is None:
        return None
    known = np.isfinite(blue)
    first, second = first & known, second & known
    if min(int(first.sum()), int(second.sum())) < _MIN_COMPARED:
        return None
    one, other = float(np.median(blue[first])), float(np.median(blue[second]))
    if one > 1.5 * other:
        return True
    return False if other > 1.5 * one else None


def _is_against(
    layer: CloudLayer,
    numbers: npt.NDArray[np.float64],
    blue: npt.NDArray[np.float64] | None,
    where: object,
) -> bool:
    """Whether the dates that a measure calls cloudy are much darker than those it calls clear."""
    clear = layer.probability(numbers, where=where) < CLEAR_BELOW
    known = ~np.isnan(numbers)
    return _brighter(blue, ~clear & known, clear & known) is False


def _out_of_range(
    name: str,
    numbers: npt.NDArray[np.float64],
    candidates: tuple[CloudMeasure, ...],
    where: object,
) -> DataError:
    known = numbers[~np.isnan(numbers)]
    whole = "" if (known == np.round(known)).all() else ", not whole numbers"
    return DataError(
        "a cloud value is out of range",
        where=f"{where}, {name}",
        found=f"{known.min():g} to {known.max():g}{whole}",
        expected=" or ".join(f"{MEANINGS[measure]}" for measure in candidates),
        hint="say what the values mean with --cloud-measure, or name another with --cloud-column",
    )


def _asked(
    name: str, numbers: npt.NDArray[np.float64], layer: CloudLayer | None, where: object
) -> DataError:
    known = numbers[~np.isnan(numbers)]
    found = f"{known.min():g} to {known.max():g}"
    if layer is not None:
        found += f"; read as {layer.measure}, the cloudy dates are darker than the clear ones"
    return DataError(
        "what the cloud values mean is not clear",
        where=f"{where}, {name}",
        found=found,
        hint="say it with --cloud-measure " + ", ".join(get_args(CloudMeasure)),
    )


class ClearShare:
    """Counts the dates that a cloud measure calls clear, and reports their share.

    Args:
        summary: where measure and share are said.
        text: what was taken.
    """

    def __init__(self, summary: ReadingSummary, text: str) -> None:
        self._summary = summary
        self._text = text
        self._num_dates = 0
        self._num_clear = 0

    def add(self, probability: npt.NDArray[np.uint8], valid: npt.NDArray[np.bool_]) -> None:
        """Counts some dates, of which only the valid ones matter."""
        self._num_dates += int(valid.sum())
        self._num_clear += int((valid & (probability < CLEAR_BELOW)).sum())

    def say(self, *, of: str = "dates") -> None:
        """Reports the share, and doubts a measure that calls all or no dates clear."""
        if not self._num_dates:
            self._summary.say("cloud", self._text)
            return
        share = self._num_clear / self._num_dates
        self._summary.say("cloud", f"{self._text}; {share:.0%} of the {of} are clear")
        self._summary.facts.pop("cloud_doubt", None)
        if self._num_clear in (0, self._num_dates):
            called = "no date" if self._num_clear == 0 else "every date"
            self._summary.say(
                "cloud_doubt",
                f"the measure calls {called} clear: see whether the column and its meaning are "
                "right (--cloud-column, --cloud-measure)",
            )


def describe(layer: CloudLayer) -> str:
    """Describes what was taken, for the summary.

    Example:
        >>> describe(CloudLayer("clp", "cloud-255", "the largest value is 250"))
        "'clp', probability of cloud 0..255 (cloud-255; the largest value is 250)"
    """
    text = f"{layer.name!r}, {MEANINGS[layer.measure]} ({layer.measure}; {layer.how})"
    if layer.measure == "scl":
        graded = ", ".join(f"{k} is {v}" for k, v in SCL_CLOUD_PROBABILITY.items() if v)
        text += f", as probability 0..255: {graded}, the others 0"
    return text
