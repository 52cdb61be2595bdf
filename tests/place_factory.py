"""Small made-up places and networks, for tests without a simulator."""

import numpy as np

from windrow.classifiers.place_classifier import place_encoder
from windrow.data.place_fields import PlaceFields
from windrow.data.series import Series
from windrow.models.place_network import PlaceNetworkSettings, build_place_network
from windrow.models.place_weights import PlaceWeightsHeader
from windrow.sensors import SENTINEL2_BANDS

CROPS = ("wheat", "maize", "meadow", "rape", "hemp")
PEAK = (150, 220, 120, 100, 190)
NETWORK = PlaceNetworkSettings(
    patch_steps=5,
    patch_stride=3,
    patch_width=8,
    hidden_width=16,
    width=16,
    num_layers=1,
    num_heads=2,
    mlp_width=16,
    embedding_width=8,
    num_refinements=1,
)


def make_place(num_fields=40, *, crops=(0, 1, 2, 3, 4), num_dates=48, seed=0, latitude=48.0):
    """Fields whose greenness peaks on a day of their crop."""
    draw = np.random.default_rng(seed)
    crop = np.array(crops)[np.arange(num_fields) % len(crops)]
    day = np.sort(draw.integers(0, 365, num_dates))
    peak = np.array(PEAK)[crop] + draw.normal(0, 6, num_fields)
    green = np.exp(-(((day - peak[:, None]) / 35) ** 2))
    slope = np.where(np.arange(len(SENTINEL2_BANDS)) > 4, 0.3, -0.03)
    seen = 0.1 + green[..., None] * slope + draw.normal(0, 0.01, (num_fields, num_dates, 12))
    clear = draw.random((num_fields, num_dates)) < 0.7
    clear[:, 0] = True
    return PlaceFields(
        reflectance=np.clip(np.rint(seen * 1e4), 1, 9_000).astype(np.int16),
        day_of_year=np.broadcast_to(day, clear.shape).astype(np.int16).copy(),
        clear=clear,
        crop=crop.astype(np.int16),
        crop_names=CROPS,
        level="L2A",
        latitude=latitude,
    )


def series_of(place, *, level="L2A"):
    """The fields of a place as series."""
    num_fields = len(place)
    return Series(
        reflectance=place.reflectance,
        day_of_year=place.day_of_year,
        valid=place.clear,
        bands=SENTINEL2_BANDS,
        processing_level=level,
        id=np.arange(num_fields),
        field_id=np.arange(num_fields),
        year=np.full(num_fields, 2018, dtype=np.int16),
        latitude=np.full(num_fields, place.latitude),
        longitude=np.zeros(num_fields),
        simulated=True,
    )


def make_encoder(*, seed=0, untrained=()):
    """A network with fresh weights."""
    network = build_place_network(NETWORK, num_crops=len(CROPS), seed=seed)
    header = PlaceWeightsHeader(
        network=NETWORK,
        crop_names=CROPS,
        untrained_crops=untrained,
        clear_below=102,
        simulated=True,
        training_hash="none",
        provenance={},
    )
    return place_encoder(network, header)
