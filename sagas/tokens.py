"""Bearer tokens for programs: a user's key, signed, and good for a limited time.

Nothing is stored. A token ends with its time, with the user's password (it carries a piece of the
session hash, which changes with the password) and with the user's being active.
"""

from typing import Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.core import signing

from sagas import users

_SALT: Final = "sagas.tokens"

LIFETIME: Final = 30 * 24 * 3600
"""Seconds a token is good for. A month: programs renew in their deploys, a leaked one ends."""


def issue(user: AbstractBaseUser) -> str:
    """A new token for `user`."""
    return signing.dumps([users.key_of(user), user.get_session_auth_hash()[:16]], salt=_SALT)


def ends_at(token: str) -> float | None:
    """When a token that `issue` made ends, in seconds since 1970; None if it bears no time."""
    try:
        return float(signing.b62_decode(token.rsplit(":", 2)[-2]) + LIFETIME)
    except (IndexError, ValueError):
        return None


def user_of(token: str) -> AbstractBaseUser | None:
    """The user whom `token` stands for; None if it is forged, too old or revoked."""
    try:
        key, fingerprint = signing.loads(token, salt=_SALT, max_age=LIFETIME)
    except (signing.BadSignature, ValueError):
        return None
    user = users.with_key(key)
    if user is None or not user.is_active or user.get_session_auth_hash()[:16] != fingerprint:
        return None
    return user
