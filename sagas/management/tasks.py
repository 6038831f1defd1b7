"""`saga tasks`: what waits for a person."""

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from sagas import engine, queries, users
from sagas.management.arguments import positive_number
from sagas.management.verbs import Verb


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--user", metavar="LOGIN", help="only those that this user may do")
    parser.add_argument("--assignee", metavar="LOGIN", help="only those assigned to this user")
    parser.add_argument("--permission", help="only those that need it, as shop.approve_claim")
    parser.add_argument("--type", dest="saga_type", help="only those of sagas of this type")
    late = "only those whose due date has passed"
    parser.add_argument("--late", action="store_const", const=True, help=late)
    parser.add_argument("--limit", type=positive_number, default=50, help="how many (default: 50)")
    parser.add_argument("--after", help="read on from here; the last list printed it")
    renew = "after a deploy: list anew what waits, by the definitions of this code"
    parser.add_argument("--renew", action="store_true", help=renew)


def list_tasks(command: BaseCommand, options: dict[str, Any]) -> None:
    if options["renew"]:
        count = engine.renew_tasks()
        command.stderr.write(f"Looked at {count} saga{'s' * (count != 1)}.")
    names = ("assignee", "late", "permission", "saga_type")
    wanted = queries.TaskFilter(**{name: options[name] for name in names})
    after, limit = options["after"], options["limit"]
    page = queries.tasks(wanted, _who(options["user"]), after=after, limit=limit)
    for task in page.tasks:
        command.stdout.write(_line(task))
    if page.next_after is not None:
        command.stderr.write(f"There are more: --after {page.next_after}")


def _who(login: str | None) -> queries.Asker:
    user = queries.OPERATOR if login is None else users.named(login)
    if user is None:
        raise CommandError(f"There is no user {login!r}.")
    return user


def _line(task: dict[str, Any]) -> str:
    """One task on one line."""
    parts = [task["saga_id"], task["name"]]
    parts += [f"for {task['assignee']}"] * bool(task["assignee"])
    parts += [f"needs {task['permission']}"] * bool(task["permission"])
    if task["due_at"] is not None:
        parts.append(f"due {task['due_at']:%Y-%m-%d %H:%M:%S %Z}")
    parts += ["late"] * task["late"]
    return "  ".join([*parts, f"since {task['since']:%Y-%m-%d %H:%M:%S %Z}"])


VERBS: Final = {"tasks": Verb("what waits for a person", _add_arguments, list_tasks)}
