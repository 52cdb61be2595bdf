"""Worker processes: their number, their threads, and their end with the parent process.

The module also protects short pieces of work from signals.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_GRACE_SECONDS = 30.0
"""Time for a process to clean up after the end of its parent, in seconds."""


def number_of_cores() -> int:
    """Counts the cores that this process may use.

    Example:
        >>> number_of_cores() >= 1
        True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Limits processes started in the block to one thread. This process stays as it is.

    The numeric libraries read their variables when they are loaded. The limit therefore holds for
    processes that start with a fresh interpreter.

    Example:
        >>> with one_thread_each():
        ...     os.environ["OMP_NUM_THREADS"]
        '1'
    """
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delays Ctrl-C and SIGTERM until the end of the block. A second signal is not delayed.

    It protects short work that an exception must not interrupt, such as writing under a lock of
    another library. Python runs its signal handlers in the main thread, so the handlers wait. In
    other threads the block has no effect, because signals do not interrupt them.

    Example:
        >>> try:
        ...     with uninterrupted():
        ...         signal.raise_signal(signal.SIGINT)
        ...         print("written")
        ...     print("never")
        ... except KeyboardInterrupt:
        ...     print("interrupted")
        written
        interrupted
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    handlers = {number: handler for number, handler in before.items() if handler is not None}

    def restore() -> None:
        for number, handler in handlers.items():
            signal.signal(number, handler)

    def wait(number: int, frame: object) -> None:
        if came:
            came.clear()
            restore()
            signal.raise_signal(number)
        else:
            came.append(number)

    try:
        for number in handlers:
            signal.signal(number, wait)
        yield
    finally:
        restore()
        if came:
            signal.raise_signal(came[0])


@contextmanager
def held_back(number: signal.Signals) -> Iterator[None]:
    """Blocks a signal until the end of the block, and in all processes started in the block.

    The processes inherit the blocked signals of this thread. If this process has other threads,
    the signal is not delayed here: the system delivers it to another thread, and Python runs the
    handler in the main thread.
    """
    with uninterrupted():
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin_in_pool() -> None:
    """Prepares a process of a pool to end with its parent and to ignore Ctrl-C.

    Ctrl-C reaches every process of a terminal. The parent ends its pool, so that the processes
    print no tracebacks.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def end_with_parent() -> None:
    """Ends this process after its parent process has ended in any way.

    The process gets a SIGTERM, which it may use to clean up, and is killed half a minute later.
    The function has no effect in a process that :mod:`multiprocessing` did not start.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        # The signal goes to the thread that handles signals, to interrupt a wait of that thread.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        time.sleep(_GRACE_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="end with parent", daemon=True).start()
