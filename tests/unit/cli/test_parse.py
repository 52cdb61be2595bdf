"""Every option that does not fit is one line that names it, and exit code 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from windrow.cli import main

PRETRAIN = "pretrain tiny --data nowhere --out out"
FEWSHOT = "fewshot fields.csv --labels labels.csv --label-column crop --weights w --out out"
BENCHMARK = "benchmark --data nowhere --out out"


def message_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith("windrow: error: ")
    assert message.count("\n") == 1
    assert not set("╭╮╰╯│─") & set(message)
    return message


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"{PRETRAIN} --batch-size 0", "--batch-size: input should be greater than or equal to 1"),
        (f"{PRETRAIN} --seed -1", "--seed: input should be greater than or equal to 0"),
        (f"{PRETRAIN} --num-steps -1", "--num-steps: input should be greater than or equal to 0"),
        (f"{PRETRAIN} --encoder.width -4", "--encoder.width: input should be greater than"),
        (f"{PRETRAIN} --optimization.learning-rate nan", "--optimization.learning-rate: "),
        (f"{PRETRAIN} --task.target-offsets 1000000", "target_offsets must lie within 365 days"),
        (f"{PRETRAIN} --no-such 1", "unrecognized options: --no-such"),
        (f"{FEWSHOT} --draws 0", "num_draws: input should be greater than or equal to 1"),
        (f"{FEWSHOT} --k 0", "k must be positive and increase"),
        (f"{FEWSHOT} --k five", "--k: "),
        (f"{FEWSHOT} --pool foo", "invalid choice 'foo' for argument '--pool'"),
        ("fewshot", "options are missing: PATH --labels --label-column --out;"),
        ("embed a.csv --weights", "missing value for argument '--weights'"),
        (f"{BENCHMARK} --scale tiny --processes 0", "--processes is too small; found 0"),
        (f"{BENCHMARK} --scale huge", "expected one of ('tiny', 'small', 'paper')"),
        ("simulate --out out --num-series 1 -j 0", "--num-workers is too small; found 0"),
        ("simulate --out out --num-series 0", "num_series is too small; found 0"),
        ("simulate --out out --num-series 1000000000000", "at least 15,000,000 GB"),
    ],
)
def test_a_wrong_option_is_one_line_that_names_it(
    line: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert expected in message_of(capsys, *line.split())
    assert list(tmp_path.iterdir()) == []


def test_losses_without_any_weight_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    zero = [f"--task.losses.{name}-weight=0" for name in ("reconstruction", "season", "cloud")]
    assert "nothing would be learned" in message_of(capsys, *PRETRAIN.split(), *zero)
    assert list(tmp_path.iterdir()) == []


def test_a_study_of_data_that_are_not_there_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "no folder of stores" in message_of(capsys, *BENCHMARK.split(), "--scale", "tiny")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        ("fields.csv", "the output is an input"),
        ("there.csv", "output exists already"),
        ("z.xlsx", "unknown format of the output"),
        ("fields.csv/z.csv", "a part of the path is a file"),
        ("x" * 300 + ".csv", "the name is too long"),
        ("pipe.csv", "output exists already"),
    ],
)
def test_an_output_is_checked_before_anything_is_read(
    out: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("fields.csv").write_text("id,date,B02\n")
    Path("there.csv").write_text("kept")
    os.mkfifo("pipe.csv")
    before = sorted(tmp_path.iterdir())
    assert expected in message_of(capsys, "embed", "fields.csv", "--weights", "w", "--out", out)
    assert sorted(tmp_path.iterdir()) == before
    assert Path("there.csv").read_text() == "kept"


def run(*words: str, output: int, environment: dict[str, str] | None = None) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "windrow", *words],
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", [("--help",), ("fewshot", "--help"), ("--version",)])
def test_a_full_device_is_one_line(words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        code, message = run(*words, output=full.fileno())
    assert (code, message.count("\n")) == (2, 1)
    assert "the disk is full" in message


def test_a_closed_pipe_ends_without_a_word() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    code, message = run("--help", output=writing)
    os.close(writing)
    assert (code, message) == (141, "")


def test_an_ascii_terminal_shows_escapes() -> None:
    code, message = run(
        "embed",
        "félder.csv",
        "--weights",
        "w",
        "--out",
        "z.csv",
        output=subprocess.DEVNULL,
        environment={"PYTHONIOENCODING": "ascii"},
    )
    assert code == 2
    assert message.count("\n") == 1
