"""From a teacher and a store to a student that loads wherever a teacher does."""

import json

import numpy as np
import pytest
import torch

from series_factory import make_series
from weights_factory import make_weights
from windrow.data.store.zarr_store import write_store
from windrow.errors import OutputError, WeightsError
from windrow.experiments.recipes.pretraining import student
from windrow.inference.frozen_encoder import load
from windrow.pipelines.distill import distill, take_lessons
from windrow.pipelines.run.metric_lines import TrainingLine, ValidationLine
from windrow.training.execution import ExecutionSettings

PLAIN = ExecutionSettings(precision="float32")


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A store, a tiny teacher of it, and settings of a tiny student."""
    root = tmp_path_factory.mktemp("distillation")
    series = make_series(60, seed=3, planetscope=False)
    write_store(root / "store", series, provenance={})
    make_weights(root / "teacher", series)
    shape = student().encoder.model_copy(update={"num_layers": 1, "width": 16, "mlp_width": 32})
    changes = {"encoder": shape, "max_dates": 8, "batch_size": 16, "num_steps": 120}
    changes |= {"log_every": 20, "validate_every": 60}
    return root, student().model_copy(update=changes)


def test_a_student_learns_what_the_teacher_says(taught):
    root, settings = taught
    told = []
    figures = distill(
        settings, root / "teacher", root / "store", root / "student",
        execution=PLAIN, on_progress=told.append,
    )  # fmt: skip
    written = json.loads((root / "student" / "evaluation.json").read_text())
    assert written == figures
    metrics = root / "student" / "metrics.jsonl"
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert lines == told
    losses = [line for line in lines if line["kind"] == "train"]
    assert losses[0].keys() <= TrainingLine.__annotations__.keys()
    assert lines[-1].keys() <= ValidationLine.__annotations__.keys()
    for part in ("date", "month", "mean"):
        assert losses[-1][part] < 0.6 * losses[0][part]
        assert figures["explained"][part] == pytest.approx(1 - lines[-1][part])
    assert [line["step"] for line in lines if line["kind"] == "validation"] == [59, 119]
    series = make_series(9, seed=5)
    small, teacher = load(root / "student"), load(root / "teacher")
    assert small.max_dates == 8
    assert (small.width, teacher.width) == (16, 32)
    assert small.header.provenance["teacher"] == teacher.content_hash
    assert small.header.normalization == teacher.header.normalization
    assert small.header.simulated
    np.testing.assert_allclose(
        load(root / "student", backend="onnx").embed(series), small.embed(series), atol=1e-5
    )
    with pytest.raises(OutputError, match="exists already"):
        distill(settings, root / "teacher", root / "store", root / "student")
    longer = settings.model_copy(update={"max_dates": 9})
    with pytest.raises(
        WeightsError, match="the teacher reads fewer dates than the student; found 8; expected at"
    ):
        distill(longer, root / "student", root / "store", root / "other")


def test_the_same_settings_give_the_same_bytes(taught):
    root, settings = taught
    short = settings.model_copy(update={"num_steps": 4})
    for name in ("first", "second"):
        distill(short, root / "teacher", root / "store", root / name, execution=PLAIN)
    for file in ("weights.safetensors", "config.yaml", "evaluation.json"):
        assert (root / "first" / file).read_bytes() == (root / "second" / file).read_bytes()


def test_lessons_are_the_teachers_words_at_the_dates_that_are_read(taught):
    root, _ = taught
    teacher = load(root / "teacher")
    series = make_series(7, seed=9)
    lessons = take_lessons(teacher, series, max_dates=8)
    z = teacher.sequence(series)
    read = load(root / "teacher", max_dates=8).read_dates(series)
    for n in range(7):
        dates = np.flatnonzero(read[n])
        count = len(dates)
        assert lessons.valid[n].tolist() == [True] * count + [False] * (8 - count)
        assert lessons.day_of_year[n, :count].tolist() == series.day_of_year[n, dates].tolist()
        assert torch.allclose(
            lessons.taught.z[n, :count].float(), torch.from_numpy(z[n, dates]), atol=2e-3
        )
    np.testing.assert_allclose(lessons.taught.mean.float(), teacher.embed(series), atol=2e-3)
