"""The frame of the command line: what every command shares."""

import os
import subprocess
import sys

import pytest

from windrow import __version__
from windrow.cli import COMMANDS, main


def exit_of(*words: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(words)
    return int(caught.value.code or 0)


def test_help_lists_every_command(capsys):
    assert exit_of("--help") == 0
    printed = capsys.readouterr().out
    assert all(command in printed for command in COMMANDS)


def test_no_command_is_a_mistake(capsys):
    assert exit_of() == 2
    assert "usage: windrow COMMAND" in capsys.readouterr().out


def test_unknown_command_names_the_known_ones(capsys):
    assert exit_of("harvest") == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "unknown command 'harvest'" in message
    assert "pretrain" in message


def test_version(capsys):
    assert exit_of("--version") == 0
    assert capsys.readouterr().out == f"windrow {__version__}\n"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_its_help(command, capsys):
    assert exit_of(command, "--help") == 0
    assert f"windrow {command}" in capsys.readouterr().out


def test_importing_windrow_and_its_help_loads_nothing_heavy():
    code = (
        "import sys, windrow, windrow.cli; windrow.cli.usage(); "
        "heavy = {'torch', 'numpy', 'pandas', 'zarr', 'sklearn', 'pyarrow', 'onnxruntime'}; "
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "bound"),
    [(("-c", "import windrow"), 0.5), (("-m", "windrow", "--help"), 0.7)],
)
def test_the_start_takes_no_time(words, bound):
    # Of the processor, best of three: what else the machine does is not counted.
    seconds = []
    for _ in range(3):
        before = os.times()
        subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        user = after.children_user - before.children_user
        seconds.append(user + after.children_system - before.children_system)
    assert min(seconds) < bound
