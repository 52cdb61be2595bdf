"""Where the series of a study come from, as its stores say: kept in every cell.

``windrow ingest`` writes into a store which product it recognised and what was asked of it. A
report needs that to know of what fields its numbers are, and the stores may be elsewhere by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from windrow.data.store.zarr_store import store_attributes
from windrow.experiments.study.tasks import GIVEN, PARTS, PRETRAINING, store_name
from windrow.sources.reader import UNKNOWN_FIELDS


def source_of_store(path: str | Path) -> dict[str, Any]:
    """What a store says of its origin; None where it does not say.

    Args:
        path: a store; of one that the study split, what the whole one said.

    Returns:
        ``product``, ``file``, ``fields``, ``protocol``, ``part`` and ``year`` as they were
        ingested, the ``processing_level``, and whether it is ``simulated``.

    Raises:
        StoreError: there is no store, or it is damaged.
    """
    attributes = store_attributes(path)
    provenance = attributes.get("provenance", {})
    provenance = provenance.get(GIVEN, provenance)
    options = provenance.get("options", {})
    return {
        "product": provenance.get("product"),
        "file": provenance.get("file"),
        "fields": provenance.get("fields"),
        "protocol": options.get("protocol"),
        "part": options.get("part"),
        "year": provenance.get("year"),
        "processing_level": attributes["processing_level"],
        "simulated": attributes["simulated"],
    }


def sources_of_task(store_path: Callable[[str], Path], task: str) -> dict[str, dict[str, Any]]:
    """What the stores say that pre-train, train and test, by part.

    Args:
        store_path: where the store of a name lies.
        task: whose.
    """
    names = {PRETRAINING: PRETRAINING} | {part: store_name(task, part) for part in PARTS}
    return {part: source_of_store(store_path(name)) for part, name in names.items()}


def notes_on_sources(sources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What has to be said of a task whose stores do not know their fields.

    Example:
        >>> notes_on_sources({"train": {"fields": "not known"}, "validation": {}})
        ['fields are not known (train): every series counts as one of its own, so that parts may \
share a field and intervals over fields are too narrow']
    """
    unknown = [part for part, source in sources.items() if source.get("fields") == UNKNOWN_FIELDS]
    if not unknown:
        return []
    return [
        f"fields are not known ({', '.join(unknown)}): every series counts as one of its own, so"
        " that parts may share a field and intervals over fields are too narrow"
    ]
