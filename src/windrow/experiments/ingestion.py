"""A product or a field table into a series store, saying what was found and left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from windrow.data.store import write_store
from windrow.errors import SettingsError
from windrow.files import refuse_existing
from windrow.sources.labels import attach_labels, read_labels
from windrow.sources.tables import read_table


@dataclass(frozen=True)
class TableOptions:
    """What a user may say of a table that is otherwise detected; see ``read_table``."""

    id_column: str | None = None
    date_column: str | None = None
    field_column: str | None = None
    sort_dates: bool = False


def ingest(
    path: str | Path,
    *,
    out: str | Path | None,
    labels: str | Path | None = None,
    label_column: str | None = None,
    options: TableOptions | None = None,
) -> list[str]:
    """Reads a field table and writes it as a series store.

    Args:
        path: a CSV or Parquet table of observations.
        out: the store to write, which must not exist; None only says what is found.
        labels: a label table to store with the series.
        label_column: its column of classes; None looks for the usual names.
        options: columns that are not to be detected.

    Returns:
        lines of text: what was recognised, assumed and left out.

    Raises:
        WindrowError: the table or the labels cannot be used, or the store cannot be written.
    """
    options = options or TableOptions()
    if out is not None:
        refuse_existing(out)
    if label_column is not None and labels is None:
        raise SettingsError("a label column without a label table", hint="give --labels")
    reading = read_table(
        path,
        id_column=options.id_column,
        date_column=options.date_column,
        field_column=options.field_column,
        sort_dates=options.sort_dates,
    )
    series, reports = reading.series, [reading.report]
    if labels is not None:
        series, report = attach_labels(series, read_labels(labels, label_column))
        reports.append(report)
    if out is not None:
        provenance = {"command": "ingest", "reports": [_portable(r.to_dict()) for r in reports]}
        write_store(out, series, provenance=provenance)
    return [line for report in reports for line in report.lines()]


def _portable(report: dict[str, object]) -> dict[str, object]:
    """The report with the file's name alone: equal content is equal bytes wherever it lay."""
    return {**report, "source": Path(str(report["source"])).name}
