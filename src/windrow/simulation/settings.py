"""What decides a simulation, but the seed: one frozen setting a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from windrow.config import Settings
from windrow.data.legend import Legend
from windrow.data.planetscope_windows import Pairing
from windrow.data.series import ProcessingLevel
from windrow.errors import SettingsError
from windrow.simulation.crops import crop_number

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


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


class CropClass(Settings):
    """One class of a scenario's legend and the crops of the table that it is made of.

    Attributes:
        name: of the class.
        code: of the class in the product that the scenario is a twin of.
        share: of the fields.
        crops: share of the class by name of crop (:data:`windrow.simulation.crops.NAMES`).
    """

    name: str
    code: str
    share: Share
    crops: Mapping[str, NotNegative]


class ScenarioSettings(Settings):
    """Everything that decides what is simulated, but the seed.

    Attributes:
        name: of the scenario.
        year: calendar year, of 365 days.
        product: surface reflectance (``L2A``) or top of atmosphere (``L1C``).
        unit: what a series is: a ``pixel``, or the mean of the pixels of a ``field``, which has
            no PlanetScope series.
        longitude, latitude: middle of the region, degrees; landscapes lie within 0.2 degrees.
        altitude_m: of the ground above the sea.
        relief: slope of the ground, a deviation each way, metres a metre.
        landscape_m: side of a square landscape, metres, a multiple of 30.
        field_m: typical side of a field, metres.
        pixels_per_field: Sentinel-2 pixels drawn in each field; a field's mean is over them.
        classes: the legend, with shares and crops.
        season_shift: days by which this year is later than the table of crops.
        season_spread: deviation of that between landscapes, days.
        harvest_shift: further days by which ripening and harvest are later.
        drought: 0 none to 1 severe: the mean of the landscapes' summers.
        leaf_area_scale: of all crops, for soils poorer or richer than usual.
        winter_leaf_area: of what stands through the winter, for winters milder than usual.
        management_spread: of dates and traits between fields of a crop, relative to the table.
        soil_brightness: dry soil's reflectance at 665 nm: mean and deviation between landscapes.
        cloud_share: share of cloudy pixels by month, January first.
        snow: spells of snow.
        mask_margin: how far beyond a cloud's edge its mask reaches, in deviations of cloudiness.
        mask_shadow: how surely shadows are masked, too: 0 not at all to 1.
        two_orbits: share of landscapes that two orbits see.
        aerosol: optical depth at 550 nm: median of the dates, deviation of its logarithm.
        aerosol_missed: what the correction's optical depth falls short of the true one: mean and
            deviation between dates.
        gain_noise: Sentinel-2's gain error from date to date, relative.
        planetscope_gain_noise: Planet Fusion's, by band (blue, green, red, nir), relative.
        planetscope_pixel_noise: texture and noise between PlanetScope pixels, by band, relative.
        planetscope_smoothing_days: deviation of Planet Fusion's smoothing in time.
        pairing: which PlanetScope pixels belong to a Sentinel-2 pixel.
        knot_days: days between the states at which the canopy is computed.
    """

    name: str
    year: Annotated[int, Field(ge=2015, le=2100)]
    product: ProcessingLevel
    unit: Literal["pixel", "field"]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    latitude: Annotated[float, Field(ge=0, le=70)]
    altitude_m: Annotated[float, Field(ge=-100, le=3000)]
    relief: Annotated[float, Field(ge=0, le=0.3)]
    landscape_m: Annotated[int, Field(ge=30, le=10_200, multiple_of=30)]
    field_m: Positive
    pixels_per_field: Annotated[int, Field(ge=1, le=100)]
    classes: tuple[CropClass, ...]
    season_shift: Annotated[float, Field(ge=-40, le=40)]
    season_spread: Annotated[float, Field(ge=0, le=15)]
    harvest_shift: Annotated[float, Field(ge=-40, le=40)]
    drought: Share
    leaf_area_scale: Positive
    winter_leaf_area: Positive
    management_spread: NotNegative
    soil_brightness: tuple[Positive, NotNegative]
    cloud_share: tuple[Share, ...]
    snow: tuple[SnowSpell, ...]
    mask_margin: NotNegative
    mask_shadow: Share
    two_orbits: Share
    aerosol: tuple[Annotated[float, Field(gt=0, le=1)], Annotated[float, Field(ge=0, le=1)]]
    aerosol_missed: tuple[
        Annotated[float, Field(ge=-0.5, le=0.5)], Annotated[float, Field(ge=0, le=0.3)]
    ]
    gain_noise: Annotated[float, Field(ge=0, le=0.2)]
    planetscope_gain_noise: tuple[float, float, float, float]
    planetscope_pixel_noise: tuple[float, float, float, float]
    planetscope_smoothing_days: Positive
    pairing: Pairing
    knot_days: Annotated[int, Field(ge=1, le=7)]

    @property
    def legend(self) -> Legend:
        """The classes of the labels."""
        return Legend(
            names=tuple(c.name for c in self.classes), codes=tuple(c.code for c in self.classes)
        )

    @property
    def uses(self) -> tuple[tuple[int, int, float], ...]:
        """Position of the class, number of the crop and share of the fields of each crop."""
        rows = []
        for position, one in enumerate(self.classes):
            total = sum(one.crops.values())
            rows += [
                (position, crop_number(name), one.share * part / total)
                for name, part in one.crops.items()
            ]
        return tuple(rows)

    @model_validator(mode="after")
    def _check(self) -> ScenarioSettings:
        def refuse(what: str, found: object, expected: str) -> None:
            # Not a ValueError, whose message would carry all settings along.
            raise SettingsError(what, where=f"scenario {self.name}", found=found, expected=expected)

        if self.landscape_m < self.field_m:
            refuse(
                "the landscape is smaller than a field",
                f"landscape_m {self.landscape_m}, field_m {self.field_m:g}",
                "landscape_m of at least field_m",
            )
        if not self.classes or sum(one.share for one in self.classes) <= 0:
            refuse("no fields: no class has a share", len(self.classes), "one class or more")
        for what in ("name", "code"):
            values = [getattr(one, what) for one in self.classes]
            if len(set(values)) != len(values):
                refuse(f"two classes of one {what}", ", ".join(values), "each class once")
        for one in self.classes:
            for name in one.crops:
                crop_number(name)
            if sum(one.crops.values()) <= 0:
                refuse(f"class {one.name} has no crop", dict(one.crops), "a crop with a share")
        if len(self.cloud_share) != 12 or not all(0 < share < 1 for share in self.cloud_share):
            refuse("cloud_share does not fit", self.cloud_share, "12 months, each within 0 and 1")
        for spell in self.snow:
            if spell.last < spell.first:
                refuse("a spell of snow ends before it begins", spell, "first up to last")
        return self
