"""`saga list`, `show`, `way-back` and `graph`: where sagas stand, and what is ahead."""

import json
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand

from sagas import engine, queries
from sagas.management.arguments import positive_number
from sagas.management.selection import add_filter, add_ids, filter_of
from sagas.management.verbs import Verb, for_each
from sagas.registry import registry
from sagas.whatif import WayBack
from sagas.whatif.graph import flowchart


def _add_ids(parser: ArgumentParser) -> None:
    add_ids(parser, "+")


def _add_list_arguments(parser: ArgumentParser) -> None:
    add_filter(parser, "--step")
    parser.add_argument("--limit", type=positive_number, default=50, help="how many (default: 50)")
    parser.add_argument(
        "--before", type=positive_number, help="read on from here; the last list printed it"
    )


def list_sagas(command: BaseCommand, options: dict[str, Any]) -> None:
    wanted, before = filter_of(options), options["before"]
    page = queries.page(wanted, queries.OPERATOR, before=before, limit=options["limit"])
    for found in page.executions:
        command.stdout.write(_line(found))
    if page.next_before is not None:
        command.stderr.write(f"There are more: --before {page.next_before}")


def show(command: BaseCommand, options: dict[str, Any]) -> None:
    def show_one(saga_id: str) -> None:
        found = queries.execution(saga_id, queries.OPERATOR)
        command.stdout.write("\n".join([_line(found), *_details(queries.describe(found))]))

    for_each(command, options["saga_ids"], show_one)


def show_way_back(command: BaseCommand, options: dict[str, Any]) -> None:
    def show_one(saga_id: str) -> None:
        command.stdout.write(f"{saga_id}: {_in_words(engine.preview(saga_id))}")

    for_each(command, options["saga_ids"], show_one)


def _line(found: Any) -> str:
    """One execution on one line."""
    parts = [found.saga_id, f"{found.saga_type} v{found.version}", found.status]
    parts += ["paused"] * found.paused
    left = queries.what_is_left(found)
    return "  ".join(parts + [left] * bool(left))


def _details(shown: dict[str, Any]) -> list[str]:
    """What stands below the line of an execution that is shown."""
    lines = [
        f"  {name}: {_plain(shown[name])}"
        for name in ("parent", "start_at", "deadline", "waits_for_locks", "error")
        if shown[name]
    ]
    for each in shown["attention"]:
        lines.append(f"  needs a person: {each['saga_id']}: {each['reason']}")
    if (more := shown["attention_count"] - len(shown["attention"])) > 0:
        lines.append(f"  needs a person: {more} more")
    lines += [_step_line(step) for step in shown["steps"]]
    return lines + [f"  {name}: took {way or 'no way'}" for name, way in shown["choices"].items()]


def _step_line(step: dict[str, Any]) -> str:
    if step["left_out"]:
        return f"  {step['name']}: left out"
    parts = [step["status"], f"effect {step['effect']}"]
    parts += [
        f"{name.replace('_', ' ')} {_plain(step[name])}"
        for name in ("attempts", "compensation_attempts", "due_at", "until", "children")
        if step[name]
    ]
    if step["error"]:
        parts.append(f"{step['error']['error']}: {step['error']['message']}")
    return f"  {step['name']}: {', '.join(parts)}"


def _plain(value: Any) -> str:
    """A value of a description on one line."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _in_words(way: WayBack) -> str:
    if way.refused:
        return f"there is none: {way.refused}"
    parts = [f"waits for {', '.join(way.settling)}"] if way.settling else []
    stages = ", then ".join(" and ".join(stage) for stage in way.stages)
    return "; ".join([*parts, f"undoes {stages}" if stages else "has nothing to undo"])


def _add_graph_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("saga_type")
    newest = "of the definition; the newest by default"
    parser.add_argument("--version", type=positive_number, metavar="N", help=newest)


def draw(command: BaseCommand, options: dict[str, Any]) -> None:
    definition = registry.find_or_newest(options["saga_type"], options["version"])
    command.stdout.write(flowchart(definition), ending="")


VERBS: Final = {
    "list": Verb("one line each, newest first", _add_list_arguments, list_sagas),
    "show": Verb("with each step", _add_ids, show),
    "graph": Verb("a definition, as a Mermaid flowchart", _add_graph_arguments, draw),
    "way-back": Verb("what a cancel would undo", _add_ids, show_way_back),
}
