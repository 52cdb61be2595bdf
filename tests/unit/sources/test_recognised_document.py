"""The document of what is recognised says what the registries say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_document_is_not_stale() -> None:
    place = ROOT / "tools" / "write_recognised.py"
    spec = importlib.util.spec_from_file_location("write_recognised", place)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    document = (ROOT / "docs" / "recognised.md").read_text(encoding="utf-8")
    for name, write in script.TABLES.items():
        assert f"<!-- {name}: from the registry -->\n{write()}<!--" in document, (
            "run: python tools/write_recognised.py"
        )
