"""The methods of the comparison; a new method needs one file and one line here.

Example:
    >>> METHODS["bert"].settings("small").encoder.width
    64
"""

from windrow.experiments.methods.bert import BERT, BERT_SENTINEL2
from windrow.experiments.methods.contrastive import RESMLP, SCARF, SPECTRO_TEMPORAL
from windrow.experiments.methods.controls import (
    END_TO_END,
    RANDOM_ENCODER,
    RANDOM_FOREST,
    SCRATCH,
)
from windrow.experiments.methods.method import Method, Representation
from windrow.experiments.recipes.methods import StudyScale

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        BERT,
        RESMLP,
        SCARF,
        SPECTRO_TEMPORAL,
        BERT_SENTINEL2,
        SCRATCH,
        RANDOM_ENCODER,
        END_TO_END,
        RANDOM_FOREST,
    )
}
"""The methods by name, in the order of the tables."""

__all__ = ["METHODS", "Method", "Representation", "StudyScale"]
