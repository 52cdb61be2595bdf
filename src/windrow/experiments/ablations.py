"""The arms of the ablations (section 5 of the paper), and which table or figure each is in.

Section 5 ablates a BERT of 16 layers with batches of 128, on task 2, under the LSTM and the
transformer. The arm ``bert`` of an ablation is that model; at smaller scales it is the scale's own
BERT and the depths shrink with it. Where the paper shows a plot without numbers the grid is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from windrow.errors import SettingsError
from windrow.experiments.study_settings import Arm, ScaleName

HEADS = ("lstm", "transformer")
TASK = "task2"

MASK_RATIOS = (0.15, 0.30, 0.45, 0.60, 0.75, 0.90)
RESMLP_LAYERS: Mapping[ScaleName, tuple[int, ...]] = {
    "tiny": (1, 2),
    "small": (2, 4, 8),
    "paper": (8, 16, 32, 64),
}
BERT_LAYERS: Mapping[ScaleName, tuple[int, ...]] = {
    "tiny": (1, 2),
    "small": (1, 2, 4),
    "paper": (4, 8, 16, 32),
}
REFERENCE_LAYERS: Mapping[ScaleName, int] = {"tiny": 2, "small": 4, "paper": 16}
REFERENCE_RATIO = 0.90
"""What the arm ``bert`` itself is in Figures 8 and 9; it is not trained a second time."""
LARGE_BATCH, EQUAL_BATCH = 128, 64
"""Section 5.2 trains up to 16 layers at 128 and 32 at 64; done again with all at 64. The smaller
scales have one batch size for all depths from the start."""
SMALL_BERT: Mapping[ScaleName, dict[str, int]] = {
    "tiny": {"num_layers": 1, "width": 16, "mlp_width": 32},
    "small": {"num_layers": 2, "width": 32, "mlp_width": 128},
    "paper": {"num_layers": 4, "width": 64, "mlp_width": 256},
}
"""Section 5.4: both have 4 layers of 64. The row of Table 1 repeats the 16-layer BERT; we do both.
MLP of four times the width: ours."""


@dataclass(frozen=True)
class TableOfArms:
    """One of Tables 1 to 4.

    Attributes:
        name: of the files.
        title: beginning of the caption.
        arms: name of each arm, and its name among the published numbers.
    """

    name: str
    title: str
    arms: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class FigureOfArms:
    """One of Figures 7 to 9.

    Attributes:
        name: of the files.
        title: beginning of the caption.
        axis: words under the axis.
        arms: name of each arm, and what stands at its tick.
    """

    name: str
    title: str
    axis: str
    arms: tuple[tuple[str, str], ...]


_REFERENCE = ("bert", "bert-16")
TABLES: tuple[TableOfArms, ...] = (
    TableOfArms(
        "table-1",
        "Table 1. BERT and the spectro-temporal contrastive method, both small, and against the"
        " BERT of the other tables, as the paper's row has it.",
        (("bert-small", ""), ("bert", "bert-16"), ("spectro-temporal", "spectro-temporal")),
    ),
    TableOfArms(
        "table-2",
        "Table 2. Season loss and cloud loss.",
        (
            _REFERENCE,
            ("without-cloud", "without-cloud"),
            ("without-season", "without-season"),
        ),
    ),
    TableOfArms(
        "table-3",
        "Table 3. Number of predicted days.",
        (_REFERENCE, ("one-target-day", "one-target-day")),
    ),
    TableOfArms(
        "table-4",
        "Table 4. Cross entropy or squared error as the auxiliary losses.",
        (_REFERENCE, ("squared-auxiliary", "squared-auxiliary")),
    ),
)

_CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "without-cloud": ("BERT without cloud loss", {"task": {"losses": {"cloud_weight": 0.0}}}),
    "without-season": ("BERT without season loss", {"task": {"losses": {"season_weight": 0.0}}}),
    "one-target-day": ("BERT, one target day", {"task": {"target_offsets": [0]}}),
    "squared-auxiliary": (
        "BERT, squared auxiliary losses",
        {"task": {"losses": {"auxiliary": "mse"}}},
    ),
}


def figures(scale: ScaleName) -> tuple[FigureOfArms, ...]:
    """Figures 7 to 9 at a scale; the depth of BERT twice where the batches differ."""
    found = [
        FigureOfArms(
            "figure-7",
            "Figure 7. Number of layers of ResMLP.",
            "layers",
            tuple((f"resmlp-{n}-layers", str(n)) for n in RESMLP_LAYERS[scale]),
        ),
        FigureOfArms(
            "figure-8",
            "Figure 8. Number of layers of BERT.",
            "layers",
            tuple((_depth_name(n, scale), str(n)) for n in BERT_LAYERS[scale]),
        ),
        FigureOfArms(
            "figure-9",
            "Figure 9. Masking rate of BERT.",
            "masking rate",
            tuple((_mask_name(r), f"{r:.0%}".replace("%", " %")) for r in MASK_RATIOS),
        ),
    ]
    if scale == "paper":
        found.append(
            FigureOfArms(
                "figure-8-equal-batch",
                "Figure 8 again, all depths at one batch size.",
                "layers",
                tuple((_equal_name(n, scale), str(n)) for n in BERT_LAYERS[scale]),
            )
        )
    return tuple(found)


def _depth_name(layers: int, scale: ScaleName) -> str:
    return "bert" if layers == REFERENCE_LAYERS[scale] else f"bert-{layers}-layers"


def _equal_name(layers: int, scale: ScaleName) -> str:
    """The deepest already has that batch."""
    deepest = layers > REFERENCE_LAYERS[scale]
    return f"bert-{layers}-layers" if deepest else f"bert-{layers}-layers-equal-batch"


def _mask_name(ratio: float) -> str:
    return "bert" if ratio == REFERENCE_RATIO else f"bert-masking-{round(100 * ratio)}"


def ablation_arm(name: str, scale: ScaleName) -> Arm:
    """An arm of the ablations by name.

    Raises:
        SettingsError: there is none of this name.

    Example:
        >>> ablation_arm("without-season", "small").changes
        {'task': {'losses': {'season_weight': 0.0}}}
    """
    found = {arm.name: arm for arm in ablation_arms(scale)}
    if name not in found:
        raise SettingsError("no such arm", found=name, expected=", ".join(found))
    return found[name]


def ablation_arms(scale: ScaleName) -> tuple[Arm, ...]:
    """All arms of the ablations at a scale, the reference first."""
    arms = [_bert("bert", "BERT (proposed)", {}, scale)]
    arms += [_bert(name, title, own, scale) for name, (title, own) in _CHANGES.items()]
    arms.append(
        Arm(
            name="bert-small",
            title="BERT, small",
            method="bert",
            changes={"encoder": SMALL_BERT[scale]},
        )
    )
    arms.append(
        Arm(
            name="spectro-temporal",
            title="Spectro-temporal contrastive",
            method="spectro-temporal",
            changes={},
        )
    )
    for layers in RESMLP_LAYERS[scale]:
        arms.append(
            Arm(
                name=f"resmlp-{layers}-layers",
                title=f"ResMLP, {layers} layers",
                method="resmlp",
                changes={"encoder": {"num_layers": layers}},
            )
        )
    arms += _depths(scale)
    for ratio in MASK_RATIOS:
        if ratio != REFERENCE_RATIO:
            own = {"task": {"masking": {"mask_ratio": ratio}}}
            title = f"BERT, {ratio:.0%} masked".replace("%", " %")
            arms.append(_bert(_mask_name(ratio), title, own, scale))
    return tuple(arms)


def _depths(scale: ScaleName) -> list[Arm]:
    """The depths of BERT that are not the reference, and all of them again at one batch size."""
    arms = []
    for layers in BERT_LAYERS[scale]:
        shape: dict[str, Any] = {"encoder": {"num_layers": layers}}
        name, title = _depth_name(layers, scale), f"BERT, {layers} layers"
        if name != "bert":
            deep = layers > REFERENCE_LAYERS[scale]
            batch = {"batch_size": EQUAL_BATCH if deep else LARGE_BATCH}
            changes = {**shape, **(batch if scale == "paper" else {})}
            arms.append(Arm(name=name, title=title, method="bert", changes=changes))
        equal = _equal_name(layers, scale)
        if scale == "paper" and equal != name:
            changes = {**shape, "batch_size": EQUAL_BATCH}
            title = f"{title}, batch {EQUAL_BATCH}"
            arms.append(Arm(name=equal, title=title, method="bert", changes=changes))
    return arms


def _bert(name: str, title: str, own: dict[str, Any], scale: ScaleName) -> Arm:
    """BERT with a change; at paper scale the 16 layers and batches of 128 of section 5."""
    base: dict[str, Any] = {}
    if scale == "paper":
        base = {
            "encoder": {"num_layers": REFERENCE_LAYERS[scale]},
            "batch_size": LARGE_BATCH,
        }
    return Arm(name=name, title=title, method="bert", changes={**base, **own})
