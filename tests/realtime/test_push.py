"""The one thread of a process that pushes: whose process forks at any moment."""

import os
import signal

import pytest

from realtime import push
from sagas.listeners import Committed
from sagas.machine import Saga, SagaStep

LIMIT = 5
"""Seconds; a child that inherits a lock whose holder it lacks would wait for ever."""


@pytest.mark.parametrize("made", [False, True])
def test_a_child_that_was_forked_in_the_middle_of_a_push_can_push(made: bool) -> None:
    told = Committed(1, "s", Saga("shop", [SagaStep("a", print)]), 1, ())
    if made:
        push.push(told)
    with push._lock:
        child = os.fork()
        if not child:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(LIMIT)
            push.push(told)
            os._exit(0)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
