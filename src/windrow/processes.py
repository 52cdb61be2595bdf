"""Processes that work for another one: how many, on one thread each, and none outlives it.

And what a signal may not cut in two.
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
"""For a process to put things in order once its parent is gone."""


def number_of_cores() -> int:
    """Cores that this process may use.

    Example:
        >>> number_of_cores() >= 1
        True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Processes that are started within compute on one thread; this one is left as it is.

    The numeric libraries read their variables when they are loaded, so it holds for processes
    that start with a fresh interpreter.

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
    """Ctrl-C and SIGTERM come after the block, not within it; a second one does not wait.

    For short work that leaves a mess when an exception comes in the middle of it, such as
    writing under a lock of another library. Python runs its handlers in the main thread whichever
    thread the system gives a signal to, so that it is they that wait; in other threads, which
    nothing interrupts, the block is as any other.

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
    """A signal comes after the block; processes started within never get it.

    They inherit what this thread blocks. That holds nothing back here where another thread lives:
    the system gives the signal to that one, and Python runs the handler in the main thread.
    """
    with uninterrupted():
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin_in_pool() -> None:
    """What a process of a pool does first: it ends with its parent, and leaves Ctrl-C to it.

    Ctrl-C reaches every process of a terminal; the parent ends its pool, without a traceback of
    each.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def end_with_parent() -> None:
    """Ends this process when the one that started it is gone, however it went.

    It is sent a SIGTERM, which it may use to put things in order, and is ended for good half a
    minute later. Does nothing in a process that :mod:`multiprocessing` did not start.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        # To the thread that handles signals, so that a wait of its is cut short.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        time.sleep(_GRACE_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="end with parent", daemon=True).start()
