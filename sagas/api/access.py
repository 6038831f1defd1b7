"""Who asks, and what they may do."""

from typing import Final

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.security import HttpBearer
from ninja.utils import check_csrf

from sagas import tokens
from sagas.machine import Cancel, Operation

OWNERS_MAY: Final = (Cancel,)
"""What whoever started a saga may do to it, besides signals. The rest is for staff: it takes
knowledge of what a participant has done."""


class BearerToken(HttpBearer):
    """`Authorization: Bearer TOKEN`, from `manage.py saga_token`."""

    def authenticate(self, request: HttpRequest, token: str) -> AbstractBaseUser | None:
        return tokens.user_of(token)


def browser_session(request: HttpRequest) -> AbstractBaseUser | None:
    """A logged-in browser. What changes something needs Django's CSRF token, too."""
    user = request.user
    if not isinstance(user, AbstractBaseUser):
        return None
    if check_csrf(request) is not None:
        raise HttpError(403, "A session needs a CSRF token: send its cookie as X-CSRFToken.")
    return user


def require_right_to(operation: Operation, user: AbstractBaseUser) -> None:
    """Raises `HttpError` 403 for who may see an execution, but not do that to it."""
    if not isinstance(operation, OWNERS_MAY):
        require_staff(user)


def require_staff(user: AbstractBaseUser) -> None:
    """Raises `HttpError` 403 for anybody else."""
    if not getattr(user, "is_staff", False):
        raise HttpError(403, "This is for staff. You may cancel what you started, or signal it.")
