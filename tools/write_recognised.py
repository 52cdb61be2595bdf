"""Writes the tables of ``docs/recognised.md`` from the registries of the readers.

``python tools/write_recognised.py``; a test fails where the document and a registry differ. Each
table stands between two comments that name it, so that the text around it stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from windrow.sources.bands.dialects import dialect_table

DOCUMENT = Path(__file__).parents[1] / "docs" / "recognised.md"

TABLES: dict[str, Callable[[], str]] = {"bands": dialect_table}
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
