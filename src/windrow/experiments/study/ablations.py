"""The arms of the ablations (section 5 of the paper) with their tables and figures.

Section 5 ablates a BERT of 16 layers with batches of 128, on task 2, with the heads LSTM and
transformer. The arm ``bert`` of an ablation is that model. At smaller scales it is the scale's own
BERT, and the depths are smaller too. Where the paper shows a plot without numbers the grid is
ours. A benchmark applies the same changes to its own BERT (:func:`benchmark_changes`), which at
scale ``paper`` has 32 layers and batches of 64, so that only the change differs between two arms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from windrow.errors import SettingsError
from windrow.experiments.study.settings import Arm, ScaleName
from windrow.json_values import JsonObject

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
"""The settings of the arm ``bert`` in Figures 8 and 9; it is not trained a second time."""
LARGE_BATCH, EQUAL_BATCH = 128, 64
"""Section 5.2 uses batches of 128 up to 16 layers and of 64 for 32 layers. We also train all depths
with batches of 64. The smaller scales use one batch size for all depths."""
TABLE_1_SHAPE: Mapping[ScaleName, dict[str, int]] = {
    "tiny": {"num_layers": 2, "width": 32, "mlp_width": 64},
    "small": {"num_layers": 4, "width": 64, "mlp_width": 256},
    "paper": {"num_layers": 4, "width": 64, "mlp_width": 256},
}
"""Of both sides of Table 1, as ``method_recipes.spectro_temporal`` has it: 4 layers of 64 (section
5.4)."""
SCALES_OF_SMALL_BERT: tuple[ScaleName, ...] = ("paper",)
"""Where that BERT is not the one of the other tables. The paper's row repeats the 16-layer BERT; we
do both. At the smaller scales the BERT of all tables has the shape of Table 1 already."""


@dataclass(frozen=True)
class TableOfArms:
    """One of Tables 1 to 4.

    Attributes:
        name: name of the files.
        title: beginning of the caption.
        arms: name of each arm, and its name in the published numbers.
    """

    name: str
    title: str
    arms: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class FigureOfArms:
    """One of Figures 7 to 9.

    Attributes:
        name: name of the files.
        title: beginning of the caption.
        axis: label of the axis.
        arms: name of each arm, and its tick label.
    """

    name: str
    title: str
    axis: str
    arms: tuple[tuple[str, str], ...]


_REFERENCE = ("bert", "bert-16")
_TABLES_2_TO_4: tuple[TableOfArms, ...] = (
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


def tables(scale: ScaleName) -> tuple[TableOfArms, ...]:
    """Returns Tables 1 to 4 at a scale; Table 1 in both versions where they differ.

    Example:
        >>> [arm for arm, _ in tables("paper")[0].arms]
        ['bert-small', 'bert', 'spectro-temporal']
        >>> [arm for arm, _ in tables("small")[0].arms]
        ['bert', 'spectro-temporal']
    """
    shape = TABLE_1_SHAPE[scale]
    both = f"both of {shape['num_layers']} layers of {shape['width']}"
    title = f"Table 1. BERT and the spectro-temporal contrastive method, {both}."
    rows: tuple[tuple[str, str], ...] = (_REFERENCE, ("spectro-temporal", "spectro-temporal"))
    if scale in SCALES_OF_SMALL_BERT:
        title = f"{title[:-1]}; between them the BERT of the other tables, as in the paper's row."
        rows = (("bert-small", ""), *rows)
    return (TableOfArms("table-1", title, rows), *_TABLES_2_TO_4)


_CHANGES: dict[str, tuple[str, JsonObject]] = {
    "without-cloud": ("BERT without cloud loss", {"task": {"losses": {"cloud_weight": 0.0}}}),
    "without-season": ("BERT without season loss", {"task": {"losses": {"season_weight": 0.0}}}),
    "one-target-day": ("BERT, one target day", {"task": {"target_offsets": [0]}}),
    "squared-auxiliary": (
        "BERT, squared auxiliary losses",
        {"task": {"losses": {"auxiliary": "mse"}}},
    ),
}


def figures(scale: ScaleName) -> tuple[FigureOfArms, ...]:
    """Returns Figures 7 to 9 at a scale; BERT's depth in two versions where batches differ."""
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
    """Returns the name of a depth at equal batches; the deepest arm already has that batch."""
    deepest = layers > REFERENCE_LAYERS[scale]
    return f"bert-{layers}-layers" if deepest else f"bert-{layers}-layers-equal-batch"


def _mask_name(ratio: float) -> str:
    return "bert" if ratio == REFERENCE_RATIO else f"bert-masking-{round(100 * ratio)}"


def ablation_arm(name: str, scale: ScaleName) -> Arm:
    """Returns an arm of the ablations by name.

    Raises:
        SettingsError: no arm has this name.

    Example:
        >>> ablation_arm("without-season", "small").changes
        {'task': {'losses': {'season_weight': 0.0}}}
    """
    found = {arm.name: arm for arm in ablation_arms(scale)}
    if name not in found:
        raise SettingsError("no such arm", found=name, expected=", ".join(found))
    return found[name]


def ablation_arms(scale: ScaleName) -> tuple[Arm, ...]:
    """Returns all arms of ``windrow ablate`` at a scale, the reference first."""
    base: JsonObject = {}
    if scale == "paper":  # section 5
        base = {"encoder": {"num_layers": REFERENCE_LAYERS[scale]}, "batch_size": LARGE_BATCH}
    arms = [_bert("bert", "BERT (proposed)", {})]
    arms += [_bert(name, title, own) for name, (title, own) in _CHANGES.items()]
    arms += _small_bert(scale)
    arms.append(
        Arm(
            name="spectro-temporal",
            title="Spectro-temporal contrastive",
            method="spectro-temporal",
            changes={},
        )
    )
    arms += _resmlp_depths(scale)
    arms += _depths(scale)
    arms += _maskings()
    return tuple(
        arm.model_copy(update={"changes": {**base, **arm.changes}}) if arm.method == "bert" else arm
        for arm in arms
    )


def benchmark_changes(scale: ScaleName) -> tuple[Arm, ...]:
    """Returns the further arms of a benchmark: each is a method with one change.

    The changes are the ablations of the benchmark's own BERT and ResMLP, and the contrastive
    methods with the loss of Barlow Twins (named in section 7 of the paper). A change may equal the
    unchanged method, such as BERT of 32 layers at scale ``paper``.

    Example:
        >>> {arm.name: arm.changes for arm in benchmark_changes("paper")}["bert-16-layers"]
        {'encoder': {'num_layers': 16}}
    """
    arms = [_bert(name, title, own) for name, (title, own) in _CHANGES.items()]
    arms += _small_bert(scale)
    arms += _resmlp_depths(scale)
    arms += [_of_layers("bert", layers) for layers in BERT_LAYERS[scale]]
    arms += _maskings()
    arms += [
        Arm(
            name=f"{method}-barlow",
            title=f"{title}, Barlow Twins",
            method=method,
            changes={"task": {"loss": {"kind": "barlow_twins"}}},
        )
        for method, title in _CONTRASTIVE.items()
    ]
    return tuple(arms)


_CONTRASTIVE = {
    "resmlp": "ResMLP",
    "scarf": "SCARF",
    "spectro-temporal": "Spectro-temporal",
}
_NAMES = {"bert": "BERT", "resmlp": "ResMLP"}


def _small_bert(scale: ScaleName) -> list[Arm]:
    if scale not in SCALES_OF_SMALL_BERT:
        return []
    return [_bert("bert-small", "BERT, small", {"encoder": {**TABLE_1_SHAPE[scale]}})]


def _resmlp_depths(scale: ScaleName) -> list[Arm]:
    return [_of_layers("resmlp", layers) for layers in RESMLP_LAYERS[scale]]


def _depths(scale: ScaleName) -> list[Arm]:
    """Returns the depths of BERT without the reference, and all depths at one batch size."""
    arms = []
    for layers in BERT_LAYERS[scale]:
        arm = _of_layers("bert", layers)
        equal: JsonObject = {**arm.changes, "batch_size": EQUAL_BATCH}
        if _depth_name(layers, scale) != "bert":
            deepest = scale == "paper" and layers > REFERENCE_LAYERS[scale]
            arms.append(arm.model_copy(update={"changes": equal}) if deepest else arm)
        name = _equal_name(layers, scale)
        if scale == "paper" and name != arm.name:
            title = f"{arm.title}, batch {EQUAL_BATCH}"
            arms.append(_bert(name, title, equal))
    return arms


def _maskings() -> list[Arm]:
    return [
        _bert(
            _mask_name(ratio),
            f"BERT, {ratio:.0%} masked".replace("%", " %"),
            {"task": {"masking": {"mask_ratio": ratio}}},
        )
        for ratio in MASK_RATIOS
        if ratio != REFERENCE_RATIO
    ]


def _of_layers(method: str, layers: int) -> Arm:
    return Arm(
        name=f"{method}-{layers}-layers",
        title=f"{_NAMES[method]}, {layers} layers",
        method=method,
        changes={"encoder": {"num_layers": layers}},
    )


def _bert(name: str, title: str, own: JsonObject) -> Arm:
    return Arm(name=name, title=title, method="bert", changes=own)
