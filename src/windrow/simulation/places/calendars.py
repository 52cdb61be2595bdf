"""When seasons begin and end anywhere on the Earth, from a compact table of two degrees.

The table is derived from WorldCereal's seasonality (Franch et al. 2022; MIT) by
``tools/fit_calendars.py``: two growing seasons a place. Which of them is the warm one, that of
maize, and which the cold one, that of winter cereals, follows from the sun.

Days here are *northern days*: days of the year north of the equator, and south of it days from the
first of July on, so that midsummer is near day 171 everywhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from windrow.errors import DataError, SettingsError

YEAR = 365
"""Days of the year of all calendars."""
HALF_YEAR = 182
"""Days by which the seasons of the southern hemisphere are later."""

_MIDDLE_OF_WARMTH = 205.0


@dataclass(frozen=True)
class GrowingSeason:
    """A growing season.

    Attributes:
        start: northern day on which it begins, 0 to 364.
        length: days until it ends.
    """

    start: float
    length: float

    @property
    def middle(self) -> float:
        """Northern day in its middle, 0 to 364."""
        return (self.start + self.length / 2) % YEAR


@dataclass(frozen=True)
class Calendar:
    """The two growing seasons of a place.

    Attributes:
        cold: the season of winter cereals; in the tropics the lesser one.
        warm: the season of maize and summer crops.
        southern: lies south of the equator.
    """

    cold: GrowingSeason
    warm: GrowingSeason
    southern: bool

    def day_of_year(self, northern_day: float) -> int:
        """Computes the calendar's day, 0 to 364, of a northern day.

        Example:
            >>> calendar_at(-61.0, -34.0).day_of_year(0)
            182
        """
        return round(northern_day + (HALF_YEAR if self.southern else 0)) % YEAR


def northern_day(day_of_year: float, latitude: float) -> float:
    """Computes the northern day of a day of the year (0 = 1 January) at a latitude.

    Example:
        >>> northern_day(182, -30.0), northern_day(182, 30.0)
        (0, 182)
    """
    return (day_of_year - (HALF_YEAR if latitude < 0 else 0)) % YEAR


@cache
def _table() -> tuple[npt.NDArray[np.uint8], float, float, tuple[str, ...]]:
    from safetensors.numpy import load

    content = (files("windrow.simulation.places") / "calendars.safetensors").read_bytes()
    try:
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        about = header["__metadata__"]
        stored = load(content)["half_day"]
        names = tuple(json.loads(about["seasons"]))
        return stored, float(about["north"]), float(about["step"]), names
    except (KeyError, ValueError) as error:
        raise DataError("this is no table of calendars", found=str(error)[:80]) from error


def calendar_at(longitude: float, latitude: float) -> Calendar:
    """Computes the growing seasons of a place.

    Args:
        longitude: degrees east, -180 to 180.
        latitude: degrees north, -60 to 70.

    Raises:
        SettingsError: the place is beyond the table.

    Example:
        >>> munich = calendar_at(11.6, 48.2)
        >>> 90 < munich.warm.start < 110 and munich.cold.length > 280
        True
    """
    if not (-180 <= longitude <= 180 and -60 <= latitude <= 70):
        raise SettingsError(
            "the place is beyond the calendars",
            found=f"longitude {longitude:g}, latitude {latitude:g}",
            expected="longitude -180 to 180, latitude -60 to 70",
            hint="longitude comes first",
        )
    stored, north, step, names = _table()
    row = min(int((north - latitude) / step), stored.shape[0] - 1)
    column = int((longitude + 180) / step) % stored.shape[1]
    days = {name: 2.0 * float(day) for name, day in zip(names, stored[row, column], strict=True)}
    found = []
    for season in ("season1", "season2"):
        start = northern_day(days[f"{season}_start"], latitude)
        end = northern_day(days[f"{season}_end"], latitude)
        found.append(GrowingSeason(start=start, length=(end - start) % YEAR))
    warm, cold = sorted(found, key=lambda season: _gap(season.middle, _MIDDLE_OF_WARMTH))
    return Calendar(cold=cold, warm=warm, southern=latitude < 0)


def _gap(first: float, second: float) -> float:
    """Days between two days of a year that comes round."""
    away = abs(first - second) % YEAR
    return min(away, YEAR - away)
