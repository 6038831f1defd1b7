"""What a request contains: its key, its fingerprint, and what it wants undone.

The header is that of the IETF draft "The Idempotency-Key HTTP Header Field"
(draft-ietf-httpapi-idempotency-key-header). Its value is a string in quotes (RFC 8941, 3.3.3).
Many callers, including the clients of this repository, send it without quotes. Both mean the same
key.
"""

import json
import re
from hashlib import sha256
from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from saga_participant.models import KEY_LENGTH
from saga_participant.problems import Problem

KEY: Final = re.compile(rf"[!#-\[\]-~]{{1,{KEY_LENGTH}}}")
"""Visible ASCII but for the quote and the backslash, which a string in quotes would escape."""

_LEGAL: Final = f"1 to {KEY_LENGTH} visible ASCII characters, none of them a quote or a backslash"


def idempotency_key(request: HttpRequest) -> str:
    """The key of a request, without quotes. Raises Problem (400) if it is missing or malformed."""
    sent = request.headers.get("Idempotency-Key", "")
    key = sent[1:-1] if len(sent) > 1 and sent[0] == sent[-1] == '"' else sent
    if not KEY.fullmatch(key):
        wrong = "ill-formed" if sent else "missing"
        raise Problem(
            400,
            "bad_idempotency_key",
            f"The header Idempotency-Key is {wrong}: send {_LEGAL}, and the same again with "
            "each retry.",
        )
    return key


def undone_key(request: HttpRequest) -> str:
    """The key in the body of a compensation: `{"undoes": "<key of the action>"}`.

    Raises Problem: 400 for a body that is not JSON, 422 for one without such a key.
    """
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Problem(
            400, "unreadable_body", 'The body is not JSON: send {"undoes": "<key>"}.'
        ) from None
    key = body.get("undoes") if isinstance(body, dict) else None
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise Problem(
            422,
            "invalid_request",
            "The request does not say what to undo: correct undoes.",
            {"undoes": f"give the key of the action: {_LEGAL}"},
        )
    return key


def fingerprint(request: HttpRequest) -> str:
    """SHA-256, in hex, of method, address and content.

    The content is compared by its meaning, not its spelling: the order of the fields of a JSON
    object and the boundary of a multipart body may differ between attempts.
    """
    head = f"{request.method} {request.get_full_path()}\n".encode()
    return sha256(head + _content(request)).hexdigest()


def _digest(file: "UploadedFile[Any]") -> str:
    digest = sha256(file.read()).hexdigest()
    file.seek(0)  # the view reads it from the start
    return digest


def _content(request: HttpRequest) -> bytes:
    if request.content_type == "multipart/form-data":
        files = [(name, [_digest(file) for file in sent]) for name, sent in request.FILES.lists()]
        return json.dumps([sorted(request.POST.lists()), sorted(files)]).encode()
    if (request.content_type or "").endswith("json"):
        try:
            return json.dumps(json.loads(request.body), sort_keys=True).encode()
        except (ValueError, RecursionError):
            pass  # not for us to judge: the view says what is wrong with it
    return request.body
