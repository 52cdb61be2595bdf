"""The reader of field and pixel tables, with their labels."""

from __future__ import annotations

from pathlib import Path

from windrow.errors import SettingsError
from windrow.sources.labels.label_table import attach_labels, read_labels
from windrow.sources.reader import IngestOptions, Reading, TableOptions, refuse_options
from windrow.sources.tables.series import read_table

ENDINGS = (".csv", ".csv.gz", ".parquet", ".pq")

OPTIONS = frozenset({*TableOptions.model_fields, "labels", "label_column"})


def recognises(path: Path) -> bool:
    """Whether this is a file with the ending of a table."""
    return path.is_file() and path.name.lower().endswith(ENDINGS)


def read(path: Path, options: IngestOptions) -> Reading:
    """A field table as one part; see :func:`windrow.sources.tables.series.read_table`.

    Raises:
        DataError: the table or its labels cannot be used.
        SettingsError: an option does not concern tables.
    """
    refuse_options(options, OPTIONS, product="a table")
    if options.label_column is not None and options.labels is None:
        raise SettingsError("a label column without a label table", hint="give --labels")
    reading = read_table(path, options)
    series, report = reading.series, reading.report
    provenance: dict[str, object] = {"product": "table"}
    if options.labels is not None:
        labels = read_labels(options.labels, options.label_column)
        series, labelling = attach_labels(series, labels)
        report.say("labels", options.labels.name)
        report.add(labelling)
        provenance["labels"] = options.labels.name
    return Reading(iter([series]), report, provenance)
