"""Who does what: several processes or machines share a study without doing anything twice.

Every piece of work is a *job* with a name. A claim on it is a trial of an Optuna study, kept in a
journal file beside the study's other files, or wherever a URL points. A trial is put in as
WAITING; whoever turns it to RUNNING first has the job, which Optuna's storage decides for one
only. While it works, a claim beats; if another process sees no beat for long enough *by its own
clock*, so that clocks need not agree, it declares the claim dead and puts the job in anew.
A signal waits until a claim is written: the journal's lock does not bear one in the middle.
Whether a job is done is never asked here: the file it writes says so.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from windrow.errors import DataError, SettingsError, WindrowError
from windrow.files import writing_errors
from windrow.processes import uninterrupted

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.storages.journal import JournalFileSymlinkLock
    from optuna.trial import FrozenTrial

JOURNAL = "claims.journal"
STUDY_NAME = "windrow"
BEAT_SECONDS = 10.0
STALE_SECONDS = 90.0
"""A claim that has not beaten for so long is dead: several beats may be lost."""
_RETRY_SECONDS = 1.0
"""Until a database that others are making at the same time is there."""


class Claims:
    """Claims on the jobs of one study.

    Args:
        folder: of the study; the journal lies in it unless a URL is given.
        url: of a database that Optuna can use, such as ``postgresql://...``; None takes the
            journal file, which needs a file system that all processes see.
        stale_seconds: without a beat a claim is dead.
        beat_seconds: between beats.
        clock: seconds that only go forward.

    Raises:
        SettingsError: Optuna is not installed, or the URL cannot be opened.
        DataError: the journal is damaged; every method raises it, too.
        OutputError: the journal cannot be written; every method raises it, too.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        url: str | None = None,
        stale_seconds: float = STALE_SECONDS,
        beat_seconds: float = BEAT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = Path(folder).absolute() / JOURNAL if url is None else None
        with uninterrupted(), self._storing():
            self._storage, self._study = _open(self._journal, url)
            self._study_id = self._storage.get_study_id_from_name(STUDY_NAME)
        self._stale_seconds = stale_seconds
        self._beat_seconds = beat_seconds
        self._clock = clock
        # Beat last seen of each running trial, and when, by this process's clock.
        self._seen: dict[int, tuple[int, float]] = {}
        self._refused: set[str] = set()
        self._worker = f"{socket.gethostname()}-{os.getpid()}"

    def ensure(self, job: str, *, done: Callable[[], bool], make: Callable[[], None]) -> bool:
        """Whether a job is done, by us if nobody else is at it.

        A job that is refused is not asked for again until :meth:`ask_again`.

        Args:
            job: its name.
            done: whether it is done.
            make: does it; called under a claim.
        """
        if done():
            return True
        if job in self._refused:
            return False
        with self.claimed(job) as claim:
            if claim is None:
                self._refused.add(job)
                return False
            try:
                if not done():
                    make()
            except (WindrowError, OSError):
                # A process that slept so long that it was held for dead has come back: another
                # does the job, and has removed what was begun here.
                if not done() and not claim.is_lost():
                    raise
                return done()
        return True

    def ask_again(self) -> None:
        """What was refused may be free by now."""
        self._refused.clear()

    def take(self, job: str) -> Claim | None:
        """A claim on a job, or None where another process is at it."""
        with self._storing():
            return self._take(job)

    def _take(self, job: str) -> Claim | None:
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        for _ in range(3):  # put in, found dead, put in anew
            open_trials = self._open_trials(job)
            if not open_trials:
                self._study.enqueue_trial({}, user_attrs={"job": job})
                continue
            # Two processes may put a job in at once; both then see the same one first.
            first = open_trials[0]
            if first.state == TrialState.RUNNING:
                if not self._is_dead(first):
                    return None
                self._end(first._trial_id, TrialState.FAIL)
                continue
            try:
                if not self._storage.set_trial_state_values(first._trial_id, TrialState.RUNNING):
                    return None
                self._storage.set_trial_user_attr(first._trial_id, "worker", self._worker)
            except UpdateFinishedTrialError:
                return None  # another was so quick that it is finished, or held this one for dead
            except BaseException:
                self.end(first._trial_id, completed=False)  # a signal came; nobody is to wait
                raise
            return Claim(self, first._trial_id)
        return None

    @contextmanager
    def claimed(self, job: str) -> Iterator[Claim | None]:
        """A block under a claim on a job, or under none where another process has it.

        A block that ends well completes the claim; one that fails gives the job back.
        """
        claim = None
        try:
            with uninterrupted():
                claim = self.take(job)
                if claim is not None:
                    claim.start()
            yield claim
            if claim is not None:
                with uninterrupted():
                    claim.complete()
        except BaseException:
            if claim is not None:
                with uninterrupted():
                    claim.give_back()
            raise

    def running(self) -> Sequence[str]:
        """Jobs that somebody is at, or was when they last beat."""
        from optuna.trial import TrialState

        with self._storing():
            trials = self._storage.get_all_trials(
                self._study_id, deepcopy=False, states=(TrialState.RUNNING,)
            )
        return [str(trial.user_attrs.get("job")) for trial in trials]

    def is_running(self, trial_id: int) -> bool:
        """Whether a claim stands, neither ended nor declared dead."""
        from optuna.trial import TrialState

        with self._storing():
            return bool(self._storage.get_trial(trial_id).state == TrialState.RUNNING)

    def beat(self, trial_id: int, number: int) -> None:
        """Shows that a claim is alive."""
        with self._storing():
            self._storage.set_trial_user_attr(trial_id, "beat", number)

    @property
    def beat_seconds(self) -> float:
        """Seconds between beats."""
        return self._beat_seconds

    def end(self, trial_id: int, *, completed: bool) -> None:
        """Ends a claim; one that was declared dead meanwhile stays so."""
        from optuna.trial import TrialState

        with self._storing():
            if completed:
                self._end(trial_id, TrialState.COMPLETE, [0.0])
            else:
                self._end(trial_id, TrialState.FAIL)

    def _end(self, trial_id: int, state: Any, values: list[float] | None = None) -> None:
        from optuna.exceptions import UpdateFinishedTrialError

        try:
            self._storage.set_trial_state_values(trial_id, state, values)
        except UpdateFinishedTrialError:
            return  # another process was first

    @contextmanager
    def _storing(self) -> Iterator[None]:
        """What goes wrong with the journal is the user's to mend."""
        if self._journal is None:
            yield
            return
        try:
            with writing_errors(self._journal):
                yield
        except ValueError as error:  # of Optuna's, which keeps a JSON value a line
            raise DataError(
                "the journal of a study's claims is damaged",
                where=self._journal,
                found=f"a line that is cut or not JSON ({error})"[:120],
                hint="end all processes of the study and remove the file; what is done is kept",
            ) from error

    def _open_trials(self, job: str) -> list[FrozenTrial]:
        from optuna.trial import TrialState

        trials = self._storage.get_all_trials(
            self._study_id, deepcopy=False, states=(TrialState.WAITING, TrialState.RUNNING)
        )
        own = [trial for trial in trials if trial.user_attrs.get("job") == job]
        return sorted(own, key=lambda trial: trial.number)

    def _is_dead(self, trial: FrozenTrial) -> bool:
        beat = int(trial.user_attrs.get("beat", 0))
        now = self._clock()
        seen = self._seen.get(trial._trial_id)
        if seen is None or seen[0] != beat:
            self._seen[trial._trial_id] = (beat, now)
            return False
        return now - seen[1] > self._stale_seconds


class Claim:
    """One claim; beats in a thread of its own until it ends."""

    def __init__(self, claims: Claims, trial_id: int) -> None:
        self._claims = claims
        self._trial_id = trial_id
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def start(self) -> None:
        """Begins to beat."""
        self._thread.start()

    def is_lost(self) -> bool:
        """Whether another process held it for dead and declared it so."""
        return not self._claims.is_running(self._trial_id)

    def complete(self) -> None:
        """The job is done."""
        self._stop(completed=True)

    def give_back(self) -> None:
        """The job is not done and free again."""
        self._stop(completed=False)

    def _stop(self, *, completed: bool) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self._claims.end(self._trial_id, completed=completed)

    def _beat(self) -> None:
        from optuna.exceptions import UpdateFinishedTrialError

        number = 0
        while not self._ended.wait(self._claims.beat_seconds):
            number += 1
            try:
                self._claims.beat(self._trial_id, number)
            except UpdateFinishedTrialError:
                return  # declared dead; what we write is the same as what the other will write
            except Exception:  # noqa: S112 (a full disk, say; several beats may be lost)
                continue


def _open(journal: Path | None, url: str | None) -> tuple[BaseStorage, Any]:
    """The storage and the study in it, both made where they are not there."""
    try:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError:
        raise SettingsError(
            "a study needs Optuna", hint="install it with: pip install 'windrow[benchmark]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if journal is None:
        return _open_database(str(url))
    journal.parent.mkdir(parents=True, exist_ok=True)
    storage = JournalStorage(JournalFileBackend(str(journal), lock_obj=_lock_of(journal)))
    return storage, _study_of(storage)


def _lock_of(journal: Path) -> JournalFileSymlinkLock:
    from optuna.storages.journal import JournalFileSymlinkLock

    class Lock(JournalFileSymlinkLock):
        def release(self) -> None:
            # Others break a lock that stands for half a minute, and may do so one after the other,
            # the second that of the first; the line is written by then.
            with suppress(RuntimeError):
                super().release()

    lock = Lock(str(journal))
    # Optuna takes the age of a lock from what its link points at, and runs in circles without a
    # pause where that is nothing. Named from its own folder it is found by whoever sees the lock.
    lock._lock_target_file = journal.name
    return lock


def _open_database(url: str, *, again: bool = True) -> tuple[BaseStorage, Any]:
    from optuna.storages import get_storage

    try:
        storage = get_storage(url)
        return storage, _study_of(storage)
    except Exception as error:  # drivers and databases raise many kinds
        if again:  # of two that make the tables at the same time one fails
            time.sleep(_RETRY_SECONDS)
            return _open_database(url, again=False)
        raise SettingsError(
            "the study's storage cannot be opened",
            where="setting storage",
            found=str(error).splitlines()[0][:120],
            hint="give a URL that Optuna can use, or none for a journal file in the study",
        ) from error


def _study_of(storage: BaseStorage) -> Any:
    import optuna

    return optuna.create_study(study_name=STUDY_NAME, storage=storage, load_if_exists=True)
