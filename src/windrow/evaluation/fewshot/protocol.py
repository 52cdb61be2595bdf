"""The few-label protocol, which compares the crop classifier with other methods.

Every method is fitted on the *same* draws of k labelled fields per class and tested on the same
fields. All settings are fixed beforehand, and no result is used to choose among them.

The crop classifier is *transductive*: it sees the fields to be classified, without labels, before
it classifies them. That is how it is used, since whoever maps a place has the images of all its
fields. The other methods learn from the drawn fields alone and could not use the rest. The
comparison is therefore one of methods as they are used, not of equal information; the setting
``context = "training"`` hides the test fields from the crop classifier as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from windrow.classifiers.place_classifier import PlaceEncoder
from windrow.classifiers.sequence import SequenceTraining
from windrow.data.series import Series
from windrow.errors import DataError
from windrow.evaluation.fewshot.inputs import MethodInputs, SeriesEncoder, inputs_of_method
from windrow.evaluation.fewshot.result import FewshotResult, UsedWeights
from windrow.evaluation.fewshot.runs import ClassifierRun, HeadRun, MethodRun
from windrow.evaluation.fewshot.settings import FewshotSettings, Method
from windrow.evaluation.fewshot.task import FewshotTask, prepare_task
from windrow.smoke_test import smoke_test_lines
from windrow.sources.labels.label_table import SeriesLabels


def fewshot(
    series: Series,
    labels: SeriesLabels | None,
    encoder: SeriesEncoder | None,
    settings: FewshotSettings,
    on_progress: Callable[[int, int, str], None] | None = None,
    *,
    place_encoder: PlaceEncoder | None = None,
) -> FewshotResult:
    """Runs the few-label protocol.

    Args:
        series: series of fields or pixels.
        labels: their labels; None takes the labels of ``series``.
        encoder: the frozen encoder; None leaves the representation out, with a note.
        settings: settings of the protocol.
        on_progress: function called with the number of fits done, the number of all fits, and the
            name of the latest. The first call, before any fit, is for the inputs.
        place_encoder: the network of the crop classifier; None leaves ``windrow`` out, with a note.

    Returns:
        Scores, intervals, predictions and fitted heads.

    Raises:
        DataError: there are no labels, too few classes or fields are left, or a column is wrong.
        SplitError: a field or a group is in both parts.
        WeightsError, BandError: the encoder does not fit the series.
    """
    task = prepare_task(
        series,
        labels,
        min_fields=settings.min_fields,
        exclude=settings.exclude,
        train_where=settings.train_where,
        test_where=settings.test_where,
        group_column=settings.group_column,
        seed=settings.seed,
    )
    if on_progress is not None:
        num_fits = len(settings.k) * settings.num_draws * len(settings.heads)
        on_progress(0, num_fits, "inputs")
    runs, notes = _runs(task, encoder, place_encoder, settings)
    weights = _weights(runs, encoder, place_encoder)
    of_tests = [name for name, each in weights.items() if each["smoke_test"]]
    marks = [f"{line} ({', '.join(of_tests)})" for line in smoke_test_lines(bool(of_tests))]
    notes = [*marks, *task.notes, *notes]
    if not runs:
        raise DataError("nothing is left to compare", found="; ".join(notes))
    _fit_all(runs, settings, on_progress)
    num_unfinished = sum(run.num_unfinished for run in runs)
    if num_unfinished:
        notes.append(f"{num_unfinished} logistic regressions stopped before they converged")
    return FewshotResult(
        task=task,
        predictions=[run.predictions() for run in runs],
        heads={run.name: run.fitted for run in runs if run.fitted is not None},
        settings=settings.to_dict(),
        bootstrap=settings.bootstrap,
        seed=settings.seed,
        notes=notes,
        weights=weights,
    )


def _runs(
    task: FewshotTask,
    encoder: SeriesEncoder | None,
    place_encoder: PlaceEncoder | None,
    settings: FewshotSettings,
) -> tuple[list[MethodRun], list[str]]:
    """Prepares the inputs of all methods; gives the methods that can be fitted, and notes."""
    runs: list[MethodRun] = []
    notes: list[str] = []
    made: dict[tuple[Method, bool], MethodInputs] = {}
    for each in settings.heads:
        if each.method == "windrow":
            if place_encoder is None:
                notes.append("no weights of the crop classifier were given: windrow is left out")
                continue
            classifier = ClassifierRun(each, task, settings, place_encoder)
            notes.extend(classifier.notes())
            runs.append(classifier)
            continue
        sequences = isinstance(each.head, SequenceTraining)
        if (each.method, sequences) not in made:
            made[each.method, sequences] = inputs_of_method(
                task.series,
                each.method,
                encoder,
                features=settings.features,
                pool=settings.pool,
                sequences=sequences,
            )
        found = made[each.method, sequences]
        notes.extend(note for note in found.notes if note not in notes)
        if found.inputs is not None:
            runs.append(HeadRun(each, found.inputs, task, settings, encoder))
    return runs, notes


def _weights(
    runs: Sequence[MethodRun],
    encoder: SeriesEncoder | None,
    place_encoder: PlaceEncoder | None,
) -> dict[str, UsedWeights]:
    """Describes the weights of the methods that were compared."""
    used = {run.method for run in runs}
    found: dict[str, UsedWeights] = {}
    for method, each in (("windrow", place_encoder), ("representation", encoder)):
        if each is not None and method in used:
            found[method] = {
                "hash": each.content_hash,
                "simulated": bool(each.simulated),
                "smoke_test": bool(each.smoke_test),
            }
    return found


def _fit_all(
    runs: Sequence[MethodRun],
    settings: FewshotSettings,
    on_progress: Callable[[int, int, str], None] | None,
) -> None:
    total, done = len(settings.k) * settings.num_draws * len(runs), 0
    for k in settings.k:
        for draw in range(settings.num_draws):
            for run in runs:
                run.fit_and_predict(k, draw)
                done += 1
                if on_progress is not None:
                    on_progress(done, total, f"k={k} {run.name}")
