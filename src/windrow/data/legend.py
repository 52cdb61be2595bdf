"""Legends: the crop classes of a label, their codes in the source and their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError

UNLABELLED = -1
"""The label of a series whose crop is not known."""


@dataclass(frozen=True)
class Legend:
    """An ordered set of classes; a label is the position of its class.

    Attributes:
        names: class names, unique.
        codes: the source's code of each class, as text.

    Example:
        >>> DENETHOR.names[:3]
        ('Wheat', 'Rye', 'Barley')
        >>> Legend.of_values(["maize", "grass", "maize"]).names
        ('grass', 'maize')
    """

    names: tuple[str, ...]
    codes: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.codes):
            raise DataError(
                "a legend needs one code a class",
                found=f"{len(self.names)} names and {len(self.codes)} codes",
            )
        for kind, values in (("name", self.names), ("code", self.codes)):
            if len(set(values)) != len(values):
                repeated = next(value for value in values if values.count(value) > 1)
                raise DataError(f"a legend has the class {kind} {repeated!r} twice")

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of_values(cls, values: Sequence[str]) -> Legend:
        """The legend of all distinct values, sorted."""
        names = tuple(sorted(set(values)))
        return cls(names=names, codes=names)

    def encode(self, values: Sequence[str]) -> npt.NDArray[np.int16]:
        """Class positions of names; a name outside the legend becomes ``UNLABELLED``."""
        position = {name: index for index, name in enumerate(self.names)}
        return np.array([position.get(value, UNLABELLED) for value in values], dtype=np.int16)

    def to_dict(self) -> dict[str, list[str]]:
        """Plain JSON values."""
        return {"names": list(self.names), "codes": list(self.codes)}

    @classmethod
    def from_dict(cls, values: dict[str, list[str]]) -> Legend:
        """A legend from what :meth:`to_dict` wrote."""
        return cls(names=tuple(values["names"]), codes=tuple(values["codes"]))


DENETHOR = Legend(
    names=(
        "Wheat",
        "Rye",
        "Barley",
        "Oats",
        "Corn",
        "Oil Seeds",
        "Root Crops",
        "Meadows",
        "Forage Crops",
    ),
    codes=tuple(str(code) for code in range(1, 10)),
)
"""The nine crop classes of DENETHOR (Kondmann et al. 2021), codes 1 to 9."""
