"""The command line: one file per command, each a thin wrapper around a documented function.

A mistake of the user prints one line on standard error and ends with exit code 2. A fault of
windrow keeps its traceback. Results go to standard output, progress to standard error.
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
    "demo": "run the main job once on a simulated place: train, classify, map, report",
    "simulate": "simulate both sensors over landscapes of fields into a series store",
    "download": "fetch public files, by the checksums of their record",
    "ingest": "read a product or a field table into a series store",
    "pretrain": "pre-train the encoder on a store, by recipe",
    "distill": "train a small encoder to reproduce the output of a pre-trained one",
    "export": "write an encoder as one ONNX file, for ONNX Runtime",
    "embed": "turn series into representations, one row per id",
    "train": "fit a crop classifier on labelled fields and print its expected accuracy",
    "classify": "write the class of every field, with probabilities",
    "map": "classify every pixel of an image cube and write GeoTIFFs",
    "view": "look at a map in a browser, with the series of each pixel",
    "suggest": "name the fields to visit next, with a reason for each",
    "screen": "list labelled fields by how wrong their label looks",
    "sample": "draw a stratified random sample of a map, to be interpreted",
    "area": "estimate areas by class and the accuracy of a map from a reference sample",
    "parcels": "write the majority class of each parcel in a map",
    "reconstruct": "predict daily PlanetScope-like reflectance from a Sentinel-2 cube",
    "screen-dates": "list the dates of a cube by cloud, and those that look misdated",
    "fewshot": "classify fields from few labels and compare with raw-feature baselines",
    "benchmark": "compare methods over tasks, heads and configurations, and report",
    "ablate": "train with one part changed at a time, and report",
    "corrections": "measure the effect of each fault of earlier code on simulated series",
    "report": "write the HTML page of a run directory or a study",
}


_LONGEST_PATH = 200


def usage() -> str:
    """Returns the list of commands as text."""
    lines = ["usage: windrow COMMAND ...", ""]
    lines += [f"  {name:<13}{text}" for name, text in COMMANDS.items()]
    lines += ["", "'windrow COMMAND --help' lists its options.", f"windrow {__version__}"]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command.

    Args:
        arguments: the words of the command line; those of the process where None.

    Raises:
        SystemExit: with code 2 after a mistake of the user, 130 after an interrupt, 141 when the
            reader of the output has gone, and 0 after help or the version was printed.
    """
    _print_any_letter()
    try:
        _run(list(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
    except WindrowError as error:
        _stop(str(error))
    except BrokenPipeError:  # the reader of our output has gone
        _forget_output()
        raise SystemExit(141) from None
    except OSError as error:
        reason = describe_disk_error(error)
        if reason is None:
            raise
        where = str(error.filename or "the output")
        where = where if len(where) <= _LONGEST_PATH else where[:_LONGEST_PATH] + "..."
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
    module = command.replace("-", "_")
    importlib.import_module(f"windrow.cli.{module}").main(words)


def _stop(message: str) -> NoReturn:
    try:
        sys.stdout.flush()
    except OSError:
        _forget_output()
    print(f"windrow: error: {message}", file=sys.stderr)
    raise SystemExit(2) from None


def _forget_output() -> None:
    """Drops output that is not yet written: writing it would fail again when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_any_letter() -> None:
    """Makes both streams escape the letters that the terminal cannot show.

    Without it such a letter would stop the command.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
