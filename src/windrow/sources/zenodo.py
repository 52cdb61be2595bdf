"""Downloads of public records: checksums from the record, resumed where they stopped."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from windrow.errors import DataError, SettingsError, WindrowError
from windrow.files import writing_errors

PREPARED_DOI = "10.5281/zenodo.7737587"
"""The prepared files of the group's earlier study; see :mod:`windrow.sources.prepared.reader`."""

ZENODO = "https://zenodo.org"
TIMEOUT_S = 60
_CHUNK = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]*")

OnProgress = Callable[[str, int, int], None]
"""Called with a file's name, the bytes there and the bytes of the whole."""


@dataclass(frozen=True)
class RecordFile:
    """One file of a record.

    Attributes:
        name: a plain name.
        size: in bytes.
        checksum: algorithm and hexadecimal digest, such as ``md5:...``.
        url: where it is fetched.
    """

    name: str
    size: int
    checksum: str
    url: str


def record_files(doi: str, *, host: str = ZENODO) -> list[RecordFile]:
    """Returns the files of a Zenodo record, as its public interface lists them.

    Args:
        doi: such as ``10.5281/zenodo.7737587``.
        host: scheme and name of the server; files are fetched from it too.

    Raises:
        WindrowError: pooch is missing, or the server cannot be reached.
        DataError: the answer is no record, or a file of it has no checksum or an unsafe name.
    """
    _require_pooch()
    number = doi.rpartition("zenodo.")[2]
    if not number.isdigit():
        raise SettingsError("no DOI of a Zenodo record", found=doi, expected="10.5281/zenodo.N")
    server = urlsplit(host)
    if server.scheme not in ("http", "https") or not server.netloc:
        raise SettingsError("no host", found=host, expected=f"such as {ZENODO}")
    address = f"{host.rstrip('/')}/api/records/{number}"
    with _answer(address, {}) as response:
        try:
            listed = response.json()["files"]
            return [_record_file(entry, address, server.scheme, server.netloc) for entry in listed]
        except (KeyError, TypeError, ValueError) as error:
            raise DataError("the answer is no record", where=address, found=str(error)) from error


def _record_file(entry: Any, address: str, scheme: str, netloc: str) -> RecordFile:
    name, checksum = str(entry["key"]), str(entry["checksum"])
    if not _NAME.fullmatch(name):
        raise DataError("a file's name would leave the folder", where=address, found=repr(name))
    if not re.fullmatch(r"(md5|sha256|sha512):[0-9a-f]{32,128}", checksum):
        raise DataError("a file has no checksum", where=f"{address}, {name}", found=checksum[:40])
    link = urlsplit(str(entry.get("links", {}).get("self", "")))
    path = link.path or f"{urlsplit(address).path}/files/{quote(name)}/content"
    # The record's links name its home; the files are fetched from the host that was asked for.
    return RecordFile(
        name, int(entry["size"]), checksum, urlunsplit((scheme, netloc, path, link.query, ""))
    )


def download(
    doi: str,
    folder: str | Path,
    *,
    host: str = ZENODO,
    names: Sequence[str] | None = None,
    on_progress: OnProgress | None = None,
) -> list[Path]:
    """Fetches the files of a record into a folder; what is there and whole is not fetched again.

    A file grows as ``.NAME.partial`` and goes on from there when run again; it gets its name
    once its checksum is that of the record.

    Args:
        doi: the record.
        folder: where the files go; made if need be.
        host: the server.
        names: which files; None fetches all.
        on_progress: called while a file grows.

    Returns:
        paths of the files.

    Raises:
        WindrowError: pooch is missing, or the server cannot be reached or ends early.
        DataError: a checksum differs; the file is removed.
        SettingsError: the record has no such file.
        OutputError: the folder cannot be written.
    """
    files = record_files(doi, host=host)
    if names is not None:
        unknown = sorted(set(names) - {file.name for file in files})
        if unknown:
            raise SettingsError(
                f"the record has no file {unknown[0]!r}",
                found=", ".join(file.name for file in files),
            )
        files = [file for file in files if file.name in names]
    target = Path(folder)
    with writing_errors(target):
        target.mkdir(parents=True, exist_ok=True)
    return [_fetched(file, target, on_progress) for file in files]


def _fetched(file: RecordFile, folder: Path, on_progress: OnProgress | None) -> Path:
    import pooch

    partial = folder / f".{file.name}.partial"
    path = folder / file.name
    if (
        path.is_file()
        and not pooch.file_hash(str(path), file.checksum.split(":")[0])
        == (file.checksum.split(":")[1])
    ):
        raise DataError(
            "a file of this name has another checksum",
            where=path,
            hint="remove it to fetch it again",
        )

    def fetch(url: str, output: str, _: Any) -> None:
        _grow(file, partial, on_progress)
        with writing_errors(folder):
            partial.replace(output)

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")  # progress is told by our own callback
    try:
        pooch.retrieve(file.url, file.checksum, fname=file.name, path=str(folder), downloader=fetch)
    except ValueError as error:
        raise DataError(
            "a file's checksum differs from the record's",
            where=path,
            expected=file.checksum,
            hint="run it again: the damaged copy was removed",
        ) from error
    finally:
        logger.setLevel(level)
    return path


def _grow(file: RecordFile, partial: Path, on_progress: OnProgress | None) -> None:
    there = partial.stat().st_size if partial.is_file() else 0
    if there > file.size:
        partial.unlink()
        there = 0
    if there < file.size or file.size == 0:
        headers = {"Range": f"bytes={there}-"} if there else {}
        with _answer(file.url, headers) as response:
            going_on = there > 0 and response.status_code == 206
            there = there if going_on else 0
            with writing_errors(partial), partial.open("ab" if going_on else "wb") as output:
                for chunk in _chunks(response, file):
                    output.write(chunk)
                    there += len(chunk)
                    if on_progress is not None:
                        on_progress(file.name, there, file.size)
    if there != file.size:
        raise WindrowError(
            "the download ended early",
            where=file.url,
            found=f"{there:,} of {file.size:,} bytes",
            hint="run it again: it goes on from there",
        )


def _chunks(response: Any, file: RecordFile) -> Any:
    import requests

    try:
        yield from response.iter_content(_CHUNK)
    except requests.RequestException as error:
        raise WindrowError(
            "the download was interrupted",
            where=file.url,
            found=type(error).__name__,
            hint="run it again: it goes on from there",
        ) from error


def _answer(url: str, headers: dict[str, str]) -> Any:
    import requests

    try:
        response = requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S)
        response.raise_for_status()
    except requests.RequestException as error:
        raise WindrowError(
            "the server cannot be reached",
            where=url,
            found=str(error)[:120],
            hint="check the network, or name another server with --host",
        ) from error
    return response


def _require_pooch() -> None:
    try:
        import pooch  # noqa: F401
    except ImportError:
        raise WindrowError(
            "downloads need the package pooch", hint="pip install 'windrow[download]'"
        ) from None
