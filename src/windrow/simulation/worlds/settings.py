"""How widely simulated worlds differ from one another, and the setting that is trained on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from windrow.config import Settings
from windrow.errors import SettingsError
from windrow.simulation.crop_table import TABLE_NAMES, table_number
from windrow.simulation.settings import NotNegative, Positive, Share

Between = tuple[float, float]
"""Lowest and highest value of a uniform draw."""


class WorldSettings(Settings):
    """The width of the worlds: each range is drawn from once a world.

    To keep worlds of one kind aside, narrow a copy: ``EARTH.model_copy(update={"crops": ...})``.

    Attributes:
        num_fields: fields of a world.
        parts_per_field: patches whose mean a field is.
        num_regions: fewest and most regions that a world's fields lie in; each has dates, clouds
            and a spring of its own.
        region_m: side of a region, metres.
        num_crops: fewest and most crops of a world.
        crops: names of the crops that may grow.
        common_crops: those that most worlds are made of.
        common_share: share of the worlds that are made of common crops and two others.
        unusual_share: share of the worlds whose crops are drawn without regard to latitude.
        cover_share: share of the worlds in which some fields are no crop (forest, water, ...).
        crop_evenness: of the crops' shares: parameter of their Dirichlet distribution.
        least_share: of a crop in a world, before shares are made to sum to one.
        l1c_share: share of the worlds seen at the top of the atmosphere.
        southern_share: share of the worlds south of the equator.
        latitude: distance from the equator, degrees.
        calendar_year_share: share of the worlds whose twelve months are those of the calendar;
            those of the others begin within two months of the start of a growing season.
        continentality: swing of temperature relative to the usual one there.
        dry_summer_share: share of the worlds between 29 and 45 degrees with dry summers.
        irrigated: share of the fields that rain does not limit.
        years: first and last calendar year.
        altitude_m: above the sea, metres.
        relief: slope of the ground, a deviation each way, metres a metre.
        field_m: typical side of a field, metres.
        season_shift: deviation of how much later than the table of crops the season is, days.
        season_spread: deviation of that between the regions of a world, days.
        harvest_shift: deviation of how much later still ripening is, days.
        drought: 0 none to 1 severe.
        weeds: leaf area of weeds relative to well-kept fields.
        catch_crops: share of the long gaps between crops in which something is sown.
        leaf_area_scale: of all crops.
        winter_leaf_area: of what stands through the winter.
        management_spread: of dates and traits between fields of a crop, relative to the table.
        soil_brightness: dry soil's reflectance at 665 nm.
        soil_spread: deviation of that between regions.
        cloud_share: of all dates, the mean of a year.
        cloud_season: largest swing of that share around its mean through the year.
        snow_share: share of the worlds with snow.
        mask_margin, mask_shadow, two_orbits, gain_noise: as in
            :class:`~windrow.simulation.settings.ScenarioSettings`.
        aerosol: median optical depth at 550 nm.
    """

    num_fields: Annotated[int, Field(ge=2, le=10_000)]
    parts_per_field: Annotated[int, Field(ge=1, le=25)]
    num_regions: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1, le=50)]]
    region_m: tuple[Positive, Positive]
    num_crops: tuple[Annotated[int, Field(ge=1)], int]
    crops: tuple[str, ...]
    common_crops: tuple[str, ...]
    common_share: Share
    unusual_share: Share
    cover_share: Share
    crop_evenness: Positive
    least_share: Share
    l1c_share: Share
    southern_share: Share
    latitude: tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(le=70)]]
    calendar_year_share: Share
    continentality: Between
    dry_summer_share: Share
    irrigated: Between
    years: tuple[Annotated[int, Field(ge=2015)], Annotated[int, Field(le=2100)]]
    altitude_m: Between
    relief: Between
    field_m: Between
    season_shift: NotNegative
    season_spread: Between
    harvest_shift: NotNegative
    drought: Between
    weeds: Between
    catch_crops: Between
    leaf_area_scale: Between
    winter_leaf_area: Between
    management_spread: Between
    soil_brightness: Between
    soil_spread: Between
    cloud_share: Between
    cloud_season: NotNegative
    snow_share: Share
    mask_margin: Between
    mask_shadow: Between
    two_orbits: Between
    aerosol: Between
    gain_noise: Between

    @model_validator(mode="after")
    def _check(self) -> WorldSettings:
        for name, value in self:
            if (
                isinstance(value, tuple)
                and value
                and not isinstance(value[0], str)
                and value[0] > value[1]
            ):
                raise SettingsError(
                    f"{name} ends before it begins", found=value, expected="lowest, highest"
                )
        for name in (*self.crops, *self.common_crops):
            table_number(name)
        for what in ("crops", "common_crops"):
            if len(set(getattr(self, what))) != len(getattr(self, what)):
                raise SettingsError(f"a crop stands twice in {what}", found=getattr(self, what))
        if not self.crops:
            raise SettingsError("no crop may grow", where="crops", expected="one or more names")
        if self.num_regions[1] > self.num_fields:
            raise SettingsError(
                "more regions than fields", found=self.num_regions[1], expected=self.num_fields
            )
        return self


EARTH = WorldSettings(
    num_fields=200,
    parts_per_field=2,
    num_regions=(1, 4),
    region_m=(3_000.0, 60_000.0),
    num_crops=(4, 14),
    crops=TABLE_NAMES,
    common_crops=(
        "winter wheat", "winter barley", "winter rapeseed", "spring wheat", "spring barley",
        "silage maize", "grain maize", "rice", "soybean", "sunflower", "cotton", "potato",
        "sugar beet", "sorghum", "pearl millet", "cassava", "groundnut", "beans", "sugarcane",
        "pasture", "mown meadow", "alfalfa", "clover grass", "fallow", "vineyard", "orchard",
        "olive",
    ),
    common_share=0.6,
    unusual_share=0.15,
    cover_share=0.25,
    crop_evenness=1.5,
    least_share=0.03,
    l1c_share=0.35,
    southern_share=0.3,
    latitude=(0.0, 62.0),
    calendar_year_share=0.45,
    continentality=(0.7, 1.4),
    dry_summer_share=0.35,
    irrigated=(0.0, 0.9),
    years=(2016, 2024),
    altitude_m=(0.0, 1500.0),
    relief=(0.0, 0.1),
    field_m=(30.0, 400.0),
    season_shift=14.0,
    season_spread=(1.0, 6.0),
    harvest_shift=10.0,
    drought=(0.0, 0.9),
    weeds=(0.5, 2.5),
    catch_crops=(0.0, 0.8),
    leaf_area_scale=(0.5, 1.2),
    winter_leaf_area=(0.6, 1.8),
    management_spread=(0.7, 1.5),
    soil_brightness=(0.10, 0.30),
    soil_spread=(0.015, 0.05),
    cloud_share=(0.15, 0.75),
    cloud_season=0.25,
    snow_share=0.6,
    mask_margin=(0.0, 0.25),
    mask_shadow=(0.0, 0.5),
    two_orbits=(0.0, 1.0),
    aerosol=(0.06, 0.35),
    gain_noise=(0.01, 0.04),
)  # fmt: skip
"""The worlds of ``windrow-1``. All widths are assumed: wide enough to hold any place's habits."""
