"""Legends: the names of the crop classes, and their codes in the source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError

UNLABELLED = -1
"""Label of a series whose crop is not known."""


@dataclass(frozen=True)
class Legend:
    """An ordered set of classes. A label is the position of its class.

    Attributes:
        names: class names, unique.
        codes: code of each class in the source, as text, unique.

    Raises:
        DataError: the numbers of names and codes differ, or one of them is repeated.

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
                "a legend needs one code per class",
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
        """Builds the legend of all distinct values, sorted. The codes equal the names."""
        names = tuple(sorted(set(values)))
        return cls(names=names, codes=names)

    def encode(self, values: Sequence[str]) -> npt.NDArray[np.int16]:
        """Converts class names to positions. Unknown names become ``UNLABELLED``.

        Example:
            >>> DENETHOR.encode(["Rye", "Wheat", "Rice"]).tolist()
            [1, 0, -1]
        """
        position = {name: index for index, name in enumerate(self.names)}
        return np.array([position.get(value, UNLABELLED) for value in values], dtype=np.int16)

    def to_dict(self) -> dict[str, list[str]]:
        """Converts the legend to JSON values."""
        return {"names": list(self.names), "codes": list(self.codes)}

    @classmethod
    def from_dict(cls, values: dict[str, list[str]]) -> Legend:
        """Builds a legend from the output of :meth:`to_dict`."""
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
