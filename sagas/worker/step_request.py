"""What a worker's main process does with a saga's task, from its message to its end.

It may take others along (`sagas.worker.fast.message_batching`), and tells of a child that died in
it.

Celery's "custom requests"; its handlers run in the event loop of the main process.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from typing import Any, Final

from billiard.einfo import ExceptionWithTraceback
from celery.exceptions import Terminated, WorkerLostError
from celery.worker import state
from celery.worker.request import Request

from sagas.broker.internals import cancel_time_limits
from sagas.worker.attempts import attempts_of
from sagas.worker.hints import NO_OTHER_HINTS, OtherHints, header, is_bigint, movable_in, others_in
from sagas.worker.lost import LostClaim, holder_of, note
from sagas.worker.raised import stand_in

WITHOUT_REPORT: Final = (WorkerLostError, Terminated, SystemExit, KeyboardInterrupt)
"""How an attempt ends that reports nothing itself: its process was killed or crashed, was ended by
`revoke(terminate=True)`, or was left by the action."""


class StepRequest(Request):
    """May take others along that waited for the same. Notes the claims of a child that died. Has
    no time limits: steps keep their own (`sagas.worker.limits`)."""

    _company: Sequence["StepRequest"] = ()

    @property
    def time_limits(self) -> tuple[None, None]:
        """Whatever the message says."""
        return None, None

    @time_limits.setter
    def time_limits(self, _: object) -> None: ...

    @cached_property
    def movable(self) -> OtherHints:
        """Its hints, its own first, if they may go along with those of another one; else none."""
        if self.task.rate_limit or self.task.acks_late:
            return NO_OTHER_HINTS
        return movable_in(self.request_dict, self.args)

    def take_along(self, company: Sequence["StepRequest"]) -> None:
        """Their hints go to a process with this one's. All are movable, and for one queue."""
        if company:
            own, *told = self.movable.told
            told += chain.from_iterable(each.movable.told for each in company)
            self.request_dict.update(header(OtherHints(self.movable.queue, told), own))
            self._company = company

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        super().on_accepted(pid, time_accepted)
        self._end_company()
        cancel_time_limits(self)

    def _end_company(self) -> None:
        """Those that went along have a process now, which tells what becomes of them."""
        company, self._company = self._company, ()
        for each in company:
            state.task_accepted(each)
            each.acknowledge()
            state.task_ready(each)

    def on_failure(
        self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False
    ) -> None:
        self._end_company()
        error = exc_info.exception
        if isinstance(error, ExceptionWithTraceback):
            error = error.exc
        if isinstance(error, WITHOUT_REPORT):
            self._note_lost()
        if isinstance(error, MemoryError):  # of Celery itself, which would end the worker by it
            self._note_lost()
            exc_info.exception = stand_in(error)
        super().on_failure(exc_info, send_failed_event, return_ok)

    def _note_lost(self) -> None:
        if self.worker_pid is None:
            return  # no child had begun with it
        match self.args:
            case [execution_id, fence] if is_bigint(execution_id) and is_bigint(fence):
                note(
                    LostClaim(
                        self.name,
                        execution_id,
                        holder_of(self.id, self.hostname, self.worker_pid),
                        self.worker_pid,
                        attempts_of(self.worker_pid),
                        others_in(self.request_dict),
                    )
                )
