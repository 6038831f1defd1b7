"""`saga adopt`: other definitions for executions, each shown before it is done."""

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand

from sagas import engine
from sagas.engine import Adoption
from sagas.machine import Adopt
from sagas.management.arguments import positive_number, text, who
from sagas.management.operating import confirm
from sagas.management.verbs import Verb, for_each

_FATES: Final = {
    "stays": "stays as it is",
    "goes on": "goes on",
    "to come": "comes later",
    "withdrawn": "was not begun, and is withdrawn",
    "gone": "is no longer there",
}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("saga_ids", nargs="+", type=text, metavar="SAGA_ID")
    own = "of the definition; by default the execution's own, as it is defined now"
    parser.add_argument("--version", type=positive_number, metavar="N", help=own)
    left = "a step that was done, and need not be undone; may be repeated"
    parser.add_argument("--leave", action="append", default=[], metavar="STEP", help=left)
    parser.add_argument("--dry-run", action="store_true", help="only show what would happen to it")
    parser.add_argument("--yes", action="store_true", help="don't ask")
    parser.add_argument("--by", type=text, metavar="NAME", help="who acts; you by default")
    parser.add_argument("--reason", required=True, type=text, help="why; it is recorded")


def adopt(command: BaseCommand, options: dict[str, Any]) -> None:
    wanted, saga_ids = _operation(options), options["saga_ids"]

    def show_one(saga_id: str) -> None:
        command.stdout.write("\n".join(preview(saga_id, wanted)))

    def adopt_one(saga_id: str) -> None:
        engine.operate(saga_id, wanted)
        command.stdout.write(f"{saga_id}: done")

    for_each(command, saga_ids, show_one)
    if not options["dry_run"]:
        if not options["yes"]:
            confirm("adopt", len(saga_ids))
        for_each(command, saga_ids, adopt_one)


def _operation(options: dict[str, Any]) -> Adopt:
    return Adopt(
        version=options["version"],
        leave=tuple(options["leave"]),
        by=who(options),
        reason=options["reason"],
    )


def preview(saga_id: str, wanted: Adopt) -> list[str]:
    """What would become of an execution, in lines."""
    found = engine.preview_adoption(saga_id, wanted.version, leave=wanted.leave)
    title = f"{saga_id}: to version {found.version}, structure {found.digest}"
    if found.is_there:
        return [f"{title}: it is there already"]
    lines = [title]
    lines += [f"  {each.name}: {each.status}, {_FATES[each.fate]}" for each in found.steps]
    return [*lines, *_end(found)]


def _end(found: Adoption) -> list[str]:
    if found.refused:
        return [f"  refused: {why}" for why in found.refused]
    stages = ", then ".join(" and ".join(stage) for stage in found.stages)
    return [f"  a cancel after that would undo {stages or 'nothing'}"]


_HELP: Final = "move sagas to another definition, after showing what that means"

VERBS: Final = {"adopt": Verb(_HELP, add_arguments, adopt)}
