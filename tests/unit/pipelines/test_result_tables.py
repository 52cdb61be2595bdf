"""Results in text have four decimals, and the rows of their probabilities still sum to 1 nearly."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from windrow.pipelines.run.table_writer import DECIMALS, write_result


def results() -> tuple[pa.Table, np.ndarray]:
    probability = np.random.default_rng(0).dirichlet(np.ones(7), size=30)
    columns = {"id": pa.array(range(30)), "nothing": pa.nulls(30, pa.float64())}
    for number in range(7):
        columns[f"probability {number}"] = pa.array(np.ascontiguousarray(probability[:, number]))
    return pa.table(columns), probability


@pytest.mark.parametrize("suffix", [".csv", ".geojson", ".parquet"])
def test_text_is_rounded_and_parquet_is_not(suffix: str, tmp_path: Path) -> None:
    table, probability = results()
    path = tmp_path / f"out{suffix}"
    if suffix == ".geojson":
        pytest.importorskip("geopandas")
    place = np.linspace(10, 11, 30)
    write_result(path, table, longitude=place, latitude=place, decimals=DECIMALS)
    if suffix == ".csv":
        found = pd.read_csv(path)
    elif suffix == ".parquet":
        found = pd.read_parquet(path)
    else:
        features = json.loads(path.read_text())["features"]
        found = pd.DataFrame([each["properties"] for each in features])
        assert features[3]["geometry"]["coordinates"] == pytest.approx([place[3]] * 2, abs=1e-7)
    assert found["id"].tolist() == list(range(30))
    assert found["nothing"].isna().all()
    values = found.filter(like="probability").to_numpy()
    if suffix == ".parquet":
        np.testing.assert_array_equal(values, probability)
        return
    np.testing.assert_array_equal(values, np.round(probability, 4))
    assert np.abs(values.sum(axis=1) - 1).max() <= 7 * 0.5e-4
