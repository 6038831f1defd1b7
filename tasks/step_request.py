"""What a worker's main process does with a saga's task: it tells of a child that died in it.

Celery's "custom requests"; its handlers run in the event loop of the main process.
"""

from typing import Any, Final

from billiard.einfo import ExceptionWithTraceback
from celery.exceptions import Terminated, WorkerLostError
from celery.worker.request import Request

from tasks.hints import is_bigint, others_in
from tasks.lost import LostClaim, holder_of, note

WITHOUT_REPORT: Final = (WorkerLostError, Terminated, SystemExit, KeyboardInterrupt)
"""How an attempt ends that reports nothing itself: its process was killed or crashed, was ended by
`revoke(terminate=True)`, or was left by the action."""


class StepRequest(Request):
    """Notes the claim of a child that died, or is about to be killed at its hard time limit."""

    def on_failure(
        self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False
    ) -> None:
        error = exc_info.exception
        if isinstance(error, ExceptionWithTraceback):
            error = error.exc
        if isinstance(error, WITHOUT_REPORT):
            self._note_lost(is_ending=False)
        super().on_failure(exc_info, send_failed_event, return_ok)

    def on_timeout(self, soft: bool, timeout: float) -> None:
        if not soft:
            self._note_lost(is_ending=True)
        super().on_timeout(soft, timeout)

    def _note_lost(self, *, is_ending: bool) -> None:
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
                        is_ending,
                        others_in(self.request_dict),
                    )
                )
