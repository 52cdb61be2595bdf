"""Planted faults are counted in the report, assumptions are said, and nonsense options refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from way import windrow
from windrow.sensors import SENTINEL2_BANDS

NUM, DATES = 12, 10
FEW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def frame(*, cirrus: bool = False) -> pd.DataFrame:
    dates = pd.date_range("2018-02-01", periods=DATES, freq="20D")
    table = pd.DataFrame({"id": np.repeat(np.arange(NUM), DATES), "date": np.tile(dates, NUM)})
    draw = np.random.default_rng(2)
    for band in SENTINEL2_BANDS:
        table[band] = draw.integers(300, 4_000, len(table))
    if cirrus:
        table["B10"] = draw.integers(5, 30, len(table))
    return table


@FEW
@given(
    faults=st.dictionaries(
        st.integers(0, NUM * DATES - 1), st.sampled_from(["gap", "zero", "out"]), max_size=6
    ),
    unlabelled=st.integers(0, 4),
    extra=st.integers(0, 4),
)
def test_every_planted_fault_is_counted(
    faults: dict[int, str],
    unlabelled: int,
    extra: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = frame()
    bands = list(SENTINEL2_BANDS)
    table[bands] = table[bands].astype(float)
    planted = dict.fromkeys(("gap", "zero", "out"), 0)
    for row, drawn in faults.items():
        # More than 1 % out of range are refused, as another test has it.
        kind = "gap" if drawn == "out" and planted["out"] == 1 else drawn
        if kind == "gap":
            table.loc[row, "B04"] = np.nan
        elif kind == "zero":
            table.loc[row, bands] = 0
        else:
            table.loc[row, "B08"] = 40_000
        planted[kind] += 1
    table.to_csv(tmp_path / "t.csv", index=False)
    ids = [*range(NUM - unlabelled), *range(100, 100 + extra)]
    labels = pd.DataFrame(
        {"id": ids, "crop": ["rye", "oats"] * (len(ids) // 2) + ["rye"] * (len(ids) % 2)}
    )
    labels.to_csv(tmp_path / "l.csv", index=False)
    words = ("--labels", tmp_path / "l.csv", "--processing-level", "L2A", "--dry-run")
    assert windrow("ingest", tmp_path / "t.csv", *words) == 0
    said = capsys.readouterr().out.splitlines()
    for number, text in (
        (planted["gap"], "dates with an empty band made invalid"),
        (planted["zero"], "dates with 0 in every band made invalid"),
        (planted["out"], "observations out of range made invalid"),
        (unlabelled, "series without a label"),
        (extra, "labels without a series"),
    ):
        assert (f"{number} {text}" in said) == (number > 0), (text, said)
    assert f"{NUM - unlabelled} series labelled" in said


@FEW
@given(level=st.sampled_from([None, "L1C", "L2A"]), cirrus=st.booleans())
def test_an_assumed_level_is_said(
    level: str | None, cirrus: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame(cirrus=cirrus).to_csv(tmp_path / "t.csv", index=False)
    given_ = () if level is None else ("--processing-level", level)
    code = windrow("ingest", tmp_path / "t.csv", *given_, "--dry-run")
    printed = capsys.readouterr()
    if level is not None:
        assert code == 0
        assert f"processing level: {level} (as given" in printed.out
    elif cirrus:  # B10 exists at the top of the atmosphere alone
        assert "processing level: L1C" in printed.out
        assert "assumed" not in printed.out.split("processing level")[1].splitlines()[0]
    else:
        assert "processing level: L2A (assumed: --processing-level says it)" in printed.out


NONSENSE = st.sampled_from(["-1", "-7", "nan", "inf", "x", "1.5", "-99999999999999999999", ""])
OPTIONS = {
    "pretrain": (("tiny",), ("--num-steps", "--batch-size", "--seed", "--log-every"), "--data"),
    "fewshot": ((), ("--draws", "--seed", "--min-fields"), None),
    "simulate": ((), ("--num-series", "--seed", "--num-workers"), None),
    "train": ((), ("--seed",), None),
    "ingest": ((), ("--num-series", "--seed"), None),
    "distill": ((), ("--num-steps", "--batch-size", "--seed"), "--data"),
}


@pytest.mark.parametrize("command", OPTIONS)
@FEW
@given(data=st.data(), value=NONSENSE)
def test_nonsense_numbers_are_one_line_and_leave_nothing(
    command: str,
    data: st.DataObject,
    value: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, names, data_option = OPTIONS[command]
    option = data.draw(st.sampled_from(names))
    table = tmp_path / "t.csv"
    frame().to_csv(table, index=False)
    labels = tmp_path / "l.csv"
    pd.DataFrame({"id": range(NUM), "crop": ["rye", "oats"] * (NUM // 2)}).to_csv(
        labels, index=False
    )
    words: list[object] = [command, *first]
    if command in ("fewshot", "train", "ingest"):
        words += [table, "--labels", labels, "--label-column", "crop", "--processing-level", "L2A"]
    if data_option is not None:
        words += [data_option, tmp_path / "nowhere"]
    if command == "distill":
        words += ["--weights", tmp_path / "nowhere"]
    out = tmp_path / "out"
    assert windrow(*words, "--out", out, f"{option}={value}") == 2
    printed = capsys.readouterr()
    lines = [line for line in printed.err.splitlines() if line.strip()]
    assert len(lines) == 1, printed.err
    assert lines[0].startswith("windrow: error: ")
    assert not out.exists()
