"""The two decorators: each key has one answer and at most one effect::

    @idempotent("payments.charge")
    def charge(request): ...                    # returns an HttpResponse, or raises RequestRefused

    @compensates("payments.charge")
    def refund(request, action): ...            # action.key, action.answer(); returns nothing

An action and its compensation each come with an `Idempotency-Key` of their own; a compensation
names the key of its action in its body, `{"undoes": key}`. Whichever of the two arrives first,
late, twice or never::

    | the compensation finds its action | it answers        | the action ends |
    |-----------------------------------|-------------------|-----------------|
    | never seen                        | {"undone": false} | tombstone       |
    | refused                           | {"undone": false} | refused         |
    | applied                           | {"undone": true}  | undone          |
    | undone, or a tombstone            | {"undone": false} | as it was       |

Both lock the action's receipt, so that a race between them is decided by that row.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec

from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import SimpleTemplateResponse

from saga_participant import receipts
from saga_participant.models import Outcome, Receipt
from saga_participant.problems import Problem, RequestRefused
from saga_participant.requests import fingerprint, idempotency_key, undone_key

NOT_NOW: Final = frozenset({408, 425, 429})
"""4xx that ask the caller to come again (RFC 9110 15.5.9, RFC 8470 5.2, RFC 6585 4). To remember
one would turn "later" into "never"."""

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
Undo = Callable[Concatenate[HttpRequest, Receipt, P], None]


class _NoEffect(Exception):
    """Carries an answer out of a transaction that is to be rolled back."""

    def __init__(self, response: HttpResponse) -> None:
        self.response = response


def idempotent(operation: str) -> Callable[[View[P]], View[P]]:
    """Runs a view once for each key: its database effect and its answer commit together.

    `operation` is the name by which a compensation refers to the action. A 4xx, returned or raised
    as `RequestRefused`, Http404 or PermissionDenied, rolls the effect back and is remembered. A
    5xx, a 4xx of `NOT_NOW` and any other exception roll everything back, and the key is free
    again. The decorator itself answers 400 for a bad key, 409 after a tombstone, 422 for a key of
    another request.
    """

    def decorate(view: View[P]) -> View[P]:
        _check_is_sync(view)

        @wraps(view)
        def once(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            try:
                return _perform(operation, request, lambda: view(request, *args, **kwargs))
            except Problem as problem:
                return problem.response()
            except _NoEffect as passed:
                return passed.response

        return once

    return decorate


def compensates(operation: str) -> Callable[[Undo[P]], View[P]]:
    """Undoes the action of that name once, or prevents it; answers 200 `{"undone": <bool>}`.

    The view is called only if there is an effect to undo, with the action's receipt after the
    request. If it raises an exception, nothing is left behind: the compensation can be sent again.
    The decorator itself answers 400 and 422 for a bad request, and for a key that is not the
    action's.
    """

    def decorate(view: Undo[P]) -> View[P]:
        _check_is_sync(view)

        @wraps(view)
        def once(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            try:
                return _compensate(
                    operation, request, lambda action: view(request, action, *args, **kwargs)
                )
            except Problem as problem:
                return problem.response()

        # Frameworks such as ninja read off the signature what to take from the request. The
        # receipt is not in there.
        signature = inspect.signature(view)
        first, _, *others = signature.parameters.values()
        vars(once)["__signature__"] = signature.replace(
            parameters=[first, *others], return_annotation=HttpResponse
        )
        return once

    return decorate


def _perform(operation: str, request: HttpRequest, act: Callable[[], HttpResponse]) -> HttpResponse:
    key, content = idempotency_key(request), fingerprint(request)
    with transaction.atomic(using=_database()):
        receipt, is_new = receipts.claim(key, operation, Outcome.APPLIED, content)
        if not is_new:
            return receipt.response()
        response = _answer_of(act)
        if response.status_code >= 500 or response.status_code in NOT_NOW:
            raise _NoEffect(response)
        if response.status_code >= 400:
            receipt.outcome = Outcome.REFUSED
        receipt.remember(response)
        return response


def _answer_of(act: Callable[[], HttpResponse]) -> HttpResponse:
    """What the view answers; an error has no effect, in whichever way the view says it."""
    try:
        with transaction.atomic(using=_database()):  # a savepoint, inside of the receipt's claim
            response: Any = act()
            if isinstance(response, SimpleTemplateResponse):
                response = response.render()
            if not isinstance(response, HttpResponse):
                raise TypeError(
                    f"The view returned {type(response).__name__}: return an HttpResponse such as "
                    "JsonResponse({...}), which can be remembered."
                )
            if response.status_code >= 400:
                raise _NoEffect(response)
            return response
    except _NoEffect as refused:
        return refused.response
    except RequestRefused as refused:
        return refused.response()
    except Http404 as error:
        message = str(error) or "There is no such thing: check the address and the ids."
        return RequestRefused(404, "not_found", message).response()
    except PermissionDenied as error:
        return RequestRefused(403, "forbidden", str(error) or "This is not allowed.").response()


def _compensate(
    operation: str, request: HttpRequest, undo: Callable[[Receipt], object]
) -> HttpResponse:
    key, action_key, content = idempotency_key(request), undone_key(request), fingerprint(request)
    with transaction.atomic(using=_database()):
        receipt, is_new = receipts.claim(key, operation, Outcome.COMPENSATION, content)
        if not is_new:
            return receipt.response()
        action = receipts.found_or_forestalled(action_key, operation, undone_by=key)
        undone = action.outcome == Outcome.APPLIED
        if undone:
            if (returned := undo(action)) is not None:
                raise TypeError(
                    f"The compensation of {operation} returned {type(returned).__name__}: return "
                    "nothing, or raise RequestRefused if it can't be undone."
                )
            action.outcome, action.changed_at = Outcome.UNDONE, Now()
            action.save(update_fields=["outcome", "changed_at"])
        response = JsonResponse({"undone": undone})
        receipt.remember(response)
        return response


def _database() -> str:
    """The alias of the database of the receipts. The effect must be in the same one."""
    return router.db_for_write(Receipt)


def _check_is_sync(view: Callable[..., object]) -> None:
    if inspect.iscoroutinefunction(view):
        raise TypeError(
            f"{view.__name__} is async, and Django has no async transactions: write it with `def`."
        )
