"""Every option that an error names is an option of each command that can print that error."""

from __future__ import annotations

import ast
import contextlib
import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import windrow
from windrow.cli import COMMANDS, main

ROOT = Path(windrow.__file__).parent
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*[a-z0-9]")
NO_ERRORS = ("windrow.reporting.theme",)
"""Modules whose text holds dashes of another kind: variables of a style sheet."""

NOT_FOLLOWED = {
    # From Python an encoder opens what it is given; a command hands it series that are open.
    ("windrow.inference.frozen_encoder", "windrow.sources.open_any"),
    # A cube with parcels is read as 'ingest' reads it, where the hints are checked. Options that
    # other commands lack, such as --planetscope, cannot be given to them.
    ("windrow.sources.open_any", "windrow.sources.registry"),
    # Of a label table that a command has read, or none.
    ("windrow.evaluation.fewshot.task", "windrow.sources.labels.label_table"),
    ("windrow.evaluation.fewshot.protocol", "windrow.sources.labels.label_table"),
    # 'classify' reads tables with the options of 'embed', where the hints are checked, and reads
    # no labels.
    ("windrow.pipelines.classify", "windrow.sources.open_any"),
    ("windrow.experiments.recipes.classifier", "windrow.pipelines.train"),
    # 'suggest' reads tables with the options of 'embed', where the hints are checked, and no cube.
    # Of the others it takes functions that raise nothing it cannot explain.
    ("windrow.cli.suggest", "windrow.sources.open_any"),
    ("windrow.pipelines.suggest", "windrow.sources.open_any"),
    ("windrow.pipelines.suggest", "windrow.pipelines.classify"),
    ("windrow.pipelines.suggest", "windrow.pipelines.train"),
    # Dates are screened of a cube; a table or store is read with what it says of itself.
    ("windrow.pipelines.daily.screen_dates", "windrow.sources.open_any"),
    # Maps are opened as plain GeoTIFFs, not as images of Sentinel-2.
    ("windrow.mapping.map_layers", "windrow.sources.rasters.geotiff_header"),
    # Parcels and reference samples are read without their classes or by columns of their own.
    ("windrow.pipelines.parcels", "windrow.sources.labels.parcel_polygons"),
    ("windrow.sources.labels.reference_sample", "windrow.sources.labels.parcel_polygons"),
    # A map takes coordinates of pixels from the one, and the extent of a place from the other.
    ("windrow.mapping.scene", "windrow.sources.cubes.series"),
    ("windrow.sources.cubes.stac", "windrow.sources.labels.parcel_polygons"),
    # The viewer shows the scene to the classifier as 'map' does, and reads parcels without classes.
    ("windrow.pipelines.viewer.open_content", "windrow.pipelines.maps.job"),
    ("windrow.pipelines.viewer.outlines", "windrow.sources.labels.parcel_polygons"),
    # The demo hands over files that it wrote itself.
    ("windrow.experiments.demo", "windrow.evaluation.cross_validation"),
    ("windrow.experiments.demo", "windrow.experiments.recipes.worlds"),
    ("windrow.experiments.demo", "windrow.pipelines.classify"),
    ("windrow.experiments.demo", "windrow.pipelines.maps.job"),
    ("windrow.experiments.demo", "windrow.pipelines.maps.map_cube"),
    ("windrow.experiments.demo", "windrow.pipelines.train"),
    ("windrow.experiments.demo", "windrow.sources.open_any"),
}
"""Imports over which no command comes to an error that it cannot explain."""


@cache
def modules() -> dict[str, Path]:
    """Every module of windrow, by name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below one, but what is only imported for types, and docstrings."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        yield child
        yield from statements(child)


@cache
def imported(module: str) -> frozenset[str]:
    names = set()
    for node in statements(tree(module)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return frozenset(names & modules().keys())


@cache
def reachable(command: str) -> frozenset[str]:
    """The modules that a command imports, at once or while it runs."""
    found: set[str] = set()
    waiting = ["windrow.cli." + command.replace("-", "_")]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += [to for to in imported(module) if (module, to) not in NOT_FOLLOWED]
    return frozenset(found)


def texts(module: str) -> Iterator[tuple[int, str]]:
    """Every text of a module that names an option, with its line."""
    for node in statements(tree(module)):
        if isinstance(node, ast.JoinedStr):
            parts = [v.value for v in node.values if isinstance(v, ast.Constant)]
            yield node.lineno, " ".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


@cache
def options_of(command: str) -> frozenset[str]:
    """The options that the help of a command lists; of pretrain, for both kinds of recipes."""
    from windrow.experiments.recipes.worlds import WORLD_RECIPES

    recipes = ([], ["tiny"], [next(iter(WORLD_RECIPES))])
    pages = [
        _help([command, *recipe])
        for recipe in (recipes[1:] if command == "pretrain" else recipes[:1])
    ]
    lines = [line.strip(" │|") for page in pages for line in page.splitlines()]
    return frozenset(
        option
        for line in lines
        if line.startswith("-")
        for option in re.findall(r"(?:^|, |\| )(--[\w.-]+)", line.split("  ")[0])
    )


def _help(words: list[str]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit):
        main([*words, "--help"])
    return out.getvalue()


def wrong_options(command: str) -> list[str]:
    wrong = []
    for module in sorted(reachable(command)):
        if module in NO_ERRORS:
            continue
        for line, text in texts(module):
            for match in OPTION.finditer(text):
                before = re.findall(r"windrow ([\w-]+)", text[: match.start()])
                named = before[-1] if before and before[-1] in COMMANDS else command
                if match.group() not in options_of(named):
                    wrong.append(f"{module}:{line} names {match.group()}: {text[:60]!r}")
    return wrong


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_in_a_message_is_one_of_the_command(command: str) -> None:
    wrong = wrong_options(command)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("command", ["ingest", "embed", "fewshot", "simulate", "train"])
def test_every_command_that_reads_a_raw_input_takes_its_options(command: str) -> None:
    from windrow.sources.reader import LabelOptions, TableOptions

    names = (*TableOptions.model_fields, *LabelOptions.model_fields, "labels", "label_column")
    assert {f"--{name.replace('_', '-')}" for name in names} <= options_of(command)
    assert {"--processing-level", "--label-key", "--sort-dates"} <= options_of(command)


def test_a_hint_to_an_option_that_is_not_there_is_found() -> None:
    assert "--sort-dates" in {
        o for _, t in texts("windrow.sources.tables.series") for o in OPTION.findall(t)
    }
    assert "windrow.sources.tables.series" in reachable("embed")
    assert "--sort-dates" not in options_of("report")
