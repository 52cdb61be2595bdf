"""Files as they lie on disk, compressed or in an archive; archives that would escape refused."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from windrow.errors import DataError

_SYMBOLIC_LINK = 0o120000


@dataclass(frozen=True)
class StoredFile:
    """A file, or a member of a zip archive; either may be compressed by gzip.

    Attributes:
        path: the file or the archive.
        member: name inside the archive, None for a file of its own.
    """

    path: Path
    member: str | None = None

    def __str__(self) -> str:
        return str(self.path) if self.member is None else f"{self.path}, member {self.member}"

    @property
    def name(self) -> str:
        """The last part of the name."""
        return self.path.name if self.member is None else PurePosixPath(self.member).name

    @property
    def plain(self) -> bool:
        """Whether the bytes lie on disk as they are, so that they can be memory-mapped."""
        return self.member is None and not self.name.lower().endswith(".gz")

    def signature(self) -> tuple[str, int, int]:
        """Returns name, size and time of change: whether a file is still what it was."""
        found = self.path.stat()
        return str(self.member or self.path.name), found.st_size, found.st_mtime_ns

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Opens the decompressed bytes, streamed.

        Raises:
            DataError: the archive or the compressed bytes are damaged.
        """
        try:
            if self.member is None:
                with (
                    cast(IO[bytes], self.path.open("rb")) as raw,
                    _decompressed(raw, self.name) as file,
                ):
                    yield file
            else:
                with (
                    zipfile.ZipFile(self.path) as archive,
                    archive.open(self.member) as raw,
                    _decompressed(raw, self.name) as file,
                ):
                    yield file
        except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise DataError(
                "a compressed file is damaged or cut short",
                where=self,
                found=str(error)[:120] or type(error).__name__,
                hint="download it again",
            ) from error

    def read(self) -> bytes:
        """Reads all decompressed bytes of a small file."""
        with self.open() as file:
            return file.read()


@contextmanager
def _decompressed(raw: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    if name.lower().endswith(".gz"):
        with gzip.GzipFile(fileobj=raw) as file:
            yield cast(IO[bytes], file)
    else:
        yield raw


def zip_members(path: Path) -> list[StoredFile]:
    """Returns the files of a zip archive.

    Raises:
        DataError: the archive is damaged, or a member would leave the folder it is unpacked in.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError("the archive cannot be read", where=path, found=str(error)[:120]) from error
    for member in members:
        link = (member.external_attr >> 16) & 0o170000 == _SYMBOLIC_LINK
        _refuse_escape(member.filename, path, link=link)
    return [StoredFile(path, member.filename) for member in members if not member.is_dir()]


def _refuse_escape(name: str, archive: Path, *, link: bool) -> None:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    outside = name.startswith(("/", "\\")) or ".." in parts or (bool(parts) and ":" in parts[0])
    if outside or link:
        raise DataError(
            "a member of the archive is a link" if link else "a member would leave the folder",
            where=archive,
            found=repr(name)[:80],
            hint="do not use this archive: it is damaged or hostile",
        )
