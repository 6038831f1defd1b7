"""`manage.py saga VERB …`: executions at the command line, to look at and to act on.

manage.py saga list --status failed
manage.py saga retry order-7 --reason "the bank is back"
manage.py saga pause --type order_processing --status running --reason "stock-taking"
"""

import json
from argparse import ArgumentParser, BooleanOptionalAction
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal

from django.core.management.base import BaseCommand, CommandError

from sagas import engine, queries
from sagas.errors import (
    BadInput,
    Conflict,
    Locked,
    NoSuchExecution,
    Refused,
    SagaError,
    UnknownSaga,
)
from sagas.machine import (
    Amend,
    Cancel,
    ExecutionStatus,
    Operation,
    Pause,
    Resolve,
    Resume,
    Skip,
    TryAgain,
    WayBack,
)
from sagas.management import adopting
from sagas.management.arguments import json_object, json_value, positive_number, text, who

ERRORS: Final[dict[type[SagaError], tuple[int, str]]] = {
    BadInput: (2, "bad input"),  # 2 is what argparse exits with, too
    UnknownSaga: (3, "unknown saga"),
    Conflict: (4, "conflict"),
    Locked: (4, "locked"),
    Refused: (5, "refused"),
    NoSuchExecution: (6, "not found"),
}
"""The exit code, and the words before the message."""

SEVERAL_ERRORS: Final = 1
"""The exit code where sagas failed for more than one of these reasons."""


@dataclass(frozen=True)
class Action:
    """A verb that makes one fact, and which options it takes."""

    help: str
    fact: Callable[..., Operation]
    step: Literal["needed", "optional", ""] = ""
    changes: Literal["needed", "optional", ""] = ""


ACTIONS: Final = {
    "cancel": Action("turn back, and undo what happened", Cancel),
    "pause": Action("start nothing more until it is resumed", Pause),
    "resume": Action("go on", Resume),
    "retry": Action("try again what gave up, or now what is due later", TryAgain, step="optional"),
    "skip": Action("go on as if a step had succeeded", Skip, step="needed", changes="optional"),
    "resolve": Action("take what a step left as put right by hand", Resolve, step="needed"),
    "amend": Action("change the context of one that stands still", Amend, changes="needed"),
}


class Command(BaseCommand):
    help = "Shows sagas, and acts on them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        for verb, what in (("show", "with each step"), ("way-back", "what a cancel would undo")):
            _add_ids(verbs.add_parser(verb, help=what), "+")
        listing = verbs.add_parser("list", help="one line each, newest first")
        _add_filter(listing, "--step")
        listing.add_argument("--limit", type=positive_number, default=50, help="how many; or 50")
        listing.add_argument(
            "--before", type=positive_number, help="read on: what the last list said"
        )
        for verb, action in ACTIONS.items():
            _add_action(verbs.add_parser(verb, help=action.help), action)
        signal = verbs.add_parser("signal", help="hand a wait what it waits for")
        _add_targets(signal, "--step")
        signal.add_argument("--name", required=True, help="of the wait")
        signal.add_argument("--payload", type=json_value, default=None, metavar="JSON")

        moving = "go on by another definition, after it was shown what that means"
        adopting.add_arguments(verbs.add_parser("adopt", help=moving))

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._handle(options["verb"], options)
        except SagaError as error:
            code, words = ERRORS[type(error)]
            raise CommandError(f"{words}: {error}", returncode=code) from error

    def _handle(self, verb: str, options: dict[str, Any]) -> None:
        match verb:
            case "list":
                self._list(options)
            case "show":
                self._for_each(options["saga_ids"], self._show)
            case "way-back":
                self._for_each(options["saga_ids"], self._say_way_back)
            case "signal":
                name, payload, by = options["name"], options["payload"], who(options)
                act = partial(engine.signal, name=name, payload=payload, by=by)
                self._act(verb, act, options)
            case "adopt":
                self._adopt(options)
            case _:
                operation = _operation(ACTIONS[verb], options)
                self._act(verb, partial(engine.operate, operation=operation), options)

    def _list(self, options: dict[str, Any]) -> None:
        wanted, before = _filter(options), options["before"]
        page = queries.page(wanted, queries.OPERATOR, before=before, limit=options["limit"])
        for found in page.executions:
            self.stdout.write(_line(found))
        if page.next_before is not None:
            self.stderr.write(f"There are more: --before {page.next_before}")

    def _adopt(self, options: dict[str, Any]) -> None:
        wanted, saga_ids = adopting.operation(options), options["saga_ids"]

        def show(saga_id: str) -> None:
            self.stdout.write("\n".join(adopting.preview(saga_id, wanted)))

        def adopt(saga_id: str) -> None:
            engine.operate(saga_id, wanted)
            self.stdout.write(f"{saga_id}: done")

        self._for_each(saga_ids, show)
        if not options["dry_run"]:
            if not options["yes"]:
                self._confirm("adopt", len(saga_ids))
            self._for_each(saga_ids, adopt)

    def _act(self, verb: str, act: Callable[[str], object], options: dict[str, Any]) -> None:
        def do(saga_id: str) -> None:
            act(saga_id)
            self.stdout.write(f"{saga_id}: done")

        saga_ids, wanted = options["saga_ids"], _filter(options)
        if bool(saga_ids) != wanted.is_empty:
            raise CommandError("Name either sagas, or what they have in common.", returncode=2)
        if not saga_ids:
            page = queries.targets(wanted, queries.OPERATOR, limit=options["limit"])
            saga_ids = [found.saga_id for found in page.executions]
            if not saga_ids:
                self.stdout.write("No saga matches.")
            elif not options["yes"]:
                self._confirm(verb, len(saga_ids))
        self._for_each(saga_ids, do)

    def _confirm(self, verb: str, count: int) -> None:
        try:
            answer = input(f"{verb.capitalize()} {count} saga{'s' * (count > 1)}? [y/N] ")
        except EOFError:
            raise CommandError(f"{count} match. Add --yes to {verb} them.") from None
        if answer.strip().lower() not in ("y", "yes"):
            raise CommandError("Nothing was done.")

    def _for_each(self, saga_ids: Iterable[str], do: Callable[[str], None]) -> None:
        """Does it for each, whatever becomes of the others, and then fails if one did."""
        wanted, codes = dict.fromkeys(saga_ids), []
        for saga_id in wanted:
            try:
                do(saga_id)
            except SagaError as error:
                code, words = ERRORS[type(error)]
                codes.append(code)
                # The engine's own words for a refusal begin with the saga_id, too.
                self.stderr.write(f"{saga_id}: {words}: {str(error).removeprefix(f'{saga_id}: ')}")
        if codes:
            code = codes[0] if len(set(codes)) == 1 else SEVERAL_ERRORS
            done = len(wanted) - len(codes)
            raise CommandError(f"{done} of {len(wanted)} done.", returncode=code)

    def _show(self, saga_id: str) -> None:
        found = queries.execution(saga_id, queries.OPERATOR)
        shown = queries.describe(found)
        self.stdout.write(_line(found))
        for name in ("parent", "start_at", "deadline", "waits_for_locks", "error"):
            if shown[name]:
                self.stdout.write(f"  {name}: {_plain(shown[name])}")
        for each in shown["attention"]:
            self.stdout.write(f"  needs a person: {each['saga_id']}: {each['reason']}")
        if (more := shown["attention_count"] - len(shown["attention"])) > 0:
            self.stdout.write(f"  needs a person: {more} more")
        for step in shown["steps"]:
            facts = [step["status"], f"effect {step['effect']}"]
            facts += [
                f"{name.replace('_', ' ')} {_plain(step[name])}"
                for name in ("attempts", "compensation_attempts", "due_at", "until", "children")
                if step[name]
            ]
            if step["error"]:
                facts.append(f"{step['error']['error']}: {step['error']['message']}")
            self.stdout.write(f"  {step['name']}: {', '.join(facts)}")

    def _say_way_back(self, saga_id: str) -> None:
        self.stdout.write(f"{saga_id}: {_in_words(engine.preview(saga_id))}")


def _add_ids(parser: ArgumentParser, number: str) -> None:
    parser.add_argument("saga_ids", nargs=number, type=text, metavar="SAGA_ID")


def _add_filter(parser: ArgumentParser, *at_aliases: str) -> None:
    group = parser.add_argument_group("what they have in common")
    group.add_argument("--type", dest="saga_type")
    group.add_argument("--version", type=int)
    group.add_argument("--status", type=ExecutionStatus, choices=list(ExecutionStatus))
    at = "with that step scheduled, waiting or in flight"
    group.add_argument("--at", *at_aliases, dest="at", metavar="STEP", help=at)
    group.add_argument("--paused", action=BooleanOptionalAction)
    needs = "that need a person, or have something below them that does"
    group.add_argument("--attention", action=BooleanOptionalAction, help=needs)
    for name in ("--created-before", "--created-after"):
        like = "like 2026-01-31T12:00+00:00"
        group.add_argument(name, type=datetime.fromisoformat, metavar="TIME", help=like)
    group.add_argument("--tag", help="one of their tags")
    group.add_argument("--parent", metavar="SAGA_ID", help="children of that one")


def _add_targets(parser: ArgumentParser, *at_aliases: str) -> None:
    _add_ids(parser, "*")
    _add_filter(parser, *at_aliases)
    parser.add_argument("--limit", type=positive_number, help="act on so many at most, the newest")
    parser.add_argument("--yes", action="store_true", help="don't ask before acting on many")
    parser.add_argument("--by", type=text, metavar="NAME", help="who; you by default")


def _add_action(parser: ArgumentParser, action: Action) -> None:
    # Where no step is acted on, --step can mean nothing but where the sagas are.
    _add_targets(parser, *([] if action.step else ["--step"]))
    parser.add_argument("--reason", required=True, type=text, help="why; it is recorded")
    if action.step:
        parser.add_argument("--step", required=action.step == "needed")
    if action.changes:
        needed = action.changes == "needed"
        parser.add_argument("--changes", required=needed, type=json_object, metavar="JSON")


def _filter(options: dict[str, Any]) -> queries.Filter:
    names = ("saga_type", "version", "status", "paused", "attention", "parent")
    same = {name: options[name] for name in (*names, "created_before", "created_after")}
    tags = None if options["tag"] is None else (options["tag"],)
    return queries.Filter(**same, step=options["at"], tags=tags)


def _operation(action: Action, options: dict[str, Any]) -> Operation:
    given = {"by": who(options), "reason": options["reason"]}
    if action.step:
        given["step"] = options["step"]
    if action.changes:
        given["changes"] = options["changes"] or {}
    return action.fact(**given)


def _line(found: Any) -> str:
    """One execution on one line."""
    facts = [found.saga_id, f"{found.saga_type} v{found.version}", found.status]
    facts += ["paused"] * found.paused
    left = queries.what_is_left(found)
    return "  ".join(facts + [left] * bool(left))


def _plain(value: Any) -> str:
    """A value of a description on one line."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _in_words(way: WayBack) -> str:
    if way.refused:
        return f"there is none: {way.refused}"
    parts = [f"waits for {', '.join(way.settling)}"] if way.settling else []
    stages = ", then ".join(" and ".join(stage) for stage in way.stages)
    return "; ".join([*parts, f"undoes {stages}" if stages else "has nothing to undo"])
