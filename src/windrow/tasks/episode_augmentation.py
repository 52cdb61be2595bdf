"""Random effects of sensor, archive and correction on a place, drawn anew for every episode.

The effects are small or structured: noise, gains, haze by wavelength (which moves a place between
top of atmosphere and surface), clouds missed by the mask, fewer dates, monthly composites, months
without a date, missing bands, and a year shifted by any number of days.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydantic import Field

from windrow import sensors
from windrow.config import Settings
from windrow.data.place_fields import PlaceFields
from windrow.data.ten_day_grid import NUM_DAYS, TenDayGrid, to_calendar

NUM_BANDS = len(sensors.SENTINEL2_BANDS)
_CENTRES = np.array([band.centre_nm for band in sensors.SENTINEL2.values()])
_TEN_METRES = ("B02", "B03", "B04", "B08")
_MONTH_DAYS = NUM_DAYS / 12
_CLOUD_SHARE = 0.02
"""Share of a field's dates that are missed clouds, in episodes with missed clouds."""

Share = float


class AugmentationSettings(Settings):
    """Strength of the effects. A share is the share of episodes with an effect."""

    noise: float = Field(ge=0, description="deviation of reflectance per field, step and band")
    field_gain: float = Field(ge=0, description="deviation of a field's relative brightness")
    band_gain: float = Field(ge=0, description="deviation of a band's relative gain in a place")
    haze: Share = Field(ge=0, le=1)
    haze_range: tuple[float, float] = Field(description="reflectance added at 443 nm")
    missed_clouds: Share = Field(ge=0, le=1)
    fewer_dates: Share = Field(ge=0, le=1)
    least_dates_kept: float = Field(gt=0, le=1, description="smallest share of dates")
    monthly: Share = Field(ge=0, le=1, description="monthly composites")
    gap: Share = Field(ge=0, le=1, description="a time without any date")
    longest_gap_days: int = Field(ge=1, le=330)
    rolled: Share = Field(ge=0, le=1, description="a year shifted by any number of days")
    shift_days: float = Field(ge=0, description="deviation of the shift of other years")
    without_sixty_metres: Share = Field(ge=0, le=1, description="no B01 and B09")
    without_b8a: Share = Field(ge=0, le=1, description="no B01, B8A and B09")
    ten_metres: Share = Field(ge=0, le=1, description="B02, B03, B04 and B08 alone")
    other_bands: Share = Field(ge=0, le=1, description="one to six bands missing at random")


def augmented_grid(
    place: PlaceFields,
    fields: npt.NDArray[np.intp],
    settings: AugmentationSettings,
    generator: np.random.Generator,
) -> TenDayGrid:
    """Resamples fields of a place to the ten-day calendar, with random effects.

    Args:
        place: the place.
        fields: (n,) positions of its fields.
        settings: strength of the effects.
        generator: source of all draws.

    Returns:
        The grid of the n fields. Missing bands are 0.
    """
    values = place.reflectance[fields].astype(np.float32) / np.float32(sensors.SCALE)
    use = _kept_dates(place.clear[fields], place.day_of_year[fields], settings, generator)
    day = place.day_of_year[fields].astype(np.int64)
    if generator.random() < settings.missed_clouds:
        cloudy = generator.random(use.shape) < _CLOUD_SHARE
        bright = generator.uniform(0.05, 0.5, use.shape).astype(np.float32)
        values = values + (cloudy * bright)[..., None]
    if generator.random() < settings.monthly:
        day = ((day // _MONTH_DAYS + 0.5) * _MONTH_DAYS).astype(np.int64)
    shift = generator.normal(0.0, settings.shift_days)
    if generator.random() < settings.rolled:
        shift = generator.uniform(0, NUM_DAYS)
    reflectance, gap = to_calendar(values, (day + round(shift)) % NUM_DAYS, use)
    has_band = _bands(settings, generator)
    reflectance = _shaded(reflectance, settings, generator) * has_band
    return TenDayGrid(reflectance.astype(np.float32), gap, has_band)


def _kept_dates(
    clear: npt.NDArray[np.bool_],
    day: npt.NDArray[np.int16],
    settings: AugmentationSettings,
    generator: np.random.Generator,
) -> npt.NDArray[np.bool_]:
    """Draws the dates to use, (n, T) bool; at least one per field."""
    use = clear
    if generator.random() < settings.fewer_dates:
        share = generator.uniform(settings.least_dates_kept, 1.0)
        use = use & (generator.random(use.shape[1]) < share)  # the same dates for all fields
        use = use & (generator.random(use.shape) < generator.uniform(0.7, 1.0))
    if generator.random() < settings.gap:
        first = int(generator.integers(NUM_DAYS))
        length = int(generator.integers(20, max(settings.longest_gap_days, 20) + 1))
        use = use & ((day.astype(np.int64) - first) % NUM_DAYS >= length)
    lost = np.asarray(~use.any(axis=1))
    return np.where(lost[:, None], clear, use)


def _bands(settings: AugmentationSettings, generator: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Draws the bands that are present, (12,) bool."""
    names = np.array(sensors.SENTINEL2_BANDS)
    draw = generator.random()
    for share, missing in (
        (settings.without_sixty_metres, ("B01", "B09")),
        (settings.without_b8a, ("B01", "B8A", "B09")),
        (settings.ten_metres, tuple(set(sensors.SENTINEL2_BANDS) - set(_TEN_METRES))),
    ):
        if draw < share:
            return ~np.isin(names, missing)
        draw -= share
    has_band = np.ones(NUM_BANDS, dtype=np.bool_)
    if draw < settings.other_bands:
        has_band[generator.permutation(NUM_BANDS)[: int(generator.integers(1, 7))]] = False
    return has_band


def _shaded(
    reflectance: npt.NDArray[np.float32],
    settings: AugmentationSettings,
    generator: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """Applies gains, haze and noise to the grid (n, 36, 12)."""
    gain = np.exp(generator.normal(0.0, settings.band_gain, NUM_BANDS))
    field_gain = np.exp(generator.normal(0.0, settings.field_gain, (len(reflectance), 1, 1)))
    haze = np.zeros(NUM_BANDS)
    if generator.random() < settings.haze:
        exponent = generator.uniform(1.0, 4.0)
        haze = generator.uniform(*settings.haze_range) * (_CENTRES / _CENTRES[0]) ** -exponent
    noise = generator.standard_normal(reflectance.shape, dtype=np.float32) * settings.noise
    shaded = reflectance * gain.astype(np.float32) * field_gain.astype(np.float32) + noise
    return np.asarray(np.maximum(shaded + haze.astype(np.float32), np.float32(1e-4)))
