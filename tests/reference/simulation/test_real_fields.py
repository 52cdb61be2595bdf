"""Trained on simulated fields alone, tested on real ones (half A: B is never tuned on)."""

import os
from pathlib import Path

import numpy as np
import pytest

from windrow.sensors import SENTINEL2_BANDS
from windrow.simulation import simulate_parts

DATA = Path(os.environ.get("WINDROW_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
CLASSES = ("Meadows", "Wheat", "Corn", "Barley", "Forage Crops", "Oil Seeds")
GRID = np.arange(5, 365, 10)


def indices(values):
    """NDVI, NDMI, red edge and SWIR ratio of (dates, 12) reflectance."""
    band = {name: values[:, k].astype(float) for k, name in enumerate(SENTINEL2_BANDS)}
    pairs = (("B08", "B04"), ("B08", "B11"), ("B05", "B04"), ("B11", "B12"))
    return np.stack([(band[a] - band[b]) / (band[a] + band[b] + 1e-9) for a, b in pairs], axis=1)


def features(days, values, clear):
    seen = indices(values[clear])
    return np.concatenate([np.interp(GRID, days[clear], seen[:, k]) for k in range(4)])


def simulated_fields():
    rows, names = [], []
    for part in simulate_parts("bavaria-2018", num_series=1500, seed=5):
        for field in np.unique(part.field_id):
            of = np.flatnonzero(part.field_id == field)
            name = part.legend.names[part.label[of[0]]]
            valid = part.valid[of[0]]
            clear = part.cloud_probability[of].mean(axis=0)[valid] < 100
            if name in CLASSES:
                values = part.reflectance[of].mean(axis=0)[valid]
                rows.append(features(part.day_of_year[of[0]][valid], values, clear))
                names.append(name)
    return np.array(rows), np.array(names)


def real_fields():
    pandas = pytest.importorskip("pandas")
    table = pandas.read_parquet(DATA / "bavaria2018" / "observations.parquet").dropna()
    fields = pandas.read_csv(DATA / "bavaria2018" / "fields.csv").set_index("field_id")
    rows, names = [], []
    for number, group in table.groupby("field_id"):
        field = fields.loc[number]
        if field.half == "A" and field.crop_group in CLASSES:
            days = pandas.to_datetime(group.date).dt.day_of_year.to_numpy() - 1
            values = group[list(SENTINEL2_BANDS)].to_numpy(dtype=float)
            rows.append(features(days, values, group.cloud_fraction.to_numpy() == 0))
            names.append(field.crop_group)
    return np.array(rows), np.array(names)


def test_real_crops_are_known_from_simulated_fields_alone():
    if not (DATA / "bavaria2018").is_dir():
        pytest.skip(f"the real fields of bavaria2018 are not at {DATA}")
    from sklearn.ensemble import ExtraTreesClassifier

    trees = ExtraTreesClassifier(200, random_state=0, min_samples_leaf=2)
    trees.fit(*simulated_fields())
    rows, names = real_fields()
    # .87 when written; a naive simulator reaches .28.
    assert (trees.predict(rows) == names).mean() > 0.75
