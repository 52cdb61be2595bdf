"""Numbers in the tables against a second way of computing them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix as sklearn_confusion
from sklearn.metrics import f1_score

from windrow.reporting import tables
from windrow.reporting.run import tables as run_tables
from windrow.reporting.run.records import (
    Evaluation,
    FewShotRow,
    LagScore,
    PairedDifference,
)


def texts(table: tables.Table) -> list[list[str]]:
    return [[cell.text.replace("\N{NO-BREAK SPACE}", " ") for cell in row] for row in table.rows]


def test_numbers_as_text() -> None:
    assert tables.number(-0.00001, 3) == "0.000"
    assert tables.number(-1.5, 1) == "\N{MINUS SIGN}1.5"
    assert tables.number(float("nan"), 1) == tables.DASH
    assert tables.points(-0.05) == "\N{MINUS SIGN}5.0"
    assert tables.points(None) == tables.DASH


def test_confusion_against_scikit_learn() -> None:
    random = np.random.default_rng(4)
    legend = ["a", "b", "c", "never"]
    true = [legend[i] for i in random.integers(0, 3, 200)]
    predicted = [legend[i] for i in random.integers(0, 3, 200)]
    counts = tables.confusion_counts(true, predicted, legend)
    np.testing.assert_array_equal(counts, sklearn_confusion(true, predicted, labels=legend))
    matrix = tables.confusion_matrix("title", legend, counts)
    f1 = f1_score(true, predicted, labels=legend[:3], average=None)
    assert [row.f1 for row in matrix.rows[:3]] == [f"{100 * value:.1f}" for value in f1]
    assert matrix.rows[3].f1 == tables.DASH
    assert matrix.rows[3].support == "0"
    for row, expected in zip(matrix.rows[:3], counts[:3], strict=True):
        share = expected / expected.sum()
        assert [cell.share for cell in row.cells] == pytest.approx(share, abs=5e-4)
        assert [cell.count for cell in row.cells] == [str(n) for n in expected]


def test_planetscope_bold_is_the_best_of_three() -> None:
    scores = (
        LagScore(band="nir", lag=0, r2=0.9, baseline_nearest_clear_r2=0.95, rmse=0.02),
        LagScore(band="nir", lag=-1, r2=0.9, baseline_day_mean_r2=0.9, rmse=0.01),
    )
    table = run_tables.reflectance_table(scores, "PlanetScope")
    assert texts(table)[0] == ["NIR", "0", "0.900", "–", "0.950", "0.0200", "–", "–"]  # noqa: RUF001
    assert [cell.strong for cell in table.rows[0]] == [False] * 4 + [True] + [False] * 3
    assert [cell.strong for cell in table.rows[1]][2:4] == [True, True]  # a draw


def test_auxiliary_table_without_tasks() -> None:
    assert run_tables.auxiliary_table(Evaluation()) is None


def test_few_labels_in_order_of_k() -> None:
    rows = [
        FewShotRow(
            k=k,
            method=method,
            head="extra_trees",
            draws=20,
            overall_accuracy=value,
            overall_accuracy_std=0.01,
            macro_f1=value / 2,
            macro_f1_std=0.02,
        )
        for k, method, value in ((20, "windrow", 0.9), (1, "windrow", 0.4), (1, "bands", 0.5))
    ]
    table = run_tables.label_count_table(rows)
    assert texts(table) == [
        ["1", "windrow", "extra trees", "20", "40.0 ± 1.0", "20.0 ± 2.0"],
        ["", "bands", "extra trees", "20", "50.0 ± 1.0", "25.0 ± 2.0"],
        ["20", "windrow", "extra trees", "20", "90.0 ± 1.0", "45.0 ± 2.0"],
    ]
    assert [row[4].strong for row in table.rows] == [False, True, False]


@pytest.mark.parametrize(
    ("low", "high", "strong"),
    [(-0.1, 0.1, False), (0.01, 0.1, True), (-0.2, -0.1, True), (None, None, False)],
)
def test_a_difference_is_strong_where_zero_is_left_out(
    low: float | None, high: float | None, strong: bool
) -> None:
    item = PairedDifference(
        method="windrow",
        head="lstm",
        baseline_method="bands",
        baseline_head="lstm",
        metric="macro_f1",
        difference=0.05,
        low=low,
        high=high,
    )
    (row,) = run_tables.paired_table([item]).rows
    assert row[3].strong is strong
    assert row[3].text == "+5.0"


def test_settings_are_flattened_in_order() -> None:
    values = {"a": {"b": {"c": 1}, "d": None}, "e": [], "f": {}, "g": [{"h": 2}, {"h": [3, 4]}]}
    assert tables.flat_settings(values) == [
        ("a.b.c", "1"),
        ("a.d", tables.DASH),
        ("e", ""),
        ("f", "{}"),
        ("g.0.h", "2"),
        ("g.1.h", "3, 4"),
    ]
