"""Cubes: windows cover each pixel once; values mean the same as in a naive loop."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from windrow.sources.breizhcrops.columns import (
    ALPHABETICAL_L1C,
    NUMERIC_L1C,
    detect_columns,
)
from windrow.sources.cubes.values import Meaning
from windrow.sources.rasters.grid import Grid, windows
from windrow.sources.values.reflectance import RangeTally


@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    native=st.tuples(st.integers(1, 64), st.integers(1, 64)),
    limit=st.integers(1, 2000),
)
@settings(max_examples=60, deadline=None)
def test_windows_cover_each_pixel_once(
    height: int, width: int, native: tuple[int, int], limit: int
) -> None:
    seen = np.zeros((height, width), dtype=int)
    for window in windows(Grid(height, width, (1, 0, 0, 0, -1, 0), None), native, 1, limit=limit):
        assert window.height * window.width <= limit
        rows = slice(window.row, window.row + window.height)
        seen[rows, window.column : window.column + window.width] += 1
    assert (seen == 1).all()


@given(
    values=arrays.arrays(np.uint16, (3, 2, 5), elements=st.sampled_from([0, 1, 999, 1000, 40000])),
    added=st.sampled_from([0, -1000]),
)
@settings(max_examples=60, deadline=None)
def test_reflectance_against_a_naive_loop(values: np.ndarray, added: int) -> None:
    meaning = Meaning(np.ones((3, 2)), np.full((3, 2), float(added)), np.zeros((3, 2)))
    reflectance, valid = meaning.reflectance(values, RangeTally())
    for pixel in range(5):
        for date in range(3):
            raw = [int(value) for value in values[date, :, pixel]]
            usable = 0 not in raw and max(raw) + added <= 32767
            assert valid[pixel, date] == usable
            expected = [value + added for value in raw] if usable else [0, 0]
            assert reflectance[pixel, date].tolist() == expected


@given(
    order=st.sampled_from([ALPHABETICAL_L1C, NUMERIC_L1C]),
    seed=st.integers(0, 2**32 - 1),
    cirrus=st.integers(1, 200),
)
@settings(max_examples=60, deadline=None)
def test_the_order_of_bands_is_found_whatever_the_reflectance(
    order: tuple[str, ...], seed: int, cirrus: int
) -> None:
    random = np.random.default_rng(seed)
    sample = random.uniform(500, 4000, (50, 17))
    sample[:, order.index("B10")] = random.uniform(0, cirrus, 50)
    sample[:, 13:16] = random.choice([0, 1024], (50, 3))
    sample[:, 16] = 1.5e18
    assert detect_columns(sample, where="x").names == order
