"""Recognises the bands among columns, variables or assets by the one dialect that explains them.

Nothing is guessed. The user has to give the option ``--bands`` if two names are one band, if no
dialect knows all names, or if two dialects know them with different meanings.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from windrow import sensors
from windrow.errors import BandError
from windrow.sources.bands.dialects import (
    AMBIGUOUS,
    DIALECTS,
    LANDSAT,
    POSITIONS,
    SENTINEL2,
    STAC,
    Dialect,
    dialect,
    normalised,
)
from windrow.sources.bands.names import CENTRAL, ParsedName, grouped
from windrow.sources.bands.other_sensors import NO_RED_EDGE, looks_like_landsat

_NUMBER = re.compile(r"b([0-9]{1,3})")
_LANDSAT_ONLY = frozenset({"qapixel", "qaradsat", "lwir", "lwir11", "lwir12", "stb10", "stb6"})
_LANDSAT_SELECTION = frozenset({"blue", "green", "red", "nir08", "swir16", "swir22"})


@dataclass(frozen=True)
class BandNames:
    """The bands of a product by the names that it gives them.

    Attributes:
        bands: the band of each name, in the order of the names; B10 is included.
        dialect: the key of the dialect, or ``as given``.
        left_out: the other names.
        notes: remarks for the user.
    """

    bands: Mapping[str, str]
    dialect: str
    left_out: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def describe(self) -> str:
        """Describes the dialect, with the name of each band that differs from windrow's.

        Example:
            >>> BandNames({"NIR": "B8A", "B02": "B02"}, "FORCE", ()).describe()
            'FORCE (B8A = NIR)'
        """
        renamed = [f"{band} = {name}" for name, band in self.bands.items() if name != band]
        text = f"{self.dialect} ({', '.join(renamed)})" if renamed else self.dialect
        return "; ".join((text, *self.notes))

    def by_band(self) -> dict[str, str]:
        """Returns the name of each band but B10, in the order of the names."""
        return {band: name for name, band in self.bands.items() if band != "B10"}


def recognise_bands(
    names: Sequence[str],
    *,
    where: object,
    unit: str = "column",
    given: Sequence[str] | None = None,
    prefer: Dialect | None = None,
) -> BandNames:
    """Recognises the bands among the names of columns, variables, files or assets.

    Args:
        names: all names that may be bands, each once.
        where: the file or folder with the names, for messages.
        unit: the kind of named thing (column, variable, asset), for messages.
        given: the option ``--bands``: ``BAND=NAME`` pairs, or the key of one dialect.
        prefer: the dialect to take if several explain all names. It also implies that the names
            are from Sentinel-2 and are not positions.

    Returns:
        the bands; none where no name contains one.

    Raises:
        BandError: the names are ambiguous, belong to another sensor, or do not fit the option.

    Example:
        >>> names = ["BLUE", "RED", "BROADNIR", "NIR", "QAI"]
        >>> found = recognise_bands(names, where="x.tif")
        >>> found.dialect, found.bands["NIR"], found.left_out
        ('FORCE', 'B8A', ('QAI',))
    """
    if given is not None:
        return _as_given(names, given, where=where, unit=unit)
    groups = grouped(names)
    if not groups:
        return BandNames({}, "none", tuple(names))
    question = _Question(names, groups, where=where, unit=unit)
    question.refuse_other_sensors()
    chosen = {words: group for words, group in groups.items() if not group[0].is_spread}
    if len(chosen) != 1:
        what = (
            "the bands are given by statistics that are no reflectance"
            if not chosen
            else f"{unit}s of bands are named in {len(chosen)} ways"
        )
        raise question.asked(what)
    (words, group), *_ = chosen.items()
    one = question.dialect_of(group, prefer)
    band_of = one.bands()
    bands = {parsed.name: band_of[parsed.core] for parsed in group}
    notes = []
    if words:
        notes.append(f"each with {' '.join(words)!r}")
    if "fmask" in map(normalised, names):
        notes.append("of HLS S30: adjusted to nadir view, not Sentinel-2's own values")
    return BandNames(
        bands, one.key, tuple(name for name in names if name not in bands), tuple(notes)
    )


def _as_given(names: Sequence[str], given: Sequence[str], *, where: object, unit: str) -> BandNames:
    if len(given) == 1 and "=" not in given[0]:
        return _in_dialect(names, given[0], where=where, unit=unit)
    bands: dict[str, str] = {}
    for text in given:
        band, equals, name = text.partition("=")
        if not equals:
            raise BandError(
                f"a band is given as BAND={unit.upper()}, or all by the name of a dialect",
                found=text,
                expected="such as B02=blue, or one of " + ", ".join(d.key for d in DIALECTS),
            )
        if name not in names:
            raise BandError(
                f"no {unit} {name!r} of band {band}",
                where=where,
                found=f"{unit}s " + ", ".join(names),
            )
        if name in bands:
            raise BandError(f"{unit} {name!r} is given for two bands", found=" ".join(given))
        bands[name] = sensors.canonical_band(band)
    sensors.check_bands([band for band in bands.values() if band != "B10"])
    return BandNames(bands, "as given", tuple(name for name in names if name not in bands))


def _in_dialect(names: Sequence[str], key: str, *, where: object, unit: str) -> BandNames:
    one = dialect(key)
    if one is None:
        raise BandError(
            f"a band is given as BAND={unit.upper()}, or all by the name of a dialect",
            found=key,
            expected="such as B02=blue, or one of " + ", ".join(d.key for d in DIALECTS),
        )
    band_of = one.bands()
    groups = grouped(names)
    known = {
        words: {parsed.name: band_of[parsed.core] for parsed in group if parsed.core in band_of}
        for words, group in groups.items()
        if not group[0].is_spread
    }
    found = [some for some in known.values() if some]
    if len(found) > 1:
        question = _Question(names, groups, where=where, unit=unit)
        raise question.asked(f"{unit}s of bands are named in {len(found)} ways")
    bands = found[0] if found else {}
    _refuse_twice(bands, where)
    if not bands:
        raise BandError(
            f"no {unit} bears a name of the dialect {one.key}",
            where=where,
            found=f"{unit}s " + ", ".join(names),
            expected=", ".join(one.names),
        )
    left_out = tuple(name for name in names if name not in bands)
    return BandNames(bands, f"{one.key}, as given", left_out)


def _refuse_twice(bands: Mapping[str, str], where: object) -> None:
    for name, band in bands.items():
        others = [other for other, same in bands.items() if same == band and other != name]
        if others:
            raise BandError(
                f"band {band} stands twice",
                where=where,
                found=f"{name} and {others[0]}",
                hint="say which one to read: --bands "
                + " ".join(f"{b}={shlex.quote(n)}" for b, n in _first_of_each(bands).items()),
            )


def _first_of_each(bands: Mapping[str, str]) -> dict[str, str]:
    result: dict[str, str] = {}
    for name, band in bands.items():
        result.setdefault(band, name)
    return result


class _Question:
    """The question to the user for names that do not identify their bands."""

    def __init__(
        self,
        names: Sequence[str],
        groups: Mapping[tuple[str, ...], list[ParsedName]],
        *,
        where: object,
        unit: str,
    ) -> None:
        self._names = names
        self._groups = groups
        self._where = where
        self._unit = unit

    def asked(
        self, what: str, *, expected: str | None = None, hint: str | None = None
    ) -> BandError:
        """Builds the error, with all names that contain a band and an option to start from."""
        found = [parsed.name for group in self._groups.values() for parsed in group]
        return BandError(
            what,
            where=self._where,
            found=f"{self._unit}s " + ", ".join(found),
            expected=expected,
            hint=hint or f"say which is which: --bands {self._proposal()}",
        )

    def _proposal(self) -> str:
        """Returns ``BAND=NAME`` for all names that can mean only one band."""
        parsed = [one for group in self._groups.values() for one in group if not one.is_spread]
        parsed.sort(key=lambda one: (one.words != (), not CENTRAL & set(one.words)))
        bands: dict[str, str] = {}
        for sure in (True, False):
            for one in parsed:
                possible = {d.bands()[one.core] for d in DIALECTS if one.core in d.bands()}
                possible -= set(bands) - ({"B10"} if sure else set())
                if one.name not in bands.values() and len(possible) == 1:
                    bands[possible.pop()] = one.name
        order = [band for band in sensors.SENTINEL2_BANDS if band in bands]
        if not order:
            return f"B02={self._unit.upper()} B03={self._unit.upper()} ..."
        return " ".join(f"{band}={shlex.quote(bands[band])}" for band in order)

    def refuse_other_sensors(self) -> None:
        """Refuses names of Landsat and HLS L30, which have no red edge.

        Raises:
            BandError: the names are from such a sensor; the error lists them.
        """
        every = {normalised(name) for name in self._names}
        cores = {parsed.core for group in self._groups.values() for parsed in group}
        words = {word for around in self._groups for word in around}
        landsat = bool(cores & set(LANDSAT.bands())) or bool(every & _LANDSAT_ONLY)
        l30 = any("l30" in word for word in words)
        l30 = l30 or ("fmask" in every and looks_like_landsat(cores))
        if landsat or l30:
            raise self.asked(
                f"these are bands of {'HLS L30, which is Landsat' if l30 else 'Landsat'}",
                expected=f"Sentinel-2, {NO_RED_EDGE}",
                hint="read Sentinel-2 (of HLS: S30); to take them for Sentinel-2 all the same, "
                "name each one: --bands B02=NAME B8A=NAME ...",
            )

    def dialect_of(self, group: Sequence[ParsedName], prefer: Dialect | None) -> Dialect:
        """Returns the one dialect that explains a group of names.

        Raises:
            BandError: no dialect explains them, or two dialects do with different bands.
        """
        cores = [parsed.core for parsed in group]
        fitting = [one for one in DIALECTS if set(cores) <= set(one.bands())]
        numbers = prefer is None and self._ask_about_positions(set(cores))
        if not fitting:
            raise self._half_there(cores)
        if prefer in fitting:
            fitting = [prefer]
        meanings = {tuple(one.bands()[core] for core in cores) for one in fitting}
        if len(meanings) > 1:
            raise self._two_meanings(group, fitting)
        bands = {parsed.name: fitting[0].bands()[parsed.core] for parsed in group}
        _refuse_twice(bands, self._where)
        if numbers and looks_like_landsat(set(cores)):
            raise self.asked(
                "these bands may be Sentinel-2's or Landsat's",
                expected="one of B08, B8A, B12, without which B05 B06 B07 may be the near and "
                "short-wave infrared of Landsat and HLS L30",
                hint=f"if it is Sentinel-2: --bands {SENTINEL2.key}; if it is Landsat, read "
                "Sentinel-2",
            )
        if prefer is None and set(cores) - {"coastal"} == _LANDSAT_SELECTION:
            raise self.asked(
                "these bands may be Sentinel-2's or Landsat's",
                expected="a red edge or nir beside nir08, which Landsat does not have",
                hint=f"if it is Sentinel-2: --bands {STAC.key}; if it is Landsat, read Sentinel-2",
            )
        return fitting[0]

    def _ask_about_positions(self, cores: set[str]) -> bool:
        """Whether all names are numbers; raises a question if they count up from 0 or 1."""
        found = [_NUMBER.fullmatch(core) for core in cores]
        if not all(match or core == "b8a" for match, core in zip(found, cores, strict=True)):
            return False
        numbers = sorted(int(match[1]) for match in found if match)
        first = numbers[0] if numbers else 0
        counting = first in (0, 1) and numbers == list(range(first, first + len(numbers)))
        if not counting or "b8a" in cores or (len(numbers) == 1 and first == 1):
            return True
        by_number = {
            int(match[1]): parsed.name
            for group in self._groups.values()
            for parsed in group
            if (match := _NUMBER.fullmatch(parsed.core)) and not parsed.is_spread
        }
        name, bands = POSITIONS.get(len(numbers), ("", ()))
        hint = f"name each one: --bands B02={shlex.quote(by_number[first])} ..."
        if bands:
            pairs = zip(bands, (by_number[number] for number in numbers), strict=True)
            option = " ".join(f"{band}={shlex.quote(column)}" for band, column in pairs)
            hint = f"if they are {name}: --bands {option}"
        if numbers[-1] <= 12 and first == 1:
            hint += f"; if they are names: --bands {SENTINEL2.key}"
        last = by_number[numbers[-1]]
        raise self.asked(
            f"{by_number[first]} to {last} count, and may be positions or names",
            expected="names of a selection of some product, such as B02 B03 B04 B08 B8A B11 B12",
            hint=hint,
        )

    def _half_there(self, cores: Sequence[str]) -> BandError:
        best = max(DIALECTS, key=lambda one: sum(core in one.bands() for core in cores))
        group = [parsed for some in self._groups.values() for parsed in some]
        unknown = [
            parsed.name
            for parsed in group
            if parsed.core in cores and parsed.core not in best.bands()
        ]
        why = [
            f"{parsed.name} may be {AMBIGUOUS[parsed.core]}"
            for parsed in group
            if parsed.name in unknown and parsed.core in AMBIGUOUS
        ]
        return self.asked(
            f"no one dialect names all of these bands: {', '.join(unknown)} "
            f"{'is' if len(unknown) == 1 else 'are'} no name of {best.key}",
            expected="; ".join(why) or None,
        )

    def _two_meanings(self, group: Sequence[ParsedName], fitting: Sequence[Dialect]) -> BandError:
        parts = []
        for parsed in group:
            meant: dict[str, list[str]] = {}
            for one in fitting:
                meant.setdefault(one.bands()[parsed.core], []).append(one.key)
            if len(meant) > 1:
                said = " or ".join(f"{band} ({', '.join(keys)})" for band, keys in meant.items())
                parts.append(f"{parsed.name} is {said}")
        keys = ", ".join(one.key for one in fitting)
        return self.asked(
            "the bands have two meanings: " + "; ".join(parts),
            hint=f"name the dialect (--bands with one of {keys}), or each band: "
            f"--bands {self._proposal()}",
        )
