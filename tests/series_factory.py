"""Small synthetic series with a structure that can be learned, for tests without a simulator."""

import numpy as np

from windrow.data.series import NO_DATA, Series
from windrow.sensors import SENTINEL2_BANDS

# PlanetScope's bands as Sentinel-2 sees them: blue, green, red, nir.
MATCHING = [SENTINEL2_BANDS.index(name) for name in ("B02", "B03", "B04", "B08")]


def make_series(
    num_series=12,
    *,
    num_dates=24,
    bands=SENTINEL2_BANDS,
    seed=0,
    padding=True,
    clouds=True,
    planetscope=True,
    processing_level="L2A",
    series_per_field=2,
):
    """Green-up and harvest at a day of each field's own, clouds on a third of the dates."""
    draw = np.random.default_rng(seed)
    field = np.arange(num_series) // series_per_field
    peak = draw.uniform(120, 220, field.max() + 1)[field]
    day = np.sort(draw.integers(0, 365, (num_series, num_dates)), axis=1).astype(np.int16)
    all_days = np.arange(365)

    def green(days):
        return np.exp(-(((days - peak[:, None]) / 45) ** 2))

    level = np.linspace(0.05, 0.25, len(SENTINEL2_BANDS))
    slope = np.where(np.arange(len(SENTINEL2_BANDS)) > 5, 0.3, -0.03)
    ground = level + green(day)[..., None] * slope
    cloud = draw.uniform(size=day.shape) < 0.33
    seen = np.where(cloud[..., None], 0.8, ground) + draw.normal(0, 0.01, ground.shape)
    valid = np.ones(day.shape, dtype=bool)
    if padding:
        lost = draw.integers(0, num_dates // 3, num_series)
        valid = np.arange(num_dates) < (num_dates - lost)[:, None]
        valid[:, 1] = draw.uniform(size=num_series) < 0.7
        valid[0] = True
    daily = level[MATCHING] + green(all_days[None])[..., None] * slope[MATCHING]
    pixels = np.repeat(daily, 9, axis=2) + draw.normal(0, 0.005, (num_series, 365, 36))
    stored = np.clip(np.rint(pixels * 1e4), 1, 30_000).astype(np.int16)
    stored[0, 100:110] = NO_DATA
    reflectance = np.clip(np.rint(seen * 1e4), 1, 30_000).astype(np.int16)
    probability = np.where(cloud, 200, 10) + draw.integers(0, 20, day.shape)
    series = Series(
        reflectance=np.where(valid[..., None], reflectance, 0).astype(np.int16),
        day_of_year=np.where(valid, day, 0).astype(np.int16),
        valid=valid,
        bands=SENTINEL2_BANDS,
        processing_level=processing_level,
        id=np.arange(num_series),
        field_id=field,
        year=np.full(num_series, 2018, dtype=np.int16),
        cloud_probability=probability.astype(np.uint8) if clouds else None,
        planetscope=stored if planetscope else None,
        planetscope_day=all_days.astype(np.int16) if planetscope else None,
        simulated=True,
    )
    return series.with_bands(bands)
