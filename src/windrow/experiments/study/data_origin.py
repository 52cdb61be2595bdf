"""Where the series of a study come from, as its stores say: kept in every cell.

``windrow ingest`` writes into a store which product it recognised and what was asked of it. A
report needs that to know of what fields its numbers are, and the stores may be elsewhere by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic import JsonValue

from windrow.config import Settings
from windrow.data.store.store import Store
from windrow.experiments.study.tasks import GIVEN, PARTS, PRETRAINING, store_name
from windrow.sources.reader import UNKNOWN_FIELDS


class DataOrigin(Settings):
    """What a store records about its origin; None where it records nothing.

    Attributes:
        product: the product that was recognised.
        file: the file it was read from.
        fields: how its fields are known.
        protocol: the split that was asked for.
        part: the part of that split.
        year: of the series.
        processing_level: ``L1C`` or ``L2A``.
        simulated: whether no satellite ever saw the series.
    """

    product: JsonValue = None
    file: JsonValue = None
    fields: JsonValue = None
    protocol: JsonValue = None
    part: JsonValue = None
    year: JsonValue = None
    processing_level: str | None = None
    simulated: bool = False


def source_of_store(store: Store) -> DataOrigin:
    """What a store says of its origin; a store that the study split says what the whole one said.

    Args:
        store: opened.
    """
    provenance = _mapping(store.provenance.get(GIVEN, store.provenance))
    options = _mapping(provenance.get("options"))
    return DataOrigin(
        product=provenance.get("product"),
        file=provenance.get("file"),
        fields=provenance.get("fields"),
        protocol=options.get("protocol"),
        part=options.get("part"),
        year=provenance.get("year"),
        processing_level=store.processing_level,
        simulated=store.simulated,
    )


def _mapping(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def sources_of_task(store_of: Callable[[str], Store], task: str) -> dict[str, DataOrigin]:
    """What the stores say that pre-train, train and test, by part.

    Args:
        store_of: opens the store of a name.
        task: whose.
    """
    names = {PRETRAINING: PRETRAINING} | {part: store_name(task, part) for part in PARTS}
    return {part: source_of_store(store_of(name)) for part, name in names.items()}


def notes_on_sources(sources: Mapping[str, DataOrigin]) -> list[str]:
    """What has to be said of a task whose stores do not know their fields.

    Example:
        >>> notes_on_sources({"train": DataOrigin(fields="not known"), "validation": DataOrigin()})
        ['fields are not known (train): every series counts as one of its own, so that parts may \
share a field and intervals over fields are too narrow']
    """
    unknown = [part for part, source in sources.items() if source.fields == UNKNOWN_FIELDS]
    if not unknown:
        return []
    return [
        f"fields are not known ({', '.join(unknown)}): every series counts as one of its own, so"
        " that parts may share a field and intervals over fields are too narrow"
    ]
