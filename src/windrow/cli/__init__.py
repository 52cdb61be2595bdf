"""The command line: one file a command, each a thin wrapper over a documented function.

A mistake of the user's is one line on standard error and exit code 2; a fault of windrow's keeps
its traceback. Results go to standard output, progress to standard error.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from windrow.errors import WindrowError
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
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        raise SystemExit(0 if words else 2)
    if words[0] == "--version":
        print(f"windrow {__version__}")
        raise SystemExit(0)
    command = words.pop(0)
    if command not in COMMANDS:
        print(
            f"windrow: error: unknown command {command!r}; expected one of {' '.join(COMMANDS)}",
            file=sys.stderr,
        )
        raise SystemExit(2)
    try:
        importlib.import_module(f"windrow.cli.{command}").main(words)
    except WindrowError as error:
        print(f"windrow: error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("windrow: interrupted", file=sys.stderr)
        raise SystemExit(130) from None
