"""Errors, as the kit answers them: `{"error": "<machine_word>", "message": "<a sentence>"}`.

The answer to invalid input has "fields" too: `{"<field>": "<what is wrong with it>"}`.
"""

from django.http import JsonResponse


class Problem(Exception):
    """A request that is answered with an error. It leaves nothing behind, and its key stays free.

    `status` is the HTTP status, `error` a word for machines, `message` what happened and what to
    do.
    """

    def __init__(
        self, status: int, error: str, message: str, fields: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, object] = {"error": error, "message": message}
        if fields:
            self.body["fields"] = fields

    def response(self) -> JsonResponse:
        """The answer."""
        return JsonResponse(self.body, status=self.status)


class RequestRefused(Problem):
    """An action says no for good: its effect is rolled back, its answer is kept under the key.

    Raised by a compensation it is no more than a Problem: the action stays done, and a person who
    has put right what was in the way can have the same compensation sent again.
    """
