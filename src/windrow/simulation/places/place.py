"""A place on the Earth: where it lies, which twelve months are asked for, and in which product."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from windrow.config import Settings
from windrow.data.series import ProcessingLevel
from windrow.simulation.places.calendars import Calendar, calendar_at, northern_day
from windrow.simulation.places.climate import (
    Climate,
    Rain,
    continentality_of,
    make_climate,
    rain_of,
)


class Place(Settings):
    """A place to simulate fields of.

    Attributes:
        longitude, latitude: degrees.
        year: calendar year in which the twelve months begin.
        season_start: day of that year, 0 to 364, on which they begin; 0 is 1 January.
        product: surface reflectance (``L2A``) or top of atmosphere (``L1C``).
        altitude_m: above the sea, metres.
        irrigated: share of the fields that rain does not limit.
    """

    longitude: Annotated[float, Field(ge=-180, le=180)]
    latitude: Annotated[float, Field(ge=-60, le=70)]
    year: Annotated[int, Field(ge=2015, le=2100)]
    season_start: Annotated[int, Field(ge=0, le=364)] = 0
    product: ProcessingLevel = "L2A"
    altitude_m: Annotated[float, Field(ge=-400, le=5000)] = 200.0
    irrigated: Annotated[float, Field(ge=0, le=1)] = 0.3

    @property
    def calendar(self) -> Calendar:
        """Its growing seasons.

        Example:
            >>> Place(longitude=-56.0, latitude=-13.0, year=2020).calendar.southern
            True
        """
        return calendar_at(self.longitude, self.latitude)

    @property
    def first(self) -> int:
        """The northern day on which the twelve months begin."""
        return int(northern_day(self.season_start, self.latitude))

    @property
    def rain(self) -> Rain:
        """The kind of rain it has."""
        return rain_of(self.longitude, self.latitude)

    def climate(
        self, *, continentality: float, drought: float, rain: Rain | None = None
    ) -> Climate:
        """Its usual year.

        Args:
            continentality: swing of temperature relative to the usual one at the place.
            drought: 0 none to 1 severe, of the dry part of the year.
            rain: kind of rain; that of the place where not given.
        """
        return make_climate(
            self.calendar,
            latitude=abs(self.latitude),
            altitude_m=self.altitude_m,
            continentality=continentality * continentality_of(self.longitude, self.latitude),
            rain=self.rain if rain is None else rain,
            drought=drought,
        )
