"""The demo, made small: the same steps in the same order."""

import json

from windrow.cli.demo import first_free
from windrow.cli.progress import progress
from windrow.experiments.pretraining_demo import pretraining_demo_settings, run_pretraining_demo
from windrow.experiments.recipes.heads import fewshot_settings
from windrow.experiments.recipes.pretraining import tiny
from windrow.reporting.run.page import write_report


def test_demo_leaves_every_part_and_a_report(tmp_path):
    settings = pretraining_demo_settings(seed=3).model_copy(
        update={
            "num_series": 160,
            "num_held_out_series": 200,
            "pretraining": tiny(seed=3),
            "fewshot": fewshot_settings(k=(1,), num_draws=2, min_fields=2),
        }
    )
    folder = tmp_path / "demo"
    result = run_pretraining_demo(folder, settings, progress=progress, num_workers=1)
    assert result == json.loads((folder / "fewshot" / "fewshot.json").read_text())
    assert result["simulated_data"]
    assert result["simulated_weights"]
    assert {row["method"] for row in result["rows"]} == {
        "representation",
        "bands",
        "indices",
        "bands_and_indices",
    }
    page = write_report(folder).read_text()
    assert "SIMULATED" in page
    assert "Where fields are right and wrong" in page
    assert "No map" not in page
    assert sorted(path.name for path in folder.iterdir()) == [
        "fewshot",
        "held-out",
        "pretraining",
        "report.html",
        "train",
    ]


def test_a_second_demo_takes_the_next_folder(tmp_path):
    assert first_free(tmp_path / "demo") == tmp_path / "demo"
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo-2").mkdir()
    assert first_free(tmp_path / "demo") == tmp_path / "demo-3"
