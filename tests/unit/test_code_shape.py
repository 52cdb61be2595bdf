"""The shape of the code: few arguments, short functions, short files, results with named fields."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import windrow

ROOT = Path(windrow.__file__).parent

MOST_ARGUMENTS = 8
MOST_STATEMENT_LINES = 60
"""Of a function, its signature and docstring left out."""
MOST_FILE_LINES = 400
"""About 400 is what is aimed at; what grows beyond this is parted."""

KERNELS = "models/kernels"
"""Triton's kernels take pointers, strides and sizes one by one."""

TABLE_ROWS = {
    "simulation/crop_table/arable.py _annual",
    "simulation/crop_table/arable.py _wintering",
    "simulation/crop_table/lasting.py _stand",
}
"""A call is a row of the table of crops, an argument a column."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions() -> Iterator[tuple[str, Function]]:
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Function) and not place.startswith(KERNELS):
                yield f"{place} {node.name}", node


def _num_arguments(function: Function) -> int:
    given = function.args
    names = [each.arg for each in (*given.posonlyargs, *given.args)]
    bound = names[:1] in (["self"], ["cls"])
    rest = [each for each in (given.vararg, given.kwarg) if each is not None]
    return len(names) - bound + len(given.kwonlyargs) + len(rest)


def test_no_function_takes_more_than_eight_arguments():
    found = {name: _num_arguments(function) for name, function in _functions()}
    assert len(found) > 1_000  # it is the package that is looked at
    too_many = {name: n for name, n in found.items() if n > MOST_ARGUMENTS}
    assert {name: n for name, n in too_many.items() if name not in TABLE_ROWS} == {}


def _num_statement_lines(function: Function) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_functions_are_short():
    found = {name: _num_statement_lines(function) for name, function in _functions()}
    assert {name: n for name, n in found.items() if n > MOST_STATEMENT_LINES} == {}


def test_files_are_short():
    found = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in ROOT.rglob("*.py")
    }
    assert {name: n for name, n in found.items() if n > MOST_FILE_LINES} == {}


def _annotations(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        found: list[ast.expr | None] = []
        if isinstance(node, ast.arg | ast.AnnAssign):
            found = [node.annotation]
        elif isinstance(node, Function):
            found = [node.returns]
        elif isinstance(node, ast.Assign):
            found = [node.value]  # the value of a type alias
        yield from (each for each in found if each is not None)


def test_functions_hand_on_records_and_not_dictionaries_of_anything():
    found = [
        f"{path.relative_to(ROOT).as_posix()}:{each.lineno}"
        for path in sorted(ROOT.rglob("*.py"))
        for each in _annotations(ast.parse(path.read_text(encoding="utf-8")))
        if re.search(r"(dict|Mapping)\[str, Any\]", ast.unparse(each))
    ]
    assert found == []
