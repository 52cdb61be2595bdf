"""A few series with every optional part, small enough to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from windrow.data.legend import Legend
from windrow.data.series import Series

BANDS = ("B02", "B03", "B8A")


def build_series(num_series: int = 5, num_dates: int = 6, **changes: Any) -> Series:
    random = np.random.default_rng(num_series * 100 + num_dates)
    days = np.sort(random.choice(366, (num_series, num_dates)), axis=1)
    legend = Legend(names=("Wheat", "Rye"), codes=("1", "2"))
    values: dict[str, Any] = {
        "reflectance": random.integers(0, 10_000, (num_series, num_dates, 3)).astype(np.int16),
        "day_of_year": days.astype(np.int16),
        "valid": random.random((num_series, num_dates)) < 0.8,
        "bands": BANDS,
        "processing_level": "L2A",
        "id": np.arange(num_series, dtype=np.int64) + 10,
        "field_id": np.array([f"field {i // 2}" for i in range(num_series)]),
        "year": np.full(num_series, 2018, dtype=np.int16),
        "cloud_probability": random.integers(0, 256, (num_series, num_dates)).astype(np.uint8),
        "longitude": random.uniform(-180, 180, num_series),
        "latitude": random.uniform(-90, 90, num_series),
        "planetscope": random.integers(-100, 9_000, (num_series, 4, 36)).astype(np.int16),
        "planetscope_day": np.array([0, 5, 100, 365], dtype=np.int16),
        "label": random.integers(-1, 2, num_series).astype(np.int16),
        "legend": legend,
        "truth": {
            "leaf_area_index": random.random((num_series, 4)).astype(np.float32),
            "crop": np.array([f"crop {i}" for i in range(num_series)]),
        },
        "simulated": True,
    }
    return Series(**(values | changes))


@pytest.fixture(name="build_series")
def build_series_fixture() -> Callable[..., Series]:
    return build_series
