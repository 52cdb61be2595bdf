"""Tables 1 to 4 and Figures 7 to 9 and 12 of studies of all arms, against recomputed numbers."""

import json

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from study_factory import make_study
from windrow.experiments.study.ablations import HEADS, ablation_arms, figures, tables
from windrow.experiments.study.arms import benchmark_arms
from windrow.reporting.study.page import write_study_report

TITLES = ("LSTM", "Transformer")


def _made(folder, monkeypatch, **options):
    """A study of arms of different merit and its report; the points of every line drawn."""
    lines = []
    drawn = Axes.errorbar

    def watched(axes, x, y, **further):
        lines.append((np.asarray(y), np.asarray(further["yerr"])))
        return drawn(axes, x, y, **further)

    arms = options["arms"]
    merit = {arm.name: 0.3 + 0.6 * index / len(arms) for index, arm in enumerate(arms)}
    make_study(
        folder, tasks=("task2",), heads=HEADS, seeds=(0,), share=merit, num_fields=(),
        until_days=(), num_configurations=2, **options,
    )  # fmt: skip
    monkeypatch.setattr(Axes, "errorbar", watched)
    write_study_report(folder)
    return lines


def _accuracies(folder, arm, head):
    found = [
        json.loads((folder / "cells" / f"task2.{arm}.{head}.{number}.0.json").read_text())
        for number in (1, 2)
    ]
    return 100 * np.array([cell["scores"]["task2"]["overall_accuracy"] for cell in found])


def _row(folder, title, arm):
    found = [_accuracies(folder, arm, head) for head in HEADS]
    return [title, *(f"{each.mean():.1f} ± {each.std():.1f}" for each in found)]


@pytest.mark.parametrize("scale", [pytest.param("tiny", marks=pytest.mark.slow), "paper"])
def test_every_table_and_figure_of_an_ablation_is_made(tmp_path, monkeypatch, scale) -> None:
    arms = ablation_arms(scale)
    # Intervals at the scale that has a pair of its own in Table 1; fewer fields give none.
    num_test = 90 if scale == "paper" else 36
    lines = _made(tmp_path, monkeypatch, arms=arms, kind="ablation", scale=scale, num_test=num_test)
    title = {arm.name: arm.title for arm in arms}
    assert [table.name for table in tables(scale)] == [f"table-{n}" for n in (1, 2, 3, 4)]
    for table in tables(scale):
        found = pd.read_csv(tmp_path / "tables" / f"{table.name}.csv", dtype=str)
        wanted = [_row(tmp_path, title[arm], arm) for arm, _ in table.arms]
        # Behind each mean its interval over fields, where there are five a class.
        split = [found[name].str.extract(r"(.*?)(?: \[.* to .*\])?$")[0] for name in TITLES]
        assert [list(row) for row in zip(found["Pre-training"], *split, strict=True)] == wanted
        assert (found["LSTM"].str.contains(" to ") == (scale == "paper")).all()
        assert table.title[:-1] in (tmp_path / "tables" / f"{table.name}.tex").read_text()
    names = ["figure-7", "figure-8", "figure-9"]
    if scale == "paper":
        names.append("figure-8-equal-batch")
    assert [figure.name for figure in figures(scale)] == names
    drawn = iter(lines)
    for figure in figures(scale):
        for head in HEADS:
            groups = [_accuracies(tmp_path, arm, head) for arm, _ in figure.arms]
            mean, deviation = next(drawn)
            np.testing.assert_allclose(mean, [group.mean() for group in groups])
            np.testing.assert_allclose(deviation, [group.std() for group in groups])
        drawing = (tmp_path / "figures" / f"{figure.name}.svg").read_text()
        assert all(f">{tick}<" in drawing for _, tick in figure.arms)
        assert (tmp_path / "figures" / f"{figure.name}.png").stat().st_size > 10_000
    assert next(drawn, None) is None
    assert "fewer than two of its arms" not in (tmp_path / "report.html").read_text()


def test_the_pair_of_one_shape_has_a_gain_an_interval_and_a_test(tmp_path, monkeypatch) -> None:
    arms = [
        arm
        for arm in ablation_arms("paper")
        if arm.name in ("bert", "bert-small", "spectro-temporal")
    ]
    _made(tmp_path, monkeypatch, arms=arms, kind="ablation", scale="paper", num_test=90)
    difference = [
        _accuracies(tmp_path, "bert-small", head) - _accuracies(tmp_path, "spectro-temporal", head)
        for head in HEADS
    ]
    questions = pd.read_csv(tmp_path / "tables" / "questions.csv", dtype=str)
    place = (
        questions["Question"]
        .tolist()
        .index("Is a BERT of the same shape better than the spectro-temporal contrast?")
    )
    own = questions.iloc[place : place + 2]
    assert own["difference"].tolist() == [f"{each.mean():+.1f}" for each in difference]
    assert own["interval over fields"].str.contains(" to ").all()
    gains = pd.read_csv(tmp_path / "tables" / "gains.csv", dtype=str)
    fair = gains[gains["Gain of"] == "BERT, small over Spectro-temporal contrastive"]
    assert fair["Head"].tolist() == list(TITLES)
    for each, text in zip(difference, fair["gain, mean (min, max)"], strict=True):
        assert text.startswith(f"{each.mean():+.1f} (")
    # Every one of the resampled sets of fields agrees: 2 of 2,001.
    assert fair["p over fields"].tolist() == ["0.0010"] * 2
    assert fair["interval over fields"].tolist() == own["interval over fields"].tolist()


def test_a_benchmark_of_changes_has_figure_12_and_a_row_of_each(tmp_path, monkeypatch) -> None:
    names = ["bert", "resmlp", "resmlp-barlow", "without-season", "bert-masking-15"]
    arms = benchmark_arms(names, "tiny")
    _made(tmp_path, monkeypatch, arms=arms, kind="benchmark", scale="tiny", num_test=36)
    found = pd.read_csv(tmp_path / "tables" / "table-5.csv", dtype=str)
    wanted = [_row(tmp_path, arm.title, arm.name) for arm in arms]
    assert found[["Method", *TITLES]].to_numpy().tolist() == wanted
    for end in ("svg", "png"):
        assert (tmp_path / "figures" / f"figure-12-task2.{end}").is_file()
    asked = pd.read_csv(tmp_path / "tables" / "questions.csv")["Question"].dropna().tolist()
    assert asked == [
        "Is BERT better than ResMLP's bi-modal contrast?",
        "Does the season loss help?",
        "Is NT-Xent better than Barlow Twins in ResMLP?",
    ]
