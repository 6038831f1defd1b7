"""The participant's side of a saga: each key has one answer and at most one effect.

An action and its compensation each come with an `Idempotency-Key` of their own; a compensation
names the key of its action. Whichever of the two arrives first, late, twice or never:

| the compensation finds its action | it answers        | the action ends |
|-----------------------------------|-------------------|-----------------|
| never seen                        | {"undone": false} | tombstone       |
| refused                           | {"undone": false} | refused         |
| applied                           | {"undone": true}  | undone          |
| undone, or a tombstone            | {"undone": false} | as it was       |

Both lock the action's receipt first, so that a race between them is decided by that row. Locks are
always taken in the same order (compensation's receipt, action's receipt, the service's own rows).
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from examples.services.kit.models import KEY_MAX_LENGTH, Outcome, Receipt
from examples.services.kit.problems import Problem, Refused
from examples.services.kit.schemas import KEY_PATTERN, Payload, Undo

PayloadT = TypeVar("PayloadT", bound=Payload)


def perform(
    request: HttpRequest,
    payload: PayloadT,
    effect: Callable[[str, PayloadT], Mapping[str, object]],
) -> HttpResponse:
    """Do an action once, and answer 201 with what `effect(key, payload)` returns.

    `effect` runs in a transaction and may raise `Refused`, which is remembered like a success; any
    other exception leaves no trace of the request. Raises Problem: 400 for a bad key, 422 for a
    key that has been used for another request.
    """
    key = idempotency_key(request)
    with transaction.atomic():
        receipt, is_new = claim_receipt(key, Outcome.APPLIED, request, payload)
        if is_new:
            try:
                with transaction.atomic():  # a savepoint: a refusal undoes this much and no more
                    receipt.answer_with(201, effect(key, payload))
            except Refused as refusal:
                receipt.outcome = Outcome.REFUSED
                receipt.answer_with(refusal.status, refusal.body)
            receipt.save()
    return receipt.response()


def compensate(
    request: HttpRequest, undo: Undo, reverse: Callable[[str, str], None]
) -> HttpResponse:
    """Undo an action once, or forestall it, and answer 200 with `{"undone": <bool>}`.

    `reverse(key, action_key)` takes the action's effect back, in a transaction; it is called only
    if there is an effect. Raises Problem like `perform`, and 422 if `undoes` names a compensation.
    """
    key = idempotency_key(request)
    with transaction.atomic():
        receipt, is_new = claim_receipt(key, Outcome.COMPENSATION, request, undo)
        if is_new:
            undone = undo_or_forestall(key, undo.undoes, reverse)
            receipt.answer_with(200, {"undone": undone})
            receipt.save()
    return receipt.response()


def undo_or_forestall(key: str, action_key: str, reverse: Callable[[str, str], None]) -> bool:
    """Lock the action's receipt and do what the table above says; True if an effect was undone."""
    action, _ = Receipt.objects.select_for_update().get_or_create(
        key=action_key, defaults=tombstone(key, action_key)
    )
    if action.outcome == Outcome.COMPENSATION:
        raise Problem(
            422,
            "not_an_action",
            f"{action_key} is the key of a compensation, which cannot be undone: "
            "name the key of the action in `undoes`.",
        )
    if action.outcome != Outcome.APPLIED:
        return False
    reverse(key, action_key)
    action.outcome = Outcome.UNDONE
    action.save()
    return True


def tombstone(key: str, action_key: str) -> dict[str, object]:
    """The receipt of an action that was undone before it was seen: a lasting refusal."""
    body = {
        "error": "undone_before_it_was_done",
        "message": f"The request {action_key} was undone by {key} before it arrived, "
        "so it is refused for good: do not send it again.",
    }
    return {"outcome": Outcome.TOMBSTONE, "status": 409, "body": json.dumps(body)}


def idempotency_key(request: HttpRequest) -> str:
    """The request's key; raises Problem (400) if it is missing or malformed."""
    key = request.headers.get("Idempotency-Key", "")
    if not re.fullmatch(KEY_PATTERN, key):
        raise Problem(
            400,
            "bad_idempotency_key",
            f"The header Idempotency-Key is {'malformed' if key else 'missing'}: send 1 to "
            f"{KEY_MAX_LENGTH} letters, digits or . _ : - and the same again with each retry.",
        )
    return key


def claim_receipt(
    key: str, outcome: Outcome, request: HttpRequest, payload: Payload
) -> tuple[Receipt, bool]:
    """The locked receipt of `key`, and whether this request is the one that has to answer it.

    Waits for a transaction that holds the key. Raises Problem (422) if the key has already been
    used for a request with another method, path or body.
    """
    content = f"{request.method} {request.path} {payload.model_dump_json()}"
    fingerprint = hashlib.sha256(content.encode()).hexdigest()
    receipt, is_new = Receipt.objects.select_for_update().get_or_create(
        key=key, defaults={"fingerprint": fingerprint, "outcome": outcome}
    )
    if receipt.fingerprint not in (fingerprint, ""):
        raise Problem(
            422,
            "idempotency_key_reused",
            f"The key {key} has been used for a request with another method, path or body: "
            "repeat that request unchanged, or send this one under a new key.",
        )
    return receipt, is_new
