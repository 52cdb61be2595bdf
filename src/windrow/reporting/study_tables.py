"""Tables of a study's figures: accuracy (Table 5), ablations (Tables 1 to 4), curves, costs.

Those of differences between arms are in :mod:`windrow.reporting.study_difference_tables`.
Training time and operations of each method stand in every table of methods. The paper's numbers
come of :mod:`windrow.experiments.published` alone, and only beside results of the same fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from windrow.evaluation.comparison import mean_and_deviation
from windrow.experiments import ablations, published
from windrow.experiments.published import Published
from windrow.reporting.study_costs import COST_HEADER, cost_cells, costs_note
from windrow.reporting.study_reading import Study, present
from windrow.reporting.study_statistics import Selection, StudyStatistics
from windrow.reporting.style import plain, wording
from windrow.reporting.tables import DASH, Cell, Table, number, share

TASK_WORDS = {"task1": "Task 1", "task2": "Task 2", "task3": "Task 3"}
HEAD_WORDS = {
    "lstm": "LSTM",
    "inception": "InceptionTime",
    "transformer": "Transformer",
    "forest": "Random forest",
}


@dataclass(frozen=True)
class NamedTable:
    """A table and the name of its files."""

    name: str
    table: Table


def task_words(task: str) -> str:
    """The words for a task."""
    return TASK_WORDS.get(task, plain(task))


def head_words(head: str) -> str:
    """The words for a head."""
    return HEAD_WORDS.get(head, wording(head))


def right_cell(text: str, *, strong: bool = False) -> Cell:
    """A cell set at the right, as numbers are."""
    return Cell(text, strong=strong, number=True)


def _mean(rows: pd.DataFrame, column: str) -> str:
    if rows.empty:
        return DASH
    mean, deviation = mean_and_deviation(rows[column].to_numpy(dtype=float))
    return f"{share(mean)} ± {share(deviation)}"


def _published(value: Published | None) -> str:
    if value is None:
        return DASH
    return f"{number(value.mean, 2)} ± {number(value.deviation, 2)}"


def conditions(study: Study) -> str:
    """Of what kind a study is: scale, protocol, variant, and what becomes of its encoders."""
    settings = study.settings
    encoders = "fine-tuned with the heads" if settings.fine_tune else "frozen"
    return (
        f"scale {settings.scale}, protocol {settings.protocol}, variant {settings.variant},"
        f" pre-trained encoders {encoders}"
    )


def paper_note(study: Study) -> str:
    """What a caption adds where the paper's numbers stand in its table."""
    larger = " of a larger experiment and" if study.settings.scale != "paper" else ""
    return (
        f" This study is of {conditions(study)}; the paper's numbers, at the right, are{larger} of"
        " frozen encoders and the last epoch."
    )


def batches_note(study: Study) -> str:
    """What a caption adds where the overall accuracy is the paper's, else nothing."""
    if study.settings.variant != "paper":
        return ""
    return (
        " The overall accuracy is the mean of the accuracies of batches, a fault of earlier code"
        " (variant paper; a random forest has no batches); intervals over fields count all series"
        " alike."
    )


def accuracy_table(study: Study) -> NamedTable:
    """Table 5: overall accuracy of every method, task and head, mean and deviation."""
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
            cells += [right_cell(_mean(own[own["head"] == h], "overall_accuracy")) for h in heads]
            if papers:
                known = published.TABLE_5[task].get(arm, {}) if task in papers else {}
                cells += [right_cell(_published(known.get(head))) for head in heads]
            rows.append((*cells, *cost_cells(study, arm)))
            first = False
    runs = len(study.settings.seeds) * study.settings.num_configurations
    caption = (
        "Table 5. Overall accuracy in per cent, mean ± standard deviation over"
        f" {runs} runs a head ({study.settings.num_configurations} configurations,"
        f" {len(study.settings.seeds)} seeds)."
    )
    if papers:
        caption += paper_note(study)
    caption += costs_note(study) + batches_note(study)
    return NamedTable("table-5", Table(caption, (*header, *COST_HEADER), tuple(rows)))


def figures_table(study: Study, statistics: StudyStatistics) -> NamedTable:
    """All figures of every task, head and method, with intervals over fields."""
    rows = []
    level = 100 * study.settings.bootstrap.level
    for task in [task.name for task in study.settings.tasks]:
        for head in present(study.rows(task=task, tested=task), "head"):
            for arm in present(study.rows(task=task, tested=task, head=head), "arm"):
                own = study.rows(task=task, tested=task, head=head, arm=arm)
                found = statistics.interval(arm, Selection(task, task, head))
                limits = DASH
                if found is not None:
                    limits = f"{share(found[0].low)} to {share(found[0].high)}"
                rows.append(
                    (
                        Cell(task_words(task)),
                        Cell(head_words(head)),
                        Cell(study.title(arm)),
                        right_cell(_mean(own, "overall_accuracy")),
                        right_cell(limits),
                        right_cell(_mean(own, "macro_f1")),
                        right_cell(_mean(own, "kappa")),
                        right_cell(_mean(own, "calibration_error")),
                        *cost_cells(study, arm, head),
                    )
                )
    names = ["overall accuracy", f"{level:.0f} % over fields", "macro F1", "kappa (in hundredths)"]
    names += ["calibration error"]
    header = (Cell("Task"), Cell("Head"), Cell("Method"), *(Cell(n, number=True) for n in names))
    return NamedTable(
        "all-figures",
        Table(
            "All figures in per cent, mean ± standard deviation over configurations and seeds;"
            " intervals by bootstrap over test fields. The calibration error is of 15 bins."
            + costs_note(study)
            + batches_note(study),
            (*header, *COST_HEADER),
            tuple(rows),
        ),
    )


def class_table(study: Study, task: str) -> NamedTable:
    """F1 of each class of a task, mean over configurations, seeds and heads."""
    own = study.rows(task=task, tested=task)
    record = study.record(str(own["name"].iloc[0]))
    rows = []
    for arm in present(own, "arm"):
        for head in present(own[own["arm"] == arm], "head"):
            names = own[(own["arm"] == arm) & (own["head"] == head)]["name"].tolist()
            values = pd.DataFrame(
                [study.record(str(n)).scores[task].per_class_f1 for n in names]
            ).mean()
            cells = [right_cell(share(float(values[name]))) for name in record.legend]
            rows.append(
                (
                    Cell(study.title(arm)),
                    Cell(head_words(head)),
                    *cells,
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
            " less where few of them hold most series).",
            (*header, *COST_HEADER),
            tuple(rows),
        ),
    )


def curve_table(study: Study, axis: str) -> NamedTable | None:
    """Accuracy by labelled fields (axis ``k``) or by day of the year (axis ``day``)."""
    other = "day" if axis == "k" else "k"
    table = study.table
    own = table[(table[other] == 0) & (table["tested"] == table["task"])]
    curved = own[own[axis] > 0]
    if curved.empty:
        return None
    places = sorted(set(curved[axis].tolist()))
    kept = own[own["configuration"].isin(set(curved["configuration"].tolist()))]
    rows = []
    for (task, head, arm), group in kept.groupby(["task", "head", "arm"], sort=False):
        cells = [
            right_cell(_mean(group[group[axis] == place], "overall_accuracy"))
            for place in [*places, 0]
        ]
        rows.append(
            (
                Cell(task_words(str(task))),
                Cell(head_words(str(head))),
                Cell(study.title(str(arm))),
                *cells,
                *cost_cells(study, str(arm), str(head)),
            )
        )
    names = [str(place) for place in places] + ["all" if axis == "k" else "whole year"]
    what = (
        "labelled fields a class" if axis == "k" else "the day of the year before which it is known"
    )
    header = (Cell("Task"), Cell("Head"), Cell("Method"), *(Cell(n, number=True) for n in names))
    return NamedTable(
        "labels" if axis == "k" else "season",
        Table(
            f"Overall accuracy in per cent by {what}, mean ± standard deviation over the"
            " configurations of the curve and the seeds.",
            (*header, *COST_HEADER),
            tuple(rows),
        ),
    )


def transfer_table(study: Study) -> NamedTable | None:
    """Heads trained on one task and tested on another of the same legend."""
    table = study.table
    own = table[(table["k"] == 0) & (table["day"] == 0)]
    if (own["tested"] == own["task"]).all():
        return None
    rows = []
    for (task, tested, head, arm), group in own.groupby(
        ["task", "tested", "head", "arm"], sort=False
    ):
        rows.append(
            (
                Cell(task_words(str(task))),
                Cell(task_words(str(tested)), strong=task != tested),
                Cell(head_words(str(head))),
                Cell(study.title(str(arm))),
                right_cell(_mean(group, "overall_accuracy")),
                right_cell(_mean(group, "macro_f1")),
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
            "From one task to another, in per cent: the same head on the test fields of its own"
            " task and of another with the same classes.",
            (*header, *COST_HEADER),
            tuple(rows),
        ),
    )


def ablation_table(
    study: Study, name: str, title: str, arms: Sequence[tuple[str, str]]
) -> NamedTable | None:
    """One of Tables 1 to 4: some arms by their words, with the paper's numbers of its own task.

    Args:
        study: an ablation.
        name: of the files.
        title: of the caption.
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
        cells += [right_cell(_mean(group[group["head"] == h], "overall_accuracy")) for h in heads]
        if show_paper:
            paper = published.ABLATIONS.get(key, {})
            cells += [right_cell(_published(paper.get(head))) for head in heads]
        rows.append((*cells, *cost_cells(study, arm)))
    header = [Cell("Pre-training"), *(Cell(head_words(h), number=True) for h in heads)]
    if show_paper:
        header += [Cell(f"paper: {head_words(h)}", number=True) for h in heads]
    caption = (
        f"{title} {task_words(task)}, overall accuracy in per cent, mean ± standard deviation."
    )
    if show_paper:
        caption += paper_note(study)
    return NamedTable(name, Table(caption, (*header, *COST_HEADER), tuple(rows)))
