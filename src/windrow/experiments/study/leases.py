"""Leases, by which several processes or machines share a study without repeating work.

Every piece of work is a *job* with a name. The process that creates the job's lease file holds the
job; the file system lets only one process create it (``O_EXCL``, on NFS too). The holder touches
its file every few seconds. A process that sees no touch for long enough by its own clock takes the
next lease of the job, whose file has the next number; clocks need not agree. A file is never
removed while its holder may be alive, so two processes that find a dead lease cannot both take
over. This module does not decide whether a job is done; the file that the job writes shows it.
"""

from __future__ import annotations

import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote_plus

from windrow.errors import WindrowError
from windrow.files import writing_errors
from windrow.processes import uninterrupted

LEASES = "leases"
"""Name of the folder of leases in a study."""
BEAT_SECONDS = 10.0
STALE_SECONDS = 90.0
"""Seconds without a touch after which a lease is dead; several beats may be lost."""
_FILE = re.compile(r"(?P<job>.+)\.(?P<number>\d+)\.lease")
_GIVEN_BACK = b"given back\n"


class _Newest(NamedTuple):
    """The newest lease of a job: its number from 1, and the content of its file."""

    number: int
    content: bytes
    touched: int


class Leases:
    """Leases on the jobs of one study.

    Args:
        folder: folder of the study, on a file system that all its processes see.
        stale_seconds: seconds without a touch after which a lease is dead.
        beat_seconds: seconds between touches.
        clock: a monotonic clock in seconds.

    Raises:
        OutputError: the folder cannot be written; :meth:`take` raises it too.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> with Leases(folder).held("cell a") as ours, Leases(folder).held("cell a") as theirs:
        ...     ours is None, theirs is None
        (False, True)
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        stale_seconds: float = STALE_SECONDS,
        beat_seconds: float = BEAT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = Path(folder).absolute() / LEASES
        with writing_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        self._stale_seconds = stale_seconds
        self._beat_seconds = beat_seconds
        self._clock = clock
        # The newest lease last seen of each job, and when, by this process's clock.
        self._seen: dict[str, tuple[_Newest, float]] = {}
        self._refused: set[str] = set()
        self._holder = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}\n".encode()

    def ensure(self, job: str, *, done: Callable[[], bool], make: Callable[[], None]) -> bool:
        """Does a job unless it is done or another process holds it.

        A refused job is not requested again until :meth:`ask_again`.

        Args:
            job: name of the job.
            done: returns whether the job is done.
            make: does the job; called under a lease.

        Returns:
            whether the job is done.
        """
        if done():
            return True
        if job in self._refused:
            return False
        with self.held(job) as lease:
            if lease is None:
                self._refused.add(job)
                return False
            try:
                if not done():
                    make()
            except (WindrowError, OSError):
                # A process that slept so long that it was held for dead has come back: another
                # does the job, and has removed what was begun here.
                if not done() and not lease.is_lost():
                    raise
                return done()
        return True

    def ask_again(self) -> None:
        """Allows refused jobs to be requested again."""
        self._refused.clear()

    def take(self, job: str) -> Lease | None:
        """Takes the lease of a job; returns None where another process holds it."""
        newest = self._newest(job)
        if newest and not newest.content.endswith(_GIVEN_BACK) and not self._is_dead(job, newest):
            return None
        number = newest.number + 1 if newest else 1
        path = self._path(job, number)
        with writing_errors(path):
            try:
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND)
            except FileExistsError:
                return None  # another was quicker
            try:
                os.write(descriptor, self._holder)
            except BaseException:
                os.close(descriptor)
                path.unlink()
                raise
        return Lease(
            path,
            descriptor,
            is_newest=lambda: self._is_ours(job, number),
            earlier=[self._path(job, n) for n in range(1, number)],
            beat_seconds=self._beat_seconds,
        )

    @contextmanager
    def held(self, job: str) -> Iterator[Lease | None]:
        """Runs a block under the lease of a job, or under None where another process holds it.

        A block that ends without an error completes the job; a block that fails gives it back.
        """
        lease = None
        try:
            with uninterrupted():
                lease = self.take(job)
                if lease is not None:
                    lease.start()
            yield lease
            if lease is not None:
                with uninterrupted():
                    lease.complete()
        except BaseException:
            if lease is not None:
                with uninterrupted():
                    lease.give_back()
            raise

    def _path(self, job: str, number: int) -> Path:
        return self._folder / f"{quote_plus(job)}.{number}.lease"

    def _number(self, job: str) -> int:
        """Returns the number of the newest lease of a job; 0 without a lease."""
        name = quote_plus(job)
        found = (match for path in self._folder.iterdir() if (match := _match(path)))
        return max((int(match["number"]) for match in found if match["job"] == name), default=0)

    def _newest(self, job: str) -> _Newest | None:
        number = self._number(job)
        if not number:
            return None
        try:
            # An open file has its own time, where one asked for by its name may have an old one.
            with self._path(job, number).open("rb") as file:
                return _Newest(number, file.read(), os.fstat(file.fileno()).st_mtime_ns)
        except FileNotFoundError:
            return None  # completed meanwhile

    def _is_ours(self, job: str, number: int) -> bool:
        newest = self._newest(job)
        if newest is None or newest.number != number:
            return False
        return newest.content.startswith(self._holder)

    def _is_dead(self, job: str, newest: _Newest) -> bool:
        now = self._clock()
        seen = self._seen.get(job)
        if seen is None or seen[0] != newest:
            self._seen[job] = (newest, now)
            return False
        return now - seen[1] > self._stale_seconds


def _match(path: Path) -> re.Match[str] | None:
    return _FILE.fullmatch(path.name)


class Lease:
    """The right to do one job; its file is touched by a thread of its own until it ends.

    Args:
        path: path of its file.
        descriptor: descriptor of its open file.
        is_newest: returns whether the job has no newer lease.
        earlier: files of the earlier leases of the job.
        beat_seconds: seconds between touches.
    """

    def __init__(
        self,
        path: Path,
        descriptor: int,
        *,
        is_newest: Callable[[], bool],
        earlier: Sequence[Path],
        beat_seconds: float,
    ) -> None:
        self._path = path
        self._descriptor = descriptor
        self._is_newest = is_newest
        self._earlier = earlier
        self._beat_seconds = beat_seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def start(self) -> None:
        """Starts the thread that touches the file."""
        self._thread.start()

    def touch(self) -> None:
        """Touches the file once.

        Raises:
            OSError: the file system refuses it.
        """
        os.utime(self._descriptor)

    def is_lost(self) -> bool:
        """Whether another process judged this lease dead and took the next one."""
        return not self._is_newest()

    def complete(self) -> None:
        """Removes the lease files of the job, which is done."""
        self._stop()
        # Who asks for the job next finds it done.
        gone = [self._path] if self.is_lost() else [*self._earlier, self._path]
        with writing_errors(self._path):
            for path in gone:
                path.unlink(missing_ok=True)

    def give_back(self) -> None:
        """Frees the job, which is not done.

        The file stays with a note, so that its number is not given again. If the note cannot be
        written, the lease becomes dead after a while.
        """
        with suppress(OSError):
            os.write(self._descriptor, _GIVEN_BACK)
        self._stop()

    def _stop(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _beat(self) -> None:
        while not self._ended.wait(self._beat_seconds):
            with suppress(OSError):  # of the network, say; several beats may be lost
                self.touch()
