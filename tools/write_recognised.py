"""Writes the tables of ``docs/recognised.md`` from the registries of the readers.

``python tools/write_recognised.py``; a test fails where the document and a registry differ. Each
table stands between two comments that name it, so that the text around it stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from windrow.sources.bands.dialects import dialect_table
from windrow.sources.cubes.coordinates import (
    CRS_ATTRIBUTES,
    CRS_COORDINATES,
    CRS_VARIABLES,
    TRANSFORM_ATTRIBUTES,
)
from windrow.sources.cubes.planetscope_scenes import scene_table
from windrow.sources.formats.table_columns import ENCODINGS, FIELD_COLUMNS, ID_COLUMNS, SEPARATORS
from windrow.sources.labels.class_names import NO_DATA_CODES, NO_DATA_WORDS
from windrow.sources.labels.label_table import LABEL_COLUMNS
from windrow.sources.labels.parcel_polygons import (
    CLASS_PROPERTIES,
    ENDINGS,
    ID_PROPERTIES,
    NAME_PROPERTIES,
)
from windrow.sources.tables.dates import FORMS
from windrow.sources.tables.row_numbers import ROW_NUMBERS
from windrow.sources.tables.series import DATE_COLUMNS
from windrow.sources.values.baseline_offset import offset_table
from windrow.sources.values.cloud_names import cloud_table

DOCUMENT = Path(__file__).parents[1] / "docs" / "recognised.md"


def column_table() -> str:
    """The columns of field tables, label tables and parcels, and what their cells may hold."""
    rows = [
        ("ids of a field table", "the first of", ID_COLUMNS, "`--id-column`"),
        ("row numbers, no ids", "where dates differ", ROW_NUMBERS, "`--id-column`"),
        ("fields of a field table", "the first of", FIELD_COLUMNS, "`--field-column`"),
        ("dates of a field table", "the first of", DATE_COLUMNS, "`--date-column`"),
        ("classes of a label table", "the first of", LABEL_COLUMNS, "`--label-column`"),
        ("classes of parcels", "the first of", CLASS_PROPERTIES, "`--label-column`"),
        ("ids of parcels", "the first of", ID_PROPERTIES, "`--id-column`"),
        ("no label, among names", "asked about", NO_DATA_WORDS, "`--no-data-class`"),
        ("no label, among codes", "asked about", NO_DATA_CODES, "`--no-data-class`"),
        ("separators of a CSV", "most frequent", tuple(SEPARATORS.values()), "`--separator`"),
        ("encodings of a CSV", "detected", ENCODINGS, ""),
        ("files of parcels", "by their ending", ENDINGS, ""),
    ]
    lines = ["| what | taken | names | option |", "| --- | --- | --- | --- |"]
    for what, taken, names, option in rows:
        lines.append(f"| {what} | {taken} | {' '.join(f'`{n}`' for n in names)} | {option} |")
    lines += ["", "| property of codes | its names, where both are there |", "| --- | --- |"]
    lines += [f"| `{code}` | `{name}` |" for code, name in NAME_PROPERTIES.items()]
    return "\n".join(lines) + "\n"


def crs_table() -> str:
    """Returns where a cube may keep its CRS and its transform."""
    rows = [
        ("a variable", CRS_VARIABLES),
        ("an attribute of such a variable, of a band, or of the data set", CRS_ATTRIBUTES),
        ("the value of a coordinate", CRS_COORDINATES),
        ("a transform, as an attribute", TRANSFORM_ATTRIBUTES),
    ]
    lines = ["| place | names |", "| --- | --- |"]
    lines += [f"| {place} | {' '.join(f'`{name}`' for name in names)} |" for place, names in rows]
    return "\n".join(lines) + "\n"


def date_table() -> str:
    """Returns the forms of dates in tables."""
    lines = ["| form | example |", "| --- | --- |"]
    lines += [f"| {name} | {text} |" for name, text in FORMS]
    return "\n".join(lines) + "\n"


TABLES: dict[str, Callable[[], str]] = {
    "bands": dialect_table,
    "columns": column_table,
    "offset": offset_table,
    "clouds": cloud_table,
    "planetscope": scene_table,
    "crs": crs_table,
    "dates": date_table,
}
"""What writes each table, by its name in the document."""


def main() -> None:
    """Replaces every table in the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, write in TABLES.items():
        start, end = f"<!-- {name}: from the registry -->\n", f"<!-- {name}: end -->"
        pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
        if pattern.search(text) is None:
            raise SystemExit(f"no place for the table {name} in {DOCUMENT}")
        table = (start + write() + end).replace("\\", r"\\")
        text = pattern.sub(table, text)
    DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
