"""`saga cancel`, `saga retry` and the other verbs that act on sagas, one or many by a filter."""

from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from django.core.management.base import BaseCommand, CommandError

from sagas import engine, queries
from sagas.machine import (
    Amend,
    Cancel,
    Operation,
    Pause,
    Reschedule,
    Resolve,
    Resume,
    Skip,
    TryAgain,
)
from sagas.management.arguments import json_object, json_value, moment, text, who
from sagas.management.selection import add_targets, filter_of
from sagas.management.verbs import Verb, for_each


@dataclass(frozen=True)
class Action:
    """A verb that makes one operation, and which options it takes."""

    help: str
    operation: Callable[..., Operation]
    step: Literal["needed", "optional", ""] = ""
    changes: Literal["needed", "optional", ""] = ""
    moment: bool = False


ACTIONS: Final = {
    "cancel": Action("turn back, and undo what happened", Cancel),
    "pause": Action("start nothing more until it is resumed", Pause),
    "resume": Action("go on", Resume),
    "retry": Action(
        "try again what gave up, or try now what is due later", TryAgain, step="optional"
    ),
    "reschedule": Action(
        "end a sleep, the timeout of a wait, or a backoff at another time",
        Reschedule,
        step="needed",
        moment=True,
    ),
    "skip": Action("go on as if a step had succeeded", Skip, step="needed", changes="optional"),
    "resolve": Action("record that what a step left was put right by hand", Resolve, step="needed"),
    "amend": Action("change the context of a paused or failed saga", Amend, changes="needed"),
}


def _add_arguments(action: Action, parser: ArgumentParser) -> None:
    # Where no step is acted on, --step can mean nothing but where the sagas are.
    add_targets(parser, *([] if action.step else ["--step"]))
    parser.add_argument("--reason", required=True, type=text, help="why; it is recorded")
    if action.step:
        parser.add_argument("--step", required=action.step == "needed")
    if action.moment:
        what = "the new time, as 2026-05-01T12:00:00+02:00"
        parser.add_argument("--to", required=True, type=moment, metavar="TIME", help=what)
    if action.changes:
        needed = action.changes == "needed"
        parser.add_argument("--changes", required=needed, type=json_object, metavar="JSON")


def _operate(action: Action, command: BaseCommand, options: dict[str, Any]) -> None:
    given = {"by": who(options), "reason": options["reason"]}
    if action.step:
        given["step"] = options["step"]
    if action.moment:
        given["moment"] = options["to"]
    if action.changes:
        given["changes"] = options["changes"] or {}
    operation = action.operation(**given)
    _act(command, partial(engine.operate, operation=operation), options)


def _add_signal_arguments(parser: ArgumentParser) -> None:
    add_targets(parser, "--step")
    parser.add_argument("--name", required=True, help="the name of the wait")
    parser.add_argument("--payload", type=json_value, default=None, metavar="JSON")
    parser.add_argument("--key", type=text, help="your id of this very signal: it counts once")


def _signal(command: BaseCommand, options: dict[str, Any]) -> None:
    given = {name: options[name] for name in ("name", "payload", "key")}
    _act(command, partial(engine.signal, by=who(options), **given), options)


def _act(command: BaseCommand, act: Callable[[str], object], options: dict[str, Any]) -> None:
    def do(saga_id: str) -> None:
        act(saga_id)
        command.stdout.write(f"{saga_id}: done")

    saga_ids, wanted = options["saga_ids"], filter_of(options)
    if bool(saga_ids) != wanted.is_empty:
        raise CommandError("Name either sagas or filters.", returncode=2)
    if not saga_ids:
        page = queries.targets(wanted, queries.OPERATOR, limit=options["limit"])
        saga_ids = [found.saga_id for found in page.executions]
        if not saga_ids:
            command.stdout.write("No saga matches.")
        elif not options["yes"]:
            confirm(options["verb"], len(saga_ids))
    for_each(command, saga_ids, do)


def confirm(verb: str, count: int) -> None:
    """Asks at the terminal. Raises `CommandError` unless the answer is yes."""
    try:
        answer = input(f"{verb.capitalize()} {count} saga{'s' * (count > 1)}? [y/N] ")
    except EOFError:
        raise CommandError(f"{count} match. Add --yes to {verb} them.") from None
    if answer.strip().lower() not in ("y", "yes"):
        raise CommandError("Nothing was done.")


VERBS: Final = {
    name: Verb(action.help, partial(_add_arguments, action), partial(_operate, action))
    for name, action in ACTIONS.items()
} | {"signal": Verb("send a signal to a saga that waits for it", _add_signal_arguments, _signal)}
