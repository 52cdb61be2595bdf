"""Atomic writing of files and folders. An output appears complete, or not at all.

All outputs of windrow are written by this module. A file or folder is written under a temporary
name beside its path and is renamed at the end. A failure removes the temporary file, and a killed
process leaves only the temporary name. A full disk raises an :class:`OutputError`.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from windrow.errors import OutputError

_DISK_ERRORS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "no right to write here",
    errno.EPERM: "no right to write here",
    errno.EROFS: "the file system is read-only",
    errno.ENOTDIR: "a part of the path is a file",
    errno.EEXIST: "a part of the path is a file",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EFBIG: "the file would be larger than is allowed here",
}

_PARTIAL = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.partial")


def _temporary_for(target: Path) -> Path:
    return target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.partial")


def _output_error(error: OSError, path: Path) -> OutputError | None:
    reason = _DISK_ERRORS.get(error.errno or 0)
    if reason is None or not _is_about(error, path):
        return None
    return OutputError(
        "output cannot be written",
        where=path,
        found=reason,
        hint="free some room or choose another folder",
    )


def _is_about(error: OSError, path: Path) -> bool:
    """Checks whether a failure concerns the output, and not an unreadable input."""
    if error.filename is None:
        return True
    named, target = Path(os.fsdecode(error.filename)).absolute(), path.absolute()
    if named == target or named in target.parents or target in named.parents:
        return True
    temporary = f".{target.name}."
    return any(
        part.parent == target.parent and part.name.startswith(temporary)
        for part in (named, *named.parents)
    )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writing_errors(path: str | Path) -> Iterator[None]:
    """Turns the operating system's error of a failed write into an :class:`OutputError`."""
    try:
        yield
    except OSError as error:
        known = _output_error(error, Path(path))
        if known is None:
            raise
        raise known from error


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yields a temporary path, which replaces ``path`` if the block ends without an exception.

    Raises:
        OutputError: the disk is full, the folder is not writable, or ``path`` is a folder.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "note.txt"
        >>> with atomic_file(target) as temporary:
        ...     _ = temporary.write_text("hay")
        >>> target.read_text()
        'hay'
    """
    target = Path(path)
    if target.is_dir():
        raise OutputError("output is a folder", where=target, expected="a file name")
    temporary = _temporary_for(target)
    with writing_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            _sync(temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    _sync(target.parent)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """Yields a temporary folder, which becomes ``path`` if the block ends without an exception.

    Raises:
        OutputError: ``path`` exists and is not an empty folder, or cannot be written, or another
            process removed the temporary folder.
    """
    target = Path(path)
    refuse_existing(target)
    temporary = _temporary_for(target)
    with writing_errors(target):
        try:
            temporary.mkdir(parents=True)
            with _watched(temporary, target) as check:
                yield temporary
                refuse_existing(target)
                check()
            if target.is_dir():
                target.rmdir()
            temporary.rename(target)
        except BaseException:
            _remove_for_good(temporary)
            raise
    _sync(target.parent)


@contextmanager
def _watched(folder: Path, target: Path) -> Iterator[Callable[[], None]]:
    """Yields a check that a folder is still the same one, and was not made anew."""
    descriptor = os.open(folder, os.O_RDONLY)  # kept open, so that its inode is not reused

    def check() -> None:
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), folder.stat()):
                return
        raise OutputError(
            "another process removed what was being written",
            where=target,
            hint="run the same command again",
        )

    try:
        yield check
    finally:
        os.close(descriptor)


def _remove_for_good(folder: Path) -> None:
    """Removes a folder into which threads of a library may still be writing after a failure.

    Zarr writes arrays in parallel, and the other writes continue when one of them fails. They could
    fill the folder or make it anew after a single removal.
    """
    num_quiet = 0
    for _ in range(100):
        num_quiet = 0 if folder.exists() else num_quiet + 1
        if num_quiet == 3:
            return
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)


def remove_partials(*paths: Path) -> None:
    """Removes the temporary files that killed processes left beside or inside these outputs.

    Only the sole writer of the paths may call it. The write of another process would fail.

    Args:
        paths: paths of the outputs, which need not exist.

    Raises:
        OutputError: the folder is not writable.

    Example:
        >>> import tempfile
        >>> store = Path(tempfile.mkdtemp()) / "store"
        >>> store.with_name(".store.0a1b2c3d.partial").mkdir()
        >>> remove_partials(store)
        >>> list(store.parent.iterdir())
        []
    """
    for path in paths:
        beside = path.parent.glob(".*.partial")
        names = [(found, _PARTIAL.fullmatch(found.name)) for found in beside]
        left = [found for found, match in names if match and match["name"] == path.name]
        left += [found for found in path.rglob(".*.partial") if _PARTIAL.fullmatch(found.name)]
        with writing_errors(path):
            for partial in left:
                _remove_partial(partial)


def _remove_partial(partial: Path) -> None:
    # Away first, in one step: should its process be asleep, it is not to finish a part of it.
    name = partial.name.removeprefix(".").removesuffix(".partial")[: -len(".12345678")]
    aside = _temporary_for(partial.with_name(name))
    with suppress(FileNotFoundError):  # another was first
        partial.rename(aside)
        shutil.rmtree(aside) if aside.is_dir() else aside.unlink()


def refuse_existing(path: str | Path) -> None:
    """Refuses a path that exists, so that nothing is overwritten by accident.

    Raises:
        OutputError: the path is a file, a pipe, a device or a folder that is not empty, or the
            system denies access to it.
    """
    target = Path(path)
    with writing_errors(target):
        there = os.path.lexists(target)
        empty = target.is_dir() and not any(target.iterdir())
    if there and not empty:
        raise OutputError(
            "output exists already", where=target, hint="choose another name, or remove it first"
        )


def check_output(
    path: str | Path, *, inputs: Iterable[str | Path] = (), suffixes: Sequence[str] = ()
) -> None:
    """Checks before any work that an output can be written.

    Args:
        path: path of the file or folder to be written.
        inputs: files and folders that are read; none may be the output or lie inside it.
        suffixes: accepted suffixes of the name; empty accepts any name.

    Raises:
        OutputError: the output exists, is an input, has another suffix, or cannot be made there.

    Example:
        >>> check_output("fields.xyz", suffixes=(".parquet", ".csv"))
        Traceback (most recent call last):
        ...
        windrow.errors.OutputError: unknown format of the output; in fields.xyz; found .xyz; ...
    """
    target = Path(path)
    if suffixes and target.suffix.lower() not in suffixes:
        raise OutputError(
            "unknown format of the output",
            where=target,
            found=target.suffix or "no suffix",
            expected=f"a name that ends in {' or '.join(suffixes)}",
        )
    with writing_errors(target):
        whole = target.resolve()
        for source in map(Path, inputs):
            if whole == _resolved(source):
                raise OutputError(
                    "the output is an input", where=target, hint="choose another name"
                )
        refuse_existing(target)
        parent = next(folder for folder in whole.parents if os.path.lexists(folder))
        if not parent.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(parent))
        if not os.access(parent, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(parent))


def _resolved(source: Path) -> Path | None:
    """Returns an input's place, or None where a path leads nowhere, which who reads it says."""
    try:
        return source.resolve()
    except (RuntimeError, ValueError):  # a link to itself; a letter that no path may hold
        return None


def describe_disk_error(error: OSError) -> str | None:
    """Describes a failure of the disk or of its permissions; None for any other failure.

    Example:
        >>> describe_disk_error(OSError(errno.ENOSPC, "No space left on device"))
        'the disk is full'
    """
    return _DISK_ERRORS.get(error.errno or 0)


def write_text(path: str | Path, text: str) -> None:
    """Writes UTF-8 text atomically."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, values: Any) -> None:
    """Writes indented JSON atomically, with a newline at the end. NaN is refused."""
    write_text(path, json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
