"""The reader of field and pixel tables, with their labels."""

from __future__ import annotations

from pathlib import Path

from windrow.errors import SettingsError
from windrow.sources.labels.keys import KEYS
from windrow.sources.labels.label_table import attach_labels, read_labels
from windrow.sources.reader import (
    IngestOptions,
    LabelOptions,
    Reading,
    TableOptions,
    refuse_options,
)
from windrow.sources.tables.series import read_table

ENDINGS = (".csv", ".csv.gz", ".parquet", ".pq")

OPTIONS = frozenset(
    {*TableOptions.model_fields, *LabelOptions.model_fields, "labels", "label_column"}
)


def recognises(path: Path) -> bool:
    """Whether this is a file with the ending of a table."""
    return path.is_file() and path.name.lower().endswith(ENDINGS)


def read(path: Path, options: IngestOptions) -> Reading:
    """Reads a field table as one part; see :func:`windrow.sources.tables.series.read_table`.

    Raises:
        DataError: the table or its labels cannot be used.
        SettingsError: an option does not concern tables.
    """
    refuse_options(options, OPTIONS, product="a table")
    about_labels = {*LabelOptions.model_fields, "label_column"}.intersection(options.said())
    if about_labels and options.labels is None:
        name = min(about_labels).replace("_", "-")
        raise SettingsError(f"--{name} without a label table", hint="give --labels")
    reading = read_table(path, options)
    series, summary = reading.series, reading.summary
    provenance: dict[str, object] = {"product": "table"}
    if options.labels is not None:
        labels = read_labels(
            options.labels, options.label_column, series=reading.keys, options=options
        )
        series, labelling = attach_labels(series, labels)
        summary.say("labels", options.labels.name)
        summary.add(labelling)
        provenance["labels"] = options.labels.name
    provenance[KEYS] = dict(reading.key_names)
    others = set(reading.keys.columns).difference(reading.key_names.values())
    tables = {KEYS: {name: reading.keys.columns[name] for name in sorted(others)}}
    return Reading(iter([series]), summary, provenance, tables=tables if others else {})
