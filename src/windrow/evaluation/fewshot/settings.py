"""Settings of the few-label protocol and of the methods that it compares."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from windrow.classifiers.features import FeatureSettings
from windrow.classifiers.mix import MixSettings
from windrow.classifiers.sequence import SequenceTraining
from windrow.classifiers.shallow import LogisticSettings, TreesSettings
from windrow.config import Settings
from windrow.evaluation.field_bootstrap import BootstrapSettings

Method = Literal["windrow", "representation", "bands", "indices", "bands_and_indices"]
"""What is compared: the crop classifier, the representation of an encoder, or raw features."""

Context = Literal["place", "training"]
"""Fields that the crop classifier sees without labels: all of the input, or training fields."""


class CropClassifierSettings(Settings):
    """Settings of the crop classifier in a comparison.

    Attributes:
        mix: weights of its voters.
        use_prior: use what the network knows of the crops that the classes name.
        context: ``place`` shows all fields of the input without their labels, the test fields
            too, as ``windrow classify`` does. ``training`` shows training fields alone.
    """

    kind: Literal["crop_classifier"] = "crop_classifier"
    mix: MixSettings
    use_prior: bool
    context: Context


class MethodHead(Settings):
    """One method of the comparison, consisting of inputs and a head.

    Attributes:
        method: ``windrow`` (the crop classifier), ``representation`` (z of an encoder), or raw
            features: ``bands``, ``indices`` (four) or ``bands_and_indices`` (twelve indices beside
            the bands). Light heads take pooled z or features on the ten-day grid. Sequence heads
            take z or reflectance at every date.
        head: the head and the settings of its fit.
    """

    method: Method
    head: LogisticSettings | TreesSettings | SequenceTraining | CropClassifierSettings = Field(
        discriminator="kind"
    )

    @property
    def head_name(self) -> str:
        """Name of the head, such as ``extra_trees`` or ``transformer``."""
        if isinstance(self.head, SequenceTraining):
            return self.head.model.kind
        return self.head.kind

    @model_validator(mode="after")
    def _head_of_method(self) -> Self:
        if (self.method == "windrow") != isinstance(self.head, CropClassifierSettings):
            raise ValueError("the crop classifier is the head of windrow, and of nothing else")
        if self.method not in ("representation", "bands") and isinstance(
            self.head, SequenceTraining
        ):
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
        group_column: column of the label table, such as a farm. No group is in both parts, and
            the intervals resample whole groups. None takes each field as a group.
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
    group_column: str | None = None

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
