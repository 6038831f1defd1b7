"""One thread that knows the instances of one service, because Consul tells it of each change."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from sagas.services.registry.instances import Instance, RegistryError

WAIT_SECONDS: Final = 30
"""How long one blocking query may take without a change. A connection that was cut in silence is
noticed only after it."""

PAUSE_SECONDS: Final = 0.1
"""Between two queries. A service whose instances flap must not keep a core busy."""

RETRY_SECONDS: Final = 1.0
"""Between two queries of which the first failed. Consul's restart is noticed this late."""

STALE_SECONDS: Final = 60.0
"""How long the last known instances are believed while Consul can't be asked. They are most likely
still there; later they may be anybody's."""

FIRST_ANSWER_SECONDS: Final = 2.0
"""What the first call to a service waits for the first answer."""

logger = logging.getLogger(__name__)

Ask = Callable[[str | None], tuple[int, list[Instance]]]
"""Asks Consul for what changed since an index (None: at once): the new index, and all instances.
Raises `RegistryError`."""


class Watch:
    """Keeps the newest answer, from its making until `close`."""

    def __init__(self, name: str, ask: Ask) -> None:
        self._name = name
        self._ask = ask
        self._changed = threading.Condition()
        self._instances: list[Instance] | None = None
        self._error: RegistryError | None = None
        self._failing_since: float | None = None
        self._ending = threading.Event()
        thread = threading.Thread(target=self._run, name=f"watch-{name}", daemon=True)
        thread.start()

    def instances(self) -> Sequence[Instance]:
        """The newest that is known. Raises `RegistryError` if it is too old, or there is none."""
        if self._instances is None and self._error is None:
            self.until(lambda _: True, FIRST_ANSWER_SECONDS)
        found, since = self._instances, self._failing_since
        if found is not None and (since is None or time.monotonic() - since < STALE_SECONDS):
            return found
        raise self._error or RegistryError(
            f"Consul has not answered for {FIRST_ANSWER_SECONDS} s: check that it runs"
        )

    def until(self, is_so: Callable[[Sequence[Instance]], bool], within: float) -> bool:
        """Waits for an answer or an error, and until `is_so` of the instances; whether it came to
        that within so many seconds."""

        def looks_so() -> bool:
            is_known = self._instances is not None or self._error is not None
            return is_known and is_so(self._instances or [])

        with self._changed:
            return self._changed.wait_for(looks_so, within)

    def until_failing(self, within: float) -> bool:
        """Waits until the last query failed; whether it came to that within so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._error is not None, within)

    def close(self) -> None:
        """Ends the thread, at the latest with its present query."""
        self._ending.set()

    def _run(self) -> None:
        index: int | None = None
        while not self._ending.is_set():
            try:
                newer, instances = self._ask(None if index is None else str(index))
            except RegistryError as error:
                index = None  # another Consul may answer next, which counts for itself
                self._failed(error)
                self._ending.wait(RETRY_SECONDS)
            else:
                self._answered(instances)
                index = next_index(index, newer)
                self._ending.wait(PAUSE_SECONDS)

    def _answered(self, instances: list[Instance]) -> None:
        with self._changed:
            if self._failing_since is not None:
                logger.info("%s: Consul answers again.", self._name)
            self._instances, self._error, self._failing_since = instances, None, None
            self._changed.notify_all()

    def _failed(self, error: RegistryError) -> None:
        with self._changed:
            if self._failing_since is None:
                self._failing_since = time.monotonic()
                logger.warning("%s: %s", self._name, error)
            self._error = error
            self._changed.notify_all()


def next_index(index: int | None, newer: int) -> int | None:
    """What to wait for after an answer with the index `newer`; None to ask without waiting.

    An index that goes back (a restored snapshot, another server's count) would be waited for in
    vain, and 0 is not one at all
    (https://developer.hashicorp.com/consul/api-docs/features/blocking).
    """
    return None if newer < (index or 1) else newer
