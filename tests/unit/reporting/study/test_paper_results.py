"""The paper's numbers stand beside real results of its own fields, and nowhere else."""

import json

import pandas as pd
import pytest

from study_factory import ARMS, PAPER_SOURCES, make_study
from study_reports import ABLATED, everything, paper_columns, small_study, table_5
from windrow.experiments.study import paper_results
from windrow.reporting.study import difference_tables
from windrow.reporting.study.page import write_study_report
from windrow.reporting.study.reading import read_study
from windrow.reporting.study.statistics import Selection, StudyStatistics
from windrow.reporting.tables import DASH


def _paper_numbers():
    numbers = [
        value
        for methods in paper_results.TABLE_5.values()
        for heads in methods.values()
        for value in heads.values()
    ]
    numbers += [value for heads in paper_results.ABLATIONS.values() for value in heads.values()]
    return {f"{value.mean:.2f} ± {value.deviation:.2f}" for value in numbers}


def test_the_papers_numbers_never_stand_beside_simulated_ones(simulated) -> None:
    text = everything(simulated)
    assert "paper: LSTM" not in text
    assert not [number for number in _paper_numbers() if number in text]
    for gains in paper_results.GAINS.values():
        assert not [g for g in gains.values() if f"({g.smallest:.2f}, {g.largest:.2f})" in text]
    page = (simulated / "report.html").read_text()
    assert "SIMULATED" in page
    for figure in (simulated / "figures").glob("*.svg"):
        assert ">SIMULATED<" in figure.read_text()
    assert "\\caption{SIMULATED: " in (simulated / "tables" / "table-5.tex").read_text()


def test_the_papers_numbers_stand_beside_real_ones(real) -> None:
    table = pd.read_csv(real / "tables" / "table-5.csv")
    assert table["paper: LSTM"].tolist() == ["75.12 ± 1.11", "62.88 ± 2.86", DASH]
    assert table["paper: Transformer"].tolist() == ["80.04 ± 1.26", "77.78 ± 5.90", DASH]
    gains = pd.read_csv(real / "tables" / "gains.csv")
    assert gains["paper"].tolist()[0] == "10/10, 12.24 (8.68, 19.75)"
    assert "SIMULATED" not in everything(real)
    said = "scale tiny, protocol corrected, variant corrected, pre-trained encoders frozen"
    for name in ("table-5", "gains"):
        caption = (real / "tables" / f"{name}.html").read_text()
        assert f"This study is of {said}; the paper&#x27;s numbers" in caption
        assert "are of a larger experiment and of frozen encoders" in caption
    assert said.replace("scale", "Scale", 1) in (real / "report.html").read_text()


def test_the_papers_numbers_do_not_stand_beside_other_real_fields(tmp_path) -> None:
    table = {"product": "table", "protocol": None, "part": None, "year": None}
    ours = dict.fromkeys(("pretraining", "train", "validation"), table)
    for number, sources in enumerate(({"task2": ours}, {"task2": PAPER_SOURCES["task1"]}, {})):
        folder = tmp_path / str(number)
        assert not small_study(folder, ("task2",), sources=sources).beside_paper("task2")
    write_study_report(folder)
    assert paper_columns(folder) == set()
    text = everything(folder)
    assert not [number for number in _paper_numbers() if number in text]
    assert "Task 2: the stores do not say that they are the paper&#39;s fields" in text


def test_one_cell_of_other_fields_is_enough(tmp_path) -> None:
    assert small_study(tmp_path, ("task2",)).beside_paper("task2")
    path = tmp_path / "cells" / "task2.bert.lstm.1.0.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"sources": {}}))
    assert not read_study(tmp_path).beside_paper("task2")


def test_a_task_of_other_fields_has_dashes_beside_one_of_the_papers(tmp_path) -> None:
    sources = {"task1": PAPER_SOURCES["task1"]}
    study = small_study(tmp_path, ("task1", "task2"), sources=sources)
    table = table_5(study)
    place = [cell.text for cell in table.header].index("paper: LSTM")
    found = [row[place].text for row in table.rows]
    assert found == ["71.47 ± 0.77", "64.43 ± 3.06", *[DASH] * 4]
    statistics = StudyStatistics(study)
    comparisons = [
        statistics.compare("bert", "resmlp", Selection(task, task, "lstm"))
        for task in ("task1", "task2")
    ]
    gains = difference_tables.gain_table(study, comparisons).table
    assert gains.header[-1].text == "paper"
    assert [row[-1].text for row in gains.rows] == ["10/10, 7.04 (3.02, 14.46)", DASH]


def test_a_fine_tuned_study_says_so(tmp_path) -> None:
    study = small_study(tmp_path, ("task2",), fine_tune=True)
    caption = table_5(study).caption
    assert "pre-trained encoders fine-tuned with the heads; the paper's numbers" in caption
    write_study_report(tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "pre-trained encoders fine-tuned with the heads; 6 cells done" in page


def test_a_study_of_simulated_cells_is_simulated_whatever_its_settings_say(tmp_path) -> None:
    make_study(tmp_path, tasks=("task2",), simulated=False, seeds=(0,), heads=("lstm",))
    path = tmp_path / "cells" / "task2.bert.lstm.1.0.json"
    values = json.loads(path.read_text())
    path.write_text(json.dumps({**values, "simulated": True}))
    assert "paper:" not in table_5(read_study(tmp_path)).header[-1].text
    assert read_study(tmp_path).simulated


def _real_ablation(folder, task):
    share = {"bert": 0.8, "without-season": 0.7}
    small_study(folder, (task,), arms=ABLATED, kind="ablation", share=share)
    write_study_report(folder)


def test_the_papers_ablations_stand_beside_those_of_their_own_task(tmp_path) -> None:
    _real_ablation(tmp_path, "task2")
    table = pd.read_csv(tmp_path / "tables" / "table-2.csv")
    assert table["paper: LSTM"].tolist() == ["73.94 ± 1.21", "66.95 ± 1.20"]
    caption = (tmp_path / "tables" / "table-2.html").read_text()
    assert (
        "This study is of scale tiny, protocol corrected, variant corrected, pre-trained encoders"
        " frozen; the paper&#x27;s numbers, at the right, are of a larger experiment"
    ) in caption
    # An ablation's BERT is not the one of the benchmark, whose gains the paper gives.
    assert paper_columns(tmp_path) == {"table-2: paper: LSTM"}


@pytest.mark.parametrize("task", ["task1", "task3"])
def test_the_papers_ablations_do_not_stand_beside_other_tasks(tmp_path, task) -> None:
    _real_ablation(tmp_path, task)
    assert paper_columns(tmp_path) == set()
    text = everything(tmp_path)
    assert not [number for number in _paper_numbers() if number in text]
    assert "The paper&#39;s ablations are of Task 2 and do not stand here." in text


def test_published_numbers_agree_with_each_other() -> None:
    # The mean gain of section 6 is the difference of Table 5's means, but for rounding.
    for task, heads in paper_results.GAINS.items():
        for head, gained in heads.items():
            rows = paper_results.TABLE_5[task]
            difference = rows["bert"][head].mean - rows["resmlp"][head].mean
            assert gained.mean == pytest.approx(difference, abs=0.021)
    assert ARMS[0].name == "bert"
