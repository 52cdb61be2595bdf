"""The origin of a study's series, read from its stores and kept in every cell.

``windrow ingest`` records the recognised product and the options in a store. A report needs this
record to know the fields behind its numbers, and the stores may no longer be there by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic import JsonValue

from windrow.config import Settings
from windrow.data.store.store import Store
from windrow.experiments.study.tasks import GIVEN, PARTS, PRETRAINING, store_name
from windrow.sources.reader import UNKNOWN_FIELDS


class DataOrigin(Settings):
    """The origin that a store records; a field is None where the store records nothing.

    Attributes:
        product: the recognised product.
        file: the file that was read.
        fields: the source of the field ids.
        protocol: the requested split.
        part: the part of that split.
        year: year of the series.
        processing_level: ``L1C`` or ``L2A``.
        simulated: whether the series are simulated.
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
    """Reads the origin of a store; a store that the study split has the origin of the whole store.

    Args:
        store: the opened store.
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
    """Reads the origins of the stores that pre-train, train and test, by part.

    Args:
        store_of: opens a store by name.
        task: the task.
    """
    names = {PRETRAINING: PRETRAINING} | {part: store_name(task, part) for part in PARTS}
    return {part: source_of_store(store_of(name)) for part, name in names.items()}


def notes_on_sources(sources: Mapping[str, DataOrigin]) -> list[str]:
    """Returns remarks on a task whose stores do not know their fields.

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
