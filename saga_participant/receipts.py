"""The rows that decide who came first. Both functions need an open transaction.

Locks are always taken in the same order: the compensation's receipt, the action's, then whatever
the view itself locks. They need READ COMMITTED, which is the default of Django and PostgreSQL: a
request that has waited must see what it waited for.
"""

from django.http import JsonResponse

from saga_participant.models import Outcome, Receipt
from saga_participant.problems import Problem


def claim(key: str, operation: str, outcome: Outcome, fingerprint: str) -> tuple[Receipt, bool]:
    """The locked receipt of `key`, and whether this request is the one that has to answer it.

    Waits for a transaction that holds the key. Raises Problem (422, the draft's answer to a key
    that is used again with another content).
    """
    receipt, is_new = Receipt.objects.select_for_update().get_or_create(
        key=key,
        defaults={"operation": operation, "outcome": outcome, "fingerprint": fingerprint},
    )
    if receipt.operation != operation or receipt.fingerprint not in (fingerprint, ""):
        raise Problem(
            422,
            "idempotency_key_reused",
            f"The key {key} has been used for a request with another method, path or body: "
            "repeat that request unchanged, or send this one under a new key.",
        )
    return receipt, is_new


def found_or_forestalled(action_key: str, operation: str, undone_by: str) -> Receipt:
    """The locked receipt of an action that is to be undone; a tombstone if it was never seen.

    Waits for the action if it is under way. Raises Problem (422) if the key is not one of
    `operation`.
    """
    receipt, is_new = Receipt.objects.select_for_update().get_or_create(
        key=action_key, defaults={"operation": operation, "outcome": Outcome.TOMBSTONE}
    )
    if is_new:
        receipt.remember(_refusal(action_key, undone_by))
    if receipt.outcome == Outcome.COMPENSATION or receipt.operation != operation:
        raise Problem(
            422,
            "not_an_action",
            f"{action_key} is the key of something else ({receipt.operation}, {receipt.outcome}), "
            f"and only {operation} can be undone here: name the key of the action in `undoes`.",
        )
    return receipt


def _refusal(action_key: str, undone_by: str) -> JsonResponse:
    body = {
        "error": "undone_before_it_was_done",
        "message": f"The request {action_key} was undone by {undone_by} before it arrived, "
        "so it is refused for good: do not send it again.",
    }
    return JsonResponse(body, status=409)
