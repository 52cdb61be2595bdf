"""The whole way, walked once a test process: simulate, pre-train, embed, few labels, report."""

from __future__ import annotations

import pytest

from way import Way, windrow, write_tables
from windrow.data.store.store import Store


@pytest.fixture(scope="session")
def way(tmp_path_factory: pytest.TempPathFactory) -> Way:
    """A simulated store, a tiny run on it, and a table of other simulated series."""
    root = tmp_path_factory.mktemp("way")
    way = Way(root / "store", root / "run", root / "fields.parquet", root / "fields.csv")
    assert windrow("simulate", "--out", way.store, "--num-series", 240, "--seed", 1) == 0
    assert windrow("pretrain", "tiny", "--data", way.store, "--out", way.run) == 0
    other = root / "other"
    assert windrow("simulate", "--out", other, "--num-series", 200, "--seed", 2) == 0
    write_tables(Store(other).series(planetscope=False), way.table, way.labels)
    return way
