"""Settings of a simulation. One frozen object per scenario holds everything but the seed."""

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
        first: day of year on which snow falls.
        last: day of year on which the snow is gone.
        probability: probability that a landscape has this spell.
    """

    first: Annotated[int, Field(ge=0, le=365)]
    last: Annotated[int, Field(ge=0, le=365)]
    probability: Share


class CropClass(Settings):
    """One class of a scenario's legend, and its crops from the crop table.

    Attributes:
        name: name of the class.
        code: code of the class in the real product that the scenario imitates.
        share: share of the class in the fields.
        crops: share of each crop in the class, by name (:data:`windrow.simulation.crops.NAMES`).
    """

    name: str
    code: str
    share: Share
    crops: Mapping[str, NotNegative]


class ScenarioSettings(Settings):
    """All settings of a scenario, which determine the simulation together with the seed.

    Attributes:
        name: name of the scenario.
        year: calendar year of 365 days.
        product: surface reflectance (``L2A``) or top of atmosphere (``L1C``).
        unit: unit of a series: ``pixel``, or ``field`` for the mean of a field's pixels. Fields
            have no PlanetScope series.
        longitude, latitude: centre of the region in degrees; landscapes lie within 0.2 degrees.
        altitude_m: altitude of the ground above the sea in metres.
        relief: standard deviation of the ground's slope in each direction, metres per metre.
        landscape_m: side of a square landscape, metres, a multiple of 30.
        field_m: typical side of a field, metres.
        pixels_per_field: number of Sentinel-2 pixels drawn in each field and used for its mean.
        classes: classes of the legend, with shares and crops.
        season_shift: delay of this year against the crop table, in days.
        season_spread: standard deviation of this delay between landscapes, in days.
        harvest_shift: additional delay of ripening and harvest, in days.
        drought: mean drought of the landscapes' summers, from 0 (none) to 1 (severe).
        leaf_area_scale: factor on the leaf area of all crops, for poorer or richer soils.
        winter_leaf_area: factor on the leaf area in winter, for milder winters.
        management_spread: spread of dates and traits between fields of a crop, relative to the
            crop table.
        soil_brightness: reflectance of dry soil at 665 nm: mean and deviation between landscapes.
        cloud_share: share of cloudy pixels by month, January first.
        snow: spells of snow.
        mask_margin: reach of a cloud mask beyond the cloud's edge, in deviations of cloudiness.
        mask_shadow: completeness of the shadow mask, from 0 (none) to 1.
        two_orbits: share of landscapes covered by two orbits.
        aerosol: optical depth at 550 nm: median over the dates, and deviation of its logarithm.
        aerosol_missed: true optical depth minus the optical depth of the correction: mean and
            deviation between dates.
        gain_noise: relative gain error of Sentinel-2 between dates.
        planetscope_gain_noise: relative gain error of Planet Fusion by band (blue, green, red,
            nir).
        planetscope_pixel_noise: relative texture and noise between PlanetScope pixels, by band.
        planetscope_smoothing_days: standard deviation of Planet Fusion's temporal smoothing.
        pairing: pairing of PlanetScope pixels with a Sentinel-2 pixel.
        knot_days: days between the computed states of the canopy.
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
        """Legend of the labels."""
        return Legend(
            names=tuple(c.name for c in self.classes), codes=tuple(c.code for c in self.classes)
        )

    @property
    def uses(self) -> tuple[tuple[int, int, float], ...]:
        """Position of the class, number of the crop and share of the fields, for each crop."""
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
            # The message of a ValueError would contain all settings.
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
