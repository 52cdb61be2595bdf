"""Tables of a study's differences: gains of one arm over another, and answers to questions."""

from __future__ import annotations

from collections.abc import Sequence

from windrow.experiments.study import paper_results
from windrow.reporting.study.costs import cost_cells
from windrow.reporting.study.reading import Study, present
from windrow.reporting.study.statistics import Answer, Comparison
from windrow.reporting.study.tables import head_words, paper_note, right_cell, task_words
from windrow.reporting.tables import DASH, Cell, NamedTable, Table, number, points


def gain_table(
    study: Study, comparisons: Sequence[Comparison], *, name: str = "gains"
) -> NamedTable:
    """Tabulates gain and win score of the first arm over others, with both tests."""
    benchmark = study.settings.kind == "benchmark"  # an ablation's BERT is another
    papers = {
        task
        for task in present(study.rows(), "task")
        if benchmark and study.beside_paper(task) and task in paper_results.GAINS
    }
    rows = []
    for item in comparisons:
        gained, task = item.gain, item.selection.task
        cells = [
            Cell(task_words(task)),
            Cell(head_words(item.selection.head)),
            Cell(f"{study.title(item.first)} over {study.title(item.second)}"),
            right_cell(f"{gained.wins}/{gained.num_pairs}"),
            right_cell(
                f"{points(gained.mean)} ({points(gained.smallest)}, {points(gained.largest)})"
            ),
            right_cell(number(gained.p_value, 3)),
            right_cell(_limits(item), strong=_leaves_out_zero(item)),
            right_cell(DASH if item.p_values is None else number(item.p_values[0], 4)),
            *_both_costs(study, item),
        ]
        if papers:
            known = paper_results.GAINS[task].get(item.selection.head) if task in papers else None
            pair = (item.first, item.second) == ("bert", "resmlp")
            if known is None or not pair:
                cells.append(right_cell(DASH))
            else:
                text = f"{known.wins}/{known.num_pairs}, {number(known.mean, 2)} "
                text += f"({number(known.smallest, 2)}, {number(known.largest, 2)})"
                cells.append(right_cell(text))
        rows.append(tuple(cells))
    names = [
        "wins",
        "gain, mean (min, max)",
        "p over runs",
        "interval over fields",
        "p over fields",
    ]
    names += ["pre-training, a head, operations", "of the other"] + (["paper"] if papers else [])
    header = (Cell("Task"), Cell("Head"), Cell("Gain of"), *(Cell(n, number=True) for n in names))
    return NamedTable(
        name,
        Table(
            "Gain in points of overall accuracy on the same configurations and seeds; wins is"
            f" equation (4). {_flipped(comparisons)} The second p value resamples the test fields"
            " in pairs, as does the interval. Bold: the interval leaves out zero."
            + (paper_note(study) if papers else ""),
            header,
            tuple(rows),
        ),
    )


def _flipped(comparisons: Sequence[Comparison]) -> str:
    """Returns the caption's sentence on the signs that the p values over runs flip."""
    counts = {len(item.by_seed) for item in comparisons}
    said = []
    if (most := max(counts)) > 1:
        said.append(
            "The first p value flips the signs of whole seeds, whose configurations share one"
            f" pre-training: with {most} it is never below {number(min(2.0 / 2**most, 1.0), 3)}."
        )
    if min(counts) == 1:
        where = "Where there is one seed the" if most > 1 else "The"
        said.append(
            f"{where} first p value flips the signs of its configurations, which share one"
            " pre-training: it says nothing of other seeds."
        )
    return " ".join(said)


def _both_costs(study: Study, item: Comparison) -> tuple[Cell, Cell]:
    """Returns one cell per arm with the costs of pre-training and head, and their operations."""
    first, second = (
        ", ".join(cell.text for cell in cost_cells(study, arm, item.selection.head))
        for arm in (item.first, item.second)
    )
    return right_cell(first), right_cell(second)


def _limits(item: Comparison) -> str:
    if item.accuracy is None:
        return DASH
    return f"{points(item.accuracy.low)} to {points(item.accuracy.high)}"


def _leaves_out_zero(item: Comparison) -> bool:
    found = item.accuracy
    return found is not None and (found.low > 0 or found.high < 0)


def answers_table(study: Study, answers: Sequence[Answer]) -> NamedTable:
    """Tabulates the answer to every question of the study with its interval."""
    rows = []
    last = ""
    for answer in answers:
        item = answer.comparison
        seeds = ", ".join(points(value) for value in item.by_seed.values())
        text = answer.question.text
        rows.append(
            (
                Cell("" if text == last else text),
                Cell(task_words(item.selection.task)),
                Cell(head_words(item.selection.head)),
                right_cell("all" if item.selection.k == 0 else str(item.selection.k)),
                right_cell(points(item.gain.mean)),
                right_cell(_limits(item), strong=_leaves_out_zero(item)),
                right_cell(seeds),
                Cell(answer.verdict, strong=answer.verdict == "yes"),
                *_both_costs(study, item),
            )
        )
        last = text
    header = (
        Cell("Question"), Cell("Task"), Cell("Head"), Cell("fields a class", number=True),
        Cell("difference", number=True), Cell("interval over fields", number=True),
        Cell("each seed", number=True), Cell("Answer"),
        Cell("pre-training of the first", number=True), Cell("of the second", number=True),
    )  # fmt: skip
    return NamedTable(
        "questions",
        Table(
            "Differences in points of overall accuracy, first minus second, mean over"
            " configurations and seeds. An answer is yes or no where the interval over test fields"
            " leaves out zero and all of several seeds have one sign; one seed shows nothing. The"
            " interval says nothing of other places, and three seeds say little of further seeds.",
            header,
            tuple(rows),
        ),
    )
