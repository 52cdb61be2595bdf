"""Which fields to visit next: half of them typical of their kind, half of them a balanced sample.

The typical fields are those nearest to the centres of k-means clusters of the embeddings. They
find kinds of fields that a small sample misses. The others are a balanced random sample
(:mod:`windrow.evaluation.balanced_sample`). They show how common each kind is, which fields chosen
on purpose do not. ``tools/measure_suggestions.py`` compares this with other ways to choose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from windrow.errors import SettingsError
from windrow.evaluation.balanced_sample import LARGEST_POOL, Floats, Indices, balanced_sample

_ROWS_A_CALL = 4_096
"""Fields compared with the suggested ones at a time. It changes memory use only."""


@dataclass(frozen=True, eq=False)
class Suggestion:
    """Fields to visit, the first one first.

    Attributes:
        rows: (num,) positions of the fields.
        typical: (num,) True for a field near the centre of a cluster, False for one of the sample.
        inclusion_probability: of each field of the balanced sample, given the typical ones; all
            fields that are not typical have it.
        num_alike: (num,) number of fields, itself included, that have no suggested field nearer.
    """

    rows: Indices
    typical: npt.NDArray[np.bool_]
    inclusion_probability: float
    num_alike: npt.NDArray[np.int64]


def suggest_fields(embedding: Floats, num: int, *, seed: int) -> Suggestion:
    """Chooses the fields to visit.

    Args:
        embedding: (N, D) embeddings of the fields that may be visited.
        num: number of fields to choose, 1 to N.
        seed: seed of all draws. Equal seeds and embeddings give equal fields.

    Raises:
        SettingsError: ``num`` is out of range.

    Example:
        >>> line = np.arange(40.0)[:, None]
        >>> found = suggest_fields(line, 4, seed=0)
        >>> found.typical.tolist(), int(found.num_alike.sum()), found.inclusion_probability
        ([False, True, False, True], 40, 0.05263157894736842)
    """
    check_number(num, len(embedding))
    positions = np.ascontiguousarray(embedding, dtype=np.float64)
    typical = _centres(positions, num // 2, seed) if num > 1 else np.zeros(0, np.intp)
    others = np.setdiff1d(np.arange(len(positions)), typical)
    num_sampled = num - len(typical)
    sampled = others[balanced_sample(positions[others], num_sampled, seed=seed)]
    rows, is_typical = _alternate(sampled, typical)
    return Suggestion(
        rows=rows,
        typical=is_typical,
        inclusion_probability=num_sampled / len(others),
        num_alike=_count_alike(positions, rows),
    )


def check_number(num: int, num_fields: int) -> None:
    """Refuses a number of fields to suggest that is out of range.

    Args:
        num: number of fields to suggest.
        num_fields: number of fields that may be visited.

    Raises:
        SettingsError: ``num`` is not within 1 and ``num_fields``.
    """
    if num_fields == 0:
        raise SettingsError(
            "all fields have a label: there is none to suggest",
            hint="give only the labels that you trust, or more fields",
        )
    if not 1 <= num <= num_fields:
        raise SettingsError(
            "the number of fields to suggest is out of range",
            found=num,
            expected=f"1 to {num_fields}, the fields without a label",
        )


def _centres(positions: Floats, num: int, seed: int) -> Indices:
    """Chooses the fields nearest to the centres of clusters, those of large clusters first."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    generator = np.random.default_rng([13, seed])
    pool = np.arange(len(positions))
    if len(pool) > LARGEST_POOL:
        pool = np.sort(generator.choice(pool, max(LARGEST_POOL, num), replace=False))
    different = np.unique(positions[pool], axis=0, return_index=True)[1]
    num = min(num, len(different))
    with threadpool_limits(1):
        model = KMeans(num, n_init=2, random_state=seed).fit(positions[pool])
    found = []
    for cluster in range(num):
        members = pool[model.labels_ == cluster]
        away = ((positions[members] - model.cluster_centers_[cluster]) ** 2).sum(axis=1)
        found.append(members[away.argmin()])
    largest = np.argsort(-np.bincount(model.labels_, minlength=num), kind="stable")
    return np.array(found, dtype=np.intp)[largest]


def _alternate(first: Indices, second: Indices) -> tuple[Indices, npt.NDArray[np.bool_]]:
    """Takes from both in turn; what is left of the longer one comes last."""
    turn = np.concatenate([2 * np.arange(len(first)), 2 * np.arange(len(second)) + 1])
    order = np.argsort(turn, kind="stable")
    return np.concatenate([first, second])[order], order >= len(first)


def _count_alike(positions: Floats, rows: Indices) -> npt.NDArray[np.int64]:
    """Counts the fields to which each chosen field is the nearest of the chosen ones."""
    counts = np.zeros(len(rows), dtype=np.int64)
    chosen = positions[rows]
    for start in range(0, len(positions), _ROWS_A_CALL):
        part = positions[start : start + _ROWS_A_CALL]
        away = np.stack([((part - each) ** 2).sum(axis=1) for each in chosen], axis=1)
        counts += np.bincount(away.argmin(axis=1), minlength=len(rows))
    return counts
