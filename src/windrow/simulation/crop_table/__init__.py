"""The crop table of the Earth: what may grow on a field of a simulated world.

The scenarios' own table, :mod:`windrow.simulation.crops`, is a part of it in other words: days
there are days of one place's year; here they are days of a place's seasons.
"""

from __future__ import annotations

import difflib

from windrow.errors import SettingsError
from windrow.simulation.crop_table.arable import COOL, WARM, WINTERING
from windrow.simulation.crop_table.crop import TableCrop, check_crop
from windrow.simulation.crop_table.lasting import COVER, GRASS, TREES

CROP_TABLE: tuple[TableCrop, ...] = (*WINTERING, *COOL, *WARM, *GRASS, *TREES, *COVER)
"""All entries; their position is their number within simulated worlds."""

TABLE_NAMES: tuple[str, ...] = tuple(crop.name for crop in CROP_TABLE)
"""Names of all entries."""

GROUPS: tuple[str, ...] = tuple(dict.fromkeys(crop.group for crop in CROP_TABLE))
"""Groups of like crops, to leave out together."""

for _crop in CROP_TABLE:
    check_crop(_crop)


def table_number(name: str) -> int:
    """Computes position of a crop in :data:`CROP_TABLE`.

    Raises:
        SettingsError: there is no crop of this name; the message names the nearest.

    Example:
        >>> CROP_TABLE[table_number("chickpea")].season
        'cool'
    """
    if name not in TABLE_NAMES:
        near = difflib.get_close_matches(name, TABLE_NAMES, n=1, cutoff=0.5)
        raise SettingsError(
            f"unknown crop {name!r}",
            expected="one of " + ", ".join(TABLE_NAMES),
            hint=f"did you mean {near[0]}?" if near else "add it to the crop table",
        )
    return TABLE_NAMES.index(name)


__all__ = ["CROP_TABLE", "GROUPS", "TABLE_NAMES", "TableCrop", "table_number"]
