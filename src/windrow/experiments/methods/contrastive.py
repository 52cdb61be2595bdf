"""The contrastive methods that are compared with BERT (section 6, section 5.4)."""

from __future__ import annotations

from windrow.experiments.methods.method import Method
from windrow.experiments.recipes.methods import resmlp, scarf, spectro_temporal

RESMLP = Method("resmlp", "ResMLP, bi-modal contrastive", True, "frozen", resmlp)

SCARF = Method("scarf", "SCARF, uni-modal contrastive", True, "frozen", scarf)

SPECTRO_TEMPORAL = Method(
    "spectro-temporal", "Spectro-temporal contrastive", True, "frozen", spectro_temporal
)
