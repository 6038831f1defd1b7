"""Bearer tokens for programs: each stands for a user, and can do no more than its scopes say.

A token is random, and only its digest is kept: whoever reads the table can't use one. It ends with
its time, when it is revoked, with the user's password (it carries a piece of the session hash,
which changes with the password) and with the user's being active. A user may have several, so that
a new one is in use before the old one is revoked.
"""

import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from sagas import inputs
from sagas.access import checked_scopes
from sagas.errors import BadInput
from sagas.models import TOKEN_NAME_LENGTH, SagaToken

LIFETIME: Final = 30 * 24 * 3600
"""Seconds a token is good for, unless it is said. A month: programs renew in their deploys, a
leaked one ends."""

LONGEST_LIFETIME: Final = 3660 * 24 * 3600
SHORTEST_LIFETIME: Final = 60

BEGINNING: Final = "saga_"
"""Of each token, so that scanners for leaked secrets know it."""

_SHOWN: Final = len(BEGINNING) + 8
"""Characters that are kept, of which eight are random: the others can't be guessed from them."""

_USED_EVERY: Final = timedelta(minutes=1)
"""How exact `last_used_at` is: to write it with each request would cost more than the request."""


@dataclass(frozen=True, slots=True)
class Found:
    """Whom a token stands for, and when it ends, in seconds since 1970."""

    user: AbstractBaseUser
    ends_at: float


def issue(
    user: AbstractBaseUser,
    name: str = "",
    *,
    scopes: Iterable[str] = (),
    lifetime: float = LIFETIME,
) -> str:
    """A new token for `user`, which is shown nowhere else. `scopes` say what it may be used for
    (`sagas.access.scopes`); without any, for all that its user may. `lifetime` is in seconds, from
    a minute to ten years. Raises `BadInput`."""
    inputs.checked_text(name=name)
    if len(name) > TOKEN_NAME_LENGTH:
        raise BadInput({"name": f"has {len(name)} characters; {TOKEN_NAME_LENGTH} are allowed."})
    if not SHORTEST_LIFETIME <= lifetime <= LONGEST_LIFETIME:
        raise BadInput({"lifetime": f"{lifetime:g} s is not from a minute to ten years."})
    token, row = build(user, timedelta(seconds=lifetime))
    row.name, row.scopes = name, checked_scopes(scopes)
    row.save()
    return token


def build(user: AbstractBaseUser, lifetime: timedelta) -> tuple[str, SagaToken]:
    """A token, and the row that makes it one, which is not saved."""
    token = BEGINNING + secrets.token_urlsafe(32)
    now = timezone.now()
    row = SagaToken(
        user_id=user.pk,
        beginning=token[:_SHOWN],
        digest=_digest(token),
        password_hash=_password_hashes(user)[0],
        created_at=now,
        expires_at=now + lifetime,
    )
    return token, row


def find(token: str) -> Found | None:
    """Whom `token` stands for; None if it is unknown, too old or revoked, or its user is not active
    or has another password. What it may do is asked of `sagas.access.policy`."""
    if not token.startswith(BEGINNING):
        return None
    now = timezone.now()
    known = SagaToken.objects.select_related("user").filter(digest=_digest(token)).first()
    if known is None or known.revoked_at is not None or known.expires_at <= now:
        return None
    user: Any = known.user
    if not user.is_active or known.password_hash not in _password_hashes(user):
        return None
    user.saga_scopes = frozenset(known.scopes) if known.scopes else None
    if known.last_used_at is None or known.last_used_at <= now - _USED_EVERY:
        # A server that only reads, as after a failover, still knows its tokens.
        with suppress(DatabaseError), transaction.atomic():
            SagaToken.objects.filter(pk=known.pk).update(last_used_at=now)
    return Found(user, known.expires_at.timestamp())


def user_of(token: str) -> AbstractBaseUser | None:
    """The user whom `token` stands for; None as in `find`."""
    found = find(token)
    return None if found is None else found.user


def live(tokens: QuerySet[SagaToken]) -> QuerySet[SagaToken]:
    """Those that have neither been revoked nor ended by their time."""
    return tokens.filter(revoked_at=None, expires_at__gt=timezone.now())


def revoke(tokens: QuerySet[SagaToken]) -> int:
    """Ends them at once, also for streams that are open; how many there were that had not ended."""
    return tokens.filter(revoked_at=None).update(revoked_at=timezone.now())


def _digest(token: str) -> str:
    """Without a salt: 256 random bits can't be tried out."""
    return sha256(token.encode(errors="replace")).hexdigest()


def _password_hashes(user: AbstractBaseUser) -> list[str]:
    """A piece of the session hash, under the project's secret key and the older ones that it still
    knows (SECRET_KEY_FALLBACKS)."""
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return [each[:16] for each in hashes]
