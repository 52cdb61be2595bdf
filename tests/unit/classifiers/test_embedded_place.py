"""Embeddings of a place without classes: any bands, level, dates and twelve months."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from place_factory import make_encoder, make_place, series_of
from windrow.classifiers.embedded_place import MOST_CONTEXT, EmbeddedPlace
from windrow.classifiers.place_classifier import load_place_encoder
from windrow.data.season import days_of_season
from windrow.data.series import Series
from windrow.data.ten_day_grid import grid_of_series
from windrow.errors import BandError, DataError
from windrow.models.place_network import PlaceBatch, place_values
from windrow.sensors import SENTINEL2_BANDS

SHIPPED = load_place_encoder()


def season(series: Series, start: str) -> Series:
    """The same days of the year, as twelve months from a day on; years may differ."""
    date = np.datetime64("2019-01-01", "D") + series.day_of_year
    day, _ = days_of_season(date, start)
    order = np.argsort(np.where(series.valid, day, 999), axis=1, kind="stable")

    def move(values: np.ndarray) -> np.ndarray:
        index = order if values.ndim == 2 else order[..., None]
        return np.take_along_axis(values, index, axis=1)

    valid = move(series.valid)
    return replace(
        series,
        reflectance=move(series.reflectance),
        day_of_year=np.where(valid, move(day), 0).astype(np.int16),
        valid=valid,
        season_start=start,
    )


@settings(deadline=None, max_examples=12)
@given(
    bands=st.lists(st.sampled_from(SENTINEL2_BANDS), min_size=1, unique=True),
    level=st.sampled_from(["L1C", "L2A"]),
    dates=st.integers(1, 40),
    monthly=st.booleans(),
    start=st.sampled_from(["01-01", "04-15", "10-01"]),
    seed=st.integers(0, 3),
)
def test_any_bands_levels_dates_and_months(
    *, bands: list[str], level: str, dates: int, monthly: bool, start: str, seed: int
) -> None:
    series = series_of(make_place(7, num_dates=12 if monthly else dates, seed=seed), level=level)
    if monthly:
        series = replace(
            series,
            day_of_year=np.tile(np.arange(14, 365, 30, dtype=np.int16)[:12], (7, 1)),
            valid=np.ones((7, 12), dtype=np.bool_),
        )
    series = series.with_bands([band for band in SENTINEL2_BANDS if band in bands])
    whole = EmbeddedPlace(SHIPPED, series).embed(series)
    assert whole.shape == (7, SHIPPED.header.network.embedding_width)
    assert np.isfinite(whole).all()
    other = season(series, start)
    np.testing.assert_allclose(EmbeddedPlace(SHIPPED, other).embed(other), whole, atol=2e-4)


def test_embeddings_are_those_of_the_network_without_classes() -> None:
    encoder, series = make_encoder(), series_of(make_place(9))
    grid = grid_of_series(series, clear_below=encoder.header.clear_below, latitude=48.0)
    every = torch.ones(1, 9, dtype=torch.bool)
    none = torch.zeros(1, 0, dtype=torch.bool)
    expected, _ = encoder.network.encode(
        PlaceBatch(
            reflectance=torch.from_numpy(grid.reflectance)[None],
            gap=torch.from_numpy(grid.gap)[None],
            has_band=torch.from_numpy(grid.has_band)[None],
            is_field=every,
            context=every,
            label=torch.zeros(1, 9, dtype=torch.int64),
            labelled=~every,
            crops=torch.zeros(1, 0, len(encoder.header.crop_names)),
            known=none,
            is_class=none,
            place=torch.tensor([place_values(48.0)]),
        )
    )
    # A field of the context is embedded beside the context as within it, but for its own token.
    found = EmbeddedPlace(encoder, series).embed(series)
    assert found.shape == expected[0].shape
    assert np.corrcoef(found.ravel(), expected[0].numpy().ravel())[0, 1] > 0.99


def test_a_field_does_not_depend_on_the_others_of_its_call() -> None:
    series = series_of(make_place(MOST_CONTEXT + 20))
    embedder = EmbeddedPlace(make_encoder(), series)
    together = embedder.embed(series)
    some = np.array([3, 200, 270])
    np.testing.assert_array_equal(embedder.embed(series.select(some)), together[some])
    assert embedder.embed(series.select(slice(0, 0))).shape == (0, embedder.width)
    # The place matters: other fields around it give another embedding.
    other = EmbeddedPlace(make_encoder(), series_of(make_place(30, crops=(1, 3))))
    assert not np.allclose(other.embed(series.select(some)), together[some], atol=1e-3)


def test_series_that_do_not_fit_their_place_are_refused() -> None:
    series = series_of(make_place(5))
    embedder = EmbeddedPlace(make_encoder(), series)
    with pytest.raises(DataError, match="another processing level than their place"):
        embedder.embed(replace(series, processing_level="L1C"))
    with pytest.raises(BandError, match="lack band"):
        embedder.embed(series.with_bands(["B04"]))
    with pytest.raises(DataError, match="no field shows the place"):
        EmbeddedPlace(make_encoder(), series.select(slice(0, 0)))
