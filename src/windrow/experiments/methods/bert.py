"""Bi-modal BERT, the paper's own method (sections 3 and 4), and its control with one sensor."""

from __future__ import annotations

from windrow.experiments.methods.method import Method
from windrow.experiments.recipes.methods import bert, sentinel2_bert

BERT = Method("bert", "Bi-modal BERT", True, "frozen", bert)

BERT_SENTINEL2 = Method(
    "bert-sentinel2", "BERT on Sentinel-2 alone", True, "frozen", sentinel2_bert
)
"""This control separates the effect of PlanetScope from the effect of masking."""
