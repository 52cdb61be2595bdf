"""The command line: one file a command, each a thin wrapper over a documented function.

A mistake of the user's is one line on standard error and exit code 2; a fault of windrow's keeps
its traceback. Results go to standard output, progress to standard error.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from windrow.errors import SettingsError, WindrowError
from windrow.files import describe_disk_error
from windrow.version import __version__

COMMANDS = {
    "demo": "simulate, pre-train, classify, compare and report: the main job, once",
    "simulate": "simulate both sensors over landscapes of fields into a series store",
    "download": "fetch public files, by the checksums of their record",
    "ingest": "read a product or a field table into a series store",
    "pretrain": "pre-train the encoder on a store, by recipe",
    "distill": "teach a small encoder what a pre-trained one makes of series",
    "export": "write an encoder as one ONNX file, for ONNX Runtime",
    "embed": "turn series into representations, one row an id",
    "train": "fit a crop classifier on labelled fields, and print what to expect of it",
    "classify": "write the class of every field, with probabilities",
    "fewshot": "classify fields from few labels, beside the raw-feature baselines",
    "benchmark": "compare methods over tasks, heads and configurations, and report",
    "ablate": "train with one part changed at a time, and report",
    "corrections": "measure what each fault of earlier code does, on simulated series",
    "report": "write the HTML page of a run directory or a study",
}


def usage() -> str:
    """The list of commands."""
    lines = ["usage: windrow COMMAND ...", ""]
    lines += [f"  {name:<12}{text}" for name, text in COMMANDS.items()]
    lines += ["", "'windrow COMMAND --help' tells what a command takes.", f"windrow {__version__}"]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits: 0 done, 2 the user's mistake, 130 interrupted."""
    _print_any_letter()
    try:
        _run(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except WindrowError as error:
        _stop(str(error))
    except BrokenPipeError:  # whoever read our output has gone: there is nobody to write to
        _forget_output()
        raise SystemExit(141) from None
    except OSError as error:
        reason = describe_disk_error(error)
        if reason is None:
            raise
        where = error.filename or "the output"
        _stop(f"{reason}; in {where}; to mend it: free some room or choose another folder")
    except KeyboardInterrupt:
        print("windrow: interrupted", file=sys.stderr)
        raise SystemExit(130) from None


def _run(words: list[str]) -> None:
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage(), flush=True)
        raise SystemExit(0 if words else 2)
    if words[0] == "--version":
        print(f"windrow {__version__}", flush=True)
        raise SystemExit(0)
    command = words.pop(0)
    if command not in COMMANDS:
        raise SettingsError(f"unknown command {command!r}", expected=f"one of {' '.join(COMMANDS)}")
    importlib.import_module(f"windrow.cli.{command}").main(words)


def _stop(message: str) -> NoReturn:
    try:
        sys.stdout.flush()
    except OSError:
        _forget_output()
    print(f"windrow: error: {message}", file=sys.stderr)
    raise SystemExit(2) from None


def _forget_output() -> None:
    """Drops what is printed and not yet written, which would fail again when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_any_letter() -> None:
    """Prints letters that the terminal cannot show as escapes, so that none stops a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
