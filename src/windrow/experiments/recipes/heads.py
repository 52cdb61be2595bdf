"""The numbers of heads and of the few-label protocol.

Sizes and optimizer follow section 4 of the paper where it gives them: Adam, weight decay 1e-5,
20 epochs, batch 256. All other numbers were chosen on training halves only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict, Unpack

from windrow.classifiers.features import FeatureSettings
from windrow.classifiers.sequence import SequenceTraining
from windrow.classifiers.shallow import LogisticSettings, TreesSettings
from windrow.evaluation.fewshot.settings import FewshotSettings, MethodHead
from windrow.evaluation.field_bootstrap import BootstrapSettings
from windrow.models.heads.inception import InceptionSettings
from windrow.models.heads.lstm import LstmSettings
from windrow.models.heads.transformer import TransformerSettings

BaseModel = Literal["lstm", "inception", "transformer"]

FEATURES = FeatureSettings(clear_below=128, step_days=10)
"""Cloud probability (0..255) below which an observation is clear: one half. It was the best of 1,
26, 128 and no limit within half A of the Bavarian fields; the three limits hardly differ."""

LOGISTIC = LogisticSettings(inverse_regularisation=0.1, max_iterations=2000)
"""C of the logistic regression. Of 0.001 to 10 no value is clearly best within half A of the
Bavarian fields; 0.1 is close to the best everywhere."""

LOGISTIC_ON_Z = LogisticSettings(inverse_regularisation=0.01, max_iterations=2000)
"""C for the pooled representation, which has many more values than the raw features. Of 0.001, 0.01
and 0.1 within half A of the Bavarian fields, 0.01 was best or second at 1, 5 and 10 fields per
class."""

EXTRA_TREES = TreesSettings(kind="extra_trees", num_trees=200, min_rows_a_leaf=1)
RANDOM_FOREST = TreesSettings(kind="random_forest", num_trees=200, min_rows_a_leaf=1)

REPRESENTATION: tuple[MethodHead, ...] = (
    MethodHead(method="representation", head=LOGISTIC_ON_Z),
    MethodHead(method="representation", head=EXTRA_TREES),
)
"""The heads on the representation."""

BASELINES: tuple[MethodHead, ...] = (
    MethodHead(method="bands_and_indices", head=EXTRA_TREES),
    MethodHead(method="bands", head=EXTRA_TREES),
    MethodHead(method="bands", head=LOGISTIC),
    MethodHead(method="bands", head=RANDOM_FOREST),
    MethodHead(method="indices", head=EXTRA_TREES),
    MethodHead(method="indices", head=LOGISTIC),
)
"""The heads on raw features, the strongest first (``docs/log.md``)."""

LIGHT_COMPARISON = (*REPRESENTATION, *BASELINES)
"""The representation and the raw features that are compared with it."""

BASE_MODELS: dict[BaseModel, LstmSettings | InceptionSettings | TransformerSettings] = {
    "lstm": LstmSettings(hidden=64, num_layers=2, dropout=0.2),
    "inception": InceptionSettings(hidden=128, num_layers=4, kernel_size=40, dropout=0.2),
    "transformer": TransformerSettings(width=64, num_heads=4, num_layers=2, dropout=0.2),
}
"""One small configuration of each head, inside the ranges of section 4."""


def sequence_training(model: BaseModel) -> SequenceTraining:
    """Returns the training of a head on few labels: section 4 with small batches, more steps.

    The paper's 20 epochs in batches of 256 suit 45,000 series; 300 series would give only 40
    steps. On 90 simulated fields, one draw, 150 steps in batches of 256 gave the transformer a
    macro F1 of .619 on the representation and .482 from scratch. 200 steps in batches of 32 gave
    .577 and .509 in a quarter of the time, which makes comparisons over many draws possible.

    Args:
        model: lstm, inception or transformer.

    Example:
        >>> sequence_training("lstm").weight_decay
        1e-05
    """
    return SequenceTraining(
        model=BASE_MODELS[model],
        epochs=20,
        min_steps=200,
        batch_size=32,
        learning_rate=1e-3,
        weight_decay=1e-5,
        gradient_clip=1.0,
        protocol="corrected",
        plateau_share=0.2,
        plateau_patience=10,
        plateau_factor=0.5,
    )


def comparison(
    *, representation: bool = True, sequence_heads: Sequence[BaseModel] = ()
) -> tuple[MethodHead, ...]:
    """Returns the shallow heads and these sequence heads, on the representation and on the bands.

    Args:
        representation: False leaves the heads on the representation out.
        sequence_heads: names of the sequence heads; on the bands they learn from scratch.

    Example:
        >>> {each.method for each in comparison(representation=False)} == {
        ...     "bands", "indices", "bands_and_indices"
        ... }
        True
    """
    training = [sequence_training(model) for model in sequence_heads]
    heads = [*BASELINES, *(MethodHead(method="bands", head=each) for each in training)]
    if representation:
        own = (MethodHead(method="representation", head=each) for each in training)
        heads = [*REPRESENTATION, *own, *heads]
    return tuple(heads)


class FieldSelection(TypedDict, total=False):
    """A user's choice of classes and fields for the few-label protocol.

    Attributes:
        min_fields: classes with fewer fields in the whole set are left out.
        exclude: names of classes to leave out.
        train_where: condition ``COLUMN=VALUE`` on the label table for training fields.
        test_where: the same for test fields.
        group_column: column of the label table whose groups are in one part alone.
    """

    min_fields: int
    exclude: Sequence[str]
    train_where: str | None
    test_where: str | None
    group_column: str | None


def fewshot_settings(
    *,
    heads: Sequence[MethodHead] = LIGHT_COMPARISON,
    k: Sequence[int] = (1, 5, 10, 20),
    num_draws: int = 20,
    seed: int = 0,
    pool: Literal["mean", "month"] = "month",
    **selection: Unpack[FieldSelection],
) -> FewshotSettings:
    """Returns the few-label protocol with a user's choices.

    Args:
        heads: the compared methods and heads.
        k: numbers of labelled fields per class.
        num_draws: draws for each k.
        seed: seed of every random draw.
        pool: pooling of the representation; the mean over the year loses the timing.
        **selection: ``min_fields`` (10), ``exclude`` (none), ``train_where`` and ``test_where``
            (random halves), and ``group_column`` (none).

    Raises:
        SettingsError: a value does not fit.

    Example:
        >>> fewshot_settings(exclude=["Other"]).k
        (1, 5, 10, 20)
    """
    return FewshotSettings.from_dict(
        {
            "k": tuple(k),
            "num_draws": num_draws,
            "seed": seed,
            "pool": pool,
            "features": FEATURES,
            "heads": tuple(heads),
            "bootstrap": BootstrapSettings(num_resamples=2000, level=0.95),
            "min_fields": 10,
            "exclude": (),
            "train_where": None,
            "test_where": None,
            **selection,
        }
    )
