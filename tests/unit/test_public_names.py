"""Tests go through public names: a private one may change at any time and break no promise."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]

OF_NAMED_TUPLES = {"_asdict", "_field_defaults", "_fields", "_make", "_replace"}
"""Public in spite of their underscore, which keeps them apart from the fields."""

OF_OTHERS = {"_reconstructor", "_python_dispatch"}
"""What every pickle of the protocols 0 and 1 calls, and where torch has its TorchDispatchMode."""

PATCHES = {"delattr", "getattr", "hasattr", "setattr", "attrgetter", "patch", "object"}
"""Calls that take the name of an attribute as a string."""


def is_private(name: str) -> bool:
    return (
        name.startswith("_")
        and not name.startswith("__")
        and name.strip("_") != ""
        and name not in OF_NAMED_TUPLES | OF_OTHERS
    )


def names_in(node: ast.AST) -> Iterator[str]:
    """What a node takes from elsewhere; a test class may have privates of its own."""
    if isinstance(node, ast.Attribute):
        if not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}):
            yield node.attr
    elif isinstance(node, ast.ImportFrom):
        yield from (node.module or "").split(".")
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.Import):
        yield from (part for alias in node.names for part in alias.name.split("."))
    elif isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else None
        called = node.func.id if isinstance(node.func, ast.Name) else called
        if called in PATCHES:
            for given in node.args:
                if isinstance(given, ast.Constant) and isinstance(given.value, str):
                    yield from given.value.split(".")


def privates_of(code: str) -> list[tuple[int, str]]:
    """Line and name of each private that a test reaches for."""
    return [
        (node.lineno, name)
        for node in ast.walk(ast.parse(code))
        for name in names_in(node)
        if is_private(name)
    ]


def test_no_test_reaches_for_a_private_name():
    files = sorted(TESTS.rglob("*.py"))
    assert len(files) > 100
    found = [
        f"{path.relative_to(TESTS)}:{line}: {name}"
        for path in files
        for line, name in privates_of(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "store._verified",
        "open(path)._part",
        "from windrow.data.store import _verified",
        "from windrow._store import verified",
        "import windrow._store",
        "monkeypatch.setattr(store, '_verified', None)",
        "monkeypatch.setattr('windrow.data.store._verified', None)",
        "getattr(store, '_verified')",
    ],
)
def test_a_private_name_is_found(code):
    assert [line for line, _ in privates_of(code)] == [1]


@pytest.mark.parametrize(
    "code",
    [
        "self._own",
        "store.__dict__",
        "row._replace(x=1)",
        "for _ in rows: pass",
        "def _local(): pass\n_local()",
        "getattr(store, 'verified')",
        "copyreg._reconstructor",
    ],
)
def test_public_and_own_names_may_be_used(code):
    assert privates_of(code) == []
