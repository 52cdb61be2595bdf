"""Scenarios: a place, a year and a product by name, all their numbers in one frozen setting."""

from __future__ import annotations

import difflib
from typing import Annotated

from pydantic import Field, model_validator

from windrow.config import Settings
from windrow.data.legend import DENETHOR
from windrow.data.pairing import Pairing
from windrow.errors import SettingsError

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class SnowSpell(Settings):
    """Days on which snow may lie.

    Attributes:
        first: day of year on which it falls.
        last: day of year on which it is gone.
        probability: that a landscape has it.
    """

    first: Annotated[int, Field(ge=0, le=365)]
    last: Annotated[int, Field(ge=0, le=365)]
    probability: Share


class ScenarioSettings(Settings):
    """Everything that decides what is simulated, but the seed.

    Attributes:
        name: of the scenario.
        year: calendar year, of 365 days.
        longitude, latitude: middle of the region, degrees; landscapes lie within 0.2 degrees.
        landscape_m: side of a square landscape, metres, a multiple of 30.
        field_m: typical side of a field, metres.
        pixels_per_field: Sentinel-2 pixels drawn in each field.
        class_shares: share of the fields by class of DENETHOR, in its order.
        season_shift: days by which this year is later than the table of crops.
        season_spread: deviation of that between landscapes, days.
        harvest_shift: further days by which ripening and harvest are later.
        drought: 0 none to 1 severe: the mean of the landscapes' summers.
        leaf_area_scale: of all crops, for soils poorer or richer than usual.
        soil_brightness: dry soil's reflectance at 665 nm: mean and deviation between landscapes.
        cloud_share: share of cloudy pixels by month, January first.
        snow: spells of snow.
        haze: residual aerosol of "clear" observations at 490 nm: median reflectance added.
        gain_noise: Sentinel-2's gain error from date to date, relative.
        planetscope_gain_noise: Planet Fusion's, by band (blue, green, red, nir), relative.
        planetscope_pixel_noise: texture and noise between PlanetScope pixels, by band, relative.
        planetscope_smoothing_days: deviation of Planet Fusion's smoothing in time.
        pairing: which PlanetScope pixels belong to a Sentinel-2 pixel.
        knot_days: days between the states at which the canopy is computed.
    """

    name: str
    year: Annotated[int, Field(ge=2015, le=2100)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    latitude: Annotated[float, Field(ge=35, le=62)]
    landscape_m: Annotated[int, Field(le=10_200, multiple_of=30)]
    field_m: Positive
    pixels_per_field: Annotated[int, Field(ge=1, le=100)]
    class_shares: tuple[Share, ...]
    season_shift: Annotated[float, Field(ge=-40, le=40)]
    season_spread: Annotated[float, Field(ge=0, le=15)]
    harvest_shift: Annotated[float, Field(ge=-40, le=40)]
    drought: Share
    leaf_area_scale: Positive
    soil_brightness: tuple[Positive, Annotated[float, Field(ge=0)]]
    cloud_share: tuple[Share, ...]
    snow: tuple[SnowSpell, ...]
    haze: Annotated[float, Field(ge=0, le=0.1)]
    gain_noise: Annotated[float, Field(ge=0, le=0.2)]
    planetscope_gain_noise: tuple[float, float, float, float]
    planetscope_pixel_noise: tuple[float, float, float, float]
    planetscope_smoothing_days: Positive
    pairing: Pairing
    knot_days: Annotated[int, Field(ge=1, le=7)]

    @model_validator(mode="after")
    def _check(self) -> ScenarioSettings:
        if len(self.class_shares) != len(DENETHOR):
            raise ValueError(f"class_shares needs {len(DENETHOR)} values, one a class")
        if sum(self.class_shares) <= 0:
            raise ValueError("class_shares are all zero")
        if len(self.cloud_share) != 12:
            raise ValueError("cloud_share needs 12 values, one a month")
        if self.landscape_m < self.field_m:
            raise ValueError(
                f"a landscape of {self.landscape_m} m is smaller than a field of {self.field_m:g} m"
            )
        if not all(0 < share < 1 for share in self.cloud_share):
            raise ValueError("a cloud_share lies between 0 and 1, both left out")
        if any(spell.last < spell.first for spell in self.snow):
            raise ValueError("a spell of snow ends before it begins")
        return self


def _spells(*rows: tuple[int, int, float]) -> tuple[SnowSpell, ...]:
    return tuple(SnowSpell(first=a, last=b, probability=p) for a, b, p in rows)


# DENETHOR's training counts (305 276 137 45 251 201 23 954 339), levelled so that no class is
# rarer than one field in twenty: the rare ones could not be learned nor tested otherwise.
_SHARES = (0.15, 0.12, 0.11, 0.06, 0.13, 0.10, 0.06, 0.16, 0.11)

_BRANDENBURG_2018 = ScenarioSettings(
    name="brandenburg-2018",
    year=2018,
    longitude=14.0,
    latitude=52.5,
    landscape_m=1200,
    field_m=235.0,
    pixels_per_field=4,
    class_shares=_SHARES,
    season_shift=0.0,  # April and May 2018 were warm: the table is tuned on 2018
    season_spread=4.0,
    harvest_shift=-9.0,  # ripening in 2018 was a good week early
    drought=0.55,  # the drought of 2018 (Buras et al. 2020); the figure is assumed
    leaf_area_scale=0.95,
    soil_brightness=(0.20, 0.03),
    cloud_share=(0.85, 0.70, 0.72, 0.52, 0.45, 0.52, 0.48, 0.45, 0.48, 0.52, 0.78, 0.84),
    snow=_spells((14, 18, 0.3), (33, 48, 0.7), (50, 63, 0.8), (75, 83, 0.75), (346, 352, 0.3)),
    haze=0.0025,
    gain_noise=0.03,
    planetscope_gain_noise=(0.054, 0.050, 0.045, 0.039),  # measured on scenes; smoothing quiets it
    planetscope_pixel_noise=(0.033, 0.030, 0.032, 0.027),
    planetscope_smoothing_days=4.0,
    pairing="corner",
    knot_days=3,
)

_BRANDENBURG_2019 = _BRANDENBURG_2018.model_copy(
    update={
        "name": "brandenburg-2019",
        "year": 2019,
        "longitude": 13.6,
        "season_shift": 2.0,
        "harvest_shift": -3.0,
        "drought": 0.35,
        "cloud_share": (0.86, 0.55, 0.75, 0.45, 0.62, 0.42, 0.58, 0.45, 0.60, 0.65, 0.82, 0.80),
        "snow": _spells((3, 8, 0.4), (20, 34, 0.8), (70, 74, 0.2), (340, 346, 0.2)),
    }
)

_BAVARIA_2018 = _BRANDENBURG_2018.model_copy(
    update={
        "name": "bavaria-2018",
        "longitude": 11.6,
        "latitude": 48.2,
        "field_m": 150.0,
        "drought": 0.3,
        "leaf_area_scale": 1.0,
        "harvest_shift": -8.0,
        "soil_brightness": (0.195, 0.025),
        "cloud_share": (0.89, 0.75, 0.78, 0.45, 0.57, 0.60, 0.45, 0.36, 0.62, 0.52, 0.82, 0.80),
        "snow": _spells((14, 18, 0.3), (35, 63, 0.96), (75, 83, 0.95), (346, 352, 0.4)),
    }
)

SCENARIOS: dict[str, ScenarioSettings] = {
    s.name: ScenarioSettings.model_validate(s.model_dump())
    for s in (_BRANDENBURG_2018, _BRANDENBURG_2019, _BAVARIA_2018)
}
"""All scenarios by name."""

DEFAULT_SCENARIO = "brandenburg-2018"


def scenario_settings(scenario: str | ScenarioSettings) -> ScenarioSettings:
    """The settings of a scenario, by name or as they are.

    Raises:
        SettingsError: there is no scenario of this name (the message lists them), or the
            settings contradict themselves.

    Example:
        >>> scenario_settings("brandenburg-2018").year
        2018
    """
    if isinstance(scenario, ScenarioSettings):
        # A copy with changed values was never checked.
        return ScenarioSettings.from_dict(scenario.to_dict(), where=f"scenario {scenario.name}")
    if scenario not in SCENARIOS:
        near = difflib.get_close_matches(scenario, SCENARIOS, n=1)
        raise SettingsError(
            f"unknown scenario {scenario!r}",
            expected="one of " + ", ".join(SCENARIOS),
            hint=f"did you mean {near[0]}?" if near else None,
        )
    return SCENARIOS[scenario]
