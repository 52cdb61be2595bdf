"""Parses the options of every command: a mistake becomes one line and exit code 2."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import sys
import typing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from typing import Any, TypeVar

import tyro
from pydantic import BaseModel

from windrow.errors import SettingsError

Command = TypeVar("Command")

_FRAME = re.compile(r"[╭╮╰╯│─]|-{3,}|^\| | \|$")
"""Characters that draw the box; tyro uses hyphens where the terminal has no line characters."""

_WIDE = "10000"
"""Width of the terminal for which a message is laid out, columns; wide enough for one line."""


def parse(
    kind: type[Command],
    words: Sequence[str],
    *,
    prog: str,
    default: Command | None = None,
    config: Sequence[Any] = (),
) -> Command:
    """Parses the words of the command line into the options of a command.

    Args:
        kind: the dataclass of the command.
        words: the words after the command's name.
        prog: the command's name, for its help.
        default: values of the options that are not given; None takes the defaults of the class.
        config: markers of tyro for the whole command.

    Raises:
        SettingsError: an option is unknown, missing or out of range; the message names it.
        SystemExit: the words ask for help, which is printed.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Cut:
        ...     rows: int
        >>> parse(Cut, ["--rows", "3"], prog="windrow cut")
        Cut(rows=3)
    """
    printed = io.StringIO()
    wants_help = any(word in ("-h", "--help") for word in words)
    try:
        with redirect_stderr(printed), _columns(None if wants_help else _WIDE):
            if default is None:
                return tyro.cli(kind, args=words, prog=prog, config=config)
            return tyro.cli(kind, args=words, prog=prog, default=default, config=config)
    except SettingsError as error:
        raise _named_option(error, kind) from None
    except SystemExit as stop:
        if not stop.code:
            sys.stderr.write(printed.getvalue())
            raise
        raise SettingsError(
            one_line(printed.getvalue()), hint=f"'{prog} --help' lists the options"
        ) from None


def one_line(box: str) -> str:
    r"""Returns the message inside a box that tyro printed.

    Args:
        box: the printed text, with the lines of the box.

    Example:
        >>> one_line("╭─ Missing argument ─╮\n│ Missing value for '--out'. │\n╰──╯")
        "missing value for '--out'"
    """
    untitled = box.strip().splitlines()[1:]
    lines = [line for line in (_FRAME.sub(" ", line).strip() for line in untitled) if line]
    text = " ".join(lines)
    text = re.split(r" (?:Argument helptext:|For full helptext)", f" {text}")[0].strip()
    unknown = re.search(r"Unrecognized options: (.*)", text)
    if "Missing from" in text:
        named = "\n".join(lines).split("Missing from")[1].split("Unrecognized options")[0]
        missing = re.findall(r"(?:^|\n)(--[\w.-]+|[A-Z]{2,})(?= |\n|$)", named)
        text = "options are missing: " + " ".join(dict.fromkeys(missing))
        text += f"; unknown options: {unknown[1]}" if unknown else ""
    text = re.sub(r"^Error parsing (?=-)", "", text).replace(". Expected", "; expected").rstrip(".")
    if not text.startswith("-"):
        text = text[:1].lower() + text[1:]
    return text or "the options cannot be read"


def _named_option(error: SettingsError, command: type) -> SettingsError:
    """Returns the same error with the option in place of the name of a setting."""
    if error.setting is None:
        return error
    kind, name = error.setting
    options = [
        "--" + ".".join([*path, name]).replace("_", "-") for path in _paths_to(command, kind)
    ]
    if not options:
        return error
    what = re.sub(r"^setting [^:]*:", f"{' or '.join(options)}:", error.what)
    return SettingsError(
        what, where=error.where, found=error.found, expected=error.expected, hint=error.hint
    )


def _paths_to(holder: type, kind: type) -> Iterator[tuple[str, ...]]:
    """Yields the paths of option groups under which the settings of a class stand."""
    if not (dataclasses.is_dataclass(holder) or issubclass(holder, BaseModel)):
        return
    for name, hint in typing.get_type_hints(holder, include_extras=True).items():
        unnamed = "_ArgConf" in repr(hint) and "name=''" in repr(hint)
        for inner in _classes_in(hint):
            path = () if unnamed else (name,)
            if inner is kind:
                yield path
            elif inner is not holder:
                yield from (path + rest for rest in _paths_to(inner, kind))


def _classes_in(hint: object) -> list[type]:
    if isinstance(hint, type):
        return [hint] if dataclasses.is_dataclass(hint) or issubclass(hint, BaseModel) else []
    return [found for part in typing.get_args(hint) for found in _classes_in(part)]


@contextmanager
def _columns(number: str | None) -> Iterator[None]:
    before = os.environ.get("COLUMNS")
    if number is not None:
        os.environ["COLUMNS"] = number
    try:
        yield
    finally:
        if number is not None:
            if before is None:
                del os.environ["COLUMNS"]
            else:
                os.environ["COLUMNS"] = before
