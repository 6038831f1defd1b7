"""`saga token`, `saga tokens`, `saga revoke`: bearer tokens for the API and the live streams."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, transaction

from sagas import tokens, users
from sagas.management.arguments import positive
from sagas.management.verbs import Verb
from sagas.models import SagaToken

DAY: Final = 24 * 3600


def _add_token_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("username", help="the user's login")
    parser.add_argument(
        "--create", action="store_true", help="create the user, without a password, if missing"
    )
    parser.add_argument("--name", default="", help="what it is for: the list shows it")
    parser.add_argument(
        "--scope",
        action="append",
        default=[],
        dest="scopes",
        metavar="SCOPE",
        help="what it may do at most, such as view or start:shop; may be repeated "
        "(default: what the user may do)",
    )
    parser.add_argument(
        "--days",
        type=positive,
        default=tokens.LIFETIME // DAY,
        help="how long it is good for (default: 30)",
    )


def print_token(command: BaseCommand, options: dict[str, Any]) -> None:
    name = options["username"]
    user = users.named(name)
    if user is None:
        if not options["create"]:
            raise CommandError(f"There is no user {name!r}. Add --create to create one.")
        user = _created(name)
    if not user.is_active:
        raise CommandError(f"User {name!r} is not active: no token.")
    given = {"scopes": options["scopes"], "lifetime": options["days"] * DAY}
    command.stdout.write(tokens.issue(user, options["name"], **given))


def _created(name: str) -> AbstractBaseUser:
    model = get_user_model()
    try:
        with transaction.atomic():
            user: AbstractBaseUser = model._default_manager.create_user(
                **{model.USERNAME_FIELD: name}
            )
            return user
    except (AttributeError, TypeError, ValueError, ValidationError, DatabaseError) as error:
        raise CommandError(
            f"A user of this project needs more than a {model.USERNAME_FIELD} ({error}). Make "
            f"{name!r} as the project does, and run this without --create."
        ) from error


def _add_list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--user", metavar="LOGIN", help="only those of this user")
    parser.add_argument("--all", action="store_true", help="those that have ended, too")
    parser.add_argument("--limit", type=positive, default=100, help="how many (default: 100)")


def list_tokens(command: BaseCommand, options: dict[str, Any]) -> None:
    found = SagaToken.objects.select_related("user").order_by("-pk")
    if options["user"] is not None:
        found = found.filter(user_id=_user(options["user"]).pk)
    if not options["all"]:
        found = tokens.live(found)
    for token in found[: options["limit"]]:
        command.stdout.write(_line(token))


def _line(token: SagaToken) -> str:
    """One token on one line; of the token itself only its beginning is known."""
    used = "never used" if token.last_used_at is None else f"used {_day(token.last_used_at)}"
    parts = [str(token.pk), f"{token.beginning}…", users.name_of(token.user)]
    parts += [token.name] * bool(token.name)
    parts += [" ".join(token.scopes) or "all that the user may", used]
    if token.revoked_at is not None:
        return "  ".join([*parts, f"revoked {_day(token.revoked_at)}"])
    return "  ".join([*parts, f"expires {_day(token.expires_at)}"])


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _add_revoke_arguments(parser: ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("id", nargs="?", type=positive, help="its number in `saga tokens`")
    what.add_argument("--user", metavar="LOGIN", help="all tokens of this user")


def revoke(command: BaseCommand, options: dict[str, Any]) -> None:
    found = SagaToken.objects.all()
    if options["id"] is not None:
        found = found.filter(pk=options["id"])
        if not found.exists():
            raise CommandError(f"There is no token {options['id']}: see `saga tokens --all`.")
    else:
        found = found.filter(user_id=_user(options["user"]).pk)
    command.stdout.write(f"Revoked: {tokens.revoke(found)}")


def _user(name: str) -> AbstractBaseUser:
    user = users.named(name)
    if user is None:
        raise CommandError(f"There is no user {name!r}.")
    return user


VERBS: Final = {
    "token": Verb("print a new bearer token for a user", _add_token_arguments, print_token),
    "tokens": Verb("list the tokens that are in use", _add_list_arguments, list_tokens),
    "revoke": Verb("end a token, or all of a user", _add_revoke_arguments, revoke),
}
