"""The questions of a study: pairs of arms and the text of each question.

A question names two arms. The report answers the questions for which a study has both arms, with
an interval.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """One comparison of two arms.

    Attributes:
        text: the question, as a sentence whose answer is yes if the first arm is better.
        first, second: names of arms.
    """

    text: str
    first: str
    second: str


QUESTIONS: tuple[Question, ...] = (
    Question("Is BERT better than ResMLP's bi-modal contrast?", "bert", "resmlp"),
    Question("Is BERT better than SCARF's uni-modal contrast?", "bert", "scarf"),
    Question("Is BERT better than the spectro-temporal contrast?", "bert", "spectro-temporal"),
    Question(
        "Is a BERT of the same shape better than the spectro-temporal contrast?",
        "bert-small",
        "spectro-temporal",
    ),
    Question("Is ResMLP's bi-modal contrast better than from scratch?", "resmlp", "scratch"),
    Question("Is SCARF's uni-modal contrast better than from scratch?", "scarf", "scratch"),
    Question(
        "Is the spectro-temporal contrast better than from scratch?",
        "spectro-temporal",
        "scratch",
    ),
    Question("Is BERT better than from scratch?", "bert", "scratch"),
    Question("Is BERT better than an encoder of random weights?", "bert", "random-encoder"),
    Question(
        "Does PlanetScope help: is BERT better than the same predicting Sentinel-2?",
        "bert",
        "bert-sentinel2",
    ),
    Question("Does the season loss help?", "bert", "without-season"),
    Question("Does the cloud loss help?", "bert", "without-cloud"),
    Question("Do three target days help over one?", "bert", "one-target-day"),
    Question("Is NT-Xent better than Barlow Twins in ResMLP?", "resmlp", "resmlp-barlow"),
    Question("Is NT-Xent better than Barlow Twins in SCARF?", "scarf", "scarf-barlow"),
    Question(
        "Is NT-Xent better than Barlow Twins in the spectro-temporal contrast?",
        "spectro-temporal",
        "spectro-temporal-barlow",
    ),
)
"""The questions of the project; ``ablations`` defines the arms that change BERT."""
