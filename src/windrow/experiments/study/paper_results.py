"""The paper's own numbers in per cent, each with its table, and the rule for showing them.

Patnala, Schultz, Gall (2025), Front. Remote Sens. 6:1555887. The numbers belong to certain real
fields with a certain split, and a report shows them only beside results on these fields.
:func:`beside` checks this with the records of the stores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from windrow.experiments.study.data_origin import DataOrigin


@dataclass(frozen=True)
class Published:
    """Mean and standard deviation over ten configurations, in per cent."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class PublishedGain:
    """Gain of BERT over ResMLP in points, and wins out of ten (section 6, Figures 11 to 13)."""

    mean: float
    smallest: float
    largest: float
    wins: int
    num_pairs: int = 10


def _row(*pairs: tuple[float, float]) -> dict[str, Published]:
    heads = ("lstm", "inception", "transformer") if len(pairs) == 3 else ("lstm", "transformer")
    return {head: Published(*pair) for head, pair in zip(heads, pairs, strict=True)}


TABLE_5: Mapping[str, Mapping[str, Mapping[str, Published]]] = {
    "task1": {
        "resmlp": _row((64.43, 3.06), (23.41, 6.18), (75.20, 4.76)),
        "bert": _row((71.47, 0.77), (26.97, 6.95), (76.64, 2.09)),
    },
    "task2": {
        "resmlp": _row((62.88, 2.86), (22.01, 4.28), (77.78, 5.90)),
        "bert": _row((75.12, 1.11), (34.29, 3.68), (80.04, 1.26)),
    },
    "task3": {
        "resmlp": _row((56.32, 0.47), (16.37, 5.97), (53.87, 2.82)),
        "bert": _row((56.21, 0.24), (22.28, 7.13), (55.02, 0.81)),
    },
}
"""Table 5; section 6 prints 77.80 and 5.92 for task 2, ResMLP, transformer."""

GAINS: Mapping[str, Mapping[str, PublishedGain]] = {
    "task1": {
        "lstm": PublishedGain(7.04, 3.02, 14.46, 10),
        "inception": PublishedGain(3.57, -0.62, 8.49, 9),
        "transformer": PublishedGain(1.44, -1.21, 9.18, 7),
    },
    "task2": {
        "lstm": PublishedGain(12.24, 8.68, 19.75, 10),
        "inception": PublishedGain(12.28, 9.05, 15.98, 10),
        "transformer": PublishedGain(2.26, -3.27, 13.54, 6),
    },
    "task3": {
        "lstm": PublishedGain(-0.11, -0.70, 0.56, 3),
        "inception": PublishedGain(5.91, -3.47, 18.59, 9),
        "transformer": PublishedGain(1.15, -2.05, 6.93, 6),
    },
}
"""Section 6; Figures 11 to 13."""

ABLATIONS: Mapping[str, Mapping[str, Published]] = {
    "bert-16": _row((73.94, 1.21), (79.51, 1.05)),
    "spectro-temporal": _row((58.89, 1.53), (68.96, 2.21)),  # Table 1
    "without-cloud": _row((70.06, 1.41), (77.37, 1.98)),  # Table 2
    "without-season": _row((66.95, 1.20), (74.86, 3.90)),  # Table 2
    "one-target-day": _row((67.67, 1.96), (75.77, 2.98)),  # Table 3
    "squared-auxiliary": _row((70.32, 1.99), (75.96, 1.97)),  # Table 4
}
"""Tables 1 to 4, task 2, by arm of ``windrow ablate``; Figures 7 to 9 print no numbers."""

_Asked = Mapping[str, str | int | None]
_Alternatives = tuple[_Asked, ...]


def _denethor(task: str, part: str, prepared: str) -> _Alternatives:
    ingested = {"product": "denethor", "protocol": task, "part": part}
    return ingested, {"product": "prepared_h5", "file": prepared}


_PRETRAINING = _denethor("task1", "pretraining", "pretraining_time2.h5")
_BRITTANY: _Alternatives = ({"product": "BreizhCrops", "protocol": None, "year": 2018},)

SOURCES: Mapping[str, Mapping[str, _Alternatives]] = {
    "task1": {
        "pretraining": _PRETRAINING,
        "train": _denethor("task1", "train", "train_sentinel_ts.hdf5"),
        "validation": _denethor("task1", "validation", "val_sentinel_ts.hdf5"),
    },
    "task2": {
        "pretraining": _PRETRAINING,
        "train": _denethor("task2", "train", "validation_train_sentinel_ts.hdf5"),
        "validation": _denethor("task2", "validation", "validation_val_sentinel_ts.hdf5"),
    },
    "task3": {"pretraining": _PRETRAINING, "train": _BRITTANY, "validation": _BRITTANY},
}
"""Section 2: the records that the store of each part of a task may have. They are DENETHOR split by
the paper's protocol, or the prepared file of the group's earlier study, whose tasks the paper uses.
The study splits the fields of BreizhCrops 70:30, as the paper does; the product's own protocols
split by region."""


def beside(task: str, *, simulated: bool, sources: Mapping[str, DataOrigin]) -> bool:
    """Whether the paper's numbers of a task may be shown beside those of a study.

    They may if the records of all its stores match the paper's, and never for simulated series.
    They are then shown beside every scale, protocol and variant, which the captions name, because
    a smaller scale is another experiment. A store without a record does not match.

    Args:
        task: name of the study's task.
        simulated: whether the series are simulated.
        sources: origin of each store by part; from
            :mod:`windrow.experiments.study.data_origin`.

    Example:
        >>> paper = {part: DataOrigin(**ways[0]) for part, ways in SOURCES["task1"].items()}
        >>> beside("task1", simulated=False, sources=paper)
        True
        >>> beside("task1", simulated=True, sources=paper)
        False
        >>> beside("task1", simulated=False, sources={"train": DataOrigin(product="table")})
        False
    """
    wanted = SOURCES.get(task)
    if simulated or wanted is None:
        return False
    return all(
        part in sources and any(_says(sources[part], way) for way in ways)
        for part, ways in wanted.items()
    )


def _says(source: DataOrigin, way: _Asked) -> bool:
    given = source.model_fields_set
    return all(name in given and getattr(source, name) == value for name, value in way.items())
