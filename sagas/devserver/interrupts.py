"""Ctrl-C that never leaves anything half done.

The default handler raises KeyboardInterrupt wherever the program happens to be: also between the
start of a process and the line that remembers it, and a second time in the middle of cleaning up.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

# Ctrl-C, the polite way to end a process, and a terminal window that was closed.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While entered, turns the first signal of SIGNALS into one KeyboardInterrupt, and only one.

    Signals after the first are ignored, so that a `finally` clause that stops processes is never
    broken off; all that it waits for has a limit. Enter it in the main thread (else ValueError).
    An object that was never entered changes nothing, and `held_back` does nothing.
    """

    def __init__(self) -> None:
        self._held = 0
        self._pending = False
        self._raised = False
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Take over the handlers."""
        for number in SIGNALS:
            self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the handlers back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Let a signal wait until the end of the block; its KeyboardInterrupt is raised there."""
        if threading.current_thread() is not threading.main_thread():
            yield  # signals only ever interrupt the main thread
            return
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            if self._pending and not self._held:
                self._raise_once()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._held:
            self._pending = True
        else:
            self._raise_once()

    def _raise_once(self) -> None:
        self._pending = False
        if not self._raised:
            self._raised = True
            raise KeyboardInterrupt
