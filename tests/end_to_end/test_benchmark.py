"""A whole tiny benchmark and an ablation on the command line, from nothing to their reports."""

import json
import time

import pandas as pd
import pytest

from windrow.cli import main
from windrow.experiments.methods import METHODS


def _run(*words: object) -> None:
    main([str(word) for word in words])


@pytest.mark.slow
def test_the_tiny_benchmark_is_done_in_a_quarter_of_an_hour(tmp_path, capsys) -> None:
    folder = tmp_path / "study"
    words = ("benchmark", "--data", "simulated", "--scale", "tiny", "--out", folder)
    started = time.monotonic()
    _run(*words)
    # Of two cores of its own; not held where a machine is shared, so only told.
    print(f"tiny benchmark: {time.monotonic() - started:.0f} s")
    said = capsys.readouterr()
    assert "disk: stores" in said.err
    assert "an estimate" in said.err
    cells = {path.stem: json.loads(path.read_text()) for path in folder.glob("cells/*.json")}
    assert {cell["cell"]["arm"] for cell in cells.values()} == set(METHODS)
    assert {cell["cell"]["task"] for cell in cells.values()} == {"task1", "task3"}
    assert list((folder / "representations").iterdir()) == []
    level = [note for cell in cells.values() for note in cell["notes"] if "L1C" in note]
    assert level
    table = pd.read_csv(folder / "tables" / "table-5.csv", dtype=str)
    assert len(table) == 2 * len(METHODS)
    changed = {path: path.stat().st_mtime_ns for path in folder.glob("cells/*")}
    _run(*words, "--no-budget")
    assert {path: path.stat().st_mtime_ns for path in folder.glob("cells/*")} == changed


@pytest.mark.slow
def test_a_tiny_ablation_has_its_tables(tmp_path) -> None:
    folder = tmp_path / "study"
    arms = ("bert", "without-season", "without-cloud", "bert-1-layers")
    _run("ablate", "--data", "simulated", "--scale", "tiny", "--out", folder, "--arms", *arms)
    assert (folder / "tables" / "table-2.tex").is_file()
    assert (folder / "figures" / "figure-8.svg").is_file()
    assert "Does the season loss help?" in (folder / "report.html").read_text()
