"""Real fields near Munich: read, labelled, and the published baselines found again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from windrow.evaluation.fewshot.protocol import fewshot
from windrow.evaluation.fewshot.settings import MethodHead
from windrow.experiments.recipes.heads import EXTRA_TREES, fewshot_settings
from windrow.sources.labels.label_table import read_labels
from windrow.sources.tables.series import read_table

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("WINDROW_DATA", ROOT.parent / "shared" / "data")) / "bavaria2018"

pytestmark = pytest.mark.skipif(
    not (FOLDER / "observations.parquet").is_file(),
    reason=f"the real fields are not at {FOLDER}; set WINDROW_DATA",
)


def test_raw_features_reach_the_published_baselines() -> None:
    """Extra trees at k = 10: .885 on 12 bands and .894 on indices; one draw varies by .03."""
    reading = read_table(FOLDER / "observations.parquet")
    assert reading.series.reflectance.shape == (301, 142, 12)
    assert reading.summary.facts["scale"] == "dn (reflectance x 10,000, detected)"
    labels = read_labels(FOLDER / "fields.csv", "crop_group", series=reading.keys)
    result = fewshot(
        reading.series,
        labels,
        None,
        fewshot_settings(
            heads=[
                MethodHead(method="bands", head=EXTRA_TREES),
                MethodHead(method="indices", head=EXTRA_TREES),
            ],
            k=(10,),
            num_draws=5,
            exclude=["Other"],
            train_where="half=A",
            test_where="half=B",
        ),
    )
    assert result.task.legend.names == (
        "Barley",
        "Corn",
        "Forage Crops",
        "Meadows",
        "Oil Seeds",
        "Wheat",
    )
    assert (result.task.num_train_fields, result.task.num_test_fields) == (132, 132)
    bands, indices = result.rows
    assert bands["overall_accuracy"] == pytest.approx(0.885, abs=0.04)
    assert indices["overall_accuracy"] == pytest.approx(0.894, abs=0.04)
