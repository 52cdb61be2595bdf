"""Parses names that contain a band name and other words: statistics, products, resolutions.

``B02_mean``, ``mean_B02``, ``S2-L2A-B02`` and ``B02_10m`` contain the name of a band and other
words. Names with the same other words form a group, and only a whole group is a set of bands.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from windrow.sources.bands.dialects import AMBIGUOUS, DIALECTS, LANDSAT, normalised

CENTRAL = frozenset({"mean", "avg", "average", "median", "med", "p50", "q50"})
"""Statistics of a field that are taken as its reflectance."""

OTHER_STATISTICS = frozenset(
    {
        "std",
        "stdev",
        "stddev",
        "sd",
        "var",
        "variance",
        "min",
        "max",
        "count",
        "sum",
        "nodatacount",
        "samplecount",
        "range",
        "iqr",
        "cv",
        "mad",
        "skew",
        "skewness",
        "kurtosis",
        "percentile",
        "percentiles",
    }
)
"""Statistics that are not a reflectance of the field; such columns are left out and listed."""

_RESOLUTIONS = frozenset({"10m", "20m", "60m", "r10m", "r20m", "r60m"})
_PRODUCTS = frozenset(
    {
        "s2",
        "s2a",
        "s2b",
        "sentinel",
        "sentinel2",
        "2",
        "sen2",
        "msi",
        "l2a",
        "l1c",
        "boa",
        "toa",
        "toc",
        "sr",
        "refl",
        "reflectance",
        "surface",
        "rho",
        "band",
        "bands",
        "value",
        "val",
        "optical",
        "default",
        "fre",
        "sre",
        "dn",
        "raw",
    }
)
_PERCENTILE = re.compile(r"[pq][0-9]{1,2}")
_NUMBERED = re.compile(r"b[0-9]{1,3}[a-z]?")
_WORD = re.compile(r"[a-z0-9]+")
_STATISTIC = "|".join(sorted(CENTRAL | OTHER_STATISTICS, key=len, reverse=True))
_GLUED = re.compile(rf"({_STATISTIC})?(b[0-9]{{1,2}}a?)({_STATISTIC})?")

_KNOWN = frozenset({name for one in (*DIALECTS, LANDSAT) for name in one.bands()} | set(AMBIGUOUS))


@dataclass(frozen=True)
class ParsedName:
    """A name that contains the name of a band.

    Attributes:
        name: the name as it is written.
        core: the normalised name of the band.
        words: the other words, without resolutions.
    """

    name: str
    core: str
    words: tuple[str, ...]

    @property
    def is_spread(self) -> bool:
        """Whether it is a statistic other than a reflectance, such as ``B02_std``."""
        return any(
            word in OTHER_STATISTICS or (_PERCENTILE.fullmatch(word) and word not in CENTRAL)
            for word in self.words
        )

    @property
    def is_plain(self) -> bool:
        """Whether all other words are known."""
        known = CENTRAL | OTHER_STATISTICS | _PRODUCTS
        return all(word in known or _PERCENTILE.fullmatch(word) for word in self.words)


def is_core(text: str) -> bool:
    """Whether a normalised name is the name of a band in some dialect, or a number.

    Example:
        >>> is_core("nir08"), is_core("b13"), is_core("ndvi")
        (True, True, False)
    """
    return text in _KNOWN or _NUMBERED.fullmatch(text) is not None


def parse(name: str) -> ParsedName | None:
    """Finds the name of a band in a name; returns None where it contains none.

    Example:
        >>> parse("mean_B02").core, parse("B8A_median").words, parse("NDVI")
        ('b2', ('median',), None)
    """
    text = name.split(",", maxsplit=1)[0].strip().lower()
    if is_core(normalised(text)):
        return ParsedName(name, normalised(text), ())
    words = _WORD.findall(text)
    for length in range(min(len(words), 4), 0, -1):
        for start in range(len(words) - length, -1, -1):
            core = _core_of(words[start : start + length])
            if core is not None:
                around = (*words[:start], *words[start + length :])
                kept = tuple(word for word in around if word not in _RESOLUTIONS)
                return ParsedName(name, core, kept)
    for index, word in enumerate(words):
        glued = _GLUED.fullmatch(word)
        if glued is not None:
            around = (*words[:index], glued[1] or "", glued[3] or "", *words[index + 1 :])
            kept = tuple(word for word in around if word and word not in _RESOLUTIONS)
            return ParsedName(name, normalised(glued[2]), kept)
    return None


def _core_of(words: list[str]) -> str | None:
    """Returns the band name that successive words form: one number, or words of a name."""
    joined = "".join(words)
    if len(words) > 1 and words[0][:1] == "b" and _NUMBERED.fullmatch(words[0]):
        return None  # B1_1 is not B11
    core = normalised(joined)
    return core if is_core(core) else None


def grouped(names: Iterable[str]) -> dict[tuple[str, ...], list[ParsedName]]:
    """Groups names that contain a band by their other words, in their order.

    A colour with unknown words (``red_flag``) counts only if three such names share the words, or
    if the colour also occurs by itself.

    Example:
        >>> [len(group) for group in grouped(["B02_mean", "B03_mean", "B8A", "red_flag"]).values()]
        [2, 1]
    """
    groups: dict[tuple[str, ...], list[ParsedName]] = defaultdict(list)
    parsed = [found for found in map(parse, names) if found is not None]
    # SR_B2 is Landsat's, but beside SR_B8A it is Sentinel-2's.
    surface = any("sr" in one.words for one in parsed)
    for one in parsed:
        of_landsat = re.fullmatch(r"srb[0-9]", one.core) is not None
        if surface and of_landsat:
            groups["sr", *one.words].append(
                replace(one, core=one.core[2:], words=("sr", *one.words))
            )
        else:
            groups[one.words].append(one)
    plain = {one.core for group in groups.values() if group[0].is_plain for one in group}
    return {
        words: group
        for words, group in groups.items()
        if group[0].is_plain
        or _NUMBERED.fullmatch(group[0].core)
        or len({one.core for one in group}) >= 3
        or plain & {one.core for one in group}
    }
