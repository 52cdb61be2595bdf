"""The report of a study against recomputed numbers."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix as sklearn_confusion

from study_factory import ARMS, SHARE, make_study
from study_reports import ABLATED, paper_columns, small_study, table_5
from windrow.errors import DataError
from windrow.evaluation.field_bootstrap import Difference
from windrow.evaluation.paired_tests import gain, sign_flip_test
from windrow.experiments.study.hypotheses import QUESTIONS
from windrow.experiments.study.settings import Arm
from windrow.reporting.study import costs
from windrow.reporting.study import tables as study_tables
from windrow.reporting.study.confusion import confusions
from windrow.reporting.study.curves import curves_of
from windrow.reporting.study.page import write_study_report
from windrow.reporting.study.reading import is_study, read_study
from windrow.reporting.study.statistics import Answer, Comparison, Selection, StudyStatistics
from windrow.reporting.table_files import to_csv, to_html, to_latex
from windrow.reporting.tables import DASH, Cell, Table


def test_the_paper_s_accuracy_is_said_to_be_of_batches(simulated) -> None:
    study = read_study(simulated)
    faulty = replace(study, settings=study.settings.model_copy(update={"variant": "paper"}))
    for each, said in ((study, False), (faulty, True)):
        tables = (
            study_tables.accuracy_table(each, StudyStatistics(each)),
            study_tables.figures_table(each, StudyStatistics(each)),
        )
        for named in tables:
            assert ("mean of the accuracies of batches" in named.table.caption) == said


def test_means_and_deviations_are_over_all_runs(simulated) -> None:
    values = [
        json.loads((simulated / "cells" / f"task2.bert.lstm.{c}.{s}.json").read_text())
        for c in (1, 2)
        for s in (0, 1)
    ]
    accuracies = 100 * np.array([v["scores"]["task2"]["overall_accuracy"] for v in values])
    table = pd.read_csv(simulated / "tables" / "table-5.csv", dtype=str)
    mean = f"{accuracies.mean():.1f} ± {accuracies.std():.1f}"
    assert table["LSTM"][0].startswith(f"{mean} [")
    assert table["pre-training"].tolist() == ["10.0 min", "10.0 min", "0"]
    assert table["operations"].tolist() == ["3.0e15"] * 3  # of pre-training and of a head
    assert table["a head"].str.endswith((" s", "0")).all()
    caption = table_5(read_study(simulated)).caption
    assert "Times are of cpu with 1 thread a process" in caption


def test_cells_that_tell_no_operations_have_a_dash(simulated, tmp_path) -> None:
    shutil.copytree(simulated, tmp_path / "study")
    path = tmp_path / "study" / "cells" / "task2.bert.lstm.1.0.json"
    values = json.loads(path.read_text())
    del values["fit_flops"], values["threads"]
    path.write_text(json.dumps(values))
    study = read_study(tmp_path / "study")
    assert costs.cost_cells(study, "bert")[-1].text == DASH
    assert costs.cost_cells(study, "bert", "transformer")[-1].text == "3.0e15"
    assert [cell.text for cell in costs.cost_cells(study, "unknown")] == [DASH] * 3


def _naive_interval(study, names, figure):
    """Percentiles of a figure's mean over cells, each field drawn with all its series."""
    tables = [study.predictions(name, "task2") for name in names]
    fields = np.unique(tables[0]["field_id"])
    members = [np.flatnonzero(tables[0]["field_id"] == field) for field in fields]
    label = tables[0]["label"].to_numpy()
    predicted = [table["predicted"].to_numpy() for table in tables]
    drawn = np.random.default_rng(5).integers(len(fields), size=(400, len(fields)))
    found = []
    for draw in drawn:
        rows = np.concatenate([members[each] for each in draw])
        found.append(np.mean([figure(label[rows], each[rows]) for each in predicted]))
    return 100 * np.quantile(found, [0.025, 0.975])


def _limits(text):
    low, high = re.fullmatch(r".* \[(.+) to (.+)\]", text).groups()
    return float(low), float(high)


def _accuracy(true, predicted):
    return (true == predicted).mean()


def test_tables_and_curves_carry_intervals_over_fields(simulated) -> None:
    study = read_study(simulated)
    read = {name: pd.read_csv(simulated / "tables" / f"{name}.csv") for name in (
        "table-5", "labels", "season", "class-f1-task2", "all-figures",
    )}  # fmt: skip
    every = [f"task2.bert.lstm.{c}.{s}" for c in (1, 2) for s in (0, 1)]
    curve = ["task2.bert.lstm.2.0", "task2.bert.lstm.2.1"]  # made of the second configuration
    for found, names in (
        (read["table-5"]["LSTM"][0], every),
        (read["all-figures"]["overall accuracy"][0], every),
        (read["labels"]["1"][0], [f"{name}.k1" for name in curve]),
        (read["labels"]["all"][0], curve),
        (read["season"]["180"][0], [f"{name}.d180" for name in curve]),
    ):
        # Two draws of 400 and 2,000 resamples differ by some tenths of a point.
        assert _limits(found) == pytest.approx(_naive_interval(study, names, _accuracy), abs=1.0)

    def rye(true, predicted):
        return (
            2
            * ((true == 1) & (predicted == 1)).sum()
            / ((true == 1).sum() + (predicted == 1).sum())
        )

    wanted = _naive_interval(study, every, rye)
    assert _limits(read["class-f1-task2"]["Rye"][0]) == pytest.approx(wanted, abs=2.5)
    for name in ("labels", "season"):
        text = (simulated / "tables" / f"{name}.html").read_text()
        assert "95 % interval of that mean, by bootstrap over test fields" in text
        assert "Bars: 95 % intervals of these means" in (simulated / "report.html").read_text()
    assert "<small>" in (simulated / "report.html").read_text()


def test_transfer_and_ablations_carry_intervals(tmp_path) -> None:
    study = small_study(tmp_path / "both", ("task1", "task2"), simulated=True)
    statistics = StudyStatistics(study)
    table = study_tables.transfer_table(study, statistics).table
    assert len(table.rows) == 3 * 4
    for row in table.rows:
        assert re.fullmatch(r"\d+\.\d to \d+\.\d", row[4].below)
        assert re.fullmatch(r"\d+\.\d to \d+\.\d", row[5].below)
    options = {"arms": ABLATED, "kind": "ablation", "share": {"bert": 0.8, "without-season": 0.7}}
    study = small_study(tmp_path / "ablation", ("task2",), **options)
    arms = (("bert", "bert-16"), ("without-season", "without-season"))
    statistics = StudyStatistics(study)
    table = study_tables.ablation_table(study, statistics, "table-2", "Table 2.", arms).table
    found = statistics.interval("bert", Selection("task2", "task2", "lstm"))[0]
    assert table.rows[0][1].below == f"{100 * found.low:.1f} to {100 * found.high:.1f}"


def test_a_curve_ends_in_the_configurations_that_it_is_made_of(simulated) -> None:
    study = read_study(simulated)
    table = study.table
    # A random forest has but one configuration, the first, which others' curves are not made of.
    forest = table[(table["arm"] == "scratch") & (table["head"] == "lstm")]
    forest = forest[forest["configuration"] == 1].assign(arm="random-forest", head="forest")
    counted = forest.assign(k=5)
    both = replace(study, table=pd.concat([table, forest, counted], ignore_index=True))
    places, curves = curves_of(both, "k")
    assert places == [1, 5, 0]
    for curve in curves:
        expected = {1} if curve.head == "forest" else {2}
        for place, rows in curve.rows.items():
            assert (
                set(rows["configuration"])
                == expected
                == set(curve.selections[place].configurations)
            )
    assert sum(curve.head == "forest" for curve in curves) == 1


def test_confusion_matrices_are_summed_over_all_runs(simulated) -> None:
    study = read_study(simulated)
    expected = np.zeros((9, 9), dtype=int)
    for configuration in (1, 2):
        for seed in (0, 1):
            table = study.predictions(f"task2.resmlp.lstm.{configuration}.{seed}", "task2")
            expected += sklearn_confusion(table["label"], table["predicted"], labels=range(9))
    found = {(arm, head): counts for arm, head, counts in confusions(study, "task2")}
    assert set(found) == {(a.name, h) for a in ARMS for h in ("lstm", "transformer")}
    assert found["resmlp", "lstm"].tolist() == expected.tolist()
    table = pd.read_csv(simulated / "tables" / "confusion-task2.csv")
    own = table[(table["Method"] == "ResMLP") & (table["Head"] == "LSTM")]
    assert own.iloc[:, 3:].to_numpy().tolist() == expected.tolist()
    page = (simulated / "report.html").read_text()
    assert "Confusion matrices of Task 2" in page
    assert page.count('<div class="matrix">') == 6


def test_a_class_without_test_fields_has_no_f1_and_nothing_an_interval(tmp_path) -> None:
    small_study(tmp_path, ("task2",), simulated=True)
    for path in (tmp_path / "cells").glob("*.parquet"):
        table = pd.read_parquet(path)
        table[table["label"] != 3].to_parquet(path, index=False)
        figures = path.with_suffix(".json")
        values = json.loads(figures.read_text())
        own = values["scores"]["task2"]
        assert own["per_class_f1"]["Oats"] is not None
        own["per_class_f1"]["Oats"] = None  # as figures_of writes it; 0.0 was written before
        own["fields_by_class"]["Oats"] = 0
        figures.write_text(json.dumps(values))
    study = read_study(tmp_path)
    statistics = StudyStatistics(study)
    reason = "no interval: fewer than 5 test fields of Oats (0)"
    assert statistics.why_no_interval("task2") == reason
    table = study_tables.class_table(study, statistics, "task2").table
    place = [cell.text for cell in table.header].index("Oats")
    assert [row[place].text for row in table.rows[:3]] == [DASH] * 3
    assert all(row[place - 1].text != DASH for row in table.rows[:3])
    tables = [table, table_5(study), study_tables.figures_table(study, statistics).table]
    assert not [cell for each in tables for row in each.rows for cell in row if cell.below]


def test_gains_wins_and_tests_are_of_pairs(simulated) -> None:
    study = read_study(simulated)
    found = StudyStatistics(study).compare("bert", "resmlp", Selection("task2", "task2", "lstm"))
    difference = []
    for configuration in (1, 2):
        for seed in (0, 1):
            pair = [
                study.predictions(f"task2.{arm}.lstm.{configuration}.{seed}", "task2")
                for arm in ("bert", "resmlp")
            ]
            rates = [(table["label"] == table["predicted"]).mean() for table in pair]
            difference.append(rates[0] - rates[1])
    assert found.gain.mean == pytest.approx(np.mean(difference))
    assert found.gain.wins == sum(d > 0 for d in difference)
    by_seed = np.reshape(difference, (2, 2)).sum(axis=0)
    assert found.gain.p_value == sign_flip_test(by_seed) == 0.5
    caption = (simulated / "tables" / "gains.html").read_text()
    assert "flips the signs of whole seeds" in caption
    assert "with 2 it is never below 0.500." in caption
    assert found.accuracy.low < np.mean(difference) < found.accuracy.high
    assert list(found.by_seed) == [0, 1]
    # The factory's heads are 15 points apart, three times the interval of 90 fields.
    assert abs(found.gain.mean - (SHARE["bert"] - SHARE["resmlp"])) < 0.1


def test_every_question_is_answered_with_its_interval(simulated) -> None:
    table = pd.read_csv(simulated / "tables" / "questions.csv")
    asked = table["Question"].dropna().tolist()
    assert asked == [
        "Is BERT better than ResMLP's bi-modal contrast?",
        "Is ResMLP's bi-modal contrast better than from scratch?",
        "Is BERT better than from scratch?",
    ]
    assert table["fields a class"].tolist() == ["1", "5", "all"] * 6
    assert table["interval over fields"].str.contains(" to ").all()
    assert set(table["Answer"]) <= {
        "yes",
        "no, the other is better",
        "not shown: the interval holds zero",
        "not shown: the seeds disagree",
    }
    assert table.query("Head == 'LSTM' and `fields a class` == 'all'")["Answer"].iloc[2] == "yes"


def test_one_seed_answers_nothing_but_its_difference_is_shown(real, simulated) -> None:
    table = pd.read_csv(real / "tables" / "questions.csv")
    found = set(table["Answer"])
    assert "not shown: one seed" in found
    assert found <= {"not shown: one seed", "not shown: the interval holds zero"}
    clear = table[table["Answer"] == "not shown: one seed"]
    assert clear["interval over fields"].str.fullmatch(r"[+-]\d+\.\d to [+-]\d+\.\d").all()
    assert (clear["difference"].astype(float).abs() > 2).all()
    # The same arms with two seeds are told apart.
    assert "yes" in set(pd.read_csv(simulated / "tables" / "questions.csv")["Answer"])
    caption = (real / "tables" / "gains.html").read_text()
    assert "flips the signs of its configurations, which share one pre-training" in caption
    assert "whole seeds" not in caption


@pytest.mark.parametrize(
    ("limits", "by_seed", "verdict"),
    [
        ((0.01, 0.05), {0: 0.02, 1: 0.04}, "yes"),
        ((-0.05, -0.01), {0: -0.02, 1: -0.04}, "no, the other is better"),
        ((0.01, 0.05), {0: 0.03}, "not shown: one seed"),
        ((-0.05, -0.01), {0: -0.03}, "not shown: one seed"),
        ((0.01, 0.05), {0: 0.07, 1: -0.01}, "not shown: the seeds disagree"),
        ((-0.01, 0.05), {0: 0.02, 1: 0.02}, "not shown: the interval holds zero"),
        ((0.0, 0.05), {0: 0.02, 1: 0.02}, "not shown: the interval holds zero"),
        (None, {0: 0.02, 1: 0.02}, "no interval"),
    ],
)
def test_a_verdict_asks_for_the_interval_and_several_seeds(limits, by_seed, verdict) -> None:
    mean = float(np.mean(list(by_seed.values())))
    comparison = Comparison(
        selection=Selection("task2", "task2", "lstm"),
        first="bert",
        second="resmlp",
        gain=gain(list(by_seed.values()), [0.0] * len(by_seed)),
        accuracy=None if limits is None else Difference(mean, *limits),
        macro_f1=None,
        p_values=None,
        no_interval=None,
        by_seed=by_seed,
    )
    assert Answer(QUESTIONS[0], comparison).verdict == verdict


def test_no_interval_where_a_class_has_few_test_fields(tmp_path) -> None:
    small_study(tmp_path, ("task2",), simulated=True, num_test=72)  # 4 a class
    statistics = StudyStatistics(read_study(tmp_path))
    found = statistics.compare("bert", "resmlp", Selection("task2", "task2", "lstm"))
    assert found.accuracy is None
    assert found.no_interval.startswith("no interval: fewer than 5 test fields of Wheat (4)")
    write_study_report(tmp_path)
    assert (
        "no interval: fewer than 5 test fields of Wheat (4)"
        in (tmp_path / "report.html").read_text()
    )


def test_figures_of_the_paper_are_there_in_both_forms(simulated) -> None:
    names = {path.name for path in (simulated / "figures").iterdir()}
    for name in ("figure-12-task2", "figure-14-task2-lstm", "figure-15-task2-transformer"):
        assert {f"{name}.svg", f"{name}.png"} <= names
    text = (simulated / "figures" / "figure-12-task2.svg").read_text()
    assert "#0f00" not in text  # no stand-in colour is left
    assert re.search(r"win score [0-4]/4", text)


def test_an_ablation_has_its_tables_and_figures(tmp_path) -> None:
    arms = tuple(
        Arm(name=name, title=name, method="bert", changes={})
        for name in ("bert", "without-season", "without-cloud", "bert-1-layers")
    )
    share = {"bert": 0.8, "without-season": 0.7, "without-cloud": 0.6, "bert-1-layers": 0.5}
    make_study(tmp_path, arms=arms, tasks=("task2",), kind="ablation", share=share, seeds=(0,))
    write_study_report(tmp_path)
    assert (tmp_path / "figures" / "figure-8.png").is_file()
    rows = pd.read_csv(tmp_path / "tables" / "table-2.csv")["Pre-training"].tolist()
    assert rows == ["bert", "without-cloud", "without-season"]
    page = (tmp_path / "report.html").read_text()
    assert "table-3: fewer than two of its arms are done" in page
    assert paper_columns(tmp_path) == set()  # simulated
    assert "Does the season loss help?" in page


def test_a_damaged_cell_is_named(tmp_path) -> None:
    make_study(tmp_path, tasks=("task2",), seeds=(0,), heads=("lstm",))
    assert is_study(tmp_path)
    (tmp_path / "cells" / "task2.bert.lstm.1.0.json").write_text("{")
    with pytest.raises(DataError, match=r"cell of the study cannot be read.*bert\.lstm\.1\.0"):
        read_study(tmp_path)


def test_the_line_below_stands_in_brackets_in_files() -> None:
    table = Table(
        "", (Cell("x"),), ((Cell("\N{MINUS SIGN}1.0", below="\N{MINUS SIGN}2.0 to 0.0"),),)
    )
    assert to_csv(table) == "x\n-1.0 [-2.0 to 0.0]\n"
    assert "$-$1.0 [$-$2.0 to 0.0] \\\\" in to_latex(table)
    assert "<td>\N{MINUS SIGN}1.0 [\N{MINUS SIGN}2.0 to 0.0]</td>" in to_html(table)


def test_latex_is_escaped_and_bold() -> None:
    table = Table(
        "50 % of a_b", (Cell("x"), Cell("y", number=True)), ((Cell("a&b"), Cell("1", strong=True)),)
    )
    assert to_latex(table) == (
        "\\begin{table}\n\\caption{50 \\% of a\\_b}\n\\begin{tabular}{lr}\n\\toprule\n"
        "x & y \\\\\n\\midrule\na\\&b & \\textbf{1} \\\\\n\\bottomrule\n\\end{tabular}\n"
        "\\end{table}\n"
    )
