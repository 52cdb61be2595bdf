"""The few-label protocol, which compares the representation with raw features.

Every method is fitted on the *same* draws of k labelled fields per class and tested on the same
fields. All settings are fixed beforehand, and no result is used to choose among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from windrow.classifiers.features import FeatureSettings
from windrow.classifiers.sequence import SequenceTraining, train_sequence_head
from windrow.classifiers.shallow import (
    LightFit,
    LogisticSettings,
    TreesSettings,
    fit_light_head,
)
from windrow.config import Settings
from windrow.data.series import Series
from windrow.data.splits import draw_few_labels
from windrow.errors import DataError
from windrow.evaluation.fewshot.inputs import (
    InputKind,
    MethodInputs,
    SeriesEncoder,
    inputs_of_method,
)
from windrow.evaluation.fewshot.result import FewshotResult, HeadPredictions
from windrow.evaluation.fewshot.task import FewshotTask, prepare_task
from windrow.evaluation.field_bootstrap import BootstrapSettings
from windrow.json_values import JsonObject
from windrow.models.heads.inputs import HeadInputs
from windrow.models.heads.saved_head import FittedHead, HeadHeader
from windrow.models.heads.sequence import SequenceHead
from windrow.sources.labels.label_table import SeriesLabels


class MethodHead(Settings):
    """One method of the comparison, consisting of inputs and a head.

    Attributes:
        method: ``windrow`` (z), ``bands`` or ``indices``. Light heads take pooled z or features
            on the ten-day grid. Sequence heads take z or reflectance at every date.
        head: the head and the settings of its fit.
    """

    method: InputKind
    head: LogisticSettings | TreesSettings | SequenceTraining = Field(discriminator="kind")

    @property
    def head_name(self) -> str:
        """Name of the head, such as ``extra_trees`` or ``transformer``."""
        if isinstance(self.head, SequenceTraining):
            return self.head.model.kind
        return self.head.kind

    @model_validator(mode="after")
    def _sequences_of_bands(self) -> Self:
        if self.method == "indices" and isinstance(self.head, SequenceTraining):
            raise ValueError("sequence heads take z or bands, not indices")
        return self


class FewshotSettings(Settings):
    """Settings of the few-label protocol.

    Attributes:
        k: numbers of labelled fields per class, increasing.
        num_draws: number of draws of training fields at each k.
        seed: seed of draws, splits, heads and resamples.
        pool: pooling of z for light heads.
        features: settings of the raw features.
        heads: the methods to compare.
        bootstrap: settings of the intervals.
        min_fields: classes with fewer fields in the whole set are left out, with a note.
        exclude: names of classes to leave out.
        train_where: condition ``COLUMN=VALUE`` on the label table for training fields.
        test_where: the same for test fields. Give both conditions or neither; without them each
            class is split at random into halves.
    """

    k: tuple[int, ...] = Field(min_length=1)
    num_draws: int = Field(ge=1)
    seed: int = Field(ge=0)
    pool: Literal["mean", "month"]
    features: FeatureSettings
    heads: tuple[MethodHead, ...] = Field(min_length=1)
    bootstrap: BootstrapSettings
    min_fields: int = Field(ge=1)
    exclude: tuple[str, ...]
    train_where: str | None
    test_where: str | None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if min(self.k) < 1 or list(self.k) != sorted(set(self.k)):
            raise ValueError("k must be positive and increase")
        if (self.train_where is None) != (self.test_where is None):
            raise ValueError("train_where and test_where must be given together")
        names = [(each.method, each.head_name) for each in self.heads]
        if len(set(names)) != len(names):
            raise ValueError("a method has the same head twice")
        return self


def fewshot(
    series: Series,
    labels: SeriesLabels | None,
    encoder: SeriesEncoder | None,
    settings: FewshotSettings,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> FewshotResult:
    """Runs the few-label protocol.

    Args:
        series: series of fields or pixels.
        labels: their labels; None takes the labels of ``series``.
        encoder: the frozen encoder; None leaves the ``windrow`` methods out, with a note.
        settings: settings of the protocol.
        on_progress: function called with the number of heads fitted, the number of all heads, and
            the name of the current head.

    Returns:
        Scores, intervals, predictions and fitted heads.

    Raises:
        DataError: there are no labels, too few classes or fields are left, or a column is wrong.
        SplitError: a field is in both parts.
        WeightsError, BandError: the encoder does not fit the series.
    """
    task = prepare_task(
        series,
        labels,
        min_fields=settings.min_fields,
        exclude=settings.exclude,
        train_where=settings.train_where,
        test_where=settings.test_where,
        seed=settings.seed,
    )
    notes = list(task.notes)
    runs: list[_HeadRun] = []
    made: dict[tuple[InputKind, bool], MethodInputs] = {}
    for each in settings.heads:
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
            runs.append(_HeadRun(each, found.inputs, task, settings, encoder))
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
        encoder_hash=None if encoder is None else encoder.content_hash,
        simulated_weights=None if encoder is None else bool(encoder.simulated),
    )


def _fit_all(
    runs: Sequence[_HeadRun],
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


class _HeadRun:
    """All fits of one method's head. It keeps the fitted head of the largest k's first draw."""

    def __init__(
        self,
        each: MethodHead,
        inputs: HeadInputs,
        task: FewshotTask,
        settings: FewshotSettings,
        encoder: SeriesEncoder | None,
    ) -> None:
        self._each = each
        self._inputs = inputs
        self._task = task
        self._settings = settings
        self._encoder = encoder
        self._test_inputs = inputs.select(task.test)
        self._predicted: dict[int, list[npt.NDArray[np.int16]]] = {}
        self.name = f"{each.method}-{each.head_name}"
        self.fitted: FittedHead | None = None
        self.num_unfinished = 0

    def fit_and_predict(self, k: int, draw: int) -> None:
        """Fits on one draw and predicts all test series."""
        task, settings = self._task, self._settings
        drawn = draw_few_labels(
            task.series.field_id[task.train],
            task.label[task.train],
            k=k,
            seed=settings.seed,
            draw=draw,
        )
        rows = task.train[drawn]
        head = self._fit(rows, draw)
        if isinstance(head, LightFit):
            probability = head.predict_probability(self._test_inputs.values)
            self.num_unfinished += not head.converged
        else:
            probability = head.predict_probability(self._test_inputs)
        predicted = probability.argmax(axis=1).astype(np.int16)
        self._predicted.setdefault(k, []).append(predicted)
        if k == settings.k[-1] and draw == 0:
            model = head.to_model() if isinstance(head, LightFit) else head
            self.fitted = FittedHead(self._header(k, len(rows)), model)

    def _fit(self, rows: npt.NDArray[np.intp], draw: int) -> LightFit | SequenceHead:
        task, head = self._task, self._each.head
        seed = int(np.random.SeedSequence([self._settings.seed, draw]).generate_state(1)[0] >> 1)
        inputs = self._inputs.select(rows)
        label = task.label[rows]
        num_classes = len(task.legend)
        if isinstance(head, SequenceTraining):
            return train_sequence_head(
                inputs,
                label,
                task.series.field_id[rows],
                num_classes=num_classes,
                settings=head,
                seed=seed,
            )
        return fit_light_head(
            inputs.values, label, num_classes=num_classes, settings=head, seed=seed
        )

    def predictions(self) -> HeadPredictions:
        """Gives all predictions by k."""
        return HeadPredictions(
            method=self._each.method,
            head=self._each.head_name,
            predicted={k: np.stack(rows) for k, rows in self._predicted.items()},
        )

    def _header(self, k: int, num_series: int) -> HeadHeader:
        settings, each, task = self._settings, self._each, self._task
        from_encoder = each.method == "windrow" and self._encoder is not None
        sequences = isinstance(each.head, SequenceTraining)
        provenance: JsonObject = {
            "k": k,
            "draw": 0,
            "seed": settings.seed,
            "num_training_series": num_series,
            "simulated_data": task.series.simulated,
        }
        bands = task.series.bands
        if from_encoder and self._encoder is not None:
            bands = tuple(band for band in self._encoder.bands if band in task.series.bands)
            provenance["simulated_weights"] = bool(self._encoder.simulated)
        return HeadHeader.from_dict(
            {
                "kind": each.head_name,
                "settings": each.head.to_dict(),
                "legend": task.legend.to_dict(),
                "input": each.method,
                "pooling": settings.pool if from_encoder and not sequences else None,
                "calibration": None,
                "encoder_hash": self._encoder.content_hash
                if from_encoder and self._encoder is not None
                else None,
                "bands": bands,
                "processing_level": task.series.processing_level,
                "season_start": task.series.season_start,
                "features": None if from_encoder or sequences else settings.features.to_dict(),
                "num_inputs": self._inputs.num_features,
                "provenance": provenance,
            }
        )
