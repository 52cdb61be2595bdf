"""Tables of a study's figures: accuracy (Table 5), ablations (Tables 1 to 4), curves, costs.

The tables of differences between arms are in
:mod:`windrow.reporting.study.difference_tables`. Every table of methods shows training time and
operations of each method. The paper's numbers come only from
:mod:`windrow.experiments.study.paper_results`, and they stand only beside results on the same
fields.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from windrow.evaluation.field_bootstrap import Interval
from windrow.evaluation.paired_tests import mean_and_deviation
from windrow.experiments.study import ablations, paper_results
from windrow.experiments.study.paper_results import Published
from windrow.reporting.study.costs import COST_HEADER, cost_cells, costs_note
from windrow.reporting.study.reading import Study, present
from windrow.reporting.study.statistics import Selection, StudyStatistics
from windrow.reporting.tables import DASH, Cell, NamedTable, Table, number, share
from windrow.reporting.theme import plain, wording

TASK_WORDS = {"task1": "Task 1", "task2": "Task 2", "task3": "Task 3"}
HEAD_WORDS = {
    "lstm": "LSTM",
    "inception": "InceptionTime",
    "transformer": "Transformer",
    "forest": "Random forest",
}


def task_words(task: str) -> str:
    """Returns the printed name of a task."""
    return TASK_WORDS.get(task, plain(task))


def head_words(head: str) -> str:
    """Returns the printed name of a head."""
    return HEAD_WORDS.get(head, wording(head))


def right_cell(text: str, *, strong: bool = False) -> Cell:
    """Returns a cell that is aligned right, as numbers are."""
    return Cell(text, strong=strong, number=True)


def _mean(rows: pd.DataFrame, column: str) -> str:
    if rows.empty:
        return DASH
    mean, deviation = mean_and_deviation(rows[column].to_numpy(dtype=float))
    return f"{share(mean)} ± {share(deviation)}"


def score_cell(rows: pd.DataFrame | None, column: str, interval: Interval | None) -> Cell:
    """Returns a cell with mean and standard deviation of rows, and the interval over fields."""
    if rows is None or rows.empty:
        return right_cell(DASH)
    return Cell(_mean(rows, column), number=True, below=_limits(interval))


def _limits(interval: Interval | None) -> str:
    return "" if interval is None else f"{share(interval.low)} to {share(interval.high)}"


def intervals_note(study: Study) -> str:
    """Returns the caption's sentence on the intervals in its table."""
    level = 100 * study.settings.bootstrap.level
    return (
        f" Below each, in files in brackets: the {level:.0f} % interval of that mean, by bootstrap"
        " over test fields; none where a class has too few of them."
    )


def _published(value: Published | None) -> str:
    if value is None:
        return DASH
    return f"{number(value.mean, 2)} ± {number(value.deviation, 2)}"


def conditions(study: Study) -> str:
    """Describes a study: scale, protocol, variant, and whether encoders are fine-tuned."""
    settings = study.settings
    encoders = "fine-tuned with the heads" if settings.fine_tune else "frozen"
    return (
        f"scale {settings.scale}, protocol {settings.protocol}, variant {settings.variant},"
        f" pre-trained encoders {encoders}"
    )


def paper_note(study: Study) -> str:
    """Returns the caption's sentence on the paper's numbers in its table."""
    larger = " of a larger experiment and" if study.settings.scale != "paper" else ""
    return (
        f" This study is of {conditions(study)}; the paper's numbers, at the right, are{larger} of"
        " frozen encoders and the last epoch."
    )


def batches_note(study: Study) -> str:
    """Returns the caption's sentence on batch accuracies in variant ``paper``; else nothing."""
    if study.settings.variant != "paper":
        return ""
    return (
        " The overall accuracy is the mean of the accuracies of batches, a fault of earlier code"
        " (variant paper; a random forest has no batches); intervals over fields count all series"
        " alike."
    )


def _accuracy_cell(
    statistics: StudyStatistics, rows: pd.DataFrame, arm: str, task: str, head: str
) -> Cell:
    """Returns the accuracy cell of one head on its own task with all labels."""
    found = statistics.interval(arm, Selection(task, task, head))
    return score_cell(rows[rows["head"] == head], "overall_accuracy", found and found[0])


def accuracy_table(study: Study, statistics: StudyStatistics) -> NamedTable:
    """Tabulates overall accuracy by method, task and head with intervals over fields (Table 5)."""
    heads = present(study.rows(), "head")
    tasks = [task.name for task in study.settings.tasks]
    papers = {task for task in tasks if study.beside_paper(task)}
    header = [Cell("Task"), Cell("Method")]
    header += [Cell(head_words(head), number=True) for head in heads]
    if papers:
        header += [Cell(f"paper: {head_words(head)}", number=True) for head in heads]
    rows = []
    for task in tasks:
        first = True
        for arm in present(study.rows(task=task, tested=task), "arm"):
            own = study.rows(task=task, tested=task, arm=arm)
            cells = [Cell(task_words(task) if first else ""), Cell(study.title(arm))]
            cells += [_accuracy_cell(statistics, own, arm, task, head) for head in heads]
            if papers:
                known = paper_results.TABLE_5[task].get(arm, {}) if task in papers else {}
                cells += [right_cell(_published(known.get(head))) for head in heads]
            rows.append((*cells, *cost_cells(study, arm)))
            first = False
    runs = len(study.settings.seeds) * study.settings.num_configurations
    caption = (
        "Table 5. Overall accuracy in per cent, mean ± standard deviation over"
        f" {runs} runs a head ({study.settings.num_configurations} configurations,"
        f" {len(study.settings.seeds)} seeds)."
    )
    caption += intervals_note(study)
    if papers:
        caption += paper_note(study)
    caption += costs_note(study) + batches_note(study)
    return NamedTable("table-5", Table(caption, (*header, *COST_HEADER), tuple(rows)))


def figures_table(study: Study, statistics: StudyStatistics) -> NamedTable:
    """Tabulates all figures by task, head and method with intervals over fields."""
    rows = []
    for task in [task.name for task in study.settings.tasks]:
        for head in present(study.rows(task=task, tested=task), "head"):
            for arm in present(study.rows(task=task, tested=task, head=head), "arm"):
                own = study.rows(task=task, tested=task, head=head, arm=arm)
                accuracy, macro_f1 = statistics.interval(arm, Selection(task, task, head)) or (
                    None,
                    None,
                )
                rows.append(
                    (
                        Cell(task_words(task)),
                        Cell(head_words(head)),
                        Cell(study.title(arm)),
                        score_cell(own, "overall_accuracy", accuracy),
                        score_cell(own, "macro_f1", macro_f1),
                        right_cell(_mean(own, "kappa")),
                        right_cell(_mean(own, "calibration_error")),
                        *cost_cells(study, arm, head),
                    )
                )
    names = ["overall accuracy", "macro F1", "kappa (in hundredths)", "calibration error"]
    header = (Cell("Task"), Cell("Head"), Cell("Method"), *(Cell(n, number=True) for n in names))
    return NamedTable(
        "all-figures",
        Table(
            "All figures in per cent, mean ± standard deviation over configurations and seeds."
            " The calibration error is of 15 bins."
            + intervals_note(study)
            + costs_note(study)
            + batches_note(study),
            (*header, *COST_HEADER),
            tuple(rows),
        ),
    )


def class_table(study: Study, statistics: StudyStatistics, task: str) -> NamedTable:
    """Tabulates the F1 of each class of a task, averaged over configurations and seeds."""
    own = study.rows(task=task, tested=task)
    record = study.record(str(own["name"].iloc[0]))
    rows = []
    for arm in present(own, "arm"):
        for head in present(own[own["arm"] == arm], "head"):
            names = own[(own["arm"] == arm) & (own["head"] == head)]["name"].tolist()
            rows.append(
                (
                    Cell(study.title(arm)),
                    Cell(head_words(head)),
                    *_class_cells(study, statistics, names, task=task, arm=arm, head=head),
                    *cost_cells(study, arm, head),
                )
            )
    empty = [right_cell("") for _ in COST_HEADER]
    for what, part in (("training", record.training), ("test", record.scores[task])):
        fields = [
            right_cell(f"{part.fields_by_class[n]} ({part.effective_fields_by_class[n]:.1f})")
            for n in record.legend
        ]
        rows.append((Cell(f"{what} fields (effective)"), Cell(""), *fields, *empty))
    header = (Cell("Method"), Cell("Head"), *(Cell(plain(n), number=True) for n in record.legend))
    return NamedTable(
        f"class-f1-{task}",
        Table(
            f"{task_words(task)}: F1 of each class in per cent, mean over configurations and"
            " seeds; and the number of fields, with the effective number in brackets (fields count"
            " less where few of them hold most series). A dash: no test field holds the class."
            + intervals_note(study),
            (*header, *COST_HEADER),
            tuple(rows),
        ),
    )


def _class_cells(
    study: Study,
    statistics: StudyStatistics,
    names: Sequence[str],
    *,
    task: str,
    arm: str,
    head: str,
) -> list[Cell]:
    """Returns cells with the F1 of each class; a class without test fields gets a dash."""
    record = study.record(names[0])
    number_of_fields = record.scores[task].fields_by_class
    values = [study.record(name).scores[task].per_class_f1 for name in names]
    found = statistics.class_intervals(arm, Selection(task, task, head))
    cells = []
    for position, name in enumerate(record.legend):
        known = [value for each in values if (value := each[name]) is not None]
        if not known or not number_of_fields[name]:
            cells.append(right_cell(DASH))
            continue
        limits = None if found is None else Interval(*map(float, found[position]))
        mean = share(sum(known) / len(known))
        cells.append(Cell(mean, number=True, below=_limits(limits)))
    return cells


def transfer_table(study: Study, statistics: StudyStatistics) -> NamedTable | None:
    """Tabulates heads trained on one task and tested on another with the same legend."""
    table = study.table
    own = table[(table["k"] == 0) & (table["day"] == 0)]
    if (own["tested"] == own["task"]).all():
        return None
    rows = []
    for (task, tested, head, arm), group in own.groupby(
        ["task", "tested", "head", "arm"], sort=False
    ):
        accuracy, macro_f1 = statistics.interval(
            str(arm), Selection(str(task), str(tested), str(head))
        ) or (None, None)
        rows.append(
            (
                Cell(task_words(str(task))),
                Cell(task_words(str(tested)), strong=task != tested),
                Cell(head_words(str(head))),
                Cell(study.title(str(arm))),
                score_cell(group, "overall_accuracy", accuracy),
                score_cell(group, "macro_f1", macro_f1),
                *cost_cells(study, str(arm), str(head)),
            )
        )
    header = (
        Cell("Trained on"), Cell("Tested on"), Cell("Head"), Cell("Method"),
        Cell("overall accuracy", number=True), Cell("macro F1", number=True),
    )  # fmt: skip
    return NamedTable(
        "transfer",
        Table(
            "From one task to another, in per cent, mean ± standard deviation over configurations"
            " and seeds: the same head on the test fields of its own task and of another with the"
            " same classes." + intervals_note(study) + costs_note(study) + batches_note(study),
            (*header, *COST_HEADER),
            tuple(rows),
        ),
    )


def ablation_table(
    study: Study,
    statistics: StudyStatistics,
    name: str,
    title: str,
    arms: Sequence[tuple[str, str]],
) -> NamedTable | None:
    """Tabulates some arms with the paper's numbers for the same task (Tables 1 to 4).

    Args:
        study: an ablation.
        statistics: statistics that give the intervals.
        name: name of the files.
        title: beginning of the caption.
        arms: name of each arm, and its name among the published numbers.
    """
    own = study.rows()
    known = set(own["arm"].tolist())
    shown = [(arm, key) for arm, key in arms if arm in known]
    if len(shown) < 2:
        return None
    heads = present(own, "head")
    task = study.settings.tasks[0].name
    show_paper = task == ablations.TASK and study.beside_paper(task)
    rows = []
    for arm, key in shown:
        group = own[(own["arm"] == arm) & (own["tested"] == own["task"])]
        cells = [Cell(study.title(arm))]
        cells += [_accuracy_cell(statistics, group, arm, task, head) for head in heads]
        if show_paper:
            paper = paper_results.ABLATIONS.get(key, {})
            cells += [right_cell(_published(paper.get(head))) for head in heads]
        rows.append((*cells, *cost_cells(study, arm)))
    header = [Cell("Pre-training"), *(Cell(head_words(h), number=True) for h in heads)]
    if show_paper:
        header += [Cell(f"paper: {head_words(h)}", number=True) for h in heads]
    caption = (
        f"{title} {task_words(task)}, overall accuracy in per cent, mean ± standard deviation."
        + intervals_note(study)
    )
    if show_paper:
        caption += paper_note(study)
    return NamedTable(name, Table(caption, (*header, *COST_HEADER), tuple(rows)))
