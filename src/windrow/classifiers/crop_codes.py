"""Recognises columns of EuroCrops' and WorldCereal's codes, and names their classes.

A column is taken for codes only if nearly all of its values have the form of one legend's codes and
most of them are known crops. Single numbers among names are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from windrow.classifiers import crop_code_tables

LEAST_SHARE = 0.95
"""Share of the labels that must have the form of the legend's codes."""

LEAST_KNOWN = 0.5
"""Share of the labels that must be codes of known crops, where the form itself is rare."""


@dataclass(frozen=True)
class CodedCrop:
    """A code of a legend.

    Attributes:
        name: its name there, with blanks.
        crops: the crops of the table that it stands for.
    """

    name: str
    crops: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class CodeLegend:
    """A legend of crop codes.

    Attributes:
        name: what it is called.
        form: form of all its codes, as a regular expression.
        least_known: share of the labels that must be codes of known crops.
        codes: the codes of known crops.
    """

    name: str
    form: str
    least_known: float
    codes: dict[str, CodedCrop]


def _read(table: str) -> dict[str, CodedCrop]:
    found = {}
    for line in table.strip().splitlines():
        named, crops = line.split(" = ")
        code, name = named.split(" ", 1)
        found[code] = CodedCrop(name.replace("_", " "), tuple(crops.split(", ")))
    return found


LEGENDS: tuple[CodeLegend, ...] = (
    CodeLegend("EuroCrops (HCAT3)", r"33\d{8}", LEAST_KNOWN, _read(crop_code_tables.EUROCROPS)),
    CodeLegend(
        "WorldCereal",
        r"(?:00|1[0-7]|2[05]|30|4[0-3]|[567]0)\d{8}",
        LEAST_KNOWN,
        _read(crop_code_tables.WORLDCEREAL),
    ),
    # Any list of crops may count with four digits: nearly all of them must be known.
    CodeLegend(
        "WorldCereal 2021", r"[1-9]\d{3}", LEAST_SHARE, _read(crop_code_tables.WORLDCEREAL_2021)
    ),
)
"""The legends whose codes are known. No code has the form of two of them."""


@dataclass(frozen=True, eq=False)
class NamedCodes:
    """Labels with names in place of codes.

    Attributes:
        labels: the labels; a code without a known crop stays as it is.
        crops: the crops of the table by class, of codes alone.
        legend: name of the legend; None where the labels are no codes.
        unknown: the codes without a known crop, sorted.
    """

    labels: list[str | None]
    crops: dict[str, tuple[str, ...]] = field(default_factory=dict)
    legend: str | None = None
    unknown: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Describes what was recognised; nothing where the labels are no codes."""
        if self.legend is None:
            return []
        lines = [f"labels: codes of {self.legend}; classes have the names of that legend"]
        if self.unknown:
            lines.append(f"labels: codes without a known crop: {', '.join(self.unknown)}")
        return lines


def plain_code(label: str) -> str:
    """Removes the dashes of WorldCereal's codes and the decimals of numbers.

    Example:
        >>> plain_code("11-01-01-001-1"), plain_code("3301010101.0"), plain_code("maize")
        ('1101010011', '3301010101', 'maize')
    """
    text = label.strip()
    if re.fullmatch(r"\d{2}-\d{2}-\d{2}-\d{3}-\d", text):
        return text.replace("-", "")
    return re.sub(r"(?<=\d)\.0+$", "", text)


def name_codes(labels: Sequence[str | None]) -> NamedCodes:
    """Names the classes of a column of codes.

    Args:
        labels: a class for each series; None where it has none.

    Returns:
        The labels, unchanged where they are no codes of one legend.

    Example:
        >>> name_codes(["3301010101", None, "3301290700"]).labels
        ['winter common soft wheat', None, 'sugar beet']
        >>> name_codes(["3301010101", "meadow"]).legend is None
        True
    """
    codes = [None if label is None else plain_code(label) for label in labels]
    given = [code for code in codes if code is not None]
    for legend in LEGENDS:
        num_formed = sum(re.fullmatch(legend.form, code) is not None for code in given)
        num_known = sum(code in legend.codes for code in given)
        if not given or num_formed < LEAST_SHARE * len(given):
            continue
        if num_known < legend.least_known * len(given):
            continue
        named = [
            label if code not in legend.codes else legend.codes[code].name
            for label, code in zip(labels, codes, strict=True)
        ]
        unknown = tuple(sorted({code for code in given if code not in legend.codes}))
        used = [legend.codes[code] for code in sorted(set(given)) if code in legend.codes]
        crops = {coded.name: coded.crops for coded in used}
        return NamedCodes(named, crops, legend.name, unknown)
    return NamedCodes(list(labels))


def crops_of_legend_name(plain: str) -> tuple[str, ...]:
    """Returns the crops that a legend's name stands for; empty where no legend has it.

    Args:
        plain: the name, as :func:`~windrow.classifiers.crop_names.plain_name` gives it.

    Example:
        >>> crops_of_legend_name("pasture meadow grassland grass")
        ('mown meadow', 'pasture', 'grassland never mown')
    """
    return _NAMES.get(plain, ())


_NAMES: dict[str, tuple[str, ...]] = {}
for _legend in reversed(LEGENDS):
    _NAMES |= {
        " ".join(re.sub(r"[^a-z0-9]+", " ", coded.name.lower()).split()): coded.crops
        for coded in _legend.codes.values()
    }
