"""Work in the background: what is asked last comes first, and what was replaced is never shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator


class Work:
    """Jobs in one background thread, the newest first; a job replaces the one of the same name.

    A job is a generator: between its steps it yields what it is about to do (a text for the status line) or a function
    that shows what it found. After every step the job must still be the one asked for, or what it yields is dropped.
    say: called with the text for the status line.
    """

    def __init__(self, say: Callable[[str], None]):
        self.say = say
        self._jobs: dict[str, Iterator] = {}
        self._errors: dict[str, str] = {}
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._started = 0.0

    def ask(self, name: str, job: Iterator) -> None:
        with self._lock:
            self._jobs.pop(name, None)
            self._jobs[name] = job
            self._errors.pop(name, None)
            if self._thread is None:
                self._started = time.perf_counter()
                self._thread = threading.Thread(target=self._run)
                self._thread.start()

    def drop(self) -> None:
        """Forget every job; what they would show is never shown."""
        with self._lock:
            self._jobs.clear()
            self._errors.clear()
            self._started = time.perf_counter()

    def wait(self, timeout: float = 60) -> bool:
        """Whether all jobs are done within `timeout` seconds."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return self._thread is None

    def _run(self) -> None:
        # no daemon: one that is inside torch when the interpreter ends aborts the process (pytorch/pytorch#38228)
        while threading.main_thread().is_alive():
            with self._lock:
                if not self._jobs:
                    self._thread = None
                    self._tell("Done")
                    return
                name, job = list(self._jobs.items())[-1]
            self._advance(name, job)

    def _advance(self, name: str, job: Iterator) -> None:
        """One step of a job, computed without the lock and shown with it: no newer job comes between."""
        found, error = None, None
        try:
            found = next(job, None)
        except Exception as problem:  # whatever it is, the views must stay and say so
            error = str(problem) if isinstance(problem, ValueError) else f"{type(problem).__name__}: {problem}"
        with self._lock:
            if self._jobs.get(name) is not job:
                return
            if callable(found):
                try:
                    found()
                except Exception as problem:
                    error = f"{type(problem).__name__}: {problem}"
            elif found is not None:
                self._tell(f"Working on {found}")
            if found is None or error:
                del self._jobs[name]
            if error:
                self._errors[name] = error

    def _tell(self, text: str) -> None:
        seconds = f"{text} ({time.perf_counter() - self._started:.1f} s)"
        self.say(" · ".join([*(f"Error: {error}" for error in self._errors.values()), seconds]))
