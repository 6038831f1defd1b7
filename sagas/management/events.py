"""`saga consume`, `saga dead-letters` and `saga relay`: the event bus."""

import signal
from argparse import ArgumentParser
from threading import Event
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from sagas import queries
from sagas.bus import Bus, dead_letters
from sagas.bus import events as bus_events
from sagas.bus.consumer import Consumption
from sagas.bus.events import Handler
from sagas.conf import conf
from sagas.management.arguments import positive
from sagas.management.verbs import Verb

NO_BUS: Final = "There is no event bus: EVENTS_URL is empty."


def _add_consume_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--handler", action="append", metavar="NAME", help="only this one; may be repeated"
    )
    parser.add_argument("--list", action="store_true", help="show the handlers, and exit")


def consume(command: BaseCommand, options: dict[str, Any]) -> None:
    found = _handlers(options["handler"])
    if options["list"]:
        for handler in found:
            command.stdout.write(f"{handler.name}: {', '.join(handler.patterns)}")
        return
    bus = Bus.from_settings()
    if bus is None:
        raise CommandError(NO_BUS)
    if not found:
        raise CommandError("No app has a handlers.py with @on_event in it.")
    stopping = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    Consumption(bus, found, stopping).run()


def _handlers(names: list[str] | None) -> list[Handler]:
    handlers = bus_events.handlers
    handlers.discover()
    wanted = names or [handler.name for handler in handlers]
    found = [handler for name in wanted if (handler := handlers.find(name))]
    if len(found) < len(wanted):
        known = ", ".join(sorted(handler.name for handler in handlers)) or "none"
        raise CommandError(f"Not all of these are handlers. Known: {known}.")
    return found


def _add_letter_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", nargs="*", type=int, help="the id of a letter, as --list shows it")
    parser.add_argument("--handler", metavar="NAME", help="all letters of this handler")
    parser.add_argument("--all", action="store_true", help="all letters")
    parser.add_argument("--list", action="store_true", help="show them, and do nothing")


def replay_letters(command: BaseCommand, options: dict[str, Any]) -> None:
    chosen = dead_letters.dead().defer("body", "traceback", "headers")
    if options["handler"]:
        chosen = chosen.filter(handler=options["handler"])
    if options["id"]:
        chosen = chosen.filter(pk__in=options["id"])
    if options["list"]:
        for letter in chosen.iterator():
            reason = letter.reason.partition("\n")[0][:100]
            command.stdout.write(f"{letter.pk}\t{letter}\ttries {letter.tries}\t{reason}")
        return
    if not (options["id"] or options["handler"] or options["all"]):
        raise CommandError("Say which: ids, --handler NAME or --all. --list shows them.")
    command.stdout.write(f"{dead_letters.replay(chosen)} letters will be tried again now.")


def _add_relay_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--at-most", type=positive, metavar="SECONDS", help="fail if the oldest event is older"
    )


def show_lag(command: BaseCommand, options: dict[str, Any]) -> None:
    if not conf.EVENTS_URL:
        raise CommandError(NO_BUS)
    lag = queries.relay_lag()
    said = (
        f"{lag.events} events of {lag.executions} sagas wait, the oldest for {lag.seconds:.1f} s."
    )
    at_most = options["at_most"]
    if at_most is not None and lag.seconds > at_most:
        raise CommandError(f"{said} Check whether a worker is running and can reach EVENTS_URL.")
    command.stdout.write(said)


_CONSUME_HELP: Final = (
    "call the handlers in the apps' handlers.py for the events that they listen to; start as many "
    "processes as you need; on SIGTERM, a process finishes its current event and exits"
)
_RELAY_HELP: Final = (
    "show how many events wait to be put on the event bus by the workers, and how old the oldest is"
)

VERBS: Final = {
    "consume": Verb(_CONSUME_HELP, _add_consume_arguments, consume),
    "dead-letters": Verb(
        "let the consumers try dead letters again, counting from the first try",
        _add_letter_arguments,
        replay_letters,
    ),
    "relay": Verb(_RELAY_HELP, _add_relay_arguments, show_lag),
}
