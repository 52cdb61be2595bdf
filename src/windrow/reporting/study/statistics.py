"""The statistics of a study: intervals over fields, gains, and answers to its questions."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from windrow.evaluation.effective_fields import too_few_test_fields
from windrow.evaluation.field_bootstrap import (
    Difference,
    Interval,
    ResampledScores,
    bootstrap_p_values,
    paired_difference,
    resample_scores,
    score_intervals,
)
from windrow.evaluation.paired_tests import Gain, gain
from windrow.experiments.study.hypotheses import QUESTIONS, Question
from windrow.reporting.study.reading import Study, paired, present, stacked_predictions

BOOTSTRAP_SEED = 0


@dataclass(frozen=True)
class Selection:
    """The cells of one test: trained on ``task``, tested on ``tested``."""

    task: str
    tested: str
    head: str
    k: int = 0
    day: int = 0
    configurations: tuple[int, ...] | None = None
    """Configurations of a curve; None takes all."""


@dataclass(frozen=True)
class Comparison:
    """A comparison of two arms.

    Attributes:
        selection: the compared cells.
        first, second: the arms.
        gain: gain of overall accuracy over the pairs of configuration and seed. Its p value flips
            the signs of whole seeds, because the configurations of a seed share one pre-training;
            with one seed it flips the signs of configurations.
        accuracy, macro_f1: differences with intervals over fields, or None.
        p_values: p values of the two by the bootstrap over fields, or None.
        no_interval: reason for a missing interval, or None.
        by_seed: mean difference of overall accuracy of each seed.
    """

    selection: Selection
    first: str
    second: str
    gain: Gain
    accuracy: Difference | None
    macro_f1: Difference | None
    p_values: tuple[float, float] | None
    no_interval: str | None
    by_seed: dict[int, float]


@dataclass(frozen=True)
class Answer:
    """The answer of a study to a question, for one head and number of labels."""

    question: Question
    comparison: Comparison

    @property
    def verdict(self) -> str:
        """Yes or no where the interval excludes zero and several seeds agree; else not shown.

        One seed is one pre-training, and another one may give another result.
        """
        found = self.comparison.accuracy
        if found is None:
            return "no interval"
        if found.low <= 0 <= found.high:
            return "not shown: the interval holds zero"
        by_seed = self.comparison.by_seed
        if len(by_seed) < 2:
            return "not shown: one seed"
        if {np.sign(value) for value in by_seed.values()} != {np.sign(found.difference)}:
            return "not shown: the seeds disagree"
        return "yes" if found.difference > 0 else "no, the other is better"


@dataclass
class StudyStatistics:
    """The statistics of a study; the resamples of each arm and test are drawn once and kept."""

    study: Study
    _resampled: dict[tuple[str, ...], ResampledScores] = field(default_factory=dict)

    def why_no_interval(self, task: str) -> str | None:
        """Returns the reason why a task's test fields allow no interval, or None."""
        if task not in self._no_interval:
            rows = self.study.rows(tested=task)
            if rows.empty:
                rows = self.study.table[self.study.table["tested"] == task]
            name = str(rows["name"].iloc[0])
            table = self.study.predictions(name, task)
            legend = self.study.record(name).legend
            self._no_interval[task] = too_few_test_fields(
                table["field_id"].to_numpy(), table["label"].to_numpy(), legend
            )
        return self._no_interval[task]

    @cached_property
    def _no_interval(self) -> dict[str, str | None]:
        return {}

    def interval(self, arm: str, selection: Selection) -> tuple[Interval, Interval] | None:
        """Returns overall accuracy and macro F1 of an arm with intervals over fields, or None."""
        names = self._names(arm, selection)
        if not names or self.why_no_interval(selection.tested) is not None:
            return None
        resampled = self._resample(names, selection.tested)
        return score_intervals(resampled, settings=self.study.settings.bootstrap)

    def class_intervals(self, arm: str, selection: Selection) -> npt.NDArray[np.float64] | None:
        """Returns (C, 3) F1 of each class of an arm with the interval's limits, or None."""
        names = self._names(arm, selection)
        if not names or self.why_no_interval(selection.tested) is not None:
            return None
        return self._resample(names, selection.tested).per_class_f1

    def compare(self, first: str, second: str, selection: Selection) -> Comparison | None:
        """Compares two arms on the same configurations and seeds; None where there is no pair."""
        rows = paired(self._rows(first, selection), self._rows(second, selection))
        if rows.empty:
            return None
        left = rows["overall_accuracy_first"].tolist()
        right = rows["overall_accuracy_second"].tolist()
        difference = rows["overall_accuracy_first"] - rows["overall_accuracy_second"]
        by_seed = difference.groupby(rows["seed"]).mean()
        reason = self.why_no_interval(selection.tested)
        accuracy = macro_f1 = p_values = None
        if reason is None:
            one = self._resample(rows["name_first"].tolist(), selection.tested)
            other = self._resample(rows["name_second"].tolist(), selection.tested)
            settings = self.study.settings.bootstrap
            accuracy, macro_f1 = paired_difference(one, other, settings=settings)
            p_values = bootstrap_p_values(one, other)
        return Comparison(
            selection=selection,
            first=first,
            second=second,
            gain=gain(left, right, groups=rows["seed"].tolist()),
            accuracy=accuracy,
            macro_f1=macro_f1,
            p_values=p_values,
            no_interval=reason,
            by_seed={int(str(seed)): float(value) for seed, value in by_seed.items()},
        )

    def answers(self) -> list[Answer]:
        """Answers all questions for which the study has both arms."""
        found = []
        arms = {arm.name for arm in self.study.settings.arms}
        table = self.study.table
        for question in QUESTIONS:
            if question.first not in arms or question.second not in arms:
                continue
            own = table[(table["day"] == 0) & (table["tested"] == table["task"])]
            for task in present(own, "task"):
                for head in present(own[own["task"] == task], "head"):
                    for k in sorted(set(own["k"].tolist()), key=lambda k: k or 10**9):
                        selection = Selection(task, task, head, k=int(k))
                        comparison = self.compare(question.first, question.second, selection)
                        if comparison is not None:
                            found.append(Answer(question, comparison))
        return found

    def _rows(self, arm: str, selection: Selection) -> pd.DataFrame:
        rows = self.study.rows(
            arm=arm,
            task=selection.task,
            tested=selection.tested,
            head=selection.head,
            k=selection.k,
            day=selection.day,
        )
        chosen = selection.configurations
        return rows if chosen is None else rows[rows["configuration"].isin(chosen)]

    def _names(self, arm: str, selection: Selection) -> list[str]:
        return [str(name) for name in self._rows(arm, selection)["name"].tolist()]

    def _resample(self, names: list[str], task: str) -> ResampledScores:
        key = (task, *names)
        if key not in self._resampled:
            label, predicted, fields = stacked_predictions(self.study, names, task)
            self._resampled[key] = resample_scores(
                label,
                predicted,
                fields,
                num_classes=len(self.study.record(names[0]).legend),
                settings=self.study.settings.bootstrap,
                seed=BOOTSTRAP_SEED,
            )
        return self._resampled[key]
