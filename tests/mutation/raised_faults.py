"""Faults in what workers do with what actions raise and with what else is on their queues."""

from typing import Final

from tests.mutation.fault import Fault

_RAISED = "sagas/worker/raised.py"
_FAILURES = "sagas/machine/failures.py"
_STEPS = "sagas/worker/steps.py"

RAISED = ("worker/test_raised",)
GARBAGE = ("worker/test_garbage",)

RAISED_FAULTS: Final = (
    Fault(
        name="What an action raises and is no Exception is not reported",
        clause="R25",
        file=_STEPS,
        before="except BaseException as error:\n                    ended = ",
        after="except Exception as error:\n                    ended = ",
        tests=RAISED,
    ),
    Fault(
        name="An action's MemoryError goes to Celery, which ends the worker",
        clause="R25",
        file=_RAISED,
        before="= (MemoryError, TaskPredicate,",
        after="= (TaskPredicate,",
        tests=RAISED,
    ),
    Fault(
        name="An action's Reject or Retry tells Celery what to do",
        clause="R25",
        file=_RAISED,
        before="MemoryError, TaskPredicate, ",
        after="MemoryError, ",
        tests=RAISED,
    ),
    Fault(
        name="An action's WorkerLostError is taken for the end of its process",
        clause="R25",
        file=_RAISED,
        before="TaskPredicate, Terminated, WorkerLostError)",
        after="TaskPredicate)",
        tests=RAISED,
    ),
    Fault(
        name="An error is believed what it says of its class",
        clause="R25",
        file=_FAILURES,
        before="return issubclass(type(error), kinds)",
        after="return isinstance(error, kinds)",
        tests=RAISED,
    ),
    Fault(
        name="An error whose text can't be read is not reported",
        clause="R25",
        file=_FAILURES,
        before="    except BaseException as another:",
        after="    except Exception as another:",
        tests=RAISED,
    ),
    Fault(
        name="A stored traceback has no bound",
        clause="R25",
        file=_RAISED,
        before="return len(text) <= TEXT_LIMIT and",
        after="return",
        tests=RAISED,
    ),
    Fault(
        name="The end of a process counts as what its action raised",
        clause="R16",
        file=_STEPS,
        before="    if is_end_of_process(error):\n        raise error\n",
        after="",
        tests=RAISED,
    ),
    Fault(
        name="The engine's own MemoryError ends the worker",
        clause="R25",
        file=_STEPS,
        before="            raise stand_in(error) from None",
        after="            raise",
        tests=RAISED,
    ),
    Fault(
        name="A child's validate that exits leaves its parent to the lease",
        clause="R25",
        file="sagas/validation.py",
        before="    except BaseException as error:  # a child's is asked in a worker (R25)",
        after="    except Exception as error:",
        tests=RAISED,
    ),
    Fault(
        name="A message's headers are believed",
        clause="R24",
        file="sagas/worker/garbage.py",
        before="                check(message)\n",
        after="",
        tests=GARBAGE,
    ),
    Fault(
        name="What is no message ends whoever takes it from a list",
        clause="R24",
        file="sagas/broker/garbage.py",
        before="            self._dropped(reason(error))\n            return True",
        after="            raise",
        tests=GARBAGE,
    ),
    Fault(
        name="Hints go to the project's default queue",
        clause="R28",
        file="sagas/worker/names.py",
        before="    return None if says_where else engine_queue()",
        after="    return queue",
        tests=("worker/test_queues",),
    ),
    Fault(
        name="The engine's queue wins over the project's routes",
        clause="R28",
        file="sagas/worker/names.py",
        before="    return None if says_where else engine_queue()",
        after="    return engine_queue()",
        tests=("worker/test_queues",),
    ),
    Fault(
        name="The results of the project's own tasks are deleted, too",
        clause="Celery",
        file="sagas/worker/results.py",
        before="task_name__in=names, ",
        after="",
        tests=("worker/test_wake",),
    ),
)
