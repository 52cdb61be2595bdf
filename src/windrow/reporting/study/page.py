"""The report of a study: tables as HTML, CSV and LaTeX, figures as SVG and PNG, and one page.

The report uses only the files of the folder. An unfinished study gives a report of the finished
cells.
"""

from __future__ import annotations

from pathlib import Path

from windrow.evaluation.paired_tests import Gain
from windrow.experiments.study import ablations
from windrow.files import atomic_file, write_text
from windrow.reporting.page import REPORT_NAME, Drawing, KeyFigure, Section, render_page
from windrow.reporting.study import confusion, curves, difference_tables
from windrow.reporting.study import figures as study_figures
from windrow.reporting.study import tables as study_tables
from windrow.reporting.study.figures import NamedFigure
from windrow.reporting.study.reading import Study, present, read_study
from windrow.reporting.study.statistics import Comparison, Selection, StudyStatistics
from windrow.reporting.study.tables import conditions, task_words
from windrow.reporting.table_files import write_table
from windrow.reporting.tables import NamedTable, settings_table, share
from windrow.reporting.theme import plain

SUBTITLE = "Report of a windrow study: methods by task, head and configuration."

FIRST_FIGURE = {"task1": 11, "task2": 12, "task3": 13}
MAP_FIGURE = {"lstm": 14, "transformer": 15}
PAIR = ("bert", "resmlp")
"""The two methods that the paper compares."""


def write_study_report(folder: Path) -> Path:
    """Writes ``report.html``, ``tables`` and ``figures`` into a study's folder.

    Args:
        folder: folder of the study.

    Returns:
        path of the page.

    Raises:
        SettingsError, DataError: the folder holds no study, or one of its files is damaged.
        OutputError: the report cannot be written.
    """
    study = read_study(folder)
    page = _Page(study)
    text = page.render()
    for table in page.tables:
        write_table(folder / "tables", table, mark=page.mark)
    for figure in page.figures:
        write_text(folder / "figures" / f"{figure.name}.svg", figure.svg)
        with atomic_file(folder / "figures" / f"{figure.name}.png") as temporary:
            temporary.write_bytes(figure.png)
    path = folder / REPORT_NAME
    write_text(path, text)
    return path


class _Page:
    """The sections of the page, and all tables and figures that are also written as files."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.statistics = StudyStatistics(study)
        self.mark = "SIMULATED" if study.simulated else ""
        self.tables: list[NamedTable] = []
        self.figures: list[NamedFigure] = []
        self.missing: list[str] = []

    def render(self) -> str:
        """Renders the page as HTML text."""
        study = self.study
        sections: list[Section | None] = []
        if study.cells:
            if study.settings.kind == "ablation":
                sections += self._ablations()
            else:
                sections += self._benchmark()
            sections += [self._questions(), self._curves(), self._transfer(), self._figures()]
            sections += self._confusion()
        sections += [self._settings()]
        if not study.cells:
            self.missing.append("any finished cell")
        return render_page(
            name=plain(study.folder.resolve().name, 80),
            subtitle=SUBTITLE,
            simulated=["the series of this study"] if study.simulated else [],
            origin_known=True,
            key_figures=self._key_figures() if study.cells else [],
            sections=[section for section in sections if section is not None],
            missing=self.missing,
        )

    def _key_figures(self) -> list[KeyFigure]:
        found = []
        rows = self.study.rows()
        for task in present(rows, "task"):
            own = rows[(rows["task"] == task) & (rows["tested"] == task)]
            means = own.groupby("arm", sort=False)["overall_accuracy"].mean()
            first = str(means.index[0])  # the first of the study, not the best
            rest = means.drop(first)
            beside = "no other method"
            if not rest.empty:
                other = str(rest.idxmax())
                beside = f"best other: {self.study.title(other)} {share(float(rest[other]))}"
            label = f"{task_words(task)}: {self.study.title(first)}, mean of all runs (%)"
            found.append(KeyFigure(label, share(float(means[first])), beside))
        return found

    def _add(self, section: Section, *items: NamedTable | NamedFigure | None) -> None:
        for item in items:
            if isinstance(item, NamedTable):
                self.tables.append(item)
                section.tables.append(item.table)
            elif isinstance(item, NamedFigure):
                self.figures.append(item)
                section.drawings.append(Drawing(item.page, item.caption))

    def _benchmark(self) -> list[Section]:
        study = self.study
        accuracy = Section("accuracy", "Accuracy", intro=self._intro())
        self._add(accuracy, study_tables.accuracy_table(study, self.statistics))
        accuracy.notes += self._not_the_papers([task.name for task in study.settings.tasks])
        comparisons = self._comparisons()
        gains = Section("gains", "Gain of one method over another")
        for task in present(study.rows(), "task"):
            self._add(gains, self._comparison_figure(task, comparisons))
        if comparisons:
            self._add(gains, difference_tables.gain_table(study, comparisons))
        gains.notes.extend(self._without_interval())
        maps = Section("maps", "Where pixels are right and wrong")
        task = "task2" if "task2" in present(study.rows(), "task") else study.settings.tasks[0].name
        for head, number in MAP_FIGURE.items():
            arms = self._pair()
            if arms is not None:
                figure = study_figures.map_figure(
                    study, task, head, arms=arms, number=number, mark=self.mark
                )
                self._add(maps, figure)
        if not maps.drawings:
            maps.notes.append("No map: a cell is missing, or the series carry no place.")
        return [accuracy, gains, maps]

    def _intro(self) -> str:
        said = conditions(self.study)
        words = [f"{said[0].upper()}{said[1:]}; {len(self.study.cells):,} cells done."]
        if self.study.settings.protocol == "corrected":
            words.append("No choice of a model ever saw the test fields.")
        return " ".join(words)

    def _not_the_papers(self, tasks: list[str]) -> list[str]:
        """Returns the reasons why some tasks are not compared with the paper's numbers."""
        if self.study.simulated:
            return [
                "Simulated results say nothing of real fields; the paper's numbers, which are of"
                " real fields, do not stand beside them."
            ]
        notes = []
        for task in tasks:
            if self.study.settings.kind == "ablation" and task != ablations.TASK:
                wanted = task_words(ablations.TASK)
                notes.append(f"The paper's ablations are of {wanted} and do not stand here.")
            elif not self.study.beside_paper(task):
                notes.append(
                    f"{task_words(task)}: the stores do not say that they are the paper's fields"
                    " (product, protocol and part as windrow ingest writes them), so the paper's"
                    " numbers do not stand here."
                )
        return notes

    def _pair(self) -> tuple[str, str] | None:
        """Returns the paper's two methods, or the first two of the study."""
        arms = present(self.study.rows(), "arm")
        if all(name in arms for name in PAIR):
            return PAIR
        frozen = [name for name in arms if name != "random-forest"]
        return (frozen[0], frozen[1]) if len(frozen) > 1 else None

    def _comparisons(self) -> list[Comparison]:
        """Compares BERT, or else the first arm of the study, with each other arm."""
        rows = self.study.rows()
        arms = present(rows, "arm")
        first = "bert" if "bert" in arms else arms[0]
        found = []
        for task in present(rows, "task"):
            for head in present(rows[rows["task"] == task], "head"):
                for arm in arms:
                    if arm != first:
                        selection = Selection(task, task, head)
                        item = self.statistics.compare(first, arm, selection)
                        found += [item] if item is not None else []
        return found

    def _table_1_pair(self) -> list[Comparison]:
        """Compares the arms of Table 1 of equal shape, unless the first is the study's own BERT."""
        found = []
        rows = self.study.rows()
        for task in present(rows, "task"):
            for head in present(rows[rows["task"] == task], "head"):
                selection = Selection(task, task, head)
                item = self.statistics.compare("bert-small", "spectro-temporal", selection)
                found += [item] if item is not None else []
        return found

    def _comparison_figure(self, task: str, comparisons: list[Comparison]) -> NamedFigure | None:
        pair = self._pair()
        if pair is None:
            return None
        gains: dict[str, Gain] = {
            item.selection.head: item.gain
            for item in comparisons
            if item.selection.task == task and (item.first, item.second) == pair
        }
        if not gains:
            return None
        return study_figures.comparison_figure(
            self.study,
            task,
            gains,
            first=pair[0],
            second=pair[1],
            number=FIRST_FIGURE.get(task, 11),
            mark=self.mark,
        )

    def _ablations(self) -> list[Section]:
        study = self.study
        tables = Section("ablation-tables", "Tables 1 to 4", intro=self._intro())
        for table in ablations.tables(study.settings.scale):
            made = study_tables.ablation_table(
                study, self.statistics, table.name, table.title, table.arms
            )
            self._add(tables, made)
            if made is None:
                self.missing.append(f"{table.name}: fewer than two of its arms are done")
        tables.notes += self._not_the_papers([study.settings.tasks[0].name])
        drawn = Section("ablation-figures", "Figures 7 to 9")
        for figure in ablations.figures(study.settings.scale):
            made_figure = study_figures.ablation_figure(
                study,
                figure.arms,
                name=figure.name,
                title=figure.title,
                axis=figure.axis,
                mark=self.mark,
            )
            self._add(drawn, made_figure)
            if made_figure is None:
                self.missing.append(f"{figure.name}: fewer than two of its arms are done")
        gains = Section("gains", "What each change costs or brings")
        comparisons = [*self._comparisons(), *self._table_1_pair()]
        if comparisons:
            self._add(gains, difference_tables.gain_table(study, comparisons))
        gains.notes.extend(self._without_interval())
        return [tables, drawn, gains]

    def _without_interval(self) -> list[str]:
        notes = []
        for task in present(self.study.rows(), "task"):
            reason = self.statistics.why_no_interval(task)
            if reason is not None:
                notes.append(f"{task_words(task)}: {reason}.")
        return notes

    def _questions(self) -> Section | None:
        answers = self.statistics.answers()
        if not answers:
            return None
        section = Section("questions", "Questions and answers")
        self._add(section, difference_tables.answers_table(self.study, answers))
        section.notes.extend(self._without_interval())
        return section

    def _curves(self) -> Section | None:
        section = Section("curves", "Few labels, and early in the year")
        for axis in ("k", "day"):
            for task in self.study.settings.curve_tasks:
                figure = study_figures.curve_figure(
                    self.study, self.statistics, task, axis, mark=self.mark
                )
                self._add(section, figure)
            self._add(section, curves.curve_table(self.study, self.statistics, axis))
        section.notes.extend(self._without_interval())
        return section if section.tables else None

    def _transfer(self) -> Section | None:
        table = study_tables.transfer_table(self.study, self.statistics)
        if table is None:
            return None
        section = Section("transfer", "From one task to another")
        self._add(section, table)
        return section

    def _figures(self) -> Section:
        section = Section("figures", "All figures")
        self._add(section, study_tables.figures_table(self.study, self.statistics))
        for task in present(self.study.rows(), "task"):
            self._add(section, study_tables.class_table(self.study, self.statistics, task))
        notes: dict[str, None] = {}
        for cell in self.study.cells:
            for note in cell.notes:
                notes[f"{task_words(cell.cell.task)}: {plain(note, 200)}"] = None
        section.notes.extend(notes)
        section.notes.extend(self._without_interval())
        return section

    def _confusion(self) -> list[Section]:
        """Returns one section per task; the counts are also written as files."""
        sections = []
        for task in present(self.study.rows(), "task"):
            name = f"Confusion matrices of {task_words(task)}"
            intro = (
                "All labels and the whole year, summed over configurations and seeds; so their F1"
                " is of the sums and not the mean of the runs."
            )
            section = Section(f"confusion-{task}", name, intro=intro)
            section.matrices.extend(confusion.confusion_matrices(self.study, task))
            self.tables.append(confusion.confusion_table(self.study, task))
            sections.append(section)
        return sections

    def _settings(self) -> Section:
        section = Section("settings", "Settings")
        values = self.study.settings.to_dict()
        section.tables.append(settings_table("Settings of the study (config.yaml).", values))
        return section
